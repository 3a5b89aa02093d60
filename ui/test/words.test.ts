import { expect, test } from "vitest";
import { line } from "./builders";
import { GatewayClock } from "../src/desk/clock.svelte";
import { clockError, duration, shareLeft, timeLeft, ttlChoices, weekday } from "../src/desk/format";
import { target } from "../src/rfq/target";

test("time left is rounded up and never negative", () => {
  expect(timeLeft(8_000)).toBe("8 s");
  expect(timeLeft(7_001)).toBe("8 s");
  expect(timeLeft(1)).toBe("1 s");
  expect(timeLeft(-400)).toBe("0 s");
  expect(timeLeft(65_000)).toBe("1:05");
});

test("the bar stays between empty and full", () => {
  expect(shareLeft(0, 100, 25)).toBe(0.75);
  expect(shareLeft(0, 100, -50)).toBe(1);
  expect(shareLeft(0, 100, 500)).toBe(0);
  expect(shareLeft(100, 100, 100)).toBe(0);
});

test("a laptop behind the gateway is slow, one ahead of it fast", () => {
  expect(clockError(1240)).toBe("1.2 s slow");
  expect(clockError(-400)).toBe("400 ms fast");
});

test("the times offered are allowed, few, and hold the default", () => {
  expect(ttlChoices(5, 300, 30)).toEqual([10, 15, 30, 60, 120]);
  expect(ttlChoices(10, 20, 10)).toEqual([10, 15]);
  expect(ttlChoices(1, 3600, 45)).toContain(45);
  expect(duration(90)).toBe("90 s");
  expect(duration(120)).toBe("2 min");
});

test("countdowns run on the gateway's clock, whatever the laptop's says", () => {
  let monotonic = 1_000;
  const clock = new GatewayClock(() => monotonic);
  clock.set(5_000_000);
  expect(clock.nowMs).toBe(5_000_000);
  monotonic += 1_500;
  clock.tick();
  expect(clock.nowMs).toBe(5_001_500);
});

test("after a sleep that the page's clock did not count, the time is lost until the next frame", () => {
  let [monotonic, wall, told] = [1_000, 9_000_000, 0];
  const clock = new GatewayClock(
    () => monotonic,
    () => wall,
  );
  clock.onlost = () => void (told += 1);
  const pass = (counted: number, slept = 0) => {
    monotonic += counted;
    wall += counted + slept;
    clock.tick();
    return [clock.lost, told];
  };
  // Before the first frame nothing is known that could be lost.
  expect(pass(200, 60_000)).toEqual([false, 0]);
  clock.set(5_000_000);
  expect(pass(200)).toEqual([false, 0]);
  expect(pass(200, 60_000)).toEqual([true, 1]);
  expect(pass(200)).toEqual([true, 1]);
  clock.set(5_060_600);
  expect([clock.lost, told, clock.nowMs]).toEqual([false, 1, 5_060_600]);
  // A frame came before the first look after the sleep.
  wall += 60_000;
  clock.set(5_121_000);
  expect(pass(200)).toEqual([false, 1]);
  // The laptop's clock was set back.
  expect(pass(200, -3_600_000)).toEqual([false, 1]);
});

test("a day is named by itself, whatever the time zone of the laptop", () => {
  expect(weekday("2026-12-01")).toBe("Tue");
  expect(weekday("2026-11-29")).toBe("Sun");
});

const lines = [
  line("R", "A", {
    bid: { price: "99.1", size: "1", partial: false, betterForLess: false, away: null },
    canHit: true,
  }),
  line("R", "B", {
    offer: { price: "99.2", size: "1", partial: false, betterForLess: false, away: null },
    canLift: true,
    bestOffer: true,
    rank: 1,
  }),
  line("R", "C", { bestOffer: true, rank: 2 }),
];

test("without a choice the main button trades on the best line, if that can be traded on", () => {
  expect(target(lines, "buy", null)?.dealer).toBe("B");
  expect(target(lines, "sell", null)).toBeUndefined();
});

test("the main button trades with the chosen dealer or with none", () => {
  expect(target(lines, "sell", "A")?.dealer).toBe("A");
  expect(target(lines, "buy", "A")).toBeUndefined();
  expect(target(lines, "buy", "C")).toBeUndefined();
});
