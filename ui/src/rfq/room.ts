// The room of a request that nobody sees. With many requests only those near what the trader sees
// are drawn; the others keep their place, so that nothing moves when they come.

import type { RfqView } from "../bindings";

const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;

/** A panel narrower than this has higher lines and one more line for the market (`Ladder`). */
const NARROW_REM = 46;
/** As the panel that was seen last was: all of a window are equally wide. */
let narrowSeen = false;

/** Whether a panel is narrow; without its width, in pixels, whether the last one was. */
export function isNarrow(width = 0): boolean {
  if (width > 0) narrowSeen = width / rem() < NARROW_REM;
  return narrowSeen;
}

/** How high requests of each kind were when they were drawn last, in rem. */
const measured = new Map<string, number>();
/** More kinds than a screen has; a dealer's number of legs or lines is bounded elsewhere. */
const KINDS_MAX = 200;

/** Requests of one kind are equally high. */
const kind = (view: RfqView, lines: number, narrow: boolean) =>
  [view.ask, view.state, view.accept?.state ?? "", view.legs.length, lines, narrow].join();

/** Notes the height of a request that is drawn, in pixels. */
export function noteHeight(view: RfqView, lines: number, narrow: boolean, height: number) {
  if (height <= 0) return;
  if (measured.size >= KINDS_MAX) measured.clear();
  measured.set(kind(view, lines, narrow), height / rem());
}

/** A CSS height for a request that is not drawn. */
export const roomFor = (view: RfqView, lines: number, narrow: boolean) =>
  `${measured.get(kind(view, lines, narrow)) ?? guess(view, lines, narrow)}rem`;

/** Before one of its kind was drawn: head and foot, and a row for each dealer and leg. */
function guess(view: RfqView, lines: number, narrow: boolean): number {
  if (!narrow) return 15.5 + 2.3 * (lines + view.legs.length);
  const line = view.ask === "twoWay" ? 3.1 : 3.2;
  return 16.8 + line * lines + 2.3 * view.legs.length;
}
