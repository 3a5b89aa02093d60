import { expect, test } from "vitest";
import { instrument, line } from "./builders";
import { GatewayClock } from "../src/desk/clock.svelte";
import { clockError, duration, shareLeft, timeLeft, ttlChoices, weekday } from "../src/desk/format";
import { matching, meant } from "../src/desk/match";
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

const bonds = [
  instrument("DE000BU2Z031", "DBR 2.6 08/34", "Bundesrepublik Deutschland 2.6% 2034"),
  instrument("DE000BU2Z049", "DBR 2.5 02/35", "Bundesrepublik Deutschland 2.5% 2035"),
  instrument("FR001400X8V5", "FRTR 3.2 05/35", "République française OAT 3.2% 2035"),
  instrument("EUR/USD", "EUR/USD", "Euro against US dollar"),
];
const found = (typed: string) => matching(bonds, typed).map((one) => one.symbol);

test("type-ahead finds by symbol, ISIN and name, every word counting", () => {
  expect(found("dbr")).toEqual(["DBR 2.5 02/35", "DBR 2.6 08/34"]);
  expect(found("dbr 35")).toEqual(["DBR 2.5 02/35"]);
  expect(found("FR0014")).toEqual(["FRTR 3.2 05/35"]);
  expect(found("dollar")).toEqual(["EUR/USD"]);
  expect(found("eur")[0]).toBe("EUR/USD");
  expect(found("gilt")).toEqual([]);
});

test("the separators in a pair or a coupon do not matter", () => {
  for (const typed of ["eurusd", "EURUSD", "eur usd", "eur/usd", " Eur-Usd ", "usd eur"])
    expect(found(typed), typed).toContain("EUR/USD");
  for (const typed of ["eurusd", "eur usd", "EUR/USD"])
    expect(meant(bonds, typed).instrument?.id, typed).toBe("EUR/USD");
  expect(found("usdeur")).toEqual([]);
});

test("only an exact symbol or ISIN is taken for an instrument", () => {
  expect(meant(bonds, " dbr 2.5 02/35 ").instrument?.id).toBe("DE000BU2Z049");
  expect(meant(bonds, "de000bu2z031").instrument?.symbol).toBe("DBR 2.6 08/34");
  expect(meant(bonds, "DBR").instrument).toBeUndefined();
  expect(meant(bonds, "").instrument).toBeUndefined();
  expect(meant(bonds, "dbr 25 02/35").instrument).toBeUndefined();
});

test("a name that two instruments have means neither of them, and their ids mean one each", () => {
  const twins = [
    instrument("DE0001030708", "DBR 0 08/30", "Bundesrepublik Deutschland, green"),
    instrument("DE0001102507", "DBR 0 08/30", "Bundesrepublik Deutschland"),
  ];
  expect(meant(twins, "DBR 0 08/30")).toEqual({ instrument: undefined, several: 2 });
  for (const one of twins) expect(meant(twins, one.id).instrument).toBe(one);
  expect(matching(twins, "dbr 0").map((one) => one.id)).toEqual(["DE0001030708", "DE0001102507"]);
});

test("a day is named by itself, whatever the time zone of the laptop", () => {
  expect(weekday("2026-12-01")).toBe("Tue");
  expect(weekday("2026-11-29")).toBe("Sun");
});

const lines = [
  line("R", "A", { bid: { price: "99.1", size: "1", partial: false, away: null }, canHit: true }),
  line("R", "B", {
    offer: { price: "99.2", size: "1", partial: false, away: null },
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
