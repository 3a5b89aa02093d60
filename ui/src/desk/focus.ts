// Where the keyboard is, and where it goes back to when a dialog closes.

/** Where the keyboard may go, in the order of preference. */
const FIRST_STOP = "[data-region] [data-first-stop]";

export class Focus {
  #last: HTMLElement | null = null;
  #panel: string | null = null;

  /** Notes every place the keyboard goes to, outside dialogs; a place may be gone later. */
  watch(): () => void {
    const note = (event: FocusEvent) => {
      if (!(event.target instanceof HTMLElement) || event.target.closest("dialog")) return;
      this.#last = event.target;
      this.#panel = event.target.closest<HTMLElement>("[data-panel]")?.dataset.testid ?? null;
    };
    document.addEventListener("focusin", note);
    return () => document.removeEventListener("focusin", note);
  }

  /**
   * Puts the keyboard back to `before`, or to where it last was outside a dialog. A button that is
   * gone, or that does nothing now, gives way to its panel: there the number keys and Enter work.
   */
  giveBack(before: HTMLElement | null) {
    const panel = this.#panel && document.querySelector(`[data-testid="${this.#panel}"]`);
    const places = [before, this.#last, panel, document.querySelector(FIRST_STOP)];
    for (const place of places) {
      if (!(place instanceof HTMLElement) || !place.isConnected || place === document.body)
        continue;
      place.focus();
      if (document.activeElement === place) return;
    }
  }
}

/** Nobody has the keyboard, or only what is inside `element` has it. */
export function isLostOrIn(element: HTMLElement): boolean {
  const active = document.activeElement;
  return active === null || active === document.body || element.contains(active);
}

const STOPS =
  'button:not(:disabled), input:not(:disabled), select:not(:disabled), [href], [tabindex="0"]';

/** Tab goes round inside `element`. Answers whether it moved the keyboard. */
export function tabInside(element: HTMLElement, event: KeyboardEvent): boolean {
  if (event.key !== "Tab" || event.ctrlKey || event.altKey || event.metaKey) return false;
  const stops = [...element.querySelectorAll<HTMLElement>(STOPS)];
  const active = document.activeElement;
  const at = stops.findIndex((stop) => stop === active);
  const next = nextStop(at, stops.length, event.shiftKey);
  if (next === null) return false;
  stops[next]?.focus();
  return true;
}

/** Which stop Tab goes to where the browser would leave; null where it would stay inside. */
export function nextStop(at: number, count: number, backwards: boolean): number | null {
  if (count === 0) return null;
  if (backwards) return at <= 0 ? count - 1 : null;
  return at === count - 1 || at < 0 ? 0 : null;
}
