// Two hundred requests of twenty dealers that quote as often as they are told: `?fake&scene=crowd`,
// with `rate=5000` for so many new prices a second.

import type { Behind, Frame, LineView, RfqView } from "../../src/bindings";
import { q, rfq } from "./requests";

const REQUESTS = 200;
const DEALERS = 20;

const name = (i: number) => `R${String(i).padStart(3, "0")}`;

export class Crowd {
  readonly rfqs: RfqView[];
  readonly #lines: [changed: number, line: LineView][] = [];
  #seq = 1;
  #said = 0;
  readonly #began = performance.now();

  constructor(
    now: number,
    readonly rate: number,
  ) {
    this.rfqs = Array.from({ length: REQUESTS }, (_, i) =>
      rfq(name(i), now, { ask: "twoWay", expiresMs: now + 1_800_000, createdMs: now + i }),
    );
    for (let i = 0; i < REQUESTS * DEALERS; i++) this.#lines.push([1, this.#line(i, 1)]);
  }

  #line(slot: number, revision: number): LineView {
    const dealer = slot % DEALERS;
    const step = revision === 1 ? dealer : Math.floor(Math.random() * 900);
    const price = (at: number) => (1.08 + at * 0.00001).toFixed(5);
    return {
      rfqId: name(Math.floor(slot / DEALERS)),
      dealer: `DEALER${dealer}`,
      dealerName: `Dealer ${dealer + 1}`,
      state: "quoted",
      reason: null,
      quoteId: `Q-${slot}-${revision}`,
      bid: q(price(step), "5,000,000", false, `+${step % 40}`),
      offer: q(price(step + 8), "5,000,000", false, `-${step % 40}`),
      legs: [],
      validUntilMs: Date.now() + 60_000,
      bestBid: dealer === 0,
      bestOffer: dealer === 0,
      canPass: true,
      canCounter: false,
      noCounter: null,
      counter: null,
      canHit: true,
      canLift: true,
      tooLate: false,
      indicative: false,
      revision,
      rank: dealer,
    };
  }

  /** What changed since frame `since`, as the desk answers it. */
  pull(since: number, behind: Behind[]): Partial<Frame> {
    const due = Math.floor(((performance.now() - this.#began) / 1_000) * this.rate);
    if (due > this.#said) this.#seq += 1;
    for (; this.#said < due; this.#said += 1) {
      const slot = (this.#said * 7_919) % this.#lines.length;
      this.#lines[slot] = [this.#seq, this.#line(slot, this.#lines[slot]![1].revision + 1)];
    }
    const late = new Map(behind.map((one) => [one.rfqId, one]));
    const lines = this.#lines.filter(([changed, { rfqId }]) => {
      const one = late.get(rfqId);
      return one ? one.send && changed > one.since : changed > since;
    });
    return { seq: this.#seq, withheld: behind.length > 0, lines: lines.map(([, line]) => line) };
  }
}
