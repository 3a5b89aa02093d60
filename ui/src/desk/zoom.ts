// Everything larger or smaller: Ctrl +, Ctrl -, Ctrl 0. Every size in the page is in rem.

const STEPS = [0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2];
const USUAL = STEPS.indexOf(1);

export class Zoom {
  #at = USUAL;

  get factor(): number {
    return STEPS[this.#at] ?? 1;
  }

  /** Answers whether the key meant a zoom; with Ctrl, or Command on a Mac. */
  key(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">): boolean {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return false;
    if (event.key === "+" || event.key === "=") this.#go(this.#at + 1);
    else if (event.key === "-" || event.key === "_") this.#go(this.#at - 1);
    else if (event.key === "0") this.#go(USUAL);
    else return false;
    return true;
  }

  #go(at: number) {
    this.#at = Math.min(STEPS.length - 1, Math.max(0, at));
  }
}
