// Confirm agrees to the terms on the screen, once, and never to terms that were taken back.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as scenes from "../dev/scenes";
import type { AcceptView, Problem } from "../src/bindings";
import { ANSWER_MAX_MS, type Commands } from "../src/desk/backend";
import { Agreeing, SETTLED_MS } from "../src/rfq/agreeing.svelte";

type Answered = { status: "ok"; data: null } | { status: "error"; error: Problem };
const no = (code: string): Answered => ({
  status: "error",
  error: { code, message: "No.", cure: "Again.", field: null },
});

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Terms on a screen that is drawn by hand, of a desk that answers by hand. */
function terms() {
  const calls: string[] = [];
  const waiting: ((answer: Answered) => void)[] = [];
  const command = (call: string) =>
    new Promise<Answered>((resolve) => {
      calls.push(call);
      waiting.push(resolve);
    });
  const commands = {
    setLimit: (_: string, ticks: number) => command(`limit ${ticks}`),
    takeQuantity: (_: string, typed: string) => command(`take ${typed}`),
    accept: (_: string, id: string) => command(`accept ${id}`),
    disarm: () => command("disarm"),
  } as unknown as Commands;
  const accept: AcceptView = scenes.accept(0, { id: "A", limit: "99.1", limitTicks: 0 });
  const screen = { accept };
  const shown: (string | null)[] = [];
  const agreeing = new Agreeing({
    commands: () => commands,
    rfqId: () => "R",
    accept: () => screen.accept,
    show: (answer) => void shown.push(answer.status === "error" ? answer.error.code : null),
  });
  const answer = async (one: Answered = { status: "ok", data: null }) => {
    waiting.shift()!(one);
    await vi.advanceTimersByTimeAsync(0);
  };
  const draws = (part: Partial<AcceptView>) => (screen.accept = { ...screen.accept, ...part });
  return { agreeing, calls, shown, answer, draws };
}

test("Confirm waits until the limit that was asked for is on the screen", async () => {
  const { agreeing, calls, answer, draws } = terms();
  void agreeing.moveLimit(1);
  await agreeing.confirm();
  expect([calls, agreeing.again?.code]).toEqual([["limit 1"], "accept.too_soon"]);
  await answer();
  await agreeing.confirm();
  expect(calls, "the desk has it, the screen has not").toEqual(["limit 1"]);
  draws({ limitTicks: 1 });
  void agreeing.confirm();
  expect(calls).toEqual(["limit 1", "accept A"]);
});

test("a limit that was refused, or that was moved by another window, holds nothing up", async () => {
  const refused = terms();
  void refused.agreeing.moveLimit(1);
  await refused.answer(no("accept.no_limit"));
  expect(refused.shown).toEqual(["accept.no_limit"]);
  void refused.agreeing.confirm();
  expect(refused.calls).toEqual(["limit 1", "accept A"]);

  const other = terms();
  void other.agreeing.moveLimit(1);
  await other.answer();
  other.draws({ limitTicks: 4 });
  vi.advanceTimersByTime(SETTLED_MS + 1);
  void other.agreeing.confirm();
  expect(other.calls).toEqual(["limit 1", "accept A"]);
});

test("presses that are faster than the desk all count, and one command is on its way", async () => {
  const { agreeing, calls, answer } = terms();
  for (let i = 0; i < 3; i++) void agreeing.moveLimit(1);
  expect(calls).toEqual(["limit 1"]);
  await answer();
  expect(calls).toEqual(["limit 1", "limit 3"]);
  await answer();
  void agreeing.moveLimit(-1);
  expect(calls, "from the limit that was asked for").toEqual(["limit 1", "limit 3", "limit 2"]);
});

test("a limit is never below the price, and other terms begin with their own", async () => {
  const { agreeing, calls, answer, draws } = terms();
  await agreeing.moveLimit(-1);
  expect(calls).toEqual([]);
  void agreeing.moveLimit(5);
  await answer();
  draws({ id: "B", limitTicks: 0 });
  void agreeing.moveLimit(1);
  expect(calls).toEqual(["limit 5", "limit 1"]);
});

