// How large the page is drawn. Every size on it is in rem, so one factor scales them all.

export const STEPS = [0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2];
const USUAL = STEPS.indexOf(1);

export class Zoom {
  #at = $state(USUAL);

  get factor(): number {
    return STEPS[this.#at] ?? 1;
  }

  larger() {
    this.#go(this.#at + 1);
  }

  smaller() {
    this.#go(this.#at - 1);
  }

  usual() {
    this.#go(USUAL);
  }

  /** The step that is nearest. */
  set(factor: number) {
    const far = (step: number) => Math.abs(step - factor);
    this.#go(STEPS.indexOf(STEPS.reduce((a, b) => (far(b) < far(a) ? b : a))));
  }

  #go(at: number) {
    this.#at = Math.min(STEPS.length - 1, Math.max(0, at));
  }
}
