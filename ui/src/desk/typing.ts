// Whether the trader is in the middle of something with the keyboard. A dialog that a peer causes
// never takes the keyboard from somebody who types, or who is about to confirm.

/** So long after the last key in a text field the trader counts as typing. */
export const TYPING_MS = 3_000;

/** An Enter that comes so soon after the last one went up was never let go of. */
export const RELEASED_MS = 150;

export type Keyboard = {
  /** The keyboard is in a field where letters go. */
  inText: boolean;
  /** The keyboard is on a button that confirms terms. */
  confirms: boolean;
  sinceKeyMs: number;
};

export const mayTakeKeyboard = ({ inText, confirms, sinceKeyMs }: Keyboard) =>
  !confirms && !(inText && sinceKeyMs < TYPING_MS);

/**
 * Tells a held Enter from a new one. The `repeat` flag is missing over a remote display, where a
 * held key arrives as many: each goes up and down again within milliseconds.
 */
export class EnterKey {
  #lastMs = -Infinity;

  /** Enter goes down. Answers whether a person pressed it now. */
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

/**
 * The click of an impatient hand that did not move: it was meant for what stood there before, and not
 * for the button that has come in its place.
 */
export const isRepeat = (before: Click, now: Click) =>
  now.ms - before.ms < REPEAT_MS && Math.hypot(now.x - before.x, now.y - before.y) <= REPEAT_PIXELS;

const REPEAT_MS = 1_500;
const REPEAT_PIXELS = 4;

/** What the page knows of the keyboard and the mouse, from the events of the window. */
export class Typing {
  readonly #enter = new EnterKey();
  #lastKeyMs = -Infinity;
  /** The Enter that is being handled was pressed now, and is not a held one. */
  enterIsFresh = true;
  /** The click that is being handled repeats the one before it. */
  clickRepeats = false;
  #lastClick: Click = { x: 0, y: 0, ms: -Infinity };

  watch(): () => void {
    const down = (event: KeyboardEvent) => {
      const now = performance.now();
      if (isText(event.target)) this.#lastKeyMs = now;
      if (event.key === "Enter") this.enterIsFresh = this.#enter.down(now, event.repeat);
    };
    const up = (event: KeyboardEvent) => {
      if (event.key === "Enter") this.#enter.up(performance.now());
    };
    const click = (event: MouseEvent) => {
      const now = { x: event.clientX, y: event.clientY, ms: performance.now() };
      // A key that presses a button is no click of the mouse.
      this.clickRepeats = event.detail > 0 && isRepeat(this.#lastClick, now);
      if (event.detail > 0) this.#lastClick = now;
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

const isText = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement && ["text", "password", "date"].includes(target.type);
