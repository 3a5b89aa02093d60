// What stays where it is, what the palette offers, and what a trader leaves behind.

import { expect, test } from "vitest";
import { leftBehind } from "../src/desk/leaving";
import { Actions, matching, type Action } from "../src/keyboard/actions";
import { panelActions, type Panel, type Run } from "../src/rfq/actions";
import { inOrder, isHeld } from "../src/rfq/order";
import { awayWords } from "../src/rfq/target";
import { line, rfq } from "./builders";
import * as scenes from "../dev/scenes";

const ranked = (dealers: string) => dealers.split("").map((d, rank) => line("R", d, { rank }));
const names = (lines: { dealer: string }[]) => lines.map((one) => one.dealer).join("");

test("lines stay where they are while the order is held, and new ones stand below", () => {
  for (const [before, now, held, drawn] of [
    ["ABC", "CBA", false, "CBA"],
    ["ABC", "CBA", true, "ABC"],
    ["AB", "CBA", true, "ABC"],
    ["ABC", "CB", true, "BC"],
    ["", "CBA", true, "CBA"],
    ["XY", "DCBA", true, "DCBA"],
    ["BA", "DCBA", true, "BADC"],
  ] as const)
    expect(names(inOrder(before.split(""), ranked(now), held)), `${before} ${now}`).toBe(drawn);
  expect(isHeld(inOrder(["A", "B"], ranked("BA"), true))).toBe(true);
  expect(isHeld(inOrder(["A", "B"], ranked("AB"), true))).toBe(false);
  expect(isHeld([])).toBe(false);
});

test("a distance is said in words, and what is worse is called worse", () => {
  expect(["+1", "-2", "0", "+0.4"].map(awayWords)).toEqual([
    "1 tick worse than the composite",
    "2 ticks better than the composite",
    "at the composite",
    "0.4 ticks worse than the composite",
  ]);
});

const action = (id: string, words: string, keys: string[] = [], not?: string): Action => ({
  id,
  words,
  keys,
  ...(not === undefined ? {} : { not }),
  run: () => {},
});

test("the palette finds an action by the beginnings of its words, or by its key", () => {
  const all = [
    action("stop", "Stop: end every open request", ["Ctrl", "Shift", "X"], "not connected"),
    action("end", "End: Buy 5,000,000 DBR 2.5 02/35"),
    action("buy", "Buy at the best price, 99.125 Northbank", ["Enter"]),
    action("help", "Keys: this help", ["F1"]),
  ];
  const found = (text: string) => matching(all, text).map((one) => one.id);
  expect(found("")).toEqual(["end", "buy", "help", "stop"]);
  expect(found("en")).toEqual(["end", "buy", "stop"]);
  expect(found("end dbr")).toEqual(["end"]);
  expect(found("NORTH buy")).toEqual(["buy"]);
  expect(found("f1")).toEqual(["help"]);
  expect(found("99.1")).toEqual(["buy"]);
  expect(found("xyz")).toEqual([]);
  expect(found("ort")).toEqual([]);
});

test("the palette acts on the panel that had the keyboard, and on no other", () => {
  const actions = new Actions();
  const gone = actions.offer("rfq-panel-R1", () => [action("r1", "One")]);
  actions.offer("rfq-panel-R2", () => [action("r2", "Two")]);
  actions.offer("page", () => [action("help", "Help")]);
  const of = (panel: string | null) => actions.of(panel).map((one) => one.id);
  expect(of("rfq-panel-R1")).toEqual(["r1", "help"]);
  expect(of(null)).toEqual(["help"]);
  gone();
  expect(of("rfq-panel-R1")).toEqual(["help"]);
});

const q = (price: string) => ({
  price,
  size: "1",
  partial: false,
  betterForLess: false,
  away: null,
});
const panel = (part: Partial<Panel> = {}): Panel => ({
  view: rfq("R"),
  lines: [
    line("R", "A", { offer: q("99.1"), canLift: true, bestOffer: true }),
    line("R", "B", { offer: q("99.2"), canLift: true, rank: 1 }),
    line("R", "C", { offer: q("99.3"), rank: 2 }),
  ],
  sides: ["buy"],
  side: "buy",
  offering: true,
  keyed: true,
  approvable: true,
  live: true,
  ...part,
});

