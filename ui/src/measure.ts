// A measuring build only: reports when each frame was on the glass. Loaded for `?measure`; a
// shipped program has no such commands and never asks for this file.

import { invoke } from "@tauri-apps/api/core";

export function afterPaint(then: () => void) {
  requestAnimationFrame(() => {
    // A message is delivered after the frame that is being prepared now was painted.
    const channel = new MessageChannel();
    channel.port1.onmessage = then;
    channel.port2.postMessage(0);
  });
}

const epochMs = () => performance.timeOrigin + performance.now();

export function firstPaint() {
  afterPaint(() => void invoke("first_paint", { atMs: epochMs() }));
}

export function painted(seq: number, changed: number) {
  afterPaint(() => void invoke("bench_frame", { seq, changed, paintedAtMs: epochMs() }));
}
