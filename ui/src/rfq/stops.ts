// Where the keyboard may be among the prices of a ladder. They are one stop of Tab, at the price
// that Enter on the panel would take; from there the arrow keys go from price to price as they
// stand on the screen, which is not how they lie in the document.

import type { LineView, Side } from "../bindings";
import { quoteOn, target, tradable } from "./target";

/** A price: whose, and on which side. The keyboard stays with it wherever its line is drawn. */
export type Stop = { dealer: string; side: Side };

/** Its button can be pressed. */
const isStop = (line: LineView, side: Side) => quoteOn(line, side) !== null && tradable(line, side);

/** What the trader aims at in a panel. */
export type Aim = { sides: Side[]; side: Side | null; chosen: string | null };

/**
 * The price at which Tab comes in: the one that has the keyboard, else what is aimed at, which is
 * the best where nothing is chosen. Null where no price can be pressed.
 */
export function stopOf(drawn: LineView[], aim: Aim, at: Stop | null): Stop | null {
  if (at && drawn.some((line) => line.dealer === at.dealer && isStop(line, at.side))) return at;
  const sides = aim.side === null ? aim.sides : [aim.side];
  for (const side of sides) {
    const line = target(drawn, side, aim.chosen);
    if (line && isStop(line, side)) return { dealer: line.dealer, side };
  }
  // Nobody's is best, or the chosen dealer has none: the one on top.
  for (const among of [sides, aim.sides])
    for (const line of drawn) {
      const side = among.find((one) => isStop(line, one));
      if (side) return { dealer: line.dealer, side };
    }
  return null;
}

/** The price to which a key leads from another one; null where there is none that way. */
export function neighbour(drawn: LineView[], at: Stop, key: string): Stop | null {
  const row = drawn.findIndex((line) => line.dealer === at.dealer);
  const on = (line: LineView | undefined, side: Side) =>
    line && isStop(line, side) ? { dealer: line.dealer, side } : null;
  const first = (lines: LineView[]) => lines.find((line) => isStop(line, at.side));
  switch (key) {
    case "ArrowUp":
      return on(first(drawn.slice(0, Math.max(0, row)).reverse()), at.side);
    case "ArrowDown":
      return on(first(drawn.slice(row + 1)), at.side);
    case "Home":
      return on(first(drawn), at.side);
    case "End":
      return on(first([...drawn].reverse()), at.side);
    case "ArrowLeft":
      return on(drawn[row], "sell");
    case "ArrowRight":
      return on(drawn[row], "buy");
    default:
      return null;
  }
}
