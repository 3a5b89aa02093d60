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
