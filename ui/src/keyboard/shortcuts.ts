// Every shortcut of the page: the key, the place and the state in which it applies, its command,
// and the words that Help shows for it.
//
// `commandFor` decides and touches no document; `listen.ts` brings the events and runs the
// commands. A row without a command is a key that the browser or a form handles: Help lists it,
// nothing here acts on it. Keys that belong to a widget's ARIA role and mean nothing outside it
// (the list of the instrument field) stay in the component of that widget.

/** A key as it was pressed. `ctrl` is also Command on a Mac. */
export type Press = { key: string; ctrl: boolean; alt: boolean; shift: boolean; repeat: boolean };

type Stateless = Record<string, never>;

/** What decides, in each place, whether a shortcut applies. */
export type States = {
  page: {
    /** The key goes to a field for text. */
    inText: boolean;
    /** The trading screen is shown. */
    trading: boolean;
    /** The line about an interruption that is over is shown. */
    back: boolean;
  };
  panel: Stateless;
  connect: Stateless;
  ticket: Stateless;
  dialog: Stateless;
  approval: Stateless;
  requests: Stateless;
  request: {
    /** The panel itself has the keyboard, not a button in it. */
    onPanel: boolean;
    /** The Enter was pressed now; it is not a held one. */
    enterIsFresh: boolean;
    /** The request can be traded on, and the side is known. */
    mayArm: boolean;
    /** The trader may pass on the dealer that is aimed at. */
    mayPass: boolean;
    /** The dealer that is aimed at may be asked for a better price. */
    mayCounter: boolean;
    /** An accept of it can be approved before its quote is chosen. */
    mayApprove: boolean;
    armed: boolean;
    ended: boolean;
    /** How many dealers were asked. */
    lines: number;
  };
  confirm: {
    enterIsFresh: boolean;
    /** The venue follows a dealer's quotes up to a limit. */
    limited: boolean;
  };
  tabs: Stateless;
  palette: Stateless;
  rows: {
    /** The table itself has the keyboard, not a button in it. */
    onTable: boolean;
    /** The row is one that needs a person. */
    needsPerson: boolean;
  };
  cells: {
    /** A cell has the keyboard, not a button beside it. */
    inCell: boolean;
  };
};

export type Place = keyof States;

/** The commands that each place receives. */
export type Commands = {
  page:
    | "help"
    | "approval"
    | "closeNotice"
    | "closeBack"
    | "larger"
    | "smaller"
    | "usualSize"
    | "nextRegion"
    | "previousRegion"
    | "duplicate"
    | "askAgain"
    | "palette"
    | "stop"
    | "search"
    | "export"
    | "bestExecution"
    | "list"
    | "secondWindow";
  panel: "stop" | "back" | "close" | "larger" | "smaller" | "usualSize";
  connect: never;
  ticket: "send";
  dialog: "close" | "nextStop" | "previousStop";
  approval: never;
  requests: "previous" | "next";
  request:
    | "buy"
    | "sell"
    | "choose"
    | "arm"
    | "approve"
    | "counter"
    | "pass"
    | "disarm"
    | "forget"
    | "dismiss";
  confirm: "ignore" | "farther" | "nearer";
  tabs: "previous" | "next";
  palette: "previous" | "next" | "run";
  rows: "move" | "open" | "attend";
  cells: "above" | "below";
};

type Row<P extends Place> = {
  /** `KeyboardEvent.key`; any one of them. Empty in a row without a command. */
  keys: string[];
  /** `ctrl`: Ctrl without Alt, because AltGr is both. `any`: no matter what is held. Otherwise the
   * key counts only without Ctrl and Alt. */
  held?: "ctrl" | "any";
  when?: (state: States[P], press: Press) => boolean;
  command: Commands[P] | null;
  /** Keys and words for Help; rows of one place with the same words share a line there. */
  help?: [shown: string[], words: string];
};

const shift = (_: unknown, press: Press) => press.shift;

const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

