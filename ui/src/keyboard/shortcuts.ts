// Every shortcut of the page: its key, place, state and command, and the words of Help for it.
// `commandFor` decides and touches no document; `listen.ts` brings the events and runs the
// commands. A row without a command is a key that the browser or a form handles: Help lists it,
// nothing here acts on it. The keys of the list of instruments are in the component of its field.

import { t } from "../language/t";
import type { Commands, Place, Press, States } from "./places";

export type { Commands, Place, Press, States } from "./places";

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
const once = (_: unknown, press: Press) => !press.repeat;
const unshifted = (state: States["page"], press: Press) => state.trading && !press.shift;
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
      help: [["F6"], t("keyboard.nextPartTicketRequestsBlotter")],
    },
    {
      keys: ["F8"],
      held: "any",
      command: "approval",
      help: [["F8"], t("keyboard.goToTheApprovalThatIsWaiting")],
    },
    {
      keys: ["x", "X"],
      held: "ctrl",
      when: ({ trading }, press) => trading && press.shift && !press.repeat,
      command: "stop",
      help: [["Ctrl", "Shift", "X"], t("keyboard.stopEndEveryOpenRequestAndTake")],
    },
    {
      keys: ["k", "K"],
      held: "ctrl",
      when: (_, press) => !press.shift && !press.repeat,
      command: "palette",
      help: [["Ctrl", "K"], t("keyboard.everyActionByName")],
    },
    {
      keys: ["F9"],
      held: "any",
      when: once,
      command: "closeNotice",
      help: [["F9"], t("keyboard.closeTheNotice")],
    },
    { keys: ["Escape"], when: ({ back }) => back, command: "closeBack" },
    {
      keys: ["+", "="],
      held: "ctrl",
      command: "larger",
      help: [["Ctrl", "+"], t("keyboard.everythingLarger")],
    },
    {
      keys: ["-", "_"],
      held: "ctrl",
      command: "smaller",
      help: [["Ctrl", "-"], t("keyboard.everythingSmaller")],
    },
    {
      keys: ["0"],
      held: "ctrl",
      command: "usualSize",
      help: [["Ctrl", "0"], t("keyboard.everythingInTheUsualSize")],
    },
    {
      keys: ["d", "D"],
      held: "ctrl",
      when: ({ trading }, press) => trading && press.shift && !press.repeat,
      command: "dealerLists",
      help: [["Ctrl", "Shift", "D"], t("keyboard.yourListsOfDealersAgainToClose")],
    },
    {
      keys: ["d", "D"],
      held: "ctrl",
      when: unshifted,
      command: "duplicate",
      help: [["Ctrl", "D"], t("keyboard.fillTheTicketFromThisRequestOr")],
    },
    {
      // Held, it would ask again and again; unheard, the browser would reload the page.
      keys: ["r", "R"],
      held: "ctrl",
      when: (state, press) => unshifted(state, press) && state.fresh && !press.repeat,
      command: "askAgain",
      help: [["Ctrl", "R"], t("keyboard.askTheSameAgain")],
    },
    { keys: ["r", "R"], held: "ctrl", when: unshifted, command: "ignore" },
    {
      keys: ["f", "F"],
      held: "ctrl",
      when: ({ trading }) => trading,
      command: "search",
      help: [["Ctrl", "F"], t("keyboard.searchTheBlotter")],
    },
    {
      keys: ["e", "E"],
      held: "ctrl",
      when: ({ trading }) => trading,
      command: "export",
      help: [["Ctrl", "E"], t("keyboard.exportTheBlotter")],
    },
    {
      keys: ["p", "P"],
      held: "ctrl",
      when: ({ trading }, press) => trading && !press.repeat,
      command: "bestExecution",
      help: [["Ctrl", "P"], t("keyboard.bestExecutionOfTheRequestAgain")],
    },
    {
      keys: ["l", "L"],
      held: "ctrl",
      when: ({ trading }, press) => trading && !press.repeat,
      command: "list",
      help: [["Ctrl", "L"], t("keyboard.theListOfRequestsAgainToClose")],
    },
    {
      keys: ["o", "O"],
      held: "ctrl",
      when: ({ trading }, press) => trading && !press.repeat && !press.shift,
      command: "secondWindow",
      help: [["Ctrl", "O"], t("keyboard.thisRequestOrTheBlotterInA")],
    },
    { keys: [], command: null, help: [["Tab"], t("keyboard.nextControl")] },
    { keys: ["F1"], held: "any", command: "help", help: [["F1"], t("keyboard.thisHelp")] },
    // On some keyboards `?` needs AltGr.
    {
      keys: ["?"],
      held: "any",
      when: ({ inText }) => !inText,
      command: "help",
      help: [["?"], t("keyboard.thisHelp")],
    },
  ],
  panel: [
    {
      keys: ["x", "X"],
      held: "ctrl",
      when: (_, press) => press.shift && !press.repeat,
      command: "stop",
      help: [["Ctrl", "Shift", "X"], t("keyboard.stopAsInTheDesksOwnWindow")],
    },
    {
      keys: ["o", "O"],
      held: "ctrl",
      when: (_, press) => !press.repeat && !press.shift,
      command: "back",
      help: [["Ctrl", "O"], t("keyboard.backToTheDesksOwnWindow")],
    },
    {
      keys: ["w", "W"],
      held: "ctrl",
      when: (_, press) => !press.repeat && !press.shift,
      command: "close",
      help: [["Ctrl", "W"], t("keyboard.closeTheSecondWindow")],
    },
    {
      keys: ["f", "F"],
      held: "ctrl",
      command: "search",
      help: [["Ctrl", "F"], t("keyboard.searchTheBlotter")],
    },
    // Nothing is asked from here; unheard, the browser would reload the page.
    { keys: ["r", "R"], held: "ctrl", command: "ignore" },
    { keys: ["F1"], held: "any", command: "help", help: [["F1"], t("keyboard.thisHelp")] },
    {
      keys: ["?"],
      held: "any",
      when: ({ inText }) => !inText,
      command: "help",
      help: [["?"], t("keyboard.thisHelp")],
    },
    { keys: ["+", "="], held: "ctrl", command: "larger" },
    { keys: ["-", "_"], held: "ctrl", command: "smaller" },
    { keys: ["0"], held: "ctrl", command: "usualSize" },
  ],
  connect: [
    { keys: [], command: null, help: [["↑", "↓"], t("keyboard.chooseTheIdentity")] },
    { keys: [], command: null, help: [["Enter"], t("keyboard.connect")] },
  ],
  ticket: [
    { keys: [], command: null, help: [["↑", "↓"], t("keyboard.chooseAnInstrumentASideATime")] },
    { keys: [], command: null, help: [["Space"], t("keyboard.chooseOrDropTheDealer")] },
    {
      keys: ["Enter"],
      held: "ctrl",
      when: once,
      command: "send",
      help: [["Ctrl", "Enter"], t("keyboard.sendTheRequest")],
    },
  ],
  dialog: [
    { keys: ["Escape"], held: "any", command: "close" },
    { keys: ["Tab"], when: shift, command: "previousStop" },
    { keys: ["Tab"], command: "nextStop" },
  ],
  approval: [
    { keys: [], command: null, help: [["Enter"], t("keyboard.sendThePinBeginOrTryAgain")] },
    // The dialog's own: closing an approval refuses it.
    { keys: [], command: null, help: [["Esc"], t("keyboard.doNotApprove")] },
  ],
  requests: [
    {
      keys: ["ArrowLeft"],
      held: "any",
      command: "previous",
      help: [["←"], t("keyboard.previousOrNextRequest")],
    },
    {
      keys: ["ArrowRight"],
      held: "any",
      command: "next",
      help: [["→"], t("keyboard.previousOrNextRequest")],
    },
  ],
  request: [
    {
      keys: DIGITS,
      when: ({ lines }, { key }) => Number(key) <= lines,
      command: "choose",
      help: [["1", "…", "9"], t("keyboard.chooseTheDealerOnThatLine")],
    },
    { keys: ["b", "B"], command: "buy", help: [["B"], t("keyboard.buyAtTheOffer")] },
    { keys: ["s", "S"], command: "sell", help: [["S"], t("keyboard.sellAtTheBid")] },
    {
      // On a button, Enter presses the button.
      keys: ["Enter"],
      when: ({ onPanel, enterIsFresh, mayArm }) => onPanel && enterIsFresh && mayArm,
      command: "arm",
      help: [["Enter"], t("keyboard.showTheTermsAgainToConfirmThem")],
    },
    {
      keys: ["a", "A"],
      when: ({ mayApprove }, press) => mayApprove && !press.repeat,
      command: "approve",
      help: [["A"], t("keyboard.approveTheAcceptWithYourKey")],
    },
    {
      keys: ["c", "C"],
      when: ({ mayCounter }) => mayCounter,
      command: "counter",
      help: [["C"], t("keyboard.counterAskTheChosenDealerForA")],
    },
    {
      keys: ["p", "P"],
      when: ({ mayPass }) => mayPass,
      command: "pass",
      help: [["P"], t("keyboard.passOnTheChosenDealerWithA")],
    },
    {
      keys: ["Escape"],
      when: ({ armed }) => armed,
      command: "disarm",
      help: [["Esc"], t("keyboard.cancelTheTermsNothingIsTraded")],
    },
    { keys: ["Escape"], command: "forget" },
    {
      keys: ["Delete"],
      when: ({ ended }, press) => ended && !press.repeat,
      command: "dismiss",
      help: [["Del"], t("keyboard.dismissAnEndedRequest")],
    },
  ],
  ladder: [
    {
      keys: ["ArrowUp", "ArrowDown", "Home", "End"],
      when: ({ onPrice }) => onPrice,
      command: "line",
      help: [["↑", "↓", "Home", "End"], t("keyboard.fromPriceToPriceAsTheyStand")],
    },
    {
      // At an edge it does nothing: one key too many must not lead to another request.
      keys: ["ArrowLeft", "ArrowRight"],
      when: ({ onPrice, twoWay }) => onPrice && twoWay,
      command: "side",
      help: [["←", "→"], t("keyboard.onAPriceOfATwoWayRequestItsBid")],
    },
  ],
  counter: [{ keys: ["Escape"], held: "any", command: "close" }],
  confirm: [
    // A held Enter armed the terms a moment ago; it must not confirm them too.
    { keys: ["Enter"], held: "any", when: ({ enterIsFresh }) => !enterIsFresh, command: "ignore" },
    {
      keys: ["+", "="],
      when: ({ limited }) => limited,
      command: "farther",
      help: [["+", "-"], t("keyboard.termsShownLimitOneTickFarther")],
    },
    { keys: ["-", "_"], when: ({ limited }) => limited, command: "nearer" },
  ],
  tabs: [
    {
      keys: ["ArrowLeft"],
      held: "any",
      command: "previous",
      help: [["←"], t("keyboard.previousOrNextTab")],
    },
    {
      keys: ["ArrowRight"],
      held: "any",
      command: "next",
      help: [["→"], t("keyboard.previousOrNextTab")],
    },
  ],
  palette: [
    { keys: ["ArrowUp"], command: "previous", help: [["↑", "↓"], t("keyboard.chooseAnAction")] },
    { keys: ["ArrowDown"], command: "next" },
    { keys: ["Enter"], command: "run", help: [["Enter"], t("keyboard.doIt")] },
  ],
  rows: [
    {
      keys: ["ArrowUp", "ArrowDown"],
      when: ({ onTable }) => onTable,
      command: "move",
      help: [["↑", "↓"], t("keyboard.previousOrNextRow")],
    },
    {
      keys: ["PageUp", "PageDown", "Home", "End"],
      when: ({ onTable }) => onTable,
      command: "move",
      help: [["PgUp", "PgDn", "Home", "End"], t("keyboard.aPageOfRowsTheFirstTheLast")],
    },
    {
      keys: ["Enter"],
      when: ({ onTable }, press) => onTable && !press.repeat,
      command: "open",
      help: [["Enter"], t("keyboard.bestExecutionOfTheRowsRequest")],
    },
    {
      keys: ["Delete"],
      when: ({ onTable, needsPerson }, press) => onTable && needsPerson && !press.repeat,
      command: "attend",
      help: [["Del"], t("keyboard.youHaveDealtWithTheRow")],
    },
  ],
  cells: [
    {
      keys: ["ArrowUp"],
      when: ({ inCell }) => inCell,
      command: "above",
      help: [["↑", "↓"], t("keyboard.theSameColumnOfTheNextRowOrOf")],
    },
    { keys: ["ArrowDown"], when: ({ inCell }) => inCell, command: "below" },
    {
      keys: ["Enter"],
      when: ({ inCell }, press) => inCell && !press.repeat,
      command: "below",
      help: [["Enter"], t("keyboard.whatWasTypedIsCheckedTheNext")],
    },
  ],
};

/** The command that a key means in a place, or null where it means nothing there. */
export function commandFor<P extends Place>(
  place: P,
  press: Press,
  state: States[P],
): Commands[P] | null {
  const row = (TABLE[place] as Row<P>[]).find(
    (one) =>
      one.keys.includes(press.key) && holds(one.held, press) && (one.when?.(state, press) ?? true),
  );
  return row?.command ?? null;
}

function holds(held: "ctrl" | "any" | undefined, press: Press): boolean {
  return held === "any" || (!press.alt && press.ctrl === (held === "ctrl"));
}

/** The keys of a command, as Help shows them. */
export const keysOf = <P extends Place>(place: P, command: Commands[P]): string[] =>
  (TABLE[place] as Row<P>[]).find((row) => row.command === command && row.help)?.help?.[0] ?? [];

/** The rows of a place that Help shows. */
export function helpOf(place: Place): [shown: string[], words: string][] {
  const rows: [shown: string[], words: string][] = [];
  for (const { help } of TABLE[place]) if (help) rows.push(help);
  return rows;
}
