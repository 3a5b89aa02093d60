// What can be done on the screen now, for the palette: each part of the page offers its actions while
// it is there.

export type Action = {
  id: string;
  words: string;
  /** The keys that do the same, as Help shows them. */
  keys: string[];
  /** Why it cannot be done now. */
  not?: string;
  run: () => void;
};

/** The actions of a panel are offered under its test id; all others belong to the whole page. */
const PANEL = "rfq-panel-";

export class Actions {
  readonly #offers = new Map<string, () => Action[]>();

  /** Offers actions until the returned function is called; they are asked for when they are shown. */
  offer(part: string, actions: () => Action[]): () => void {
    this.#offers.set(part, actions);
    return () => {
      if (this.#offers.get(part) === actions) this.#offers.delete(part);
    };
  }

  /** Those of the panel that has the keyboard, then those of the page. */
  of(panel: string | null): Action[] {
    const page = [...this.#offers.keys()].filter((part) => !part.startsWith(PANEL));
    const parts = panel === null ? page : [panel, ...page];
    return parts.flatMap((part) => this.#offers.get(part)?.() ?? []);
  }
}

/**
 * The actions that a text means, best first: every word of it begins a word of the action. What
 * cannot be done now stands below what can.
 */
export function matching(actions: Action[], text: string): Action[] {
  const wanted = words(text);
  const fits = (action: Action) => {
    const has = [...words(action.words), ...words(action.keys.join(" "))];
    return wanted.every((word) => has.some((one) => one.startsWith(word)));
  };
  const found = actions.filter(fits);
  return [...found.filter((one) => !one.not), ...found.filter((one) => one.not)];
}

const words = (text: string) =>
  text
    .toLowerCase()
    .split(/[^\p{L}\p{N}.+-]+/u)
    .filter(Boolean);
