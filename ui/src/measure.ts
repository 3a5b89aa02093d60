// Measuring builds only: reports when each frame was on the screen. `?measure` loads it; a shipped
// program has no such commands and never loads this file.

import { invoke } from "@tauri-apps/api/core";

// One channel for all frames: WebKit keeps every channel that was ever opened, so one for each
// frame leaks and after a minute delays messages by seconds.
const { port1, port2 } = new MessageChannel();
let waiting: (() => void)[] = [];
port1.onmessage = () => {
  const then = waiting;
  waiting = [];
  for (const one of then) one();
};

export function afterPaint(then: () => void) {
  requestAnimationFrame(() => {
    // The message arrives after the frame that is being prepared now was painted.
    waiting.push(then);
    port2.postMessage(0);
  });
}

const epochMs = () => performance.timeOrigin + performance.now();

export function firstPaint() {
  afterPaint(() => void invoke("first_paint", { atMs: epochMs() }));
}

/** Reports come in batches: a message for every frame would itself cost frames. */
const REPORT_MS = 500;
let marks: { seq: number; changed: number; paintedAtMs: number }[] = [];
let drawn = 0;

export function painted(seq: number, changed: number) {
  afterPaint(() => marks.push({ seq, changed, paintedAtMs: epochMs() }));
}

/** Counts every frame that the web view draws, with new prices or without. */
export function countFrames() {
  const tick = () => {
    drawn += 1;
    requestAnimationFrame(tick);
  };
  tick();
  setInterval(() => {
    void invoke("bench_frames", { marks, drawn });
    marks = [];
    drawn = 0;
  }, REPORT_MS);
}

/** What a key may change: how each reads now, in the part that has the keyboard. */
const LOOKS: Record<string, () => string | undefined> = {
  field: () => typed(),
  // The list that answers the text in the field. What it lists says nothing: a letter more often
  // finds the same instruments, and a list that opens shows those of the text before.
  list: () => {
    const list = document.querySelector<HTMLElement>("[role=listbox]:not([hidden])");
    const answers = list?.dataset.answers;
    return answers === typed() ? answers : undefined;
  },
  line: () => panel()?.querySelector<HTMLElement>(".row.chosen")?.dataset.testid,
  accept: () => panel()?.querySelector<HTMLElement>("[data-testid=accept-state]")?.dataset.state,
};

const typed = () =>
  document.activeElement instanceof HTMLInputElement ? document.activeElement.value : undefined;
const panel = () => document.activeElement?.closest("[data-panel]");

type Key = { at: number; before: Map<string, string | undefined>; until: number };
let key: Key | null = null;
/** A key is watched for this long. */
const WATCHED_MS = 4_000;

/**
 * Reports when a frame that shows the effect of a key was painted. What reads differently when an
 * animation frame begins is in what that frame paints.
 */
export function watchKeys() {
  const seen = (event: KeyboardEvent) => {
    const before = new Map(Object.entries(LOOKS).map(([what, is]) => [what, is()]));
    key = { at: event.timeStamp, before, until: performance.now() + WATCHED_MS };
  };
  window.addEventListener("keydown", seen, { capture: true });
  const tick = (now: number) => {
    if (key && now < key.until) look(key);
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}

function look({ at, before }: Key) {
  for (const [what, was] of before) {
    const is = LOOKS[what]!();
    // What is not shown yet says nothing.
    if (is === undefined || is === was) continue;
    before.delete(what);
    waiting.push(() => {
      const mark = { what, is, eventAtMs: performance.timeOrigin + at };
      void invoke("bench_keys", { marks: [{ ...mark, paintedAtMs: epochMs() }] });
    });
    port2.postMessage(0);
  }
}
