// How wide a price column is. A price is never cut: the column has room for the longest one there
// can be of this instrument, or that any dealer has sent, and never becomes narrower again.

import type { LineView } from "../bindings";

/** Digits before the point that every column has room for, whatever was quoted yet. */
const WHOLE_DIGITS = 3;

/** Characters of the longest price of one request: so many figures wide is its column. */
export function priceChars(decimals: number, lines: LineView[], before: number): number {
  const usual = WHOLE_DIGITS + (decimals > 0 ? 1 + decimals : 0);
  const quoted = lines.flatMap((line) => [line.bid?.price, line.offer?.price]);
  return Math.max(before, usual, ...quoted.map((price) => price?.length ?? 0));
}

/** Characters of the longest size that is not the whole quantity: those are written out. */
export function sizeChars(asked: string, lines: LineView[], before: number): number {
  const sizes = lines.flatMap((line) => [line.bid?.size, line.offer?.size]);
  const partial = sizes.filter((size) => size !== undefined && size !== asked);
  return Math.max(before, "full".length, ...partial.map((size) => size?.length ?? 0));
}
