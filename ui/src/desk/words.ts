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
import { t } from "../language/t";

export type Label = { text: string; shape: Shape; tone: Tone };

export const LINK: Record<LinkState, Label> = {
  offline: { text: t("desk.offline"), shape: "ring", tone: "plain" },
  waitingForKeychain: { text: t("desk.waitingForKeychain"), shape: "wait", tone: "warn" },
  connecting: { text: t("desk.connecting"), shape: "half", tone: "warn" },
  loggingOn: { text: t("desk.loggingOn"), shape: "half", tone: "warn" },
  restoring: { text: t("desk.restoring"), shape: "half", tone: "warn" },
  online: { text: t("desk.online"), shape: "dot", tone: "good" },
  reconnecting: { text: t("desk.reconnecting"), shape: "turn", tone: "warn" },
  refused: { text: t("desk.refused"), shape: "cross", tone: "bad" },
};

export const RFQ: Record<RfqState, Label> = {
  sent: { text: t("desk.sent"), shape: "half", tone: "plain" },
  open: { text: t("desk.open"), shape: "dot", tone: "plain" },
  done: { text: t("desk.done"), shape: "tick", tone: "good" },
  expired: { text: t("desk.expired"), shape: "ring", tone: "warn" },
  cancelled: { text: t("desk.endedByYou"), shape: "ring", tone: "plain" },
  refused: { text: t("desk.refused"), shape: "cross", tone: "bad" },
  nothingDone: { text: t("desk.nothingDone"), shape: "ring", tone: "plain" },
  takenOver: { text: t("desk.takenOver"), shape: "turn", tone: "warn" },
};

export const LINE: Record<LineState, string> = {
  asked: t("desk.asked"),
  quoted: t("desk.quoted"),
  withdrawn: t("desk.withdrawn"),
  unreachable: t("desk.notReachable"),
  notRepeated: t("desk.notQuotedAnyLonger"),
  expired: t("desk.expired"),
  passed: t("desk.passed"),
  rejected: t("desk.rejected"),
  turnedDown: t("desk.passedByYou"),
  traded: t("desk.traded"),
  countered: t("desk.counterSent"),
  counterOver: t("desk.declinedByYourCounter"),
};

/** How a counter stands, in a few words; while it is on its way the time left follows. */
export const COUNTER: Record<CounterState, string> = {
  sent: t("desk.counterSent"),
  improved: t("desk.improved"),
  heldFirm: t("desk.heldFirm"),
  refused: t("desk.counterRefused"),
  unanswered: t("desk.noAnswerToTheCounter"),
  dropped: t("desk.counterDropped"),
  notSent: t("desk.counterNotSent"),
};

export const ACCEPT: Record<AcceptState, Label> = {
  armed: { text: t("desk.confirm"), shape: "dot", tone: "plain" },
  disarmed: { text: t("desk.notSent"), shape: "cross", tone: "warn" },
  stepUp: { text: t("desk.waitingForApproval"), shape: "wait", tone: "warn" },
  sent: { text: t("desk.sent"), shape: "half", tone: "plain" },
  lastLook: { text: t("desk.lastLook"), shape: "half", tone: "warn" },
  filled: { text: t("desk.filled"), shape: "tick", tone: "good" },
  partlyFilled: { text: t("desk.partlyFilled"), shape: "tick", tone: "warn" },
  corrected: { text: t("desk.tradeCorrected"), shape: "question", tone: "warn" },
  busted: { text: t("desk.tradeCancelled"), shape: "cross", tone: "bad" },
  declined: { text: t("desk.declined"), shape: "cross", tone: "bad" },
  disputed: { text: t("desk.disputed"), shape: "question", tone: "bad" },
  unknown: { text: t("desk.outcomeUnknown"), shape: "question", tone: "bad" },
};

/** Where the accept is, in the place of the time left; empty where it is nowhere. */
export const ON_ITS_WAY: Partial<Record<AcceptState, string>> = {
  stepUp: t("desk.approval"),
  sent: t("desk.sentWithin"),
  lastLook: t("desk.lastLookWithin"),
  unknown: t("desk.unknown"),
};