test("terms that were taken back are not confirmed, unless the desk did not take them back", async () => {
  const { agreeing, calls, answer, draws } = terms();
  void agreeing.takeBack();
  await agreeing.confirm();
  expect(calls).toEqual(["disarm"]);
  await answer(no("desk.unreachable"));
  void agreeing.confirm();
  expect(calls).toEqual(["disarm", "accept A"]);
  await answer();
  // Other terms are other terms.
  draws({ id: "B" });
  void agreeing.takeBack();
  draws({ id: "C" });
  void agreeing.confirm();
  expect(calls.slice(2)).toEqual(["disarm", "accept C"]);
});

test("Confirm sends once; what was refused may be pressed again", async () => {
  const { agreeing, calls, shown, answer } = terms();
  void agreeing.confirm();
  void agreeing.confirm();
  expect(calls).toEqual(["accept A"]);
  await answer(no("accept.off_market"));
  expect([agreeing.again?.code, shown.at(-1)]).toEqual(["accept.off_market", null]);
  void agreeing.confirm();
  expect(calls).toEqual(["accept A", "accept A"]);
  await answer();
  expect(agreeing.again).toBe(null);
  await agreeing.confirm();
  expect(calls).toHaveLength(2);
});

test("a command that the desk never answers holds nothing up for ever", async () => {
  const { agreeing, calls, answer } = terms();
  void agreeing.moveLimit(1);
  void agreeing.moveLimit(1);
  vi.advanceTimersByTime(ANSWER_MAX_MS + 1);
  void agreeing.moveLimit(3);
  expect(calls).toEqual(["limit 1", "limit 3"]);
  await answer();
  expect(calls, "a late answer sends no older limit").toEqual(["limit 1", "limit 3"]);
  vi.advanceTimersByTime(ANSWER_MAX_MS + 1);
  void agreeing.confirm();
  void agreeing.confirm();
  vi.advanceTimersByTime(ANSWER_MAX_MS + 1);
  void agreeing.confirm();
  expect(calls.slice(2)).toEqual(["accept A", "accept A"]);
});

test("an accept about which the program does not answer is told", async () => {
  const { agreeing, shown } = terms();
  void agreeing.confirm();
  await vi.advanceTimersByTimeAsync(ANSWER_MAX_MS - 1);
  expect(shown).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(shown).toEqual(["desk.unanswered"]);
});

test("a limit is moved neither after Confirm nor on terms that were taken back", async () => {
  const confirmed = terms();
  void confirmed.agreeing.confirm();
  void confirmed.agreeing.moveLimit(1);
  expect(confirmed.calls).toEqual(["accept A"]);
  await confirmed.answer(no("accept.too_soon"));
  void confirmed.agreeing.moveLimit(1);
  expect(confirmed.calls).toEqual(["accept A", "limit 1"]);

  const back = terms();
  void back.agreeing.moveLimit(1);
  void back.agreeing.moveLimit(1);
  void back.agreeing.takeBack();
  await back.answer(no("accept.not_armed"));
  await back.answer();
  expect(back.calls).toEqual(["limit 1", "disarm"]);
  expect(back.shown, "only what became of taking back").toEqual([null]);
});

test("a quantity is taken of terms that are shown, and Confirm sends what the screen says", async () => {
  const { agreeing, calls, shown, answer, draws } = terms();
  const taken = agreeing.takeQuantity("2m");
  await answer();
  expect(await taken).toBe(true);
  draws({ id: "B", quantity: "2,000,000", quotedQuantity: "5,000,000" });
  void agreeing.confirm();
  expect(calls).toEqual(["take 2m", "accept B"]);
  expect(await agreeing.takeQuantity("1m"), "it was confirmed").toBe(false);

  const refused = terms();
  const no2 = refused.agreeing.takeQuantity("2.5");
  await refused.answer(no("part.off_lot"));
  expect([await no2, refused.shown]).toEqual([false, ["part.off_lot"]]);
  expect(shown).toEqual([null]);
});
