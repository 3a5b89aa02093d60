// The width of a price column. A price is never cut: the column has room for the longest price that
// the instrument can have or that a dealer has sent, and it never becomes narrower.

import type { LineView } from "../bindings";
import { t } from "../language/t";

/** Every column has room for this many digits before the point. */
const WHOLE_DIGITS = 3;

/** Characters of the longest price of one request; the column is that many figures wide. */
export function priceChars(decimals: number, lines: LineView[], before: number): number {
  const usual = WHOLE_DIGITS + (decimals > 0 ? 1 + decimals : 0);
  const quoted = lines.flatMap((line) => [line.bid?.price, line.offer?.price]);
  return Math.max(before, usual, ...quoted.map((price) => price?.length ?? 0));
}

/** A character of the words under a size is that much of a figure of the size itself. */
const WORDS = 0.62;

/** Characters of the longest size; the whole quantity is shown as a word. */
export function sizeChars(asked: string, lines: LineView[], before: number): number {
  const sizes = lines.flatMap((line) => [line.bid?.size, line.offer?.size]);
  const partial = sizes.filter((size) => size !== undefined && size !== asked);
  // Room for the words from the first price for less on: they come and go with others' prices.
  const words = partial.length > 0 ? Math.ceil(WORDS * t("rfq.betterForLess").length) : 0;
  return Math.max(before, t("rfq.full").length, words, ...partial.map((size) => size?.length ?? 0));
}
