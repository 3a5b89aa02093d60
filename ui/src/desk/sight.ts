// Which requests the trader can see. Panels out of sight are brought up to date a few times a second
// instead of on every frame, so that the prices in sight are never late for their sake.

import type { Behind } from "../bindings";

/** How old what the page knows of a request out of sight may become. */
export const CATCH_UP_MS = 250;

/** So many requests out of sight catch up with one pull, the longest waiting first. */
const AT_ONCE = 6;

type Hidden = { since: number; caughtUpMs: number; inSight: boolean };

export class Sight {
  readonly #hidden = new Map<string, Hidden>();

  /** A panel came into sight or left it, while the page had frame `seq`. */
  set(id: string, inSight: boolean, seq: number) {
    const hidden = this.#hidden.get(id);
    if (hidden) hidden.inSight = inSight;
    else if (!inSight) this.#hidden.set(id, { since: seq, caughtUpMs: 0, inSight });
  }

  /** The panel is gone from the page. */
  forget(id: string) {
    this.#hidden.delete(id);
  }

  /** What the next pull says of the requests that are not kept up with. */
  behind(nowMs: number): Behind[] {
    const due = [...this.#hidden]
      .filter(([, hidden]) => nowMs - hidden.caughtUpMs >= CATCH_UP_MS)
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

  /** That pull was answered with frame `seq`. */
  answered(behind: Behind[], seq: number) {
    for (const { rfqId, send } of behind) {
      const hidden = this.#hidden.get(rfqId);
      if (!hidden || !send) continue;
      if (hidden.inSight) this.#hidden.delete(rfqId);
      else hidden.since = seq;
    }
  }
}