const TABLE: { [P in Place]: Row<P>[] } = {
  page: [
    {
      keys: ["F6"],
      held: "any",
      when: ({ trading }, press) => trading && press.shift,
      command: "previousRegion",
    },
    {
      keys: ["F6"],
      held: "any",
      when: ({ trading }) => trading,
      command: "nextRegion",
      help: [["F6"], "Next part: ticket, requests, blotter, approval"],
    },
    {
      keys: ["F8"],
      held: "any",
      command: "approval",
      help: [["F8"], "Go to the approval that is waiting"],
    },
    {
      keys: ["x", "X"],
      held: "ctrl",
      when: ({ trading }, press) => trading && press.shift && !press.repeat,
      command: "stop",
      help: [["Ctrl", "Shift", "X"], "Stop: end every open request and take back what is armed"],
    },
    {
      keys: ["k", "K"],
      held: "ctrl",
      when: (_, press) => !press.shift && !press.repeat,
      command: "palette",
      help: [["Ctrl", "K"], "Every action, by name"],
    },
    { keys: ["F9"], held: "any", command: "closeNotice", help: [["F9"], "Close the notice"] },
    { keys: ["Escape"], when: ({ back }) => back, command: "closeBack" },
    {
      keys: ["+", "="],
      held: "ctrl",
      command: "larger",
      help: [["Ctrl", "+"], "Everything larger"],
    },
    {
      keys: ["-", "_"],
      held: "ctrl",
      command: "smaller",
      help: [["Ctrl", "-"], "Everything smaller"],
    },
    {
      keys: ["0"],
      held: "ctrl",
      command: "usualSize",
      help: [["Ctrl", "0"], "Everything in the usual size"],
    },
    {
      keys: ["d", "D"],
      held: "ctrl",
      when: ({ trading }) => trading,
      command: "duplicate",
      help: [["Ctrl", "D"], "Fill the ticket from this request, or the last one"],
    },
    {
      // Held, it would ask again and again; the browser's reload is not wanted either.
      keys: ["r", "R"],
      held: "ctrl",
      when: ({ trading }, press) => trading && !press.repeat && !press.shift,
      command: "askAgain",
      help: [["Ctrl", "R"], "Ask the same again"],
    },
    {
      keys: ["f", "F"],
      held: "ctrl",
      when: ({ trading }) => trading,
      command: "search",
      help: [["Ctrl", "F"], "Search the blotter"],
    },
    {
      keys: ["e", "E"],
      held: "ctrl",
      when: ({ trading }) => trading,
      command: "export",
      help: [["Ctrl", "E"], "Export the blotter"],
    },
    {
      keys: ["p", "P"],
      held: "ctrl",
      when: ({ trading }, press) => trading && !press.repeat,
      command: "bestExecution",
      help: [["Ctrl", "P"], "Best execution of the request; again to print it"],
    },
    {
      keys: ["l", "L"],
      held: "ctrl",
      when: ({ trading }, press) => trading && !press.repeat,
      command: "list",
      help: [["Ctrl", "L"], "The list of requests; again to close it"],
    },
    {
      keys: ["o", "O"],
      held: "ctrl",
      when: ({ trading }, press) => trading && !press.repeat && !press.shift,
      command: "secondWindow",
      help: [["Ctrl", "O"], "This request, or the blotter, in a second window"],
    },
    { keys: [], command: null, help: [["Tab"], "Next control"] },
    { keys: ["F1"], held: "any", command: "help", help: [["F1"], "This help"] },
    // On some keyboards `?` needs AltGr.
    {
      keys: ["?"],
      held: "any",
      when: ({ inText }) => !inText,
      command: "help",
      help: [["?"], "This help"],
    },
  ],
  panel: [
    {
      keys: ["x", "X"],
      held: "ctrl",
      when: (_, press) => press.shift && !press.repeat,
      command: "stop",
      help: [["Ctrl", "Shift", "X"], "Stop, as in the desk's own window"],
    },
    {
      keys: ["o", "O"],
      held: "ctrl",
      when: (_, press) => !press.repeat && !press.shift,
      command: "back",
      help: [["Ctrl", "O"], "Back to the desk's own window"],
    },
    {
      keys: ["w", "W"],
      held: "ctrl",
      when: (_, press) => !press.repeat && !press.shift,
      command: "close",
      help: [["Ctrl", "W"], "Close the second window"],
    },
    { keys: ["+", "="], held: "ctrl", command: "larger" },
    { keys: ["-", "_"], held: "ctrl", command: "smaller" },
    { keys: ["0"], held: "ctrl", command: "usualSize" },
  ],
  connect: [
    { keys: [], command: null, help: [["↑", "↓"], "Choose the identity"] },
    { keys: [], command: null, help: [["Enter"], "Connect"] },
  ],
  ticket: [
    { keys: [], command: null, help: [["↑", "↓"], "Choose an instrument, a side, a time"] },
    { keys: [], command: null, help: [["Space"], "Choose or drop the dealer"] },
    {
      keys: ["Enter"],
      held: "ctrl",
      when: (_, press) => !press.repeat,
      command: "send",
      help: [["Ctrl", "Enter"], "Send the request"],
    },
  ],
  dialog: [
    { keys: ["Escape"], held: "any", command: "close" },
    { keys: ["Tab"], when: shift, command: "previousStop" },
    { keys: ["Tab"], command: "nextStop" },
  ],
  approval: [
    { keys: [], command: null, help: [["Enter"], "Send the PIN, begin, or try again"] },
    // The dialog's own: closing an approval refuses it.
    { keys: [], command: null, help: [["Esc"], "Do not approve"] },
  ],
  requests: [
    {
      keys: ["ArrowLeft"],
      held: "any",
      command: "previous",
      help: [["←"], "Previous or next request"],
    },
    {
      keys: ["ArrowRight"],
      held: "any",
      command: "next",
      help: [["→"], "Previous or next request"],
    },
  ],
  request: [
    {
      keys: DIGITS,
      when: ({ lines }, { key }) => Number(key) <= lines,
      command: "choose",
      help: [["1", "…", "9"], "Choose the dealer on that line"],
    },
    { keys: ["b", "B"], command: "buy", help: [["B"], "Buy at the offer"] },
    { keys: ["s", "S"], command: "sell", help: [["S"], "Sell at the bid"] },
    {
      // On a button, Enter presses the button.
      keys: ["Enter"],
      when: ({ onPanel, enterIsFresh, mayArm }) => onPanel && enterIsFresh && mayArm,
      command: "arm",
      help: [["Enter"], "Show the terms; again to confirm them"],
    },
    {
      keys: ["a", "A"],
      when: ({ mayApprove }) => mayApprove,
      command: "approve",
      help: [["A"], "Approve the accept with your key before you choose a quote"],
    },
    {
      keys: ["c", "C"],
      when: ({ mayCounter }) => mayCounter,
      command: "counter",
      help: [["C"], "Counter: ask the chosen dealer for a better price"],
    },
    {
      keys: ["p", "P"],
      when: ({ mayPass }) => mayPass,
      command: "pass",
      help: [["P"], "Pass on the chosen dealer, with a reason; the others go on"],
    },
    {
      keys: ["Escape"],
      when: ({ armed }) => armed,
      command: "disarm",
      help: [["Esc"], "Cancel the terms: nothing is traded"],
    },
    { keys: ["Escape"], command: "forget" },
    {
      keys: ["Delete"],
      when: ({ ended }) => ended,
      command: "dismiss",
      help: [["Del"], "Dismiss an ended request"],
    },
  ],
  confirm: [
    // A held Enter armed the terms a moment ago; it must not confirm them too.
    { keys: ["Enter"], held: "any", when: ({ enterIsFresh }) => !enterIsFresh, command: "ignore" },
    {
      keys: ["+", "="],
      when: ({ limited }) => limited,
      command: "farther",
      help: [["+", "-"], "Terms shown: limit one tick farther or nearer"],
    },
    { keys: ["-", "_"], when: ({ limited }) => limited, command: "nearer" },
  ],
  tabs: [
    {
      keys: ["ArrowLeft"],
      held: "any",
      command: "previous",
      help: [["←"], "Previous or next tab"],
    },
    { keys: ["ArrowRight"], held: "any", command: "next", help: [["→"], "Previous or next tab"] },
  ],
  palette: [
    { keys: ["ArrowUp"], command: "previous", help: [["↑", "↓"], "Choose an action"] },
    { keys: ["ArrowDown"], command: "next" },
    { keys: ["Enter"], command: "run", help: [["Enter"], "Do it"] },
  ],
  rows: [
    {
      keys: ["ArrowUp", "ArrowDown"],
      when: ({ onTable }) => onTable,
      command: "move",
      help: [["↑", "↓"], "Previous or next row"],
    },
    {
      keys: ["PageUp", "PageDown", "Home", "End"],
      when: ({ onTable }) => onTable,
      command: "move",
      help: [["PgUp", "PgDn", "Home", "End"], "A page of rows, the first, the last"],
    },
    {
      keys: ["Enter"],
      when: ({ onTable }, press) => onTable && !press.repeat,
      command: "open",
      help: [["Enter"], "Best execution of the row's request; opens or closes a group"],
    },
    {
      keys: ["Delete"],
      when: ({ onTable, needsPerson }) => onTable && needsPerson,
      command: "attend",
      help: [["Del"], "You have dealt with the row"],
    },
  ],
  cells: [
    {
      keys: ["ArrowUp"],
      when: ({ inCell }) => inCell,
      command: "above",
      help: [["↑", "↓"], "The same column of the next row, or of the one before"],
    },
    { keys: ["ArrowDown"], when: ({ inCell }) => inCell, command: "below" },
    {
      keys: ["Enter"],
      when: ({ inCell }, press) => inCell && !press.repeat,
      command: "below",
      help: [["Enter"], "What was typed is checked; the next row"],
    },
  ],
};

