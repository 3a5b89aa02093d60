import { expect, test, vi } from "vitest";
import { frame } from "./builders";
import type { Frame } from "../src/bindings";
import type { Backend } from "../src/desk/backend";
import { Sight } from "../src/desk/sight";
import { pump } from "../src/desk/pump";

/** A desk whose frames are set by hand; it counts how often it was asked. */
function desk() {
  let wake = () => {};
  const state = { seq: 0, pulls: 0, parked: [] as number[], wake: () => wake() };
  const commands = {
    pull: async () => {
      state.pulls += 1;
      return { status: "ok", data: frame({ seq: state.seq }) };
    },
    park: async (seq: number) => {
      state.parked.push(seq);
      return { status: "ok", data: null };
    },
  };
  const backend = { commands, onChanged: async (to: () => void) => (wake = to) };
  return { state, backend: backend as unknown as Backend };
}

function start(backend: Backend) {
  const taken: Frame[] = [];
  let seq = 0;
  void pump(backend, {
    seq: () => seq,
    sight: new Sight(),
    trouble: () => {},
    take: (got) => {
      taken.push(got);
      seq = got.seq;
    },
  });
  return taken;
}

test("the page parks when a pull brought nothing, and pulls again when it is woken", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("requestAnimationFrame", (then: () => void) => setTimeout(then, 16));
  const { state, backend } = desk();
  state.seq = 7;
  const taken = start(backend);

  await vi.advanceTimersByTimeAsync(100);
  expect(state.parked).toEqual([7]);
  const asleep = state.pulls;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(state.pulls).toBe(asleep);

  state.seq = 8;
  state.wake();
  await vi.advanceTimersByTimeAsync(100);
  expect(taken.at(-1)?.seq).toBe(8);
  expect(state.parked).toEqual([7, 8]);
  vi.useRealTimers();
});

test("a page without a wake-up pulls again by itself", async () => {
  vi.useFakeTimers();
  const { state, backend } = desk();
  start(backend);
  await vi.advanceTimersByTimeAsync(100);
  const asleep = state.pulls;
  await vi.advanceTimersByTimeAsync(6_000);
  expect(state.pulls).toBeGreaterThan(asleep);
  vi.useRealTimers();
});

test("a pull that never ends is reported, and the next one is made", async () => {
  vi.useFakeTimers();
  const { state, backend } = desk();
  const pull = backend.commands.pull;
  let hangs = true;
  backend.commands.pull = (...asked) => (hangs ? new Promise(() => {}) : pull(...asked));
  const told: (string | null)[] = [];
  const taken: Frame[] = [];
  void pump(backend, {
    seq: () => taken.at(-1)?.seq ?? 0,
    sight: new Sight(),
    trouble: (problem) => told.push(problem?.code ?? null),
    take: (got) => taken.push(got),
  });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(told.at(-1)).toBe("desk.silent");
  expect(told.length).toBeGreaterThan(1);

  hangs = false;
  state.seq = 3;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(told.at(-1)).toBe(null);
  expect(taken.at(-1)?.seq).toBe(3);
  vi.useRealTimers();
});

test("a page that cannot hear of changes says so, and tries until it can", async () => {
  vi.useFakeTimers();
  const { state, backend } = desk();
  state.seq = 4;
  const hear = backend.onChanged;
  let deaf = true;
  backend.onChanged = (wake) => (deaf ? Promise.reject(new Error("no")) : hear(wake));
  const told: (string | null)[] = [];
  void pump(backend, {
    seq: () => 0,
    sight: new Sight(),
    trouble: (problem) => told.push(problem?.code ?? null),
    take: () => {},
  });
  await vi.advanceTimersByTimeAsync(2_500);
  expect([told[0], told.at(-1), state.pulls]).toEqual(["desk.unreachable", "desk.unreachable", 0]);
  deaf = false;
  await vi.advanceTimersByTimeAsync(2_500);
  expect(told.at(-1)).toBe(null);
  expect(state.pulls).toBeGreaterThan(0);
  vi.useRealTimers();
});

test("a frame that the page cannot take is told, and everything is asked for again", async () => {
  vi.useFakeTimers();
  const { state, backend } = desk();
  state.seq = 5;
  const asked: number[] = [];
  const { pull } = backend.commands;
  backend.commands.pull = (since, behind) => (asked.push(since), pull(since, behind));
  const told: (string | null)[] = [];
  let seq = 0;
  let breaks = true;
  void pump(backend, {
    seq: () => seq,
    sight: new Sight(),
    trouble: (problem) => told.push(problem?.code ?? null),
    take: (got) => {
      seq = got.seq;
      if (breaks) throw new Error("a fault of the page");
    },
  });
  await vi.advanceTimersByTimeAsync(500);
  expect([asked, told]).toEqual([[0], [null, "desk.unreachable"]]);
  breaks = false;
  await vi.advanceTimersByTimeAsync(3_000);
  expect(asked.slice(0, 2)).toEqual([0, 0]);
  expect(told.at(-1)).toBe(null);
  vi.useRealTimers();
});

test("a window that draws no frames goes on hearing", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("requestAnimationFrame", () => 0);
  const { state, backend } = desk();
  state.seq = 7;
  const taken = start(backend);
  await vi.advanceTimersByTimeAsync(100);
  expect(taken.at(-1)?.seq).toBe(7);
  state.seq = 8;
  await vi.advanceTimersByTimeAsync(1_500);
  expect(taken.at(-1)?.seq).toBe(8);
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