export const NOTICE: Record<NoticeKind, Pick<Label, "shape" | "tone">> = {
  good: { shape: "tick", tone: "good" },
  plain: { shape: "ring", tone: "plain" },
  bad: { shape: "cross", tone: "bad" },
};

export const ENROL: Record<EnrolPhase, string> = {
  idle: "",
  makingKey: t("desk.makingTheKeyTheKeychainOrThe"),
  asking: t("desk.askingForTheCertificate"),
  storing: t("desk.storingTheCertificate"),
  done: "",
  failed: "",
};

export const PIN_TRIES: Record<PinTries, string> = {
  full: "",
  low: t("desk.anEarlierPinWasWrongTooMany"),
  last: t("desk.oneMoreWrongPinLocksTheToken"),
  locked: t("desk.theTokenIsLockedYour"),
};

const TITLE: Record<StepUpKind, string> = {
  session: t("desk.verifyThatItIsYou"),
  request: t("desk.approveThisRequest"),
  accept: t("desk.approveThisTrade"),
  ahead: t("desk.approveATradeAhead"),
  registerKey: t("desk.approveAnotherSecurityKey"),
  newKey: t("desk.registerASecurityKey"),
};

const PHASE: Record<StepUpPhase, Label> = {
  ready: { text: t("desk.readTheTermsNothingIsApproved"), shape: "dot", tone: "plain" },
  queued: { text: t("desk.oneMoment"), shape: "wait", tone: "plain" },
  insert: { text: t("desk.insertYourSecurityKey"), shape: "ring", tone: "warn" },
  chooseByTouch: { text: t("desk.touchTheKeyYouWantToUse"), shape: "dot", tone: "warn" },
  pin: { text: t("desk.typeThePinOfYourSecurityKey"), shape: "dot", tone: "plain" },
  touch: { text: t("desk.touchYourKeyNow"), shape: "dot", tone: "warn" },
  verifying: { text: t("desk.oneMomentWaitingForYourKey"), shape: "wait", tone: "plain" },
  checking: { text: t("desk.signedTheGatewayChecksIt"), shape: "half", tone: "plain" },
  failed: { text: t("desk.notApproved"), shape: "cross", tone: "bad" },
  linkLost: {
    text: t("desk.theConnectionWasLostTheDesk"),
    shape: "turn",
    tone: "warn",
  },
};

export const STEP_UP = { title: TITLE, phase: PHASE };

export const HOLDER: Record<Holder, string> = {
  keychain: t("desk.theKeychainOfThisComputer"),
  token: t("desk.aSmartCardOrSecurityKey"),
};

export const ASK: Record<Ask, string> = {
  buy: t("desk.buy"),
  sell: t("desk.sell"),
  twoWay: t("desk.twoWay"),
};

export const VERB: Record<Side, string> = { buy: t("desk.buy"), sell: t("desk.sell") };
/** The same inside a sentence. */
export const VERB_WITHIN: Record<Side, string> = {
  buy: t("desk.buyWithin"),
  sell: t("desk.sellWithin"),
};

/** The side of a quote that is traded on. */
export const QUOTED: Record<Side, string> = { buy: t("desk.offer"), sell: t("desk.bid") };

/** The accept was sent and its outcome is not known yet. */
export const awaitsAnswer = (state: AcceptState) =>
  ["stepUp", "sent", "lastLook", "unknown"].includes(state);

export const isOpen = (state: RfqState) => state === "sent" || state === "open";

/** Where a limit lies for a side: a buyer pays more up to a price, and down to a yield. */
export const worseWay = (side: Ask, of: PriceType): "up" | "down" =>
  (side === "buy") === (of === "price") ? "up" : "down";

export const WAY: Record<"up" | "down", string> = { up: t("desk.up"), down: t("desk.down") };

/** The kind of a number inside a sentence. */
export const NUMBER: Record<PriceType, string> = {
  price: t("desk.price"),
  yield: t("desk.yield"),
  spread: t("desk.spread"),
  margin: t("desk.discountMargin"),
};

/** What stands behind a number where no heading says what it is; a price stands alone. */
export const UNIT: Record<PriceType, string> = {
  price: "",
  yield: " %",
  spread: t("desk.bp"),
  margin: t("desk.bpMargin"),
};
