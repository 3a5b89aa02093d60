// Which lines of a long table are on the page: those in sight and some around them.

/** Lines that are asked for at once, and lines around those in sight that may not be missing. */
export const LINES = 120;
const MARGIN = 15;

/**
 * The first line to ask for, or null while what is there covers what is in sight. `first` and
 * `seen` are the first line in sight and how many are; `from` and `have` what is there; `all` how
 * many lines there are.
 */
export function wanted(first: number, seen: number, from: number, have: number, all: number) {
  const needFrom = Math.max(0, Math.min(first - MARGIN, all - LINES));
  const needTo = Math.min(all, first + seen + MARGIN);
  if (from <= Math.max(0, first - MARGIN) && from + have >= needTo) return null;
  const start = Math.max(0, Math.min(first - Math.floor((LINES - seen) / 2), all - LINES));
  return start === from && have > 0 && from <= needFrom ? null : start;
}

/** Where to scroll so that a line is in sight, all in pixels; what is in sight already stays. */
export function scrolledTo(line: number, height: number, top: number, room: number): number {
  const at = line * height;
  if (at < top) return at;
  if (at + height > top + room) return at + height - room;
  return top;
}

/** The line that a key goes to, or null where the key means nothing in a table. */
export function stepped(key: string, at: number, all: number, room: number): number | null {
  const last = all - 1;
  if (last < 0) return null;
  const to: Record<string, number> = {
    ArrowUp: at - 1,
    ArrowDown: at + 1,
    PageUp: at - room,
    PageDown: at + room,
    Home: 0,
    End: last,
  };
  const next = to[key];
  return next === undefined ? null : Math.min(last, Math.max(0, next));
}
