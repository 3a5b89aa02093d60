// Which requests the trader can see. Panels out of sight are brought up to date a few times a
// second instead of on every frame, so that they never delay the prices in sight.

import type { Behind, Frame } from "../bindings";

/** The page is at most this far behind on a request out of sight. */
export const CATCH_UP_MS = 250;

/** This many requests out of sight catch up with one pull, the one that waited longest first. */
const AT_ONCE = 6;

type Hidden = { since: number; caughtUpMs: number; inSight: boolean };

export class Sight {
  readonly #hidden = new Map<string, Hidden>();
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
    else if (!inSight) this.#hidden.set(id, { since: seq, caughtUpMs: 0, inSight });
  }

  /** The panel is gone from the page. */
  forget(id: string) {
    this.#hidden.delete(id);
  }

  /** For the next pull: the requests that the page is behind on. */
  behind(nowMs: number): Behind[] {
    const due = [...this.#hidden]
      .filter(([, hidden]) => this.only === null && nowMs - hidden.caughtUpMs >= CATCH_UP_MS)
      .sort(([, a], [, b]) => a.caughtUpMs - b.caughtUpMs)
      .slice(0, AT_ONCE);
    for (const [, hidden] of due) hidden.caughtUpMs = nowMs;
    const turn = new Set(due.map(([id]) => id));
    return [...this.#hidden].map(([rfqId, hidden]) => ({
      rfqId,
      since: hidden.since,
      send: hidden.inSight || turn.has(rfqId),
    }));
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
