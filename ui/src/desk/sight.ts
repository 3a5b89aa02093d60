// Which requests the trader can see. Prices out of sight are brought up to date in turns, a few
// requests a second, so that they never delay those in sight. What becomes of a request out of
// sight, an outcome or its end, the desk tells at once.

import type { Behind, Frame } from "../bindings";

/** A request out of sight catches up at most this often, and this often when few are. */
export const CATCH_UP_MS = 250;

/** So many catch up within that time, one after another, the one that waited longest first. */
const TURNS = 6;

type Hidden = { since: number; caughtUpMs: number; inSight: boolean };

export class Sight {
  readonly #hidden = new Map<string, Hidden>();
  #turnMs = -Infinity;
  /** In the second window: the only request that is ever in sight; empty for none. */
  only: string | null = null;

  /** In the second window every other request stays as the page heard of it first. */
  know({ seq, rfqs, removed }: Pick<Frame, "seq" | "rfqs" | "removed">) {
    if (this.only === null) return;
    for (const { id } of rfqs) if (id !== this.only) this.set(id, false, seq);
    for (const id of removed) this.forget(id);
  }

  /** A panel came into sight or went out of it while the page had frame `seq`. */
  set(id: string, inSight: boolean, seq: number) {
    const hidden = this.#hidden.get(id);
    if (hidden) hidden.inSight = inSight;
    else if (!inSight) this.#hidden.set(id, { since: seq, caughtUpMs: -Infinity, inSight });
  }

  /** The panel is gone from the page. */
  forget(id: string) {
    this.#hidden.delete(id);
  }

  /** For the next pull: the requests that the page is behind on. */
  behind(nowMs: number): Behind[] {
    const turn = this.#turn(nowMs);
    return [...this.#hidden].map(([rfqId, hidden]) => ({
      rfqId,
      since: hidden.since,
      send: hidden.inSight || rfqId === turn,
    }));
  }

  /** The request whose turn it is: one at a time, so that no frame has much more to do than others. */
  #turn(nowMs: number): string | null {
    if (this.only !== null || nowMs - this.#turnMs < CATCH_UP_MS / TURNS) return null;
    let next: [string, Hidden] | null = null;
    for (const one of this.#hidden)
      if (!one[1].inSight && (next === null || one[1].caughtUpMs < next[1].caughtUpMs)) next = one;
    if (next === null || nowMs - next[1].caughtUpMs < CATCH_UP_MS) return null;
    this.#turnMs = nowMs;
    next[1].caughtUpMs = nowMs;
    return next[0];
  }

  /** The desk answered that pull with frame `seq`. */
  answered(behind: Behind[], seq: number) {
    for (const { rfqId, send } of behind) {
      const hidden = this.#hidden.get(rfqId);
      if (!hidden || !send) continue;
      if (hidden.inSight) this.#hidden.delete(rfqId);
      else hidden.since = seq;
    }
  }
}
