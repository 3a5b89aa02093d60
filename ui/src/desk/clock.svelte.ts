// The time on the clock of the gateway. Every "time left" on the screen runs on it, never on the
// clock of the laptop, which may be wrong.

const TICK_MS = 200;
/** So far the laptop's clock goes ahead of the page's in one tick where the laptop has slept. */
const SLEPT_MS = 500;

export class GatewayClock {
  /** Follows the gateway's clock in steps small enough for a countdown. */
  nowMs = $state(0);
  /** The laptop slept, and no frame has said since what time it is: what is shown may be over. */
  lost = $state(false);
  /** Called when it is lost: the next frame is wanted at once. */
  onlost: () => void = () => {};
  #ahead = 0;
  /** How far the laptop's clock was ahead of the page's at the last look. */
  #apart = NaN;
  readonly #monotonic: () => number;
  readonly #wall: () => number;

  constructor(
    monotonic: () => number = () => performance.now(),
    wall: () => number = () => Date.now(),
  ) {
    this.#monotonic = monotonic;
    this.#wall = wall;
  }

  set(gatewayNowMs: number) {
    const monotonic = this.#monotonic();
    this.#ahead = gatewayNowMs - monotonic;
    this.#apart = this.#wall() - monotonic;
    if (this.lost) this.lost = false;
    this.#show();
  }

  tick() {
    // On some systems the page's clock stands still while the laptop sleeps; the laptop's goes on.
    const apart = this.#wall() - this.#monotonic();
    if (apart - this.#apart > SLEPT_MS) {
      this.lost = true;
      this.onlost();
    }
    this.#apart = apart;
    this.#show();
  }

  #show() {
    const now = this.#ahead + this.#monotonic();
    // A frame that is a few milliseconds late must not redraw every countdown or run it backwards.
    if (Math.abs(now - this.nowMs) >= TICK_MS / 2) this.nowMs = now;
  }

  run(): () => void {
    const timer = setInterval(() => this.tick(), TICK_MS);
    return () => clearInterval(timer);
  }
}
