// The words for the states that the desk sends. No state is shown by colour alone.

import type {
  AcceptState,
  Ask,
  CounterState,
  EnrolPhase,
  Holder,
  PinTries,
  LineState,
  LinkState,
  NoticeKind,
  PriceType,
  RfqState,
  Side,
  StepUpKind,
  StepUpPhase,
} from "../bindings";
import type { Shape, Tone } from "../parts/mark";

export type Label = { text: string; shape: Shape; tone: Tone };

export const LINK: Record<LinkState, Label> = {
  offline: { text: "Offline", shape: "ring", tone: "plain" },
  waitingForKeychain: { text: "Waiting for keychain", shape: "wait", tone: "warn" },
  connecting: { text: "Connecting", shape: "half", tone: "warn" },
  loggingOn: { text: "Logging on", shape: "half", tone: "warn" },
  restoring: { text: "Restoring", shape: "half", tone: "warn" },
  online: { text: "Online", shape: "dot", tone: "good" },
  reconnecting: { text: "Reconnecting", shape: "turn", tone: "warn" },
  refused: { text: "Refused", shape: "cross", tone: "bad" },
};

export const RFQ: Record<RfqState, Label> = {
  sent: { text: "Sent", shape: "half", tone: "plain" },
  open: { text: "Open", shape: "dot", tone: "plain" },
  done: { text: "Done", shape: "tick", tone: "good" },
  expired: { text: "Expired", shape: "ring", tone: "warn" },
  cancelled: { text: "Ended by you", shape: "ring", tone: "plain" },
  refused: { text: "Refused", shape: "cross", tone: "bad" },
  nothingDone: { text: "Nothing done", shape: "ring", tone: "plain" },
  takenOver: { text: "Taken over", shape: "turn", tone: "warn" },
};

export const LINE: Record<LineState, string> = {
  asked: "Asked",
  quoted: "Quoted",
  withdrawn: "Withdrawn",
  unreachable: "Not reachable",
  notRepeated: "Not quoted any longer",
  expired: "Expired",
  passed: "Passed",
  rejected: "Rejected",
  turnedDown: "Passed by you",
  traded: "Traded",
  countered: "Counter sent",
  counterOver: "Declined by your counter",
};

/** How a counter stands, in a few words; while it is on its way the time left follows. */
export const COUNTER: Record<CounterState, string> = {
  sent: "Counter sent",
  improved: "Improved",
  heldFirm: "Held firm",
  refused: "Counter refused",
  unanswered: "No answer to the counter",
  dropped: "Counter dropped",
  notSent: "Counter not sent",
};

export const ACCEPT: Record<AcceptState, Label> = {
  armed: { text: "Confirm", shape: "dot", tone: "plain" },
  disarmed: { text: "Not sent", shape: "cross", tone: "warn" },
  stepUp: { text: "Waiting for approval", shape: "wait", tone: "warn" },
  sent: { text: "Sent", shape: "half", tone: "plain" },
  lastLook: { text: "Last look", shape: "half", tone: "warn" },
  filled: { text: "Filled", shape: "tick", tone: "good" },
  partlyFilled: { text: "Partly filled", shape: "tick", tone: "warn" },
  corrected: { text: "Trade corrected", shape: "question", tone: "warn" },
  busted: { text: "Trade cancelled", shape: "cross", tone: "bad" },
  declined: { text: "Declined", shape: "cross", tone: "bad" },
  disputed: { text: "Disputed", shape: "question", tone: "bad" },
  unknown: { text: "Outcome unknown", shape: "question", tone: "bad" },
};

/** Where the accept is, in the place of the time left; empty where it is nowhere. */
export const ON_ITS_WAY: Partial<Record<AcceptState, string>> = {
  stepUp: "approval",
  sent: "sent",
  lastLook: "last look",
  unknown: "unknown",
};

export const NOTICE: Record<NoticeKind, Pick<Label, "shape" | "tone">> = {
  good: { shape: "tick", tone: "good" },
  plain: { shape: "ring", tone: "plain" },
  bad: { shape: "cross", tone: "bad" },
};

export const ENROL: Record<EnrolPhase, string> = {
  idle: "",
  makingKey: "Making the key. The keychain or the token may be asking you to unlock it…",
  asking: "Asking for the certificate…",
  storing: "Storing the certificate…",
  done: "",
  failed: "",
};

export const PIN_TRIES: Record<PinTries, string> = {
  full: "",
  low: "An earlier PIN was wrong. Too many wrong PINs lock the token.",
  last: "One more wrong PIN locks the token.",
  locked: "The token is locked. Your administrator can unlock it.",
};

const TITLE: Record<StepUpKind, string> = {
  session: "Verify that it is you",
  request: "Approve this request",
  accept: "Approve this trade",
  ahead: "Approve a trade ahead",
  registerKey: "Approve another security key",
  newKey: "Register a security key",
};

const PHASE: Record<StepUpPhase, Label> = {
  ready: { text: "Read the terms. Nothing is approved yet.", shape: "dot", tone: "plain" },
  queued: { text: "One moment…", shape: "wait", tone: "plain" },
  insert: { text: "Insert your security key", shape: "ring", tone: "warn" },
  chooseByTouch: { text: "Touch the key you want to use", shape: "dot", tone: "warn" },
  pin: { text: "Type the PIN of your security key", shape: "dot", tone: "plain" },
  touch: { text: "Touch your key now", shape: "dot", tone: "warn" },
  verifying: { text: "One moment: waiting for your key…", shape: "wait", tone: "plain" },
  checking: { text: "Signed. The gateway checks it…", shape: "half", tone: "plain" },
  failed: { text: "Not approved", shape: "cross", tone: "bad" },
  linkLost: {
    text: "The connection was lost. The desk asks again when it is back.",
    shape: "turn",
    tone: "warn",
  },
};

export const STEP_UP = { title: TITLE, phase: PHASE };

export const HOLDER: Record<Holder, string> = {
  keychain: "the keychain of this computer",
  token: "a smart card or security key",
};

export const ASK: Record<Ask, string> = { buy: "Buy", sell: "Sell", twoWay: "Two-way" };

export const VERB: Record<Side, string> = { buy: "Buy", sell: "Sell" };

/** The accept was sent and its outcome is not known yet. */
export const awaitsAnswer = (state: AcceptState) =>
  ["stepUp", "sent", "lastLook", "unknown"].includes(state);

export const isOpen = (state: RfqState) => state === "sent" || state === "open";

/** Where a limit lies for a side: a buyer pays more up to a price, and down to a yield. */
export const worseWay = (side: Ask, of: PriceType): "up" | "down" =>
  (side === "buy") === (of === "price") ? "up" : "down";

/** What stands behind a number where no heading says what it is; a price stands alone. */
export const UNIT: Record<PriceType, string> = { price: "", yield: " %", spread: " bp" };
