// What a trader does with terms that are shown: move their limit, take less, confirm them, or take
// them back.
//
// The desk runs commands side by side, so one may overtake the one before it. Confirm agrees to
// what is on the screen: it waits for the limit that was asked for, and never sends what was taken
// back.

import type { AcceptView, Problem } from "../bindings";
import { ANSWER_MAX_MS, ask, askInTime, type Answer, type Commands } from "../desk/backend";
import { t } from "../language/t";

/** As the desk has it. */
const TICKS_MAX = 100;
/** Confirm did nothing and may be pressed again: that is said beside it, where it moves nothing. */
const AGAIN = ["accept.too_soon", "accept.off_market"];
/** A limit that the screen does not show this long after the desk took it was moved since. */
export const SETTLED_MS = 1_000;

/** A limit that was asked for; `answeredMs` is when the desk answered to it. */
type Wanted = { accept: string; ticks: number; askedMs: number; answeredMs: number | null };

type Of = {
  commands: () => Commands;
  rfqId: () => string;
  /** The terms on the screen. */
  accept: () => AcceptView | null;
  /** Shows why a command did nothing, or that the last one was done. */
  show: (answer: { status: "ok" } | { status: "error"; error: Problem }) => void;
};

export class Agreeing {
  /** Why Confirm did nothing, if it may be pressed again. */
  again: Problem | null = $state.raw(null);
  #wanted: Wanted | null = null;
  /** The accept that is being confirmed or was sent, and the one that is being taken back. */
  #sent: { accept: string; atMs: number } | null = null;
  #takenBack: string | null = null;
  readonly #of: Of;

  constructor(of: Of) {
    this.#of = of;
  }

  /** Moves the limit by so many ticks, counted from the one that was asked for last. */
  async moveLimit(by: number) {
    const accept = this.#of.accept();
    // After Confirm it might overtake the accept, which is to leave with the limit that was read.
    if (!accept || accept.limit === null || this.#isDecided(accept.id)) return;
    const before = this.#unseen(accept);
    const ticks = (before?.ticks ?? accept.limitTicks) + by;
    if (ticks < 0 || ticks > TICKS_MAX) return;
    if (before !== null && before.answeredMs === null) {
      // It is sent as soon as the desk has answered to the one before: the last one counts.
      before.ticks = ticks;
      return;
    }
    const wanted: Wanted = { accept: accept.id, ticks, askedMs: 0, answeredMs: null };
    this.#wanted = wanted;
    const answer = await this.#send(wanted);
    // Terms that were taken back meanwhile have no limit, which is nothing to be told.
    if (this.#takenBack !== wanted.accept) this.#of.show(answer);
  }

  /**
   * Takes so much of the quote, as typed. The terms get another id with another quantity, so that
   * Confirm never sends one that was not on the screen. Answers whether the desk took it.
   */
  async takeQuantity(typed: string): Promise<boolean> {
    const accept = this.#of.accept();
    if (!accept || this.#isDecided(accept.id)) return false;
    const answer = await ask(this.#of.commands().takeQuantity(this.#of.rfqId(), typed));
    // Terms that were taken back meanwhile have no quantity, which is nothing to be told.
    if (this.#takenBack !== accept.id) this.#of.show(answer);
    return answer.status === "ok";
  }

  async #send(wanted: Wanted): Promise<Answer<null>> {
    for (;;) {
      const { ticks } = wanted;
      wanted.askedMs = performance.now();
      const answer = await ask(this.#of.commands().setLimit(this.#of.rfqId(), ticks));
      // The desk moves the limit of whatever terms it shows by then: only of these.
      const same = this.#of.accept()?.id === wanted.accept && !this.#isDecided(wanted.accept);
      const last = this.#wanted === wanted;
      if (answer.status === "ok" && same && last && wanted.ticks !== ticks) continue;
      wanted.answeredMs = performance.now();
      if (answer.status === "error" && this.#wanted === wanted) this.#wanted = null;
      return answer;
    }
  }

  /** The limit that was asked for, while the terms on the screen have another one. */
  #unseen(accept: AcceptView): Wanted | null {
    const wanted = this.#wanted;
    if (wanted === null || wanted.accept !== accept.id) return null;
    // One without an answer holds nothing up: the desk checks each itself.
    if (wanted.answeredMs === null)
      return performance.now() - wanted.askedMs > ANSWER_MAX_MS ? null : wanted;
    const shown = accept.limitTicks === wanted.ticks;
    return shown || performance.now() - wanted.answeredMs > SETTLED_MS ? null : wanted;
  }

  /** It was taken back, or confirmed and not refused. */
  #isDecided(accept: string): boolean {
    if (accept === this.#takenBack) return true;
    const sent = this.#sent;
    return sent?.accept === accept && performance.now() - sent.atMs <= ANSWER_MAX_MS;
  }

  async confirm() {
    const accept = this.#of.accept();
    if (!accept || this.#isDecided(accept.id)) return;
    if (this.#unseen(accept)) {
      this.again = MOVED;
      return;
    }
    const sent = { accept: accept.id, atMs: performance.now() };
    this.#sent = sent;
    const answer = await askInTime(this.#of.commands().accept(this.#of.rfqId(), accept.id));
    const why = answer.status === "error" ? answer.error : null;
    if (why && this.#sent === sent) this.#sent = null;
    this.again = why && AGAIN.includes(why.code) ? why : null;
    this.#of.show(this.again ? { status: "ok" } : answer);
  }

  async takeBack() {
    const id = this.#of.accept()?.id ?? null;
    this.#takenBack = id;
    const answer = await ask(this.#of.commands().disarm(this.#of.rfqId()));
    if (answer.status === "error" && this.#takenBack === id) this.#takenBack = null;
    this.#of.show(answer);
  }
}

const MOVED: Problem = {
  code: "accept.too_soon",
  message: t("rfq.theLimitThatYouMovedIsNotOn"),
  cure: t("rfq.readTheLimitThenPressConfirm"),
  field: null,
};
