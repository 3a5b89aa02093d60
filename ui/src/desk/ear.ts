// What happens that a trader may want to hear, or to be told while another program is in front.

import type { Frame, LinkState, Sound } from "../bindings";

/** Finds the events in the frames. What a page finds when it opens is not news. */
export class Ear {
  #link: LinkState | null = null;
  #touch: string | null = null;
  readonly #quoted = new Set<string>();
  readonly #filled = new Set<string>();

  hear(frame: Frame): Sound[] {
    const quoted = this.#news(
      this.#quoted,
      frame.lines.filter((line) => line.state === "quoted").map((line) => line.rfqId),
    );
    const filled = this.#news(
      this.#filled,
      frame.rfqs.filter((rfq) => rfq.accept?.state === "filled").map((rfq) => rfq.id),
    );
    const lost = frame.session != null && this.#isLost(frame.session.state);
    const touch = frame.stepUp != null && this.#isAsked(frame.stepUp[0]?.id ?? null);
    for (const id of frame.removed) {
      this.#quoted.delete(id);
      this.#filled.delete(id);
    }
    if (frame.whole) return [];
    const bad = frame.notices.some((notice) => notice.kind === "bad");
    const heard: [boolean, Sound][] = [
      [touch, "touch"],
      [lost, "lost"],
      [bad, "bad"],
      [filled, "filled"],
      [quoted, "quote"],
    ];
    return heard.filter(([is]) => is).map(([, sound]) => sound);
  }

  #news(known: Set<string>, ids: string[]): boolean {
    const before = known.size;
    for (const id of ids) known.add(id);
    return known.size > before;
  }

  #isLost(state: LinkState): boolean {
    const lost = this.#link === "online" && (state === "reconnecting" || state === "refused");
    this.#link = state;
    return lost;
  }

  #isAsked(id: string | null): boolean {
    const asked = id !== null && id !== this.#touch;
    this.#touch = id;
    return asked;
  }
}
