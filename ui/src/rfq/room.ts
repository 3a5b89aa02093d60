// The room of a request that nobody sees. With many requests only those near what the trader sees
// are drawn; the others keep their place, so that nothing moves when they come.

import type { RfqView } from "../bindings";

const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;

/** How high requests of each kind were when they were drawn last, in rem. */
const measured = new Map<string, number>();
/** More kinds than a screen has; a dealer's number of legs or lines is bounded elsewhere. */
const KINDS_MAX = 200;

/** Requests of one kind are equally high. */
const kind = (view: RfqView, lines: number) =>
  [view.ask, view.state, view.accept?.state ?? "", view.legs.length, lines].join();

/** Notes the height of a request that is drawn, in pixels. */
export function noteHeight(view: RfqView, lines: number, height: number) {
  if (height <= 0) return;
  if (measured.size >= KINDS_MAX) measured.clear();
  measured.set(kind(view, lines), height / rem());
}

/** A CSS height for a request that is not drawn. */
export const roomFor = (view: RfqView, lines: number) =>
  `${measured.get(kind(view, lines)) ?? guess(view, lines)}rem`;

/** Before one of its kind was drawn: head and foot, and a row for each dealer. */
const guess = (view: RfqView, lines: number) => 15.5 + 2.3 * (lines + view.legs.length);
