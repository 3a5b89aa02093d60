// What the palette offers for one request. The desk decides whether any of it happens.

import type { LineView, RfqView, Side } from "../bindings";
import { ASK, isOpen, VERB } from "../desk/words";
import type { Action } from "../keyboard/actions";
import { keysOf } from "../keyboard/shortcuts";
import { isBest, quoteOn, target, tradable } from "./target";

export type Panel = {
  view: RfqView;
  /** As they are drawn, from the top. */
  lines: LineView[];
  sides: Side[];
  side: Side | null;
  /** An accept may be armed. */
  offering: boolean;
  /** The venue takes an approval before the quote is chosen. */
  keyed: boolean;
  quoted: boolean;
  /** Online, and the connection answers. */
  live: boolean;
};

export type Run = {
  arm: (line: LineView, side: Side) => void;
  choose: (side: Side) => void;
  approve: (side: Side) => void;
  limit: (by: 1 | -1) => void;
  disarm: () => void;
  end: () => void;
  endFor: () => void;
  counter: (line: LineView) => void;
  pass: (line: LineView) => void;
  dismiss: () => void;
};

export function panelActions(panel: Panel, run: Run): Action[] {
  const { view, lines, sides, side } = panel;
  const what = `${ASK[view.ask]} ${view.quantity} ${view.symbol}`;
  const id = (name: string) => `${view.id}-${name}`;
  const armed = view.accept?.state === "armed";
  const notArmable = !panel.live
    ? "not online"
    : !panel.offering
      ? "an accept is there already, or the request is over"
      : undefined;

  const take = sides.flatMap((one) => {
    const best = target(lines, one, null);
    const price = best && quoteOn(best, one)?.price;
    return {
      id: id(`take-${one}`),
      words: `${VERB[one]} at the best price${price ? `, ${price} ${best?.dealerName}` : ""}`,
      keys: sides.length > 1 ? [...keysOf("request", one), "Enter"] : ["Enter"],
      not: notArmable ?? (best ? undefined : "no price to trade on"),
      run: () => best && run.arm(best, one),
    };
  });
  const each = lines.flatMap((line, i) =>
    sides
      .filter((one) => quoteOn(line, one) && !isBest(line, one))
      .map((one) => ({
        id: id(`take-${one}-${line.dealer}`),
        words: `${VERB[one]} at ${quoteOn(line, one)?.price} from ${line.dealerName}`,
        keys: i < 9 ? [String(i + 1), "Enter"] : [],
        not: notArmable ?? (tradable(line, one) ? undefined : "cannot be traded now"),
        run: () => run.arm(line, one),
      })),
  );
  const ahead = (sides.length > 1 ? sides : sides.slice(0, 1)).map((one) => ({
    id: id(`ahead-${one}`),
    words: `Touch first, choose later: ${VERB[one].toLowerCase()}`,
    keys: one === side ? keysOf("request", "approve") : [],
    not: panel.keyed
      ? (notArmable ?? (panel.quoted && !view.ahead ? undefined : "no price yet, or asked already"))
      : "this venue takes none",
    run: () => run.approve(one),
  }));
  const limited = armed && view.accept?.limit !== null;
  const open = isOpen(view.state);
  const notEnding = open ? undefined : "it is over";
  const choice: Action[] =
    sides.length > 1
      ? sides.map((one) => ({
          id: id(`side-${one}`),
          words: `Aim at the ${one === "buy" ? "offers" : "bids"}`,
          keys: keysOf("request", one),
          not: notEnding,
          run: () => run.choose(one),
        }))
      : [];
  return [
    ...take,
    ...each,
    ...choice,
    {
      id: id("disarm"),
      words: "Take the terms back: nothing is traded",
      keys: keysOf("request", "disarm"),
      not: armed ? undefined : "no terms are shown",
      run: run.disarm,
    },
    {
      id: id("farther"),
      words: "Limit one tick farther",
      keys: ["+"],
      not: limited ? undefined : "no terms with a limit are shown",
      run: () => run.limit(1),
    },
    {
      id: id("nearer"),
      words: "Limit one tick nearer",
      keys: ["-"],
      not: limited ? undefined : "no terms with a limit are shown",
      run: () => run.limit(-1),
    },
    ...ahead,
    { id: id("end"), words: `End: ${what}`, keys: [], not: notEnding, run: run.end },
    {
      id: id("end-for"),
      words: `Nothing done, with a reason: ${what}`,
      keys: [],
      not: notEnding,
      run: run.endFor,
    },
    ...lines
      .filter((line) => line.canCounter || line.noCounter !== null)
      .map((line) => ({
        id: id(`counter-${line.dealer}`),
        words: `Counter: ask ${line.dealerName} for a better price`,
        keys: keysOf("request", "counter"),
        not: panel.live ? (notEnding ?? line.noCounter ?? undefined) : "not online",
        run: () => run.counter(line),
      })),
    ...lines
      .filter((line) => line.canPass)
      .map((line) => ({
        id: id(`pass-${line.dealer}`),
        words: `Pass on ${line.dealerName}, with a reason`,
        keys: keysOf("request", "pass"),
        not: panel.live ? notEnding : "not online",
        run: () => run.pass(line),
      })),
    {
      id: id("dismiss"),
      words: `Dismiss: ${what}`,
      keys: keysOf("request", "dismiss"),
      not: open ? "it is still open" : undefined,
      run: run.dismiss,
    },
  ];
}
