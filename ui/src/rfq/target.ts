// The line that the main button of a panel trades on. The desk decides which lines can be traded on
// and which is best.

import type { LineView, Side } from "../bindings";

export const quoteOn = (line: LineView, side: Side) => (side === "buy" ? line.offer : line.bid);
export const tradable = (line: LineView, side: Side) =>
  side === "buy" ? line.canLift : line.canHit;
export const isBest = (line: LineView, side: Side) =>
  side === "buy" ? line.bestOffer : line.bestBid;

/** The line of the chosen dealer; with none chosen, the first that is best. */
export function target(lines: LineView[], side: Side, chosen: string | null): LineView | undefined {
  const wanted = (line: LineView) =>
    chosen === null ? isBest(line, side) : line.dealer === chosen;
  return lines.find((line) => wanted(line) && tradable(line, side));
}

/** `+2` in words: above zero is worse for the trader. */
export function awayWords(ticks: string): string {
  const size = ticks.replace(/^[+-]/, "");
  if (size === "0") return "at the composite";
  return ticks.startsWith("-")
    ? `${size} ${Number(size) === 1 ? "tick" : "ticks"} better than the composite`
    : `${size} ${Number(size) === 1 ? "tick" : "ticks"} worse than the composite`;
}
