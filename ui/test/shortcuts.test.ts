// The whole table: in each place, the keys that have a command, and that no other key has one.

import { describe, expect, test } from "vitest";
import { help } from "../src/keyboard/help";
import { commandFor, type Place, type Press, type States } from "../src/keyboard/shortcuts";

type Hold = Partial<Omit<Press, "key">>;
const press = (key: string, hold: Hold = {}): Press => ({
  key,
  ctrl: false,
  alt: false,
  shift: false,
  repeat: false,
  ...hold,
});

const ctrl = { ctrl: true };
const shift = { shift: true };

/** Every key of the table, and some that are not in it. */
const KEYS = [
  ..."0123456789aAbBcCdDeEfFkKlLoOpPrRsSwWxX?+=-_Z ".split(""),
  ..."F1 F2 F5 F6 F8 F9 Enter Escape Delete Backspace Tab".split(" "),
  ..."ArrowLeft ArrowRight ArrowUp ArrowDown Home End PageUp PageDown".split(" "),
];
const HOLDS: Hold[] = [
  {},
  shift,
  ctrl,
  { ctrl: true, shift: true },
  { alt: true },
  { ctrl: true, alt: true },
  { repeat: true },
  { ctrl: true, repeat: true },
];
const name = (one: Press) =>
  `${one.repeat ? "held " : ""}${one.ctrl ? "Ctrl " : ""}${one.alt ? "Alt " : ""}${one.shift ? "Shift " : ""}${one.key}`;

/** The command of each key with each combination of modifiers, where there is one. */
function all<P extends Place>(place: P, state: States[P]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const key of KEYS)
    for (const hold of HOLDS) {
      const one = press(key, hold);
      const command = commandFor(place, one, state);
      if (command !== null) found[name(one)] = command;
    }
  return found;
}

/** The key with any modifiers, with none but Shift, and with Ctrl without Alt. */
const any = (key: string, command: string) =>
  Object.fromEntries(HOLDS.map((hold) => [name(press(key, hold)), command]));
const plain = (key: string, command: string) =>
  Object.fromEntries(
    HOLDS.filter((hold) => !hold.ctrl && !hold.alt).map((hold) => [
      name(press(key, hold)),
      command,
    ]),
  );
const withCtrl = (key: string, command: string) =>
  Object.fromEntries(
    HOLDS.filter((hold) => hold.ctrl && !hold.alt).map((hold) => [name(press(key, hold)), command]),
  );

/** As `any` and as `plain`, and not for a key that is held. */
const anyOnce = (key: string, command: string) =>
  Object.fromEntries(
    HOLDS.filter((hold) => !hold.repeat).map((hold) => [name(press(key, hold)), command]),
  );
const plainOnce = (key: string, command: string) =>
  Object.fromEntries(
    HOLDS.filter((hold) => !hold.ctrl && !hold.alt && !hold.repeat).map((hold) => [
      name(press(key, hold)),
      command,
    ]),
  );

/** As `withCtrl`, and not for a key that is held. */
const pressed = (key: string, command: string) =>
  Object.fromEntries(
    HOLDS.filter((hold) => hold.ctrl && !hold.alt && !hold.repeat).map((hold) => [
      name(press(key, hold)),
      command,
    ]),
  );

test("the second window stops as the first does, goes back to it, and closes", () => {
  expect(all("panel", { inText: true })).not.toHaveProperty("?");
  expect(all("panel", { inText: false })).toEqual({
    "Ctrl Shift x": "stop",
    "Ctrl Shift X": "stop",
    "Ctrl o": "back",
    "Ctrl O": "back",
    "Ctrl w": "close",
    "Ctrl W": "close",
    ...withCtrl("f", "search"),
    ...withCtrl("F", "search"),
    // Unheard, the browser would reload the page.
    ...withCtrl("r", "ignore"),
    ...withCtrl("R", "ignore"),
    ...any("F1", "help"),
    ...any("?", "help"),
    ...withCtrl("+", "larger"),
    ...withCtrl("=", "larger"),
    ...withCtrl("-", "smaller"),
    ...withCtrl("_", "smaller"),
    ...withCtrl("0", "usualSize"),
  });
});

