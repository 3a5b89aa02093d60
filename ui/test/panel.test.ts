// @vitest-environment happy-dom
//
// The second window: what it shows, what it leaves to the desk's own, and its keys. And what is
// asked from outside the page.

import { flushSync, mount, tick, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import type { Frame } from "../src/bindings";
import type { Backend } from "../src/desk/backend";
import { UNREAD_MS } from "../src/desk/notices.svelte";
import App from "../src/App.svelte";
import { Page } from "../src/desk/page.svelte";
import { panelOf, type PanelMode } from "../src/desk/panel";
import { Sight } from "../src/desk/sight";
import { Asked } from "../src/desk/asked.svelte";
import Panel from "../src/Panel.svelte";
import { takeOffer } from "../src/ticket/reuse";
import { frame, line, rfq, session } from "./builders";

const shown: Record<string, unknown>[] = [];

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
  for (const one of shown.splice(0)) await unmount(one);
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

const settled = async () => {
  for (let n = 0; n < 5; n++) await tick();
  flushSync();
};
const byId = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`);
const press = (key: string, hold: KeyboardEventInit = {}) =>
  (document.activeElement ?? document.body).dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...hold }),
  );

/** A page of the desk, online, with two requests of which the first has a quote. */
function opened(mode: PanelMode | null, part: Partial<Frame> = {}): Page {
  const page = new Page(fake(new URLSearchParams({ scene: "rfqs" })), mode);
  page.info = scenes.info(true);
  page.reference = scenes.reference;
  const start = frame({
    whole: true,
    session: session({ state: "online" }),
    rfqs: [rfq("R1", { expiresMs: Date.now() + 60_000 }), rfq("R2")],
    lines: [
      line("R1", "A", {
        offer: { price: "99.1", size: "1", partial: false, betterForLess: false, away: null },
      }),
    ],
    ...part,
  });
  page.clock.set(Date.now());
  page.book.apply(start);
  page.sight.know(start);
  return page;
}

async function second(page: Page) {
  shown.push(mount(Panel, { target: document.body, props: { page, mode: page.panel! } }));
  await settled();
}

test("the address of the page names what the second window shows, and nothing else does", () => {
  const of = (query: string) => panelOf(new URLSearchParams(query));
  expect(of("")).toBeNull();
  expect(of("panel=blotter")).toEqual({ kind: "blotter" });
  expect(of("panel=rfq&id=R%2F1")).toEqual({ kind: "rfq", id: "R/1" });
  expect(of("panel=rfq")).toBeNull();
  expect(of("panel=ticket")).toBeNull();
});

test("the second window shows its one request, with the keyboard in it", async () => {
  await second(opened({ kind: "rfq", id: "R1" }));
  expect(document.querySelectorAll("[data-panel]")).toHaveLength(1);
  expect(document.activeElement).toBe(byId("rfq-panel-R1"));
  // It neither asks, nor connects, nor opens a third window.
  for (const id of ["ticket-send", "disconnect-button", "second-window-R1", "settings-open"])
    expect(byId(id), id).toBeNull();
  // To pass on a dealer is not permitted to it.
  press("p");
  await settled();
  expect(byId("pass-reason")).toBeNull();
});

test("what is asked of the trader stays in the desk's own window, and the second one says so", async () => {
  const stepUp = [scenes.stepUp("accept", Date.now())];
  await second(opened({ kind: "rfq", id: "R1" }, { stepUp }));
  expect(document.querySelector("dialog, [data-testid=step-up]")).toBeNull();
  expect(byId("panel-elsewhere")!.textContent).toMatch(/approval is asked for/);
});

test("one window alone sounds and alerts", async () => {
  const heard = async (mode: PanelMode | null) => {
    const backend: Backend = fake(new URLSearchParams({ scene: "rfqs" }));
    const alert = vi.spyOn(backend.commands, "alert");
    vi.spyOn(document, "hasFocus").mockReturnValue(false);
    const frames = [
      frame({ whole: true, seq: 1, session: session({ state: "online" }) }),
      frame({ seq: 2, session: session({ state: "reconnecting" }) }),
    ];
    vi.spyOn(backend.commands, "pull").mockImplementation(async () => {
      const data = frames.shift();
      return data ? { status: "ok", data } : new Promise(() => {});
    });
    vi.stubGlobal("requestAnimationFrame", (run: () => void) => setTimeout(run, 0));
    void new Page(backend, mode).start();
    await vi.waitFor(() => expect(frames).toHaveLength(0));
    await new Promise((done) => setTimeout(done, 20));
    return alert.mock.calls.length;
  };
  expect(await heard({ kind: "blotter" })).toBe(0);
  expect(await heard(null)).toBe(1);
});

test("a request that is gone says so, and keys lead back or close the window", async () => {
  const page = opened({ kind: "rfq", id: "R9" });
  const leave = vi.spyOn(page.commands, "leavePanel");
  const stop = vi.spyOn(page.commands, "stopAll");
  await second(page);
  expect(byId("panel-gone")).not.toBeNull();
  press("o", { ctrlKey: true });
  press("w", { ctrlKey: true });
  expect(leave.mock.calls).toEqual([[false], [true]]);
  press("x", { ctrlKey: true });
  expect(stop).not.toHaveBeenCalled();
  press("X", { ctrlKey: true, shiftKey: true });
  expect(stop).toHaveBeenCalledTimes(1);
});

test("the keyboard of a request that goes is in what says so", async () => {
  const page = opened({ kind: "rfq", id: "R1" });
  await second(page);
  expect(document.activeElement).toBe(byId("rfq-panel-R1"));
  page.book.apply(frame({ seq: 2, removed: ["R1"] }));
  await settled();
  expect(document.activeElement).toBe(byId("panel-gone"));
});

test("the blotter of the second window has neither notices nor what writes files", async () => {
  await second(opened({ kind: "blotter" }));
  expect(byId("blotter-tab-trades")).not.toBeNull();
  for (const id of ["blotter-tab-notices", "export-open", "dealers-open", "blotter-panel-open"])
    expect(byId(id), id).toBeNull();
  expect(document.activeElement).toBe(byId("blotter-tab-rfqs"));
});

test("keys that the second window shares with the first do the same there", async () => {
  await second(opened({ kind: "blotter" }));
  press("f", { ctrlKey: true });
  expect(document.activeElement).toBe(byId("blotter-filter"));
  press("?");
  await settled();
  expect(byId("help-overlay")).toBeNull();
  press("F1");
  await settled();
  expect(byId("help-overlay")).not.toBeNull();
  press("F1");
  await settled();
  expect(byId("help-overlay")).toBeNull();
  expect(document.activeElement).toBe(byId("blotter-filter"));
  // The browser would reload the page.
  expect(press("r", { ctrlKey: true })).toBe(false);
});

test("the second window offers nothing that it may not call", async () => {
  const counterable = line("R1", "A", {
    canCounter: true,
    canLift: true,
    bestOffer: true,
    offer: { price: "99.1", size: "1", partial: false, betterForLess: false, away: null },
  });
  await second(opened({ kind: "rfq", id: "R1" }, { lines: [counterable] }));
  press("c");
  await settled();
  expect([byId("counter-form"), byId("counter-open-R1-A")]).toEqual([null, null]);
});

test("the blotter of the second window has no group, which opens in the desk's own", async () => {
  const { group } = scenes.frame("group", Date.now());
  expect(group?.known).toBe(true);
  await second(opened({ kind: "blotter" }, { group }));
  expect(byId("group-open")).toBeNull();
});

test("a second window asks for no request but its own", () => {
  const sight = new Sight();
  sight.only = "R1";
  sight.know(frame({ seq: 7, rfqs: [rfq("R1"), rfq("R2"), rfq("R3")] }));
  const behind = sight.behind(1_000);
  expect(behind).toEqual([
    { rfqId: "R2", since: 7, send: false },
    { rfqId: "R3", since: 7, send: false },
  ]);
  // Never, however long it waits; and a request that is gone is forgotten.
  sight.know(frame({ seq: 9, removed: ["R2"] }));
  expect(sight.behind(1_000_000)).toEqual([{ rfqId: "R3", since: 7, send: false }]);
});

test("Ctrl O shows the request with the keyboard, or the blotter, in the second window", async () => {
  const page = opened(null);
  const open = vi.spyOn(page.commands, "openPanel");
  shown.push(mount(App, { target: document.body, props: { page } }));
  await settled();
  byId("rfq-panel-R1")!.focus();
  press("o", { ctrlKey: true });
  byId("blotter-tab-rfqs")!.focus();
  press("o", { ctrlKey: true });
  byId("second-window-R2")!.click();
  expect(open.mock.calls).toEqual([["R1"], [null], ["R2"]]);
});

test("a second window that cannot be opened is a notice", async () => {
  const page = opened(null);
  const error = { code: "panel.not_opened", message: "No.", cure: "Stay.", field: null };
  vi.spyOn(page.commands, "openPanel").mockResolvedValue({ status: "error", error });
  shown.push(mount(App, { target: document.body, props: { page } }));
  await settled();
  byId("second-window-R1")!.click();
  await settled();
  expect(page.book.notices.first?.text).toBe("No. Stay.");
});

test("what waits is taken when the page is there, and again when it is told", async () => {
  const waiting = [[{ kind: "stopAll" as const }], [{ kind: "disconnect" as const }]];
  let told = () => {};
  const backend = fake(new URLSearchParams({ scene: "rfqs" }));
  vi.spyOn(backend.commands, "takeAsked").mockImplementation(async () => ({
    status: "ok",
    data: waiting.shift() ?? [],
  }));
  const asked = new Asked();
  await asked.listen({ ...backend, onAsked: async (take) => (told = take) });
  expect([asked.stop, asked.disconnect]).toEqual([true, 0]);
  told();
  await vi.waitFor(() => expect(asked.disconnect).toBe(1));
});

test("an offer fills nothing in before the trader takes it, and never sends", async () => {
  const page = opened(null);
  const send = vi.spyOn(page.commands, "sendRfq");
  shown.push(mount(App, { target: document.body, props: { page } }));
  await settled();
  page.draft.typed = "EUR/USD";
  page.draft.limit = "1.1";
  page.draft.pack = { shape: "free", size: "", legs: [] };
  page.draft.tick("NORTHBANK", true);
  page.asked.hear({
    kind: "offer",
    offer: { instrument: "DE000BU2Z049", ask: "sell", quantity: "2m" },
    replaced: false,
  });
  await settled();
  expect(byId("offer-replaced")).toBeNull();
  // One that comes before the first is answered takes its place, and says so.
  const first = { instrument: "DE000BU2Z031", ask: null, quantity: null };
  page.asked.close();
  page.asked.hear({ kind: "offer", offer: first, replaced: false });
  page.asked.hear({
    kind: "offer",
    offer: { instrument: "DE000BU2Z049", ask: "sell", quantity: "2m" },
    replaced: false,
  });
  await settled();
  expect(byId("offer-replaced")).not.toBeNull();
  expect(page.draft.typed).toBe("EUR/USD");
  expect(byId("offered")!.textContent).toContain("DE000BU2Z049");
  byId("offer-take")!.click();
  await settled();
  const { chosen, side, quantity, limit, ticked } = page.draft;
  expect([chosen?.id, side, quantity, limit, ticked]).toEqual([
    "DE000BU2Z049",
    "sell",
    "2m",
    "",
    ["NORTHBANK"],
  ]);
  // One instrument was offered.
  expect(page.draft.pack).toBeNull();
  expect(byId("offered")).toBeNull();
  expect(send).not.toHaveBeenCalled();
});

test("a name that finds another instrument, or none, fills nothing in", async () => {
  const page = opened(null);
  page.draft.typed = "mine";
  const found = { hits: [], meant: scenes.find("DE000BU2Z049").meant, several: 0 };
  const find = vi.spyOn(page.commands, "findInstruments");
  for (const meant of [found.meant, null]) {
    find.mockResolvedValue({ status: "ok", data: { ...found, meant } });
    const why = await takeOffer(page, { instrument: "XS0000000001", ask: null, quantity: null });
    expect(why).toBe("This venue has no instrument XS0000000001.");
    expect(page.draft.typed).toBe("mine");
  }
});

test("the tray's question to end everything ends nothing until it is answered", async () => {
  const page = opened(null);
  const stop = vi.spyOn(page.commands, "stopAll");
  const disconnect = vi.spyOn(page.commands, "disconnect");
  shown.push(mount(App, { target: document.body, props: { page } }));
  await settled();
  page.asked.hear({ kind: "stopAll" });
  await settled();
  expect(document.activeElement).toBe(byId("stop-stay"));
  byId("stop-stay")!.click();
  await settled();
  expect(byId("stop-dialog")).toBeNull();
  page.asked.hear({ kind: "stopAll" });
  await settled();
  expect(stop).not.toHaveBeenCalled();
  byId("stop-anyway")!.click();
  await settled();
  expect(stop).toHaveBeenCalledTimes(1);
  // Requests are open, so disconnecting is asked as well.
  page.asked.hear({ kind: "disconnect" });
  await settled();
  expect(byId("disconnect-dialog")).not.toBeNull();
  expect(disconnect).not.toHaveBeenCalled();
});

test("a stop that failed is told until the trader closes it, in either window", async () => {
  const error = { code: "desk.unreachable", message: "No.", cure: "Restart.", field: null };
  const failing = (page: Page) =>
    vi.spyOn(page.commands, "stopAll").mockResolvedValue({ status: "error", error });
  const own = opened(null);
  failing(own);
  shown.push(mount(App, { target: document.body, props: { page: own } }));
  await settled();
  press("X", { ctrlKey: true, shiftKey: true });
  await settled();
  // Every frame that comes says that the program behind the window is there.
  own.trouble = null;
  await settled();
  expect(byId("notice")!.textContent).toContain("No. Restart.");
  await unmount(shown.pop()!);

  const page = opened({ kind: "rfq", id: "R1" });
  failing(page);
  await second(page);
  press("X", { ctrlKey: true, shiftKey: true });
  await settled();
  page.trouble = null;
  await settled();
  expect(byId("problem-code")!.textContent).toBe("desk.unreachable");
});

test("why one offer could not be taken is not said of the next one", async () => {
  const page = opened(null);
  const offer = (instrument: string) =>
    page.asked.hear({
      kind: "offer",
      offer: { instrument, ask: null, quantity: null },
      replaced: false,
    });
  shown.push(mount(App, { target: document.body, props: { page } }));
  await settled();
  offer("XS0000000001");
  await settled();
  byId("offer-take")!.click();
  await settled();
  expect(byId("offered")!.textContent).toContain("This venue has no instrument XS0000000001.");
  offer("DE000BU2Z049");
  await settled();
  expect(byId("offered")!.textContent).toContain("DE000BU2Z049");
  expect(byId("offered")!.textContent).not.toContain("XS0000000001");
});

test("an approval takes the keyboard for a new phase, and not whenever something of it changes", async () => {
  const page = opened(null);
  shown.push(mount(App, { target: document.body, props: { page } }));
  await settled();
  const view = scenes.stepUp("accept", Date.now(), { phase: "pin" });
  const shows = async (part: Partial<typeof view>) => {
    page.book.apply(frame({ seq: page.book.seq + 1, stepUp: [{ ...view, ...part }] }));
    await settled();
  };
  await shows({});
  expect(document.activeElement).toBe(byId("key-pin"));
  byId("rfq-panel-R1")!.focus();
  await shows({ behind: 1 });
  expect(document.activeElement).toBe(byId("rfq-panel-R1"));
  await shows({ behind: 1, phase: "failed", problem: scenes.problems.keyRemoved });
  expect(document.activeElement).toBe(byId("step-up-again"));
});

test("a PIN typed for one approval is not given for the next, nor does its Escape refuse that", async () => {
  const page = opened(null);
  shown.push(mount(App, { target: document.body, props: { page } }));
  await settled();
  const refuse = vi.spyOn(page.commands, "refuseStepUp");
  const shows = async (id: string) => {
    const view = scenes.stepUp("accept", Date.now(), { id, phase: "pin" });
    page.book.apply(frame({ seq: page.book.seq + 1, stepUp: [view] }));
    await settled();
  };
  const field = () => byId("key-pin") as HTMLInputElement;
  await shows("S1");
  field().value = "1234";
  field().dispatchEvent(new InputEvent("input", { bubbles: true }));
  await settled();
  expect((byId("key-pin-give") as HTMLButtonElement).disabled).toBe(false);
  // The first one is over, and the next one asks for its PIN in the same frame.
  await shows("S2");
  expect([field().value, document.activeElement]).toEqual(["", field()]);
  expect((byId("key-pin-give") as HTMLButtonElement).disabled).toBe(true);
  press("Escape");
  expect(refuse).not.toHaveBeenCalled();
  const later = performance.now() + UNREAD_MS;
  vi.spyOn(performance, "now").mockReturnValue(later);
  press("Escape");
  expect(refuse.mock.calls).toEqual([["S2"]]);
});

test("an older answer about the reference data does not replace a newer one", async () => {
  const page = opened(null);
  const answers: ((reference: typeof scenes.reference) => void)[] = [];
  vi.spyOn(page.commands, "reference").mockImplementation(
    () => new Promise((resolve) => answers.push((data) => resolve({ status: "ok", data }))),
  );
  void page.loadReference();
  void page.loadReference();
  answers[1]!({ ...scenes.reference, maxDealers: 2 });
  await settled();
  answers[0]!({ ...scenes.reference, maxDealers: 1 });
  await settled();
  expect(page.reference?.maxDealers).toBe(2);
});
