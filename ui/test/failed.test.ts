// @vitest-environment happy-dom
//
// A screen that cannot be drawn, and a program that does not answer: neither is left to look alive.

import { flushSync, mount, tick, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import { ANSWER_MAX_MS, SILENT } from "../src/desk/backend";
import { Page } from "../src/desk/page.svelte";
import type { PanelMode } from "../src/desk/panel";
import Root from "../src/Root.svelte";
import { frame, line, rfq, session } from "./builders";

let shown: ReturnType<typeof mount> | null = null;

beforeEach(() => {
  vi.stubGlobal(
    "IntersectionObserver",
    class {
      observe() {}
      disconnect() {}
    },
  );
  vi.stubGlobal("matchMedia", () => ({
    matches: false,
    addEventListener() {},
    removeEventListener() {},
  }));
});

afterEach(async () => {
  vi.useRealTimers();
  if (shown) await unmount(shown);
  shown = null;
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

const byId = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`);
const settled = async () => {
  for (let n = 0; n < 8; n++) await tick();
  flushSync();
};

const asked = rfq("R1", { expiresMs: 60_000 });
const quoted = line("R1", "A", {
  offer: { price: "99.1", size: "1", partial: false, betterForLess: false, away: null },
  canLift: true,
});

test.each([[null], [{ kind: "rfq", id: "R1" }]] as [PanelMode | null][])(
  "a fault while the screen is drawn takes every price off it, and the trader can stop (%j)",
  async (mode) => {
    const page = new Page(fake(new URLSearchParams({ scene: "rfqs" })), mode);
    page.info = scenes.info(true);
    page.reference = scenes.reference;
    const take = (seq: number, view: typeof asked, whole = false) =>
      page.book.apply(
        frame({ seq, whole, session: session({}), rfqs: [view], lines: whole ? [quoted] : [] }),
      );
    take(1, asked, true);
    shown = mount(Root, { target: document.body, props: { page } });
    await settled();
    expect(byId("lift-R1-A")).not.toBeNull();
    // The page takes this frame, and cannot draw it.
    take(2, { ...asked, legs: null as never });
    await settled();
    expect([byId("lift-R1-A"), byId("rfq-panel-R1")]).toEqual([null, null]);
    expect(byId("screen-failed")!.textContent).toContain("The screen has failed");
    expect(document.activeElement).toBe(byId("failed-again"));
    const why = "an accept is on its way to A and cannot be called back";
    const left = [{ rfqId: "R2", symbol: "EUR/USD", why }];
    const stopped = { ended: 1, takenBack: 0, rows: 0, left };
    const stop = vi.spyOn(page.commands, "stopAll");
    stop.mockResolvedValue({ status: "ok", data: stopped });
    const press = { key: "X", ctrlKey: true, shiftKey: true, bubbles: true, cancelable: true };
    document.body.dispatchEvent(new KeyboardEvent("keydown", press));
    await settled();
    expect(stop).toHaveBeenCalledOnce();
    const told = byId("failed-told")!.textContent;
    expect(told).toContain("1 open request is being ended.");
    expect(told).toContain(`Not ended yet: EUR/USD (R2): ${why}.`);
    take(3, asked);
    byId("failed-again")!.click();
    await settled();
    expect([byId("screen-failed"), byId("lift-R1-A") === null]).toEqual([null, false]);
  },
);

test("a stop about which the program does not answer is told", async () => {
  vi.useFakeTimers();
  const page = new Page(fake(new URLSearchParams({ scene: "rfqs" })));
  vi.spyOn(page.commands, "stopAll").mockImplementation(() => new Promise(() => {}));
  void page.stopAll();
  await vi.advanceTimersByTimeAsync(ANSWER_MAX_MS - 100);
  expect(page.book.notices.first).toBeUndefined();
  await vi.advanceTimersByTimeAsync(200);
  expect(page.book.notices.first?.code).toBe("desk.unanswered");
});

test("frames are pulled though the program does not say what it is", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("requestAnimationFrame", (then: () => void) => setTimeout(then, 16));
  const page = new Page(fake(new URLSearchParams({ scene: "rfqs" })));
  vi.spyOn(page.commands, "info").mockImplementation(() => new Promise(() => {}));
  void page.start();
  await vi.advanceTimersByTimeAsync(ANSWER_MAX_MS + 1_000);
  expect(page.online).toBe(true);
});

test("prices are not old because the program does not say what it is", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("requestAnimationFrame", (then: () => void) => setTimeout(then, 16));
  const page = new Page(fake(new URLSearchParams({ scene: "rfqs" })));
  const { error } = SILENT;
  vi.spyOn(page.commands, "info").mockResolvedValue({ status: "error", error });
  void page.start();
  await vi.advanceTimersByTimeAsync(500);
  expect([page.trouble, page.current]).toEqual([null, true]);
});

test("after a sleep the page asks for a frame at once", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("requestAnimationFrame", (then: () => void) => setTimeout(then, 16));
  const page = new Page(fake(new URLSearchParams({ scene: "rfqs" })));
  void page.start();
  await vi.advanceTimersByTimeAsync(500);
  const pull = vi.spyOn(page.commands, "pull");
  await vi.advanceTimersByTimeAsync(500);
  expect(pull).not.toHaveBeenCalled();
  page.clock.onlost();
  await vi.advanceTimersByTimeAsync(500);
  expect(pull).toHaveBeenCalled();
});
