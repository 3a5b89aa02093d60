// Pulls frames: once per animation frame while something changes; otherwise it sleeps.

import type { Frame, Problem } from "../bindings";
import { ask, inTime, SILENT, unreachable, type Answer, type Backend } from "./backend";
import { CATCH_UP_MS, type Sight } from "./sight";

/** A parked page pulls again after this long, even without a wake-up. */
const PARKED_MAX_MS = 5_000;
const AFTER_PROBLEM_MS = 1_000;
/** So long the page waits for a frame of the screen; one that is not drawn goes on without. */
const HIDDEN_MS = 1_000;

export type Sink = {
  /** The frame the page has. */
  seq(): number;
  readonly sight: Sight;
  take(frame: Frame): void;
  trouble(problem: Problem | null): void;
};

/** Runs until the page goes away. */
export async function pump(backend: Backend, sink: Sink): Promise<never> {
  const bell = new Bell();
  await hear(backend, bell, sink);
  /** The page does not know what it has: it asks for everything. */
  let broken = false;
  for (;;) {
    const since = broken ? 0 : sink.seq();
    const behind = sink.sight.behind(performance.now());
    const pulled = await answered(backend.commands.pull(since, behind));
    if (pulled.status === "error") {
      sink.trouble(pulled.error);
      await sleep(AFTER_PROBLEM_MS);
      continue;
    }
    sink.trouble(null);
    try {
      sink.take(pulled.data);
      broken = false;
    } catch (why) {
      // A fault of this page. Without the next frame it would show old prices and look alive.
      broken = true;
      sink.trouble(unreachable(why).error);
      await sleep(AFTER_PROBLEM_MS);
      continue;
    }
    sink.sight.answered(behind, pulled.data.seq);
    if (pulled.data.seq !== since) {
      await nextFrame();
      continue;
    }
    // Listens before it parks, so that a change between the two wakes it at once.
    const woken = bell.wait();
    await answered(backend.commands.park(since));
    await Promise.race([woken, sleep(pulled.data.withheld ? CATCH_UP_MS : PARKED_MAX_MS)]);
  }
}

/** Without wake-ups every price would be seconds late, so the page tries until it hears them. */
async function hear(backend: Backend, bell: Bell, sink: Sink) {
  for (;;) {
    try {
      await backend.onChanged(() => bell.ring());
      return;
    } catch (why) {
      sink.trouble(unreachable(why).error);
      await sleep(AFTER_PROBLEM_MS);
    }
  }
}

/**
 * A call that never ends would leave old prices on a screen that looks alive. The page gives it up,
 * shows the problem and calls again; it ignores a late answer.
 */
const answered = async <T>(call: Promise<Answer<T>>): Promise<Answer<T>> =>
  (await inTime(ask(call))) ?? SILENT;

class Bell {
  #ring: (() => void) | null = null;

  wait(): Promise<void> {
    return new Promise((resolve) => (this.#ring = resolve));
  }

  ring() {
    this.#ring?.();
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A window that is minimised draws no frames; it goes on hearing what it must alert about. */
const nextFrame = () =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, HIDDEN_MS);
    requestAnimationFrame(() => {
      clearTimeout(timer);
      resolve();
    });
  });
