// What the palette offers for one request. The desk decides whether any of it happens.

import type { LineView, RfqView, Side } from "../bindings";
import { ASK, isOpen, VERB, VERB_WITHIN } from "../desk/words";
import type { Action } from "../keyboard/actions";
import { keysOf } from "../keyboard/shortcuts";
import { isolated } from "../language/isolate";
import { isBest, onlyForLess, quoteOn, target, tradable } from "./target";
import { t } from "../language/t";

/** How many ticks worse than the best price an approval ahead reaches: what quotes usually move by within a touch. */
export const AHEAD_TICKS = 2;

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
  approvable: boolean;
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
    ? t("rfq.notOnlineWithin")
    : !panel.offering
      ? t("rfq.anAcceptIsThereAlreadyOrThe")
      : undefined;

  const take = sides.flatMap((one) => {
    const best = target(lines, one, null);
    const price = best && quoteOn(best, one)?.price;
    return {
      id: id(`take-${one}`),
      words: t("rfq.atTheBestPrice", {
        verb: VERB[one],
        price: price ? `, ${price} ${isolated(best?.dealerName ?? "")}` : "",
      }),
      keys: sides.length > 1 ? [...keysOf("request", one), "Enter"] : ["Enter"],
      not:
        notArmable ??
        (best
          ? undefined
          : onlyForLess(lines, one)
            ? t("rfq.onlyForLessWithin")
            : t("rfq.noPriceToTradeOn")),
      run: () => best && run.arm(best, one),
    };
  });
  const each = lines.flatMap((line, i) =>
    sides
      .filter((one) => quoteOn(line, one) && !isBest(line, one))
      .map((one) => ({
        id: id(`take-${one}-${line.dealer}`),
        words: t("rfq.atFrom", {
          verb: VERB[one],
          price: quoteOn(line, one)?.price,
          dealerName: line.dealerName,
        }),
        keys: i < 9 ? [String(i + 1), "Enter"] : [],
        not: notArmable ?? (tradable(line, one) ? undefined : t("rfq.cannotBeTradedNow")),
        run: () => run.arm(line, one),
      })),
  );
  const ahead = (sides.length > 1 ? sides : sides.slice(0, 1)).map((one) => ({
    id: id(`ahead-${one}`),
    words: t("rfq.touchFirstChooseLater", { verbWithin: VERB_WITHIN[one] }),
    keys: one === side ? keysOf("request", "approve") : [],
    not: panel.keyed
      ? (notArmable ??
        (panel.approvable && !view.ahead ? undefined : t("rfq.noPriceYetOrAskedAlready")))
      : t("rfq.thisVenueTakesNone"),
    run: () => run.approve(one),
  }));
  const limited = armed && view.accept?.limit !== null;
  const open = isOpen(view.state);
  const notEnding = open ? undefined : t("rfq.itIsOver");
  const choice: Action[] =
    sides.length > 1
      ? sides.map((one) => ({
          id: id(`side-${one}`),
          words: one === "buy" ? t("rfq.aimAtTheOffers") : t("rfq.aimAtTheBids"),
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
      words: t("rfq.takeTheTermsBackNothingIs"),
      keys: keysOf("request", "disarm"),
      not: armed ? undefined : t("rfq.noTermsAreShown"),
      run: run.disarm,
    },
    {
      id: id("farther"),
      words: t("rfq.limitOneTickFarther"),
      keys: ["+"],
      not: limited ? undefined : t("rfq.noTermsWithALimitAreShown"),
      run: () => run.limit(1),
    },
    {
      id: id("nearer"),
      words: t("rfq.limitOneTickNearer"),
      keys: ["-"],
      not: limited ? undefined : t("rfq.noTermsWithALimitAreShown"),
      run: () => run.limit(-1),
    },
    ...ahead,
    { id: id("end"), words: t("rfq.endWhat", { what }), keys: [], not: notEnding, run: run.end },
    {
      id: id("end-for"),
      words: t("rfq.nothingDoneWithAReason", { what }),
      keys: [],
      not: notEnding,
      run: run.endFor,
    },
    ...lines
      .filter((line) => line.canCounter || line.noCounter !== null)
      .map((line) => ({
        id: id(`counter-${line.dealer}`),
        words: t("rfq.counterAskForABetterPrice", { dealerName: line.dealerName }),
        keys: keysOf("request", "counter"),
        not: panel.live ? (notEnding ?? line.noCounter ?? undefined) : t("rfq.notOnlineWithin"),
        run: () => run.counter(line),
      })),
    ...lines
      .filter((line) => line.canPass)
      .map((line) => ({
        id: id(`pass-${line.dealer}`),
        words: t("rfq.passOnWithAReason", { dealerName: line.dealerName }),
        keys: keysOf("request", "pass"),
        not: panel.live ? notEnding : t("rfq.notOnlineWithin"),
        run: () => run.pass(line),
      })),
    {
      id: id("dismiss"),
      words: t("rfq.dismissWhat", { what }),
      keys: keysOf("request", "dismiss"),
      not: open && view.problem?.code !== "accept.unsettled" ? t("rfq.itIsStillOpen") : undefined,
      run: run.dismiss,
    },
  ];
}
