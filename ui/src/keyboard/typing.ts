// Whether the trader is using the keyboard. A dialog that a peer causes never takes the keyboard
// from a trader who types or who is about to confirm.

/** The trader counts as typing for this long after the last key in a text field. */
export const TYPING_MS = 3_000;

/** An Enter that comes this soon after the last one went up is a held one. */
export const RELEASED_MS = 150;

export type Use = {
  /** A field for text has the keyboard. */
  inText: boolean;
  /** A button that confirms terms has the keyboard. */
  confirms: boolean;
  sinceKeyMs: number;
};

export const mayTakeKeyboard = ({ inText, confirms, sinceKeyMs }: Use) =>
  !confirms && !(inText && sinceKeyMs < TYPING_MS);

/**
 * Tells a held Enter from a new one. A remote display sends no `repeat` flag: there, a held key
 * arrives as many presses, each a few milliseconds after the one before it.
 */
export class EnterKey {
  #lastMs = -Infinity;

  /** Enter goes down. Answers whether the trader pressed it now. */
  down(atMs: number, repeat: boolean): boolean {
    const fresh = !repeat && atMs - this.#lastMs >= RELEASED_MS;
    this.#lastMs = atMs;
    return fresh;
  }

  up(atMs: number) {
    this.#lastMs = atMs;
  }
}

/** Where and when something was clicked; pixels, milliseconds. */
export type Click = { x: number; y: number; ms: number };

/** So long after a click, one on the same spot repeats it. */
const REPEAT_MS = 1_500;
/** And so long after one that repeated it: an impatient hand goes on clicking. */
const AGAIN_MS = 700;
const REPEAT_PIXELS = 4;

/**
 * Tells a click that repeats another one. It was meant for the button that was there before, not
 * for the one that replaced it. A person who clicks once a second means the button that is there.
 */
export class Clicks {
  /** The one that the others repeat. */
  #first: Click = { x: 0, y: 0, ms: -Infinity };
  #lastMs = -Infinity;

  /** Answers whether this one is a repetition. */
  repeats(now: Click): boolean {
    const first = this.#first;
    const same = Math.hypot(now.x - first.x, now.y - first.y) <= REPEAT_PIXELS;
    const soon = now.ms - first.ms < REPEAT_MS || now.ms - this.#lastMs < AGAIN_MS;
    this.#lastMs = now.ms;
    if (!(same && soon)) this.#first = now;
    return same && soon;
  }
}

/** What the page knows of keys and clicks, from the events of the window. */
export class Typing {
  readonly #enter = new EnterKey();
  /** The same for the other keys, by where they lie: as many as the keyboard has. */
  readonly #keys = new Map<string, EnterKey>();
  #lastKeyMs = -Infinity;
  /** The Enter that is being handled was pressed now; it is not a held one. */
  enterIsFresh = true;
  /** The same of whichever key is being handled. */
  keyIsFresh = true;
  /** The click that is being handled repeats the one before it. */
  clickRepeats = false;
  readonly #clicks = new Clicks();

  watch(): () => void {
    const down = (event: KeyboardEvent) => {
      const now = performance.now();
      if (isText(event.target)) this.#lastKeyMs = now;
      // Another key, as Space on a button, has nothing to do with an Enter that was held before.
      this.enterIsFresh = event.key !== "Enter" || this.#enter.down(now, event.repeat);
      const key = placeOf(event);
      const known = this.#keys.get(key) ?? new EnterKey();
      this.#keys.set(key, known);
      this.keyIsFresh = known.down(now, event.repeat);
    };
    const up = (event: KeyboardEvent) => {
      if (event.key === "Enter") this.#enter.up(performance.now());
      this.#keys.get(placeOf(event))?.up(performance.now());
    };
    const click = (event: MouseEvent) => {
      const now = { x: event.clientX, y: event.clientY, ms: performance.now() };
      // `detail` is 0 where a key pressed the button.
      const pointed = event.detail > 0;
      this.clickRepeats = pointed && this.#clicks.repeats(now);
      if (!pointed) return;
      // An Enter that was held before has nothing to do with this click.
      this.enterIsFresh = true;
      this.keyIsFresh = true;
    };
    // Before any handler of a component.
    window.addEventListener("click", click, true);
    window.addEventListener("keydown", down, true);
    window.addEventListener("keyup", up, true);
    return () => {
      window.removeEventListener("click", click, true);
      window.removeEventListener("keydown", down, true);
      window.removeEventListener("keyup", up, true);
    };
  }

  mayTakeKeyboard(): boolean {
    const active = document.activeElement;
    return mayTakeKeyboard({
      inText: isText(active),
      confirms: active instanceof HTMLElement && active.dataset.confirms !== undefined,
      sinceKeyMs: performance.now() - this.#lastKeyMs,
    });
  }
}

/** A virtual keyboard says no place; what its keys write is all there is. */
const placeOf = (event: KeyboardEvent) => event.code || event.key.toLowerCase();

export const isText = (target: EventTarget | null): boolean =>
  target instanceof HTMLTextAreaElement ||
  (target instanceof HTMLInputElement && ["text", "password", "date"].includes(target.type));
