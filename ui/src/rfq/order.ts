// The order of the lines on the screen. A line never moves under the pointer or while terms are
// shown: what the trader aims at stays where it is, and the star alone says what is best by then.

import type { LineView } from "../bindings";

/** The lines as they are drawn, from the top; `before` are the dealers as they were drawn last. */
export function inOrder(before: string[], ranked: LineView[], held: boolean): LineView[] {
  if (!held) return ranked;
  const place = new Map(before.map((dealer, i) => [dealer, i]));
  const of = (line: LineView) => place.get(line.dealer) ?? before.length;
  // The sort is stable: dealers that are new stand below, in the order of their rank.
  return [...ranked].sort((a, b) => of(a) - of(b));
}

/** Whether the order on the screen is not that of the prices. */
export const isHeld = (drawn: LineView[]) =>
  drawn.some((line, i) => i > 0 && line.rank < drawn[i - 1]!.rank);
