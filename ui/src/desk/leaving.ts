// What is left behind when the trader disconnects or closes the window, in words.

import type { RfqView } from "../bindings";
import { ASK, awaitsAnswer, isOpen } from "./words";

export type Left = { id: string; words: string; waits: boolean };

/** Accepts that wait for an answer first, then requests that are open. */
export function leftBehind(rfqs: RfqView[]): Left[] {
  const waits = (view: RfqView) => view.accept !== null && awaitsAnswer(view.accept.state);
  const what = (view: RfqView) => `${ASK[view.ask]} ${view.quantity} ${view.symbol}`;
  const answers = rfqs.filter(waits).map((view) => ({
    id: view.id,
    words: `${what(view)}: ${view.accept!.text}`,
    waits: true,
  }));
  const open = rfqs
    .filter((view) => !waits(view) && isOpen(view.state))
    .map((view) => ({ id: view.id, words: `${what(view)} is open`, waits: false }));
  return [...answers, ...open];
}
