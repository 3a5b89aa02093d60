import { expect, test } from "vitest";
import { nextStop } from "../src/keyboard/focus";
import { Clicks, EnterKey, mayTakeKeyboard, RELEASED_MS, TYPING_MS } from "../src/keyboard/typing";
import { Zoom } from "../src/desk/zoom.svelte";

test("a dialog takes no keyboard from a trader who types or is about to confirm", () => {
  for (const [inText, confirms, sinceKeyMs, may] of [
    [false, false, Infinity, true],
    [false, false, 0, true],
    [true, false, 0, false],
    [true, false, TYPING_MS - 1, false],
    [true, false, TYPING_MS, true],
    [false, true, Infinity, false],
    [true, true, Infinity, false],
  ] as const)
    expect(mayTakeKeyboard({ inText, confirms, sinceKeyMs })).toBe(may);
});

test("a held Enter is told from a new one", () => {
  const held = new EnterKey();
  expect(held.down(0, false)).toBe(true);
  expect(held.down(500, true)).toBe(false);
  expect(held.down(530, true)).toBe(false);

  // Over a remote display: no repeat flag, and up and down again at once.
  const remote = new EnterKey();
  expect(remote.down(0, false)).toBe(true);
  for (let ms = 500; ms < 3_000; ms += 33) {
    remote.up(ms);
    expect(remote.down(ms + 1, false), `${ms} ms`).toBe(false);
  }
  // Without the ups in between.
  for (let ms = 3_000; ms < 4_000; ms += 33) expect(remote.down(ms, false)).toBe(false);
  remote.up(4_000);
  expect(remote.down(4_000 + RELEASED_MS, false)).toBe(true);
});

test("a second click on the same spot is a repeat, one elsewhere or later is not", () => {
  const first = { x: 500, y: 330, ms: 1_000 };
  for (const [x, y, ms, repeats] of [
    [500, 330, 1_050, true],
    [502, 331, 1_900, true],
    [500, 330, 2_600, false],
    [560, 330, 1_050, false],
  ] as const) {
    const clicks = new Clicks();
    expect(clicks.repeats(first), "the first of all").toBe(false);
    expect(clicks.repeats({ x, y, ms })).toBe(repeats);
  }
});

test("an impatient hand confirms nothing however long it clicks; one click a second does", () => {
  const at = (ms: number) => ({ x: 500, y: 330, ms });
  const fast = new Clicks();
  fast.repeats(at(0));
  for (let ms = 120; ms < 10_000; ms += 120) expect(fast.repeats(at(ms)), `${ms} ms`).toBe(true);
  const calm = new Clicks();
  const repeated = [0, 1_000, 2_000, 3_000, 4_000].filter((ms) => calm.repeats(at(ms)));
  expect(repeated).toEqual([1_000, 3_000]);
});

test("Tab goes round inside a dialog and leaves the steps inside to the browser", () => {
  expect(nextStop(2, 3, false)).toBe(0);
  expect(nextStop(0, 3, true)).toBe(2);
  expect(nextStop(-1, 3, false)).toBe(0);
  expect(nextStop(-1, 3, true)).toBe(2);
  expect(nextStop(1, 3, false)).toBe(null);
  expect(nextStop(1, 3, true)).toBe(null);
  expect(nextStop(-1, 0, false)).toBe(null);
});

test("the page is drawn at most twice and at least 0.8 times as large as usual", () => {
  const zoom = new Zoom();
  zoom.larger();
  expect(zoom.factor).toBeGreaterThan(1);
  for (let i = 0; i < 50; i++) zoom.larger();
  expect(zoom.factor).toBe(2);
  for (let i = 0; i < 50; i++) zoom.smaller();
  expect(zoom.factor).toBe(0.8);
  zoom.usual();
  expect(zoom.factor).toBe(1);
});
