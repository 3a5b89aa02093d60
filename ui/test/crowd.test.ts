// @vitest-environment happy-dom
//
// Many requests: only those near what the trader sees are drawn, and the others keep their room.

import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import { Page } from "../src/desk/page.svelte";
import Panels from "../src/rfq/Panels.svelte";
import { frame, line, rfq, session } from "./builders";
import Screen from "./Screen.svelte";

type Seen = { isIntersecting: boolean; boundingClientRect: { width: number } };
type Sees = (entries: Seen[]) => void;
const observers: { sees: Sees; on: Element }[] = [];
let shown: Record<string, unknown>;
let page: Page;

beforeEach(() => {
  observers.length = 0;
  vi.stubGlobal(
    "IntersectionObserver",
    class {
      constructor(readonly sees: Sees) {}
      observe(on: Element) {
        observers.push({ sees: this.sees, on });
      }
      disconnect() {}
    },
  );
  page = new Page(fake(new URLSearchParams({ scene: "rfqs" })));
  page.info = scenes.info(true);
});

afterEach(async () => {
  await unmount(shown);
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

/** So many open requests, each with two dealers. */
function show(requests: number) {
  const names = Array.from({ length: requests }, (_, i) => `R${i}`);
  const rfqs = names.map((name) => rfq(name, { expiresMs: 60_000 }));
  const lines = names.flatMap((name) => [line(name, "A"), line(name, "B", { rank: 1 })]);
  page.book.apply(frame({ whole: true, session: session({}), rfqs, lines }));
  const props = { page, component: Panels, props: {}, ownButton: true };
  shown = mount(Screen, { target: document.body, props });
  flushSync();
}

const panel = (name: string) =>
  document.querySelector<HTMLElement>(`[data-testid=rfq-panel-${name}]`)!;
const rows = (name: string) => panel(name).querySelectorAll(`[data-testid^=line-]`).length;
const room = (name: string) => panel(name).style.height;
/** A panel of 60 rem comes into sight, or goes. */
function see(name: string, isIntersecting: boolean, width = 960) {
  const seen = { isIntersecting, boundingClientRect: { width } };
  for (const { sees, on } of observers) if (on === panel(name)) sees([seen]);
  flushSync();
}

test("a dozen requests are drawn, in sight or not", () => {
  show(12);
  for (let i = 0; i < 12; i++) see(`R${i}`, i < 2);
  for (let i = 0; i < 12; i++) expect([rows(`R${i}`), room(`R${i}`)]).toEqual([2, ""]);
});

test("of many, those out of sight are not drawn and keep their room", () => {
  show(13);
  see("R0", true);
  expect([rows("R0"), rows("R12")]).toEqual([2, 0]);
  expect([room("R0"), room("R12")]).toEqual(["", `${15.5 + 2 * 2.3}rem`]);
  expect(panel("R12").getAttribute("aria-label")).toMatch(/, Open$/);
  see("R12", true);
  see("R0", false);
  expect([rows("R0"), rows("R12")]).toEqual([0, 2]);
});

test("the height that a request had is the room that it keeps", () => {
  show(13);
  see("R0", true);
  Object.defineProperty(panel("R0"), "offsetHeight", { value: 480 });
  see("R0", false);
  // In rem of 16 pixels, so that it follows the size of the text; the others are of the same kind.
  expect([room("R0"), rows("R0")]).toEqual(["30rem", 0]);
  see("R1", true);
  see("R1", false);
  expect(room("R1")).toBe("30rem");
});

test("the request that has the keyboard is drawn out of sight", () => {
  show(13);
  see("R3", true);
  panel("R3").focus();
  flushSync();
  see("R3", false);
  expect(rows("R3")).toBe(2);
  panel("R4").focus();
  flushSync();
  expect([rows("R3"), rows("R4")]).toEqual([0, 2]);
});

test("a request whose terms are being confirmed is drawn out of sight", () => {
  show(13);
  const accept = scenes.accept(0, { dealer: "A", validUntilMs: 9_000 });
  page.book.apply(frame({ seq: 2, rfqs: [rfq("R5", { expiresMs: 60_000, accept })] }));
  flushSync();
  expect(rows("R5")).toBe(2);
});

test("a narrow request that was never drawn has the room of its higher lines", () => {
  show(13);
  see("R12", false, 640);
  expect(parseFloat(room("R12"))).toBeCloseTo(16.8 + 2 * 3.2);
  // Wide again, it is as high as those that were drawn like that.
  see("R12", false);
  expect(parseFloat(room("R12"))).not.toBeCloseTo(16.8 + 2 * 3.2);
});
