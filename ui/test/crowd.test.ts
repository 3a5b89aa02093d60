// @vitest-environment happy-dom
//
// Many requests: only the ladders near what the trader sees have rows, and nothing moves for it.

import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import { Page } from "../src/desk/page.svelte";
import Panels from "../src/rfq/Panels.svelte";
import { frame, line, rfq, session } from "./builders";
import Screen from "./Screen.svelte";

type Sees = (entries: { isIntersecting: boolean }[]) => void;
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
const room = (name: string) =>
  panel(name).querySelector<HTMLElement>("[role=table]")!.style.getPropertyValue("--lines");
function see(name: string, isIntersecting: boolean) {
  for (const { sees, on } of observers) if (on === panel(name)) sees([{ isIntersecting }]);
  flushSync();
}

test("of a dozen requests every ladder has its rows, in sight or not", () => {
  show(12);
  for (let i = 0; i < 12; i++) see(`R${i}`, i < 2);
  for (let i = 0; i < 12; i++) expect(rows(`R${i}`)).toBe(2);
});

test("of many, the ladders out of sight have room for their rows and none of them", () => {
  show(13);
  see("R0", true);
  expect([rows("R0"), rows("R12")]).toEqual([2, 0]);
  expect([room("R0"), room("R12")]).toEqual(["2", "2"]);
  see("R12", true);
  see("R0", false);
  expect([rows("R0"), rows("R12")]).toEqual([0, 2]);
});

test("the request that has the keyboard keeps its rows out of sight", () => {
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

test("terms that are being confirmed keep the rows that they are taken from", () => {
  show(13);
  const accept = scenes.accept(0, { dealer: "A", validUntilMs: 9_000 });
  page.book.apply(frame({ seq: 2, rfqs: [rfq("R5", { expiresMs: 60_000, accept })] }));
  flushSync();
  expect(rows("R5")).toBe(2);
});