test("a request offers what can be done with it, and says why the rest cannot", () => {
  const ran: string[] = [];
  const note =
    (name: string) =>
    (...of: unknown[]) =>
      void ran.push(`${name} ${of.map((one) => (one as { dealer?: string })?.dealer ?? one)}`);
  const run = Object.fromEntries(
    [
      "arm",
      "choose",
      "approve",
      "limit",
      "disarm",
      "end",
      "endFor",
      "counter",
      "pass",
      "dismiss",
    ].map((name) => [name, note(name)]),
  ) as unknown as Run;
  const offered = (part: Partial<Panel> = {}) =>
    panelActions(panel(part), run)
      .filter((one) => !one.not)
      .map((one) => one.id.slice(2));
  expect(offered()).toEqual(["take-buy", "take-buy-B", "ahead-buy", "end", "end-for"]);
  expect(offered({ live: false })).toEqual(["end", "end-for"]);
  // Without a price and without a limit there is nothing that a touch could agree to.
  expect(offered({ approvable: false })).not.toContain("ahead-buy");
  const armed = rfq("R", { accept: scenes.accept(0, {}) });
  expect(offered({ view: armed, offering: false })).toEqual([
    "disarm",
    "farther",
    "nearer",
    "end",
    "end-for",
  ]);
  const mine = line("R", "B", { canPass: true });
  const passing = panelActions(panel({ lines: [mine] }), run).find((one) => one.id === "R-pass-B");
  expect(passing).toMatchObject({ words: "Pass on B, with a reason", keys: ["P"], not: undefined });
  const off = panelActions(panel({ lines: [mine], live: false }), run);
  expect(off.find((one) => one.id === "R-pass-B")?.not).toBe("not online");
  expect(offered({ view: rfq("R", { state: "done" }), offering: false })).toEqual(["dismiss"]);
  // People have settled what nobody here will learn.
  const problem = { code: "accept.unsettled", message: "", cure: "", field: null };
  expect(offered({ view: rfq("R", { problem }), offering: false })).toContain("dismiss");
  const both = panelActions(panel({ sides: ["sell", "buy"], side: null }), run);
  expect(both.find((one) => one.id === "R-take-buy")?.keys).toEqual(["B", "Enter"]);
  expect(both.find((one) => one.id === "R-take-sell")?.not).toBe("no price to trade on");
  for (const one of panelActions(panel(), run)) if (!one.not) one.run();
  expect(ran).toEqual(["arm A,buy", "arm B,buy", "approve buy", "end ", "endFor "]);
});

test("what a trader leaves behind is said: answers first, then what is open", () => {
  const views = [
    rfq("open"),
    rfq("done", { state: "done", accept: scenes.accept(0, { state: "filled" }) }),
    rfq("sent", { accept: scenes.accept(0, { state: "sent", text: "Sent to Northbank." }) }),
    rfq("lost", { accept: scenes.accept(0, { state: "unknown", text: "Outcome unknown." }) }),
    rfq("armed", { accept: scenes.accept(0, { state: "armed" }) }),
  ];
  expect(leftBehind(views, null).map((one) => [one.id, one.waits])).toEqual([
    ["sent", true],
    ["lost", true],
    ["open", false],
    ["armed", false],
  ]);
  expect(leftBehind([], null)).toEqual([]);
  // The list's rows that wait count as well, and its accepts.
  const list = { ...new scenes.RequestList("list").summary(), pending: 12, taking: 1 };
  expect(leftBehind(views, list).slice(-2)).toEqual([
    {
      id: "list rows",
      words: "12 rows of the list not sent yet",
      waits: false,
      unsent: true,
    },
    {
      id: "list accepts",
      words: "1 accept of the list not sent yet",
      waits: false,
      unsent: true,
    },
  ]);
});
