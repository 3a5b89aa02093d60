// Notices: the one that is shown, and the history. A bad one stays until the trader closes it.

import type { Notice } from "../bindings";

/** A notice, with a number that tells it from an identical one. */
export type Shown = Notice & { key: number };

/**
 * A bad notice is in front for so long before it can be closed: a key that went down, or a click
 * that was aimed, before it came was meant for the one that was there.
 */
export const UNREAD_MS = 600;

/** Of bad ones and of others each, so that plain notices never push out a bad one. */
export const KEPT_MAX = 100;

export class Notices {
  /** The history, oldest first. */
  all: Shown[] = $state.raw([]);
  /** Not closed yet, oldest first. */
  open: Shown[] = $state.raw([]);
  #nextKey = 0;
  /** The bad notice that came into the front last, and when. */
  #front = { key: -1, sinceMs: -Infinity };

  /** The worst one, and of those the newest. */
  readonly first: Shown | undefined = $derived(
    this.open.filter((notice) => notice.kind === "bad").at(-1) ?? this.open.at(-1),
  );

  add(notices: Notice[], nowMs = performance.now()) {
    const fresh = notices
      .filter((notice) => !this.all.some((known) => same(known, notice)))
      .map((notice) => ({ ...notice, key: this.#nextKey++ }));
    if (fresh.length === 0) return;
    this.all = keep([...this.all, ...fresh]);
    this.open = keep([...this.open, ...fresh]);
    this.#look(nowMs);
  }

  /** Closes the one in front, unless it came there a moment ago and nobody can have read it. */
  closeFirst(nowMs = performance.now()) {
    const { first } = this;
    if (!first) return;
    if (first.key === this.#front.key && nowMs - this.#front.sinceMs < UNREAD_MS) return;
    this.close(first.key, nowMs);
  }

  #look(nowMs: number) {
    const { first } = this;
    if (first?.kind === "bad" && first.key !== this.#front.key)
      this.#front = { key: first.key, sinceMs: nowMs };
  }

  close(key: number, nowMs = performance.now()) {
    this.open = this.open.filter((notice) => notice.key !== key);
    this.#look(nowMs);
  }
}

/** The desk repeats the bad ones to a page that starts over. */
const same = (a: Notice, b: Notice) =>
  a.kind === "bad" && a.atMs === b.atMs && a.code === b.code && a.text === b.text;

/** The newest bad ones and the newest others, in the order in which they came. */
function keep(notices: Shown[]): Shown[] {
  const bad = notices.filter((notice) => notice.kind === "bad").slice(-KEPT_MAX);
  const others = notices.filter((notice) => notice.kind !== "bad").slice(-KEPT_MAX);
  return [...bad, ...others].sort((a, b) => a.key - b.key);
}