describe("everywhere", () => {
  const always = {
    ...any("F1", "help"),
    ...any("F8", "approval"),
    // Held, it would close notices that nobody has read.
    ...anyOnce("F9", "closeNotice"),
    ...withCtrl("+", "larger"),
    ...withCtrl("=", "larger"),
    ...withCtrl("-", "smaller"),
    ...withCtrl("_", "smaller"),
    ...withCtrl("0", "usualSize"),
    "Ctrl k": "palette",
    "Ctrl K": "palette",
  };
  // Held, it stops once.
  const stop = { "Ctrl Shift x": "stop", "Ctrl Shift X": "stop" };
  const regions = {
    ...withCtrl("f", "search"),
    ...withCtrl("F", "search"),
    ...withCtrl("e", "export"),
    ...withCtrl("E", "export"),
    ...pressed("l", "list"),
    ...pressed("L", "list"),
    ...pressed("p", "bestExecution"),
    ...pressed("P", "bestExecution"),
    ...any("F6", "nextRegion"),
    "Shift F6": "previousRegion",
    "Ctrl Shift F6": "previousRegion",
    ...withCtrl("d", "duplicate"),
    ...withCtrl("D", "duplicate"),
    "Ctrl Shift d": "dealerLists",
    "Ctrl Shift D": "dealerLists",
    "Ctrl o": "secondWindow",
    "Ctrl O": "secondWindow",
    // Held, it asks once; with Shift it is another key of the browser.
    "Ctrl r": "askAgain",
    "Ctrl R": "askAgain",
    "held Ctrl r": "ignore",
    "held Ctrl R": "ignore",
  };

  test("before trading", () => {
    expect(all("page", { inText: false, trading: false, back: false, fresh: true })).toEqual({
      ...always,
      ...any("?", "help"),
    });
  });

  test("while trading F6 goes round the regions", () => {
    expect(all("page", { inText: false, trading: true, back: false, fresh: true })).toEqual({
      ...always,
      ...any("?", "help"),
      ...regions,
      ...stop,
    });
  });

  test("Escape closes the line about an interruption while it is shown", () => {
    expect(all("page", { inText: true, trading: false, back: true, fresh: true })).toEqual({
      ...always,
      ...plain("Escape", "closeBack"),
    });
  });

  test("a key that a remote display holds without saying so asks nothing again", () => {
    const asksNothing = Object.entries(regions).map(([key, command]) => [
      key,
      command === "askAgain" ? "ignore" : command,
    ]);
    expect(all("page", { inText: true, trading: true, back: false, fresh: false })).toEqual({
      ...always,
      ...Object.fromEntries(asksNothing),
      ...stop,
    });
  });

  test("a question mark that is typed is text", () => {
    expect(all("page", { inText: true, trading: true, back: false, fresh: true })).toEqual({
      ...always,
      ...regions,
      ...stop,
    });
  });
});

test("the connect screen and an approval have no shortcut beside the browser's", () => {
  expect(all("connect", {})).toEqual({});
  expect(all("approval", {})).toEqual({});
});

test("the ticket is sent with Ctrl and Enter, once for each press", () => {
  expect(all("ticket", {})).toEqual({ "Ctrl Enter": "send", "Ctrl Shift Enter": "send" });
});

test("a dialog closes with Escape and keeps Tab", () => {
  expect(all("dialog", {})).toEqual({
    ...any("Escape", "close"),
    ...plain("Tab", "nextStop"),
    "Shift Tab": "previousStop",
  });
});

test("arrows go between requests, and between tabs", () => {
  const arrows = { ...any("ArrowLeft", "previous"), ...any("ArrowRight", "next") };
  expect(all("requests", {})).toEqual(arrows);
  expect(all("tabs", {})).toEqual(arrows);
});

describe("a request", () => {
  const state: States["request"] = {
    onPanel: true,
    enterIsFresh: true,
    mayArm: true,
    mayPass: false,
    mayCounter: false,
    mayApprove: false,
    armed: false,
    ended: false,
    lines: 3,
  };
  const sides = {
    ...plain("b", "buy"),
    ...plain("B", "buy"),
    ...plain("s", "sell"),
    ...plain("S", "sell"),
  };
  const three = { ...plain("1", "choose"), ...plain("2", "choose"), ...plain("3", "choose") };
  const forget = plain("Escape", "forget");
  const arm = plain("Enter", "arm");

  test.each<[string, Partial<States["request"]>, Record<string, string>]>([
    ["open", {}, { ...sides, ...three, ...forget, ...arm }],
    [
      "a key may approve ahead",
      { mayApprove: true },
      {
        ...sides,
        ...three,
        ...forget,
        ...arm,
        ...plainOnce("a", "approve"),
        ...plainOnce("A", "approve"),
      },
    ],
    [
      "the dealer may be countered",
      { mayCounter: true },
      { ...sides, ...three, ...forget, ...arm, ...plain("c", "counter"), ...plain("C", "counter") },
    ],
    [
      "the dealer may be passed on",
      { mayPass: true },
      {
        ...sides,
        ...three,
        ...forget,
        ...arm,
        ...plain("p", "pass"),
        ...plain("P", "pass"),
      },
    ],
    ["a button has the keyboard", { onPanel: false }, { ...sides, ...three, ...forget }],
    ["Enter is held", { enterIsFresh: false }, { ...sides, ...three, ...forget }],
    ["not to be traded on", { mayArm: false }, { ...sides, ...three, ...forget }],
    [
      "terms are shown",
      { armed: true, mayArm: false },
      { ...sides, ...three, ...plain("Escape", "disarm") },
    ],
    [
      "ended",
      { ended: true, mayArm: false },
      { ...sides, ...three, ...forget, ...plainOnce("Delete", "dismiss") },
    ],
    ["no dealer was asked", { lines: 0 }, { ...sides, ...forget, ...arm }],
    [
      "more dealers than digits",
      { lines: 12 },
      {
        ...sides,
        ...forget,
        ...arm,
        ...Object.assign({}, ..."123456789".split("").map((key) => plain(key, "choose"))),
      },
    ],
  ])("%s", (_, part, expected) => {
    expect(all("request", { ...state, ...part })).toEqual(expected);
  });
});

