// Type-ahead over instruments. A name finds an instrument; the request names it by its id.

import type { InstrumentView } from "../bindings";

const SHOWN_MAX = 8;

/** The instruments that hold every typed word, the likeliest first. */
export function matching(instruments: InstrumentView[], typed: string): InstrumentView[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return instruments
    .map((instrument) => ({ instrument, score: score(instrument, words) }))
    .filter((hit) => hit.score >= 0)
    .sort((a, b) => a.score - b.score || order(a.instrument, b.instrument))
    .slice(0, SHOWN_MAX)
    .map((hit) => hit.instrument);
}

/** By name, then by id, so that the order is always the same. */
const order = (a: InstrumentView, b: InstrumentView) =>
  a.symbol.localeCompare(b.symbol) || (a.id < b.id ? -1 : 1);

/**
 * The instrument that the text means: by its id, or by a name that no other instrument has.
 * Spaces and slashes do not matter: `eurusd` is EUR/USD.
 */
export function meant(instruments: InstrumentView[], typed: string): Meant {
  const wanted = squeezed(typed);
  if (wanted === "") return { instrument: undefined, several: 0 };
  const byId = instruments.filter((i) => squeezed(i.id) === wanted);
  const found = byId.length > 0 ? byId : instruments.filter((i) => squeezed(i.symbol) === wanted);
  return { instrument: found.length === 1 ? found[0] : undefined, several: found.length };
}

export type Meant = { instrument: InstrumentView | undefined; several: number };

/** Lower is likelier; -1 when a word is in no field. */
function score(instrument: InstrumentView, words: string[]): number {
  const fields = [instrument.symbol, instrument.id, instrument.name].map((f) => f.toLowerCase());
  let total = 0;
  for (const word of words) {
    const best = Math.min(...fields.map((field, weight) => place(field, word) + weight));
    if (best >= NOWHERE) return -1;
    total += best;
  }
  return total;
}

const NOWHERE = 100;

function place(field: string, word: string): number {
  const at = field.indexOf(word);
  if (at === 0) return 0;
  if (at > 0) return /[\s/]/.test(field[at - 1] ?? "") ? 3 : 10;
  const plain = squeezed(word);
  return plain !== "" && squeezed(field).includes(plain) ? 12 : NOWHERE;
}

/** Letters, digits and the point of a coupon, without what separates them. */
const squeezed = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}.]/gu, "");
