// The networks that the connection used since the window was opened.

import type { SessionView } from "../bindings";

export type Place = { name: string; fromMs: number };

const PLACES_MAX = 8;

export class Places {
  /** The latest first. */
  all: Place[] = $state.raw([]);

  note(session: SessionView | null, nowMs: number) {
    const name = session?.network?.name;
    if (!name || name === this.all[0]?.name) return;
    this.all = [{ name, fromMs: nowMs }, ...this.all].slice(0, PLACES_MAX);
  }
}
