// Which price of a ladder Tab comes to, and where the arrow keys lead from there.

import { expect, test } from "vitest";
import type { LineView, Side } from "../src/bindings";
import { neighbour, stopOf, type Aim, type Stop } from "../src/rfq/stops";
import { line } from "./builders";

const price = { price: "99.1", size: "1", partial: false, betterForLess: false, away: null };

/** A line by the sides on which it can be traded: `b` a bid, `o` an offer; capitals are the best. */
const of = (dealer: string, sides: string): LineView =>
  line("R", dealer, {
    bid: /b/i.test(sides) ? price : null,
    offer: /o/i.test(sides) ? price : null,
    canHit: /b/i.test(sides),
    canLift: /o/i.test(sides),
    bestBid: sides.includes("B"),
    bestOffer: sides.includes("O"),
  });
const at = (text: string): Stop => ({ dealer: text[0]!, side: text[1] === "b" ? "sell" : "buy" });
const said = (stop: Stop | null) => stop && `${stop.dealer}${stop.side === "sell" ? "b" : "o"}`;

const BOTH: Side[] = ["sell", "buy"];
const DRAWN = [of("V", ""), of("W", "bo"), of("X", "B"), of("Y", "bO"), of("Z", "bo")];

test.each<[string, Partial<Aim>, string | null, string | null]>([
  ["the best of the first side", {}, null, "Xb"],
  ["the best of the chosen side", { side: "buy" }, null, "Yo"],
  ["the chosen dealer's", { side: "buy", chosen: "Z" }, null, "Zo"],
  ["the chosen dealer has none on this side", { side: "buy", chosen: "X" }, null, "Wo"],
  ["the keyboard stays", { side: "buy", chosen: "Z" }, "Wb", "Wb"],
  ["what had the keyboard cannot be pressed now", {}, "Xo", "Xb"],
  ["nor is it asked", {}, "Qb", "Xb"],
  ["one side only", { sides: ["buy"], side: "buy" }, null, "Yo"],
])("Tab comes to %s", (_, aim, has, to) => {
  const whole: Aim = { sides: BOTH, side: null, chosen: null, ...aim };
  expect(said(stopOf(DRAWN, whole, has === null ? null : at(has)))).toBe(to);
});

test("Tab passes by where no price can be pressed, and comes to one for less where there is no best", () => {
  const aim: Aim = { sides: BOTH, side: null, chosen: null };
  expect(stopOf([of("V", "")], aim, null)).toBe(null);
  expect(said(stopOf([of("V", ""), of("W", "o")], aim, null))).toBe("Wo");
  // Shown, and not to be traded on.
  expect(stopOf([line("R", "V", { offer: price, bestOffer: true })], aim, null)).toBe(null);
});

test.each<[string, string, string | null]>([
  ["Wb", "ArrowUp", null],
  ["Wb", "ArrowDown", "Xb"],
  ["Wo", "ArrowDown", "Yo"],
  ["Yo", "ArrowUp", "Wo"],
  ["Zb", "ArrowUp", "Yb"],
  ["Zb", "ArrowDown", null],
  ["Zo", "Home", "Wo"],
  ["Wb", "End", "Zb"],
  ["Yo", "ArrowLeft", "Yb"],
  ["Yb", "ArrowRight", "Yo"],
  ["Xb", "ArrowRight", null],
  ["Qb", "ArrowUp", null],
  ["Wb", "x", null],
])("from %s %s leads to %s", (from, key, to) => {
  expect(said(neighbour(DRAWN, at(from), key))).toBe(to);
});
