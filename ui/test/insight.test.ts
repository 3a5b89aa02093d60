// The parts of the blotter and of the insight pages that decide what is drawn where.

import { describe, expect, test } from "vitest";
import type { BestQuote } from "../src/bindings";
import { narrowed, sortedBy, textOf, toggled, usualLook, COLUMNS } from "../src/blotter/columns";
import { LINES, scrolledTo, stepped, wanted } from "../src/blotter/window";
import { apart, drawn, exactly, howLong, paths, scale, share } from "../src/insight/chart";
import * as scenes from "../dev/scenes";

describe("the window of a long table", () => {
  test("wherever one scrolls, what is in sight is asked for until it is there", () => {
    for (const all of [0, 1, 40, LINES, LINES + 1, 500, 10_000])
      for (const seen of [1, 4, 60])
        for (let first = 0; first <= Math.max(0, all - seen); first += 37) {
          let [from, have] = [0, Math.min(all, LINES)];
          const next = wanted(first, seen, from, have, all);
          if (next !== null) [from, have] = [next, Math.min(LINES, all - next)];
          const told = `${first} of ${all}, ${seen} in sight`;
          expect(from, told).toBeGreaterThanOrEqual(0);
          expect(from, told).toBeLessThanOrEqual(first);
          expect(from + have, told).toBeGreaterThanOrEqual(Math.min(all, first + seen));
          // It does not ask for the same for ever.
          expect(wanted(first, seen, from, have, all), told).toBeNull();
        }
  });

  test("nothing is asked for while there is enough around what is in sight", () => {
    expect(wanted(0, 4, 0, 120, 10_000)).toBeNull();
    expect(wanted(60, 4, 0, 120, 10_000)).toBeNull();
    expect(wanted(100, 20, 0, 120, 10_000)).toBe(50);
    expect(wanted(9_990, 10, 0, 120, 10_000)).toBe(10_000 - LINES);
  });

  test("the keys of a table go to lines that are there", () => {
    expect(stepped("ArrowDown", 0, 0, 5)).toBeNull();
    expect(stepped("a", 3, 9, 5)).toBeNull();
    const go = (key: string, at: number) => stepped(key, at, 100, 10);
    expect([go("ArrowUp", 0), go("ArrowUp", 5), go("ArrowDown", 99)]).toEqual([0, 4, 99]);
    expect([go("PageUp", 5), go("PageDown", 95), go("Home", 9), go("End", 9)]).toEqual([
      0, 99, 0, 99,
    ]);
  });

  test("a line that is in sight already moves nothing", () => {
    expect(scrolledTo(3, 20, 40, 100)).toBe(40);
    expect(scrolledTo(1, 20, 40, 100)).toBe(20);
    expect(scrolledTo(9, 20, 40, 100)).toBe(100);
  });
});

describe("how a list is looked at", () => {
  test("a press on the head of a column sorts by it, and turns it round the next time", () => {
    const look = usualLook();
    expect(sortedBy(look, "time").descending).toBe(false);
    const byPrice = sortedBy(look, "price");
    expect([byPrice.sort, byPrice.descending]).toEqual(["price", true]);
    expect(sortedBy(byPrice, "dealer").descending).toBe(false);
  });

  test("groups open and close, and what narrows is counted", () => {
    const closed = toggled(usualLook(), "a");
    expect(closed.closed).toEqual(["a"]);
    expect(toggled(closed, "a").closed).toEqual([]);
    const filters = [
      { column: "side" as const, values: ["Buy"] },
      { column: "dealer" as const, values: [] },
    ];
    expect(narrowed({ ...usualLook(), filters, from: "2026-11-29" })).toBe(2);
  });

  test("every column has a name of its own", () => {
    expect(new Set(COLUMNS.map(([, name]) => name)).size).toBe(COLUMNS.length);
    const [row] = scenes.rows("trades", 0);
    expect(textOf(row!, "dealer")).toBe("Northbank");
    expect(textOf(row!, "reason")).toBe("");
  });
});

describe("charts", () => {
  test("a scale takes the ends to the ends, and one value to the middle", () => {
    const s = scale([2, 4, NaN], 0, 100);
    expect([s.at(2), s.at(3), s.at(4)]).toEqual([0, 50, 100]);
    expect(scale([7], 0, 10).at(7)).toBe(5);
    expect(scale([], 0, 10).at(1)).toBe(5);
  });

  test("a price that is no number is not drawn", () => {
    expect(["99.5", "0", "", null, "99-x"].map(drawn)).toEqual([99.5, 0, null, null, null]);
  });

  test("a price in 32nds is drawn where its decimals are", () => {
    const texts = ["99-16", "99-16+", "99-162", "0-31", "99-00", "-0.500000", "99-168", "99-5"];
    const at = [99.5, 99.515625, 99.5078125, 0.96875, 99, -0.5, null, null];
    expect(texts.map(drawn)).toEqual(at);
  });

  test("a re-quote that follows at once is one line, a gap is two", () => {
    const base = scenes.bestExecution("R1", 0).quotes[0]!;
    const quote = (part: Partial<BestQuote>): BestQuote => ({ ...base, ...part });
    const quotes = [
      quote({ receivedMs: 0, untilMs: 10, offer: "1" }),
      quote({ receivedMs: 10, untilMs: 20, offer: "3" }),
      quote({ receivedMs: 50, untilMs: 100, offer: "2" }),
      quote({ dealer: "X", offer: null, bid: "1" }),
    ];
    const [one, ...others] = paths(quotes, "offer", scale([0, 100], 0, 100), scale([1, 3], 20, 0));
    expect(others).toEqual([]);
    expect(one!.d).toBe("M0 20H10V0H20M50 10H100");
  });

  test("labels are moved apart and stay in the chart", () => {
    const found = apart([50, 51, 52, 99], 10, 0, 100);
    const sorted = [...found].sort((a, b) => a - b);
    sorted.slice(1).forEach((y, n) => expect(y - sorted[n]!).toBeGreaterThanOrEqual(10));
    expect(Math.max(...found)).toBeLessThanOrEqual(100);
  });

  test("figures are said in words", () => {
    expect([howLong(35), howLong(420.4), howLong(2_140), howLong(12_900)]).toEqual([
      "35 ms",
      "420 ms",
      "2.1 s",
      "13 s",
    ]);
    expect(exactly(1_795_219_200_007)).toMatch(/^\d\d:\d\d:\d\d\.007$/);
    expect([share(0, 0), share(2, 3)]).toEqual(["none yet", "2 of 3 (67 %)"]);
  });
});