test("on a price the arrows go to others, to the left and right where there are two sides", () => {
  const line = ["ArrowUp", "ArrowDown", "Home", "End"].map((key) => plain(key, "line"));
  const side = ["ArrowLeft", "ArrowRight"].map((key) => plain(key, "side"));
  const both = Object.assign({}, ...line, ...side);
  expect(all("ladder", { onPrice: true, twoWay: false })).toEqual(Object.assign({}, ...line));
  expect(all("ladder", { onPrice: true, twoWay: true })).toEqual(both);
  expect(all("ladder", { onPrice: false, twoWay: true })).toEqual({});
});

test("a held Enter does not press Confirm, a new one does", () => {
  expect(all("confirm", { enterIsFresh: false, limited: false })).toEqual(any("Enter", "ignore"));
  expect(all("confirm", { enterIsFresh: true, limited: false })).toEqual({});
});

test("the limit moves by keys where there is one", () => {
  expect(all("confirm", { enterIsFresh: true, limited: true })).toEqual({
    ...plain("+", "farther"),
    ...plain("=", "farther"),
    ...plain("-", "nearer"),
    ...plain("_", "nearer"),
  });
});

test("the palette is a list that the arrows choose in", () => {
  expect(all("palette", {})).toEqual({
    ...plain("ArrowUp", "previous"),
    ...plain("ArrowDown", "next"),
    ...plain("Enter", "run"),
  });
});

test("the rows of the blotter have the keys of a table, and a button in one its own", () => {
  const move = ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"].map((key) =>
    plain(key, "move"),
  );
  const onTable = {
    ...Object.assign({}, ...move),
    Enter: "open",
    "Shift Enter": "open",
    ...plainOnce("Delete", "attend"),
  };
  expect(all("rows", { onTable: true, needsPerson: true })).toEqual(onTable);
  const nobody = all("rows", { onTable: true, needsPerson: false });
  expect(Object.values(nobody)).not.toContain("attend");
  expect(all("rows", { onTable: false, needsPerson: true })).toEqual({});
});

test("in the cells of a list the arrows and Enter go from row to row, and a held Enter does not", () => {
  const { "held Enter": held, ...all_ } = {
    ...plain("ArrowUp", "above"),
    ...plain("ArrowDown", "below"),
    ...plain("Enter", "below"),
  };
  expect(held).toBe("below");
  expect(all("cells", { inCell: true })).toEqual(all_);
  expect(all("cells", { inCell: false })).toEqual({});
});

test("Help names each shortcut once, in the words of the table", () => {
  const words = help.flatMap((group) => group.keys.map((line) => `${group.where}: ${line.words}`));
  expect(new Set(words).size).toBe(words.length);
  const shown = Object.fromEntries(
    help.map(({ where, keys }) => [where, keys.map((k) => k.shown.join(" "))]),
  );
  expect(shown).toEqual({
    Everywhere: [
      "F6",
      "F8",
      "Ctrl Shift X",
      "Ctrl K",
      "F9",
      "Ctrl +",
      "Ctrl -",
      "Ctrl 0",
      "Ctrl Shift D",
      "Ctrl D",
      "Ctrl R",
      "Ctrl F",
      "Ctrl E",
      "Ctrl P",
      "Ctrl L",
      "Ctrl O",
      "Tab",
      "F1 ?",
    ],
    Connect: ["↑ ↓", "Enter"],
    "The second window": ["Ctrl Shift X", "Ctrl O", "Ctrl W", "Ctrl F", "F1 ?"],
    Ticket: ["↑ ↓", "Space", "Ctrl Enter"],
    "Approval with a security key": ["Enter", "Esc"],
    "A request": [
      ...["1 … 9", "B", "S", "Enter", "A", "C", "P", "Esc", "Del"],
      ...["↑ ↓ Home End", "← →", "+ -", "← →"],
    ],
    Blotter: ["← →", "↑ ↓", "PgUp PgDn Home End", "Enter", "Del"],
    "List of requests": ["↑ ↓", "Enter"],
    "Every action (Ctrl K)": ["↑ ↓", "Enter"],
  });
});
