// What is left behind when the trader disconnects or closes the window, in words.

import type { ListSummary, RfqView } from "../bindings";
import { ASK, awaitsAnswer, isOpen } from "./words";
import { t } from "../language/t";

export type Left = {
  id: string;
  words: string;
  /** An accept that waits for its answer. */
  waits: boolean;
  /** Of the list of requests: it is not sent. */
  unsent?: boolean;
};

/** What of a list waits to be sent. */
function unsent(list: ListSummary | null): Left[] {
  const one = (id: string, count: number, what: string) =>
    count > 0 ? [{ id, words: `${count} ${what}`, waits: false, unsent: true }] : [];
  const rows = list?.pending ?? 0;
  const accepts = list?.taking ?? 0;
  return [
    ...one(t("desk.listRows"), rows, t("desk.rowsOfTheListNotSentYet", { count: rows })),
    ...one(
      t("desk.listAccepts"),
      accepts,
      t("desk.acceptsOfTheListNotSentYet", { count: accepts }),
    ),
  ];
}

/** Accepts that wait for an answer first, then requests that are open, then what is not sent. */
export function leftBehind(rfqs: RfqView[], list: ListSummary | null): Left[] {
  const waits = (view: RfqView) => view.accept !== null && awaitsAnswer(view.accept.state);
  const what = (view: RfqView) => `${ASK[view.ask]} ${view.quantity} ${view.symbol}`;
  const answers = rfqs.filter(waits).map((view) => ({
    id: view.id,
    words: `${what(view)}: ${view.accept!.text}`,
    waits: true,
  }));
  const open = rfqs
    .filter((view) => !waits(view) && isOpen(view.state))
    .map((view) => ({ id: view.id, words: t("desk.isOpen", { what: what(view) }), waits: false }));
  return [...answers, ...open, ...unsent(list)];
}
