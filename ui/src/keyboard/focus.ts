// Where the keyboard is, and where it returns to when a dialog closes.

/**
 * Marks the element that gets the keyboard first in a region or a dialog, unless it is disabled.
 */
const FIRST_STOP = "[data-first-stop]:not(:disabled)";

export class Focus {
  #last: HTMLElement | null = null;
  #panel: string | null = null;

  /** Notes every element that gets the keyboard outside a dialog; it may be gone later. */
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
   * The element that had the keyboard last outside a dialog is gone or disabled, and none has it.
   */
  get lost(): boolean {
    const last = this.#last;
    const active = document.activeElement;
    const none = active === null || active === document.body || active === last;
    return none && last !== null && (!last.isConnected || last.matches(":disabled"));
  }

  /** The panel that had the keyboard last outside a dialog, by its test id. */
  get panel(): string | null {
    return this.#panel;
  }

  /**
   * Returns the keyboard to `before`, or to the last element that had it outside a dialog. Where
   * that button is gone or disabled, its panel gets the keyboard: the number keys and Enter work
   * there. The first stop of the screen is the last resort.
   */
  giveBack(before: HTMLElement | null) {
    const panel = this.#panel && document.querySelector(`[data-testid="${this.#panel}"]`);
    const first = document.querySelector(`[data-region] ${FIRST_STOP}`);
    for (const place of [before, this.#last, panel, first]) {
      if (!(place instanceof HTMLElement) || !place.isConnected || place === document.body)
        continue;
      place.focus();
      if (document.activeElement === place) return;
    }
  }
}

/** No element has the keyboard, or one inside `element` has it. */
export function isLostOrIn(element: HTMLElement): boolean {
  const active = document.activeElement;
  return active === null || active === document.body || element.contains(active);
}

/** No element has the keyboard, or one that cannot use it. */
export function nobodyHasIt(): boolean {
  const active = document.activeElement;
  return active === null || active === document.body || active.matches(":disabled");
}

/** Moves the keyboard to the first stop inside `element`, or to `element` itself. */
export function focusFirst(element: HTMLElement | null) {
  (element?.querySelector<HTMLElement>(FIRST_STOP) ?? element)?.focus();
}

export const regionOf = (name: string) =>
  document.querySelector<HTMLElement>(`[data-region="${name}"]`);

/** Moves the keyboard to the next of the named regions that are on the screen. */
export function focusRegion(names: string[], backwards: boolean) {
  const shown = names.filter(regionOf);
  const here = document.activeElement?.closest<HTMLElement>("[data-region]")?.dataset.region ?? "";
  const step = backwards ? shown.length - 1 : 1;
  const next = shown[(shown.indexOf(here) + step + shown.length) % shown.length];
  if (next !== undefined) focusFirst(regionOf(next));
}

const STOPS =
  'button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea, summary, [href], [tabindex="0"]';

/** Neither hidden nor in a part that is folded in, where it cannot have the keyboard. */
function isShown(stop: HTMLElement): boolean {
  if (stop.closest("[hidden]")) return false;
  const folded = stop.closest("details:not([open])");
  return folded === null || stop.closest("summary")?.parentElement === folded;
}

/**
 * Keeps Tab inside `element`. Answers whether it moved the keyboard; otherwise the browser does.
 */
export function stepInside(element: HTMLElement, backwards: boolean): boolean {
  const stops = [...element.querySelectorAll<HTMLElement>(STOPS)].filter(isShown);
  if (stops.length === 0) {
    element.focus();
    return true;
  }
  const at = stops.findIndex((stop) => stop === document.activeElement);
  const next = nextStop(at, stops.length, backwards);
  if (next === null) return false;
  stops[next]?.focus();
  return true;
}

/**
 * The stop to which Tab goes where the browser would leave the element; null where it stays inside.
 */
export function nextStop(at: number, count: number, backwards: boolean): number | null {
  if (count === 0) return null;
  if (backwards) return at <= 0 ? count - 1 : null;
  return at === count - 1 || at < 0 ? 0 : null;
}
