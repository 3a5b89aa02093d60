// The line that the main button of a panel trades on. The desk decides which lines can be traded on
// and which is best.

import type { LineView, Side } from "../bindings";
import { t } from "../language/t";

export const quoteOn = (line: LineView, side: Side) => (side === "buy" ? line.offer : line.bid);
export const tradable = (line: LineView, side: Side) =>
  side === "buy" ? line.canLift : line.canHit;
/** Its time is over, though no frame has said so yet. */
export const isOver = (line: LineView, nowMs: number) =>
  line.validUntilMs !== null && line.validUntilMs <= nowMs;
export const isBest = (line: LineView, side: Side) =>
  side === "buy" ? line.bestOffer : line.bestBid;

/** The line of the chosen dealer; with none chosen, the first that is best. */
export function target(lines: LineView[], side: Side, chosen: string | null): LineView | undefined {
  const wanted = (line: LineView) =>
    chosen === null ? isBest(line, side) : line.dealer === chosen;
  return lines.find((line) => wanted(line) && tradable(line, side));
}

/** Nobody's price for the whole quantity can be traded on, and one for less can. */
export const onlyForLess = (lines: LineView[], side: Side): boolean =>
  target(lines, side, null) === undefined &&
  lines.some((line) => tradable(line, side) && quoteOn(line, side)?.partial === true);

/** `+2` in words: above zero is worse for the trader. */
export function awayWords(ticks: string): string {
  const size = ticks.replace(/^[+-]/, "");
  if (size === "0") return t("rfq.atTheComposite");
  return ticks.startsWith("-")
    ? t("rfq.ticksBetterThanTheComposite", { count: Number(size), size })
    : t("rfq.ticksWorseThanTheComposite", { count: Number(size), size });
}