/** The command that a key means in a place, or null where it means nothing there. */
export function commandFor<P extends Place>(
  place: P,
  press: Press,
  state: States[P],
): Commands[P] | null {
  const rows: Row<P>[] = TABLE[place];
  const row = rows.find(
    (one) =>
      one.keys.includes(press.key) && holds(one.held, press) && (one.when?.(state, press) ?? true),
  );
  return row?.command ?? null;
}

function holds(held: "ctrl" | "any" | undefined, press: Press): boolean {
  if (held === "any") return true;
  return !press.alt && press.ctrl === (held === "ctrl");
}

export type HelpGroup = { where: string; keys: { shown: string[]; words: string }[] };

const GROUPS: [where: string, places: Place[]][] = [
  ["Everywhere", ["page"]],
  ["The second window", ["panel"]],
  ["Connect", ["connect"]],
  ["Ticket", ["ticket"]],
  ["Approval with a security key", ["approval"]],
  ["A request", ["request", "confirm", "requests"]],
  ["Blotter", ["tabs", "rows"]],
  ["List of requests", ["cells"]],
  ["Every action (Ctrl K)", ["palette"]],
];

/** The keys of a command, as Help shows them. */
export const keysOf = <P extends Place>(place: P, command: Commands[P]): string[] =>
  (TABLE[place] as Row<P>[]).find((row) => row.command === command && row.help)?.help?.[0] ?? [];

/** What Help shows: the rows that have words, grouped by where they apply. */
export const help: HelpGroup[] = GROUPS.map(([where, places]) => ({
  where,
  keys: places.flatMap(linesOf),
}));

function linesOf(place: Place): HelpGroup["keys"] {
  const lines = new Map<string, string[]>();
  for (const row of TABLE[place]) {
    if (!row.help) continue;
    const [shown, words] = row.help;
    lines.set(words, [...(lines.get(words) ?? []), ...shown]);
  }
  return [...lines].map(([words, shown]) => ({ shown, words }));
}
