// Asks the desk which instruments a text finds. The answer to an older text never replaces the
// answer to a newer one.

import type { FoundInstruments, InstrumentView } from "../bindings";
import { ask, type Commands } from "../desk/backend";

const NOTHING: FoundInstruments = { hits: [], meant: null, several: 0 };

export class Finder {
  /** The text whose answer this is. */
  text: string | null = $state(null);
  #found: FoundInstruments = $state.raw(NOTHING);
  #newest = 0;
  #asked: string | null = null;
  #waits: ((hit: InstrumentView) => void) | null = null;

  readonly #commands: () => Commands;

  constructor(commands: () => Commands) {
    this.#commands = commands;
  }

  get hits() {
    return this.#found.hits;
  }

  get meant() {
    return this.#found.meant ?? undefined;
  }

  get several() {
    return this.#found.several;
  }

  async look(text: string) {
    const mine = ++this.#newest;
    // The same text may be asked about again, as when a dealer comes or goes: an Enter that was
    // pressed for it still counts.
    if (text !== this.#asked) this.#waits = null;
    this.#asked = text;
    const got = await ask(this.#commands().findInstruments(text));
    if (mine !== this.#newest) return;
    this.#found = got.status === "ok" ? got.data : NOTHING;
    this.text = text;
    this.#answered(this.hits[0]);
  }

  #answered(first: InstrumentView | undefined) {
    if (first) this.#waits?.(first);
    this.#waits = null;
  }

  /** Calls `take` with the first hit as soon as the answer is there, unless something else is typed. */
  whenThere(take: (hit: InstrumentView) => void) {
    this.#waits = take;
  }
}
