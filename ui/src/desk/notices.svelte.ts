// Notices: the one that is shown, and what was said before. Bad ones stay until somebody closes them.

import type { Notice } from "../bindings";

/** A notice and the number by which the screen tells it from an identical one. */
export type Shown = Notice & { key: number };

/** Of each kind, so that no number of plain notices pushes a bad one out. */
export const KEPT_MAX = 100;

export class Notices {
  /** Everything that was said, oldest first. */
  all: Shown[] = $state.raw([]);
  /** Not closed yet, oldest first. */
  open: Shown[] = $state.raw([]);
  #nextKey = 0;

  /** The worst one, and of those the newest. */
  readonly first: Shown | undefined = $derived(
    this.open.filter((notice) => notice.kind === "bad").at(-1) ?? this.open.at(-1),
  );

  add(notices: Notice[]) {
    const fresh = notices
      .filter((notice) => !this.all.some((known) => same(known, notice)))
      .map((notice) => ({ ...notice, key: this.#nextKey++ }));
    if (fresh.length === 0) return;
    this.all = keep([...this.all, ...fresh]);
    this.open = keep([...this.open, ...fresh]);
  }

  close(key: number) {
    this.open = this.open.filter((notice) => notice.key !== key);
  }
}

/** The desk says bad ones again to a page that starts over. */
const same = (a: Notice, b: Notice) =>
  a.kind === "bad" && a.atMs === b.atMs && a.code === b.code && a.text === b.text;

/** The last ones of the bad and of the others, in the order in which they were said. */
function keep(notices: Shown[]): Shown[] {
  const bad = notices.filter((notice) => notice.kind === "bad").slice(-KEPT_MAX);
  const others = notices.filter((notice) => notice.kind !== "bad").slice(-KEPT_MAX);
  return [...bad, ...others].sort((a, b) => a.key - b.key);
}
