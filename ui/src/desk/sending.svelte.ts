// Sends requests, one at a time. Where the program does not answer, a request may have left or not:
// another one is sent only after the trader has looked.

import type { Problem, TicketForm } from "../bindings";
import { ask, inTime, type Answer, type Commands } from "./backend";
import { t } from "../language/t";

type Of = {
  commands: () => Commands;
  /** Tells an answer that came when nobody waited for it. */
  late: (answer: Answer<string>) => void;
};

/** What a ticket comes to; undefined where nothing is to be sent. */
type Prepare = () => Promise<TicketForm | undefined>;
/** The request was sent, with this id; `late` says that its answer came after the question. */
type Sent = (id: string, late: boolean) => void;

export class Sending {
  /** The request that has no answer, until it has one or the trader has looked. */
  unknown: TicketForm | null = $state.raw(null);
  #underWay = false;
  readonly #of: Of;

  constructor(of: Of) {
    this.#of = of;
  }

  /** Sends one request. Answers why it was not sent; null where it was, or the screen says more. */
  async send(prepare: Prepare, sent: Sent): Promise<Problem | null> {
    if (this.#underWay || this.unknown !== null) return null;
    this.#underWay = true;
    try {
      const form = await inTime(prepare());
      if (form === null) return NOT_SENT;
      if (form === undefined) return null;
      const asked = ask(this.#of.commands().sendRfq(form));
      const answer = await inTime(asked);
      if (answer === null) {
        this.unknown = form;
        void asked.then((late) => this.#late(form, late, sent));
        return null;
      }
      if (answer.status === "error") return answer.error;
      sent(answer.data, false);
      return null;
    } finally {
      this.#underWay = false;
    }
  }

  /** What the trader decided meanwhile stands: an answer to that request changes nothing then. */
  #late(form: TicketForm, answer: Answer<string>, sent: Sent) {
    if (this.unknown === form) {
      this.unknown = null;
      if (answer.status === "ok") sent(answer.data, true);
    }
    this.#of.late(answer);
  }

  /** The trader has looked at the requests, and may send again. */
  looked() {
    this.unknown = null;
  }
}

/** It never came to the sending. */
const NOT_SENT: Problem = {
  code: "desk.not_sent",
  message: t("desk.theProgramHasNotAnsweredNothing"),
  cure: t("desk.sendItAgainIfThisStaysRestart"),
  field: null,
};
