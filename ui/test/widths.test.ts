import { expect, test } from "vitest";
import { line } from "./builders";
import { priceChars, sizeChars } from "../src/rfq/widths";

const priced = (bid: string, offer: string, size = "1,000,000") =>
  line("R", "A", {
    bid: { price: bid, size, partial: false, betterForLess: false, away: null },
    offer: { price: offer, size, partial: false, betterForLess: false, away: null },
  });

test("a price column has room for every price of the instrument before any has come", () => {
  expect(priceChars(3, [], 0)).toBe("102.610".length);
  expect(priceChars(6, [], 0)).toBe("102.203125".length);
  expect(priceChars(0, [], 0)).toBe(3);
});

test("it grows for a longer price, of either side, and never becomes narrower", () => {
  const wide = priceChars(3, [priced("99.1", "18446744073.123456")], 0);
  expect(wide).toBe("18446744073.123456".length);
  expect(priceChars(3, [priced("99.125", "99.250")], wide)).toBe(wide);
});

test("sizes that are not the whole are written out, the whole is a word", () => {
  expect(sizeChars("1,000,000", [priced("1", "2")], 0)).toBe("full".length);
  expect(sizeChars("90,000,000", [priced("1", "2", "10,250,000")], 0)).toBe("10,250,000".length);
  // The words that may stand under it have room from then on.
  expect(sizeChars("1,000", [priced("1", "2", "250")], 0)).toBeGreaterThan("250".length);
});
