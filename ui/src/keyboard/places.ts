// The places of the page where keys are heard: what decides there whether a shortcut applies, and
// the commands that each receives.

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
    /** The key was pressed now; it is not a held one, also where no display says so. */
    fresh: boolean;
  };
  panel: {
    /** The key goes to a field for text. */
    inText: boolean;
  };
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
  ladder: {
    /** A price has the keyboard. */
    onPrice: boolean;
    /** The prices of both sides are shown. */
    twoWay: boolean;
  };
  counter: Stateless;
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
type Sight = "larger" | "smaller" | "usualSize" | "nextRegion" | "previousRegion";

/** The commands that each place receives. */
export type Commands = {
  page:
    | "help"
    | "approval"
    | "closeNotice"
    | "closeBack"
    | Sight
    | "duplicate"
    | "askAgain"
    | "ignore"
    | "palette"
    | "stop"
    | "search"
    | "export"
    | "bestExecution"
    | "list"
    | "dealerLists"
    | "secondWindow";
  panel:
    "stop" | "back" | "close" | "search" | "ignore" | "help" | "larger" | "smaller" | "usualSize";
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
  ladder: "line" | "side";
  counter: "close";
  confirm: "ignore" | "farther" | "nearer";
  tabs: "previous" | "next";
  palette: "previous" | "next" | "run";
  rows: "move" | "open" | "attend";
  cells: "above" | "below";
};
