// The time on the clock of the gateway. Every "time left" on the screen runs on it, never on the
// clock of the laptop, which may be wrong.

const TICK_MS = 200;

export class GatewayClock {
  /** Follows the gateway's clock in steps small enough for a countdown. */
  nowMs = $state(0);
  #ahead = 0;
  readonly #monotonic: () => number;

  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic;
  }

  set(gatewayNowMs: number) {
    this.#ahead = gatewayNowMs - this.#monotonic();
    this.tick();
  }

  tick() {
    const now = this.#ahead + this.#monotonic();
    // A frame that is a few milliseconds late must not redraw every countdown or run it backwards.
    if (Math.abs(now - this.nowMs) >= TICK_MS / 2) this.nowMs = now;
  }

  run(): () => void {
    const timer = setInterval(() => this.tick(), TICK_MS);
    return () => clearInterval(timer);
  }
}
