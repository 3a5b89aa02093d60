// A measuring build only: reports when each frame was on the glass. Loaded for `?measure`; a
// shipped program has no such commands and never asks for this file.

import { invoke } from "@tauri-apps/api/core";

// One for all frames: WebKit keeps every channel that was ever opened, and its messages travel through
// another process. One for each frame is a leak that ends in seconds of delay after a minute.
const { port1, port2 } = new MessageChannel();
let waiting: (() => void)[] = [];
port1.onmessage = () => {
  const then = waiting;
  waiting = [];
  for (const one of then) one();
};

export function afterPaint(then: () => void) {
  requestAnimationFrame(() => {
    // A message is delivered after the frame that is being prepared now was painted.
    waiting.push(then);
    port2.postMessage(0);
  });
}

const epochMs = () => performance.timeOrigin + performance.now();

export function firstPaint() {
  afterPaint(() => void invoke("first_paint", { atMs: epochMs() }));
}

/** Reported in batches: a message for every frame would itself cost frames. */
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
