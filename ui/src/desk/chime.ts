// Short tones, made here: nothing is loaded. Each event has its own figure of pitches.

import type { Sound } from "../bindings";

/** Pitches in hertz, one after another; 0 is a rest. */
export const FIGURES: Record<Sound, number[]> = {
  quote: [880],
  filled: [660, 880, 1320],
  bad: [330, 0, 330],
  lost: [440, 330, 220],
  touch: [990, 0, 990],
};

const NOTE_S = 0.11;
const VOLUME = 0.12;
/** Of one event: many at once are one sound. */
const AT_MOST_EVERY_MS = 1_000;

let context: AudioContext | null = null;
const last = new Map<Sound, number>();

export function chime(sound: Sound, now = performance.now()) {
  if (now - (last.get(sound) ?? -Infinity) < AT_MOST_EVERY_MS) return;
  last.set(sound, now);
  try {
    context ??= new AudioContext();
    context.resume().catch(() => {});
    FIGURES[sound].forEach((pitch, i) => {
      if (pitch > 0) note(context!, pitch, context!.currentTime + i * NOTE_S);
    });
  } catch {
    // A laptop without a sound card: what is said by a sound is on the screen as well.
  }
}

function note(on: AudioContext, pitch: number, at: number) {
  const tone = on.createOscillator();
  const volume = on.createGain();
  tone.frequency.value = pitch;
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(VOLUME, at + 0.01);
  volume.gain.linearRampToValueAtTime(0, at + NOTE_S);
  tone.connect(volume).connect(on.destination);
  tone.start(at);
  tone.stop(at + NOTE_S);
}
