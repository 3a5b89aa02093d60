// Type-ahead over instruments.

import type { InstrumentView } from "../bindings";

const SHOWN_MAX = 8;

/** The instruments that hold every typed word, the likeliest first. */
export function matching(instruments: InstrumentView[], typed: string): InstrumentView[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return instruments
    .map((instrument) => ({ instrument, score: score(instrument, words) }))
    .filter((hit) => hit.score >= 0)
    .sort((a, b) => a.score - b.score || a.instrument.symbol.localeCompare(b.instrument.symbol))
    .slice(0, SHOWN_MAX)
    .map((hit) => hit.instrument);
}

/** The one instrument whose ISIN or symbol is exactly what was typed. */
export function named(instruments: InstrumentView[], typed: string): InstrumentView | undefined {
  const wanted = typed.trim().toLowerCase();
  return instruments.find(
    (i) => i.id.toLowerCase() === wanted || i.symbol.toLowerCase() === wanted,
  );
}

/** Lower is likelier; -1 when a word is nowhere. */
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
  if (at < 0) return NOWHERE;
  if (at === 0) return 0;
  return /[\s/]/.test(field[at - 1] ?? "") ? 3 : 10;
}
