// @vitest-environment happy-dom
//
// One panel on the page: its lines hold still, its confirmation warns, and the palette acts on it.

import { flushSync, mount, tick, unmount, type Component } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import type { Frame, LineView, RfqView } from "../src/bindings";
import { Page } from "../src/desk/page.svelte";
import { RELEASED_MS } from "../src/keyboard/typing";
import Panels from "../src/rfq/Panels.svelte";
import PassReason from "../src/rfq/PassReason.svelte";
import Unsettled from "../src/rfq/Unsettled.svelte";
import Palette from "../src/top/Palette.svelte";
import { frame, line, rfq, session } from "./builders";
import { reactive } from "./reactive.svelte";
import Screen from "./Screen.svelte";

let page: Page;
let seq = 1;
const shown: Record<string, unknown>[] = [];

beforeEach(() => {
  vi.stubGlobal(
    "IntersectionObserver",
    class {
      observe() {}
      disconnect() {}
    },
  );
  const backend = fake(new URLSearchParams({ scene: "rfqs" }));
  page = new Page(backend);
  page.info = scenes.info(true);
  // Two screens of one page: its keys are heard once.
  const watch = page.keyboard.watch.bind(page.keyboard);
  let watched = 0;
  page.keyboard.watch = () => ((watched += 1) === 1 ? watch() : () => {});
  seq = 1;
});

afterEach(async () => {
  for (const one of shown.splice(0)) await unmount(one);
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

const show = (component: unknown, props: Record<string, unknown> = {}) => {
  const app = mount(Screen, {
    target: document.body,
    props: { page, component: component as Component, props, ownButton: true },
  });
  shown.push(app);
  flushSync();
};

function pull(part: Partial<Frame>) {
  page.book.apply(frame({ seq: (seq += 1), ...part }));
  flushSync();
}

const q = (price: string) => ({
  price,
  size: "5,000,000",
  partial: false,
  betterForLess: false,
  away: "+2",
});
const quotes = (...dealers: string[]): LineView[] =>
  dealers.map((dealer, rank) =>
    line("R", dealer, {
      offer: q(`99.${rank}`),
      canLift: true,
      bestOffer: rank === 0,
      rank,
    }),
  );
const open = (part: Partial<RfqView> = {}) => rfq("R", { expiresMs: 60_000, ...part });
const start = (part: Partial<RfqView> = {}) =>
  pull({ whole: true, session: session({}), rfqs: [open(part)], lines: quotes("A", "B", "C") });

const byId = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`);
const words = (id: string) => byId(id)?.textContent?.replace(/\s+/g, " ");
/** The dealers from the top, as they are drawn. */
const drawn = () =>
  [...document.querySelectorAll<HTMLElement>("[role=row][data-testid]")]
    .map((row) => [row.style.getPropertyValue("--place"), row.dataset.testid!.slice(-1)] as const)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, dealer]) => dealer)
    .join("");
const over = (is: boolean) => {
  const lines = document.querySelector("[role=rowgroup]")!;
  lines.dispatchEvent(new Event(is ? "pointerenter" : "pointerleave"));
  flushSync();
};
const armed = scenes.accept(0, { dealer: "A", validUntilMs: 9_000 });

test("no line moves under the pointer; when it leaves, the best is on top again", () => {
  start();
  show(Panels);
  expect(drawn()).toBe("ABC");
  over(true);
  pull({ lines: quotes("C", "B", "A") });
  expect(drawn()).toBe("ABC");
  expect(byId("line-R-C")?.dataset.bestOffer).toBe("true");
  expect(byId("order-held")?.textContent).toContain("Order held");
  over(false);
  expect(drawn()).toBe("CBA");
  expect(byId("order-held")?.textContent).toBe("");
});

test("no line moves while terms are shown", () => {
  start();
  show(Panels);
  pull({ rfqs: [open({ accept: armed })] });
  pull({ lines: quotes("B", "A", "C") });
  expect(drawn()).toBe("ABC");
  pull({ rfqs: [open()] });
  expect(drawn()).toBe("BAC");
});

test("the number keys choose the line that is drawn there", () => {
  start();
  show(Panels);
  over(true);
  pull({ lines: quotes("C", "B", "A") });
  const panel = byId("rfq-panel-R")!;
  panel.focus();
  panel.dispatchEvent(new KeyboardEvent("keydown", { key: "3", bubbles: true, cancelable: true }));
  flushSync();
  expect(document.querySelector(".chosen [role=rowheader]")?.textContent).toContain("C");
});

test("each line says how its dealer did before, and how far its price is", () => {
  start();
  show(Panels);
  const title = "Seen by this desk: refused 1 of 12 accepts.";
  pull({ records: [{ dealer: "A", text: "1/12 refused", title }] });
  expect(byId("record-R-B")).toBe(null);
  const record = byId("record-R-A")!;
  expect([record.textContent, record.title]).toEqual([
    "1/12 refused",
    "Seen by this desk: refused 1 of 12 accepts.",
  ]);
  expect(byId("lift-R-A")?.getAttribute("aria-label")).toContain("2 ticks worse");
});

const part = (dealer: string, price: string, betterForLess: boolean, rank: number) =>
  line("R", dealer, {
    offer: { price, size: "2,000,000", partial: true, betterForLess, away: null },
    canLift: true,
    rank,
  });

test("a better price for less says so in words, and is not what Enter takes", () => {
  const armed = vi.spyOn(page.commands, "arm");
  pull({
    whole: true,
    session: session({}),
    rfqs: [open()],
    lines: [...quotes("A"), part("B", "98.9", true, 1), part("C", "99.3", false, 2)],
  });
  show(Panels);
  expect(words("for-less-buy-R-B")).toBe("better for less");
  expect(byId("lift-R-B")!.getAttribute("aria-label")).toContain("but for less than you asked for");
  expect(byId("for-less-buy-R-C")).toBe(null);
  expect(byId("lift-R-C")!.getAttribute("aria-label")).not.toContain("for less");
  expect(words("primary-buy-R")).toContain("99.0");
  expect(words("only-for-less-R")).toBe("");
  const panel = byId("rfq-panel-R")!;
  panel.focus();
  press(panel, "Enter");
  expect(armed.mock.lastCall![0]).toMatchObject({ dealer: "A" });
  press(panel, "2");
  expect(words("primary-buy-R")).toContain("better offer, for a part only");
});

test("where each price is for a part, Enter takes nothing and it is said why, until one is chosen", async () => {
  const armed = vi.spyOn(page.commands, "arm");
  const lines = [part("A", "98.9", true, 0), part("B", "99.3", false, 1)];
  pull({ whole: true, session: session({}), rfqs: [open()], lines });
  show(Panels);
  const panel = byId("rfq-panel-R")!;
  panel.focus();
  press(panel, "Enter");
  expect(armed).not.toHaveBeenCalled();
  const why = "Each offer is for a part only: choose a dealer";
  expect([words("primary-buy-R")!.trim(), words("only-for-less-R")]).toEqual([why, why]);
  const take = page.keyboard.actions.of("rfq-panel-R").find((one) => one.id === "R-take-buy");
  expect(take!.not).toContain("choose a dealer");
  press(panel, "1");
  expect(words("only-for-less-R")).toBe("");
  // One that comes sooner would be a held one.
  await new Promise((resolve) => setTimeout(resolve, 2 * RELEASED_MS));
  press(panel, "Enter");
  expect(armed.mock.lastCall![0]).toMatchObject({ dealer: "A", price: "98.9" });
  // Where nothing can be traded on at all, a choice would not help.
  press(panel, "Escape");
  pull({ lines: lines.map((one) => ({ ...one, canLift: false })) });
  expect(words("primary-buy-R")).toContain("No offer to trade on yet");
});

test("a price that an accept cannot reach says so", () => {
  start();
  show(Panels);
  pull({ lines: quotes("A", "B", "C").map((one) => ({ ...one, tooLate: true, canLift: false })) });
  expect(byId("line-R-A")?.textContent).toContain("too late");
  expect((byId("lift-R-A") as HTMLButtonElement).disabled).toBe(true);
});

test("a price off the market is told before it is confirmed, and Confirm says which time it is", () => {
  start();
  show(Panels);
  const warn = (seen: boolean) => ({ afterMs: 700, warning: "0.9 % worse than 98.2.", seen });
  pull({ rfqs: [open({ accept: armed, guard: { afterMs: 700, warning: null, seen: false } })] });
  expect(byId("off-market")).toBe(null);
  expect(words("confirm-accept")).toContain("Confirm buy");
  pull({ rfqs: [open({ accept: armed, guard: warn(false) })] });
  expect(byId("off-market")?.textContent).toContain("0.9 % worse than 98.2.");
  expect(words("confirm-accept")).toContain("First confirm");
  pull({ rfqs: [open({ accept: armed, guard: warn(true) })] });
  expect(words("confirm-accept")).toContain("Confirm anyway");
});

test("Confirm is pale again with each other limit, and not with another frame", () => {
  start();
  show(Panels);
  const guard = { afterMs: 700, warning: null, seen: false };
  const limit = (limit: string) => pull({ rfqs: [open({ accept: { ...armed, limit }, guard })] });
  const turns = ["99.1", "99.1", "99.2", "99.2", "99.3"].map((one) => {
    limit(one);
    return byId("confirm-accept")!.classList.contains("odd");
  });
  expect(turns).toEqual([true, true, false, false, true]);
});

test("a press that comes too soon is said beside Confirm, and moves nothing", async () => {
  start();
  const no = (code: string) => async () => ({
    status: "error" as const,
    error: { code, message: "Nothing was sent.", cure: "Again.", field: null },
  });
  show(Panels);
  pull({ rfqs: [open({ accept: armed, guard: { afterMs: 700, warning: null, seen: false } })] });
  const press = async (code: string) => {
    page.commands.accept = no(code);
    byId("confirm-accept")!.click();
    for (let i = 0; i < 4; i++) await tick();
    flushSync();
  };
  await press("accept.too_soon");
  expect(words("confirm-state")).toContain("Too soon");
  expect(byId("problem-code")).toBe(null);
  await press("quote.expired");
  expect(words("confirm-state")).toContain("Quote valid");
  expect(byId("problem-code")?.textContent).toBe("quote.expired");
});

test("the cover is shown with the trade", () => {
  start();
  show(Panels);
  const accept = scenes.accept(0, { state: "filled", dealer: "A" });
  const cover = { price: "99.130", dealers: "B, C", ticks: "+1" };
  pull({ rfqs: [open({ state: "done", accept, cover })] });
  expect(byId("cover")?.textContent).toContain("Cover 99.130 B, C, 1 tick worse than yours");
});

test("an unknown outcome stands in front until it is known, and moves nothing when it goes", async () => {
  start();
  const props = reactive({ over: false });
  show(Unsettled, props);
  expect(byId("unsettled")).toBe(null);
  const lost = (state: "unknown" | "filled") =>
    pull({ rfqs: [open({ accept: scenes.accept(0, { state, dealerName: "Northbank" }) })] });
  lost("unknown");
  expect(byId("unsettled")?.textContent).toContain("Northbank");
  byId("unsettled-R")!.click();
  expect(page.wanted).toBe("R");
  props.over = true;
  flushSync();
  lost("filled");
  await tick();
  flushSync();
  expect(byId("unsettled")?.textContent).toContain("Every outcome is known");
  props.over = false;
  await tick();
  flushSync();
  expect(byId("unsettled")).toBe(null);
});

test("the palette does it after the keyboard is back on the panel", async () => {
  start();
  const ended = vi.spyOn(page.commands, "cancelRfq");
  show(Panels);
  byId("rfq-panel-R")!.focus();
  let closed = 0;
  show(Palette, { onclose: () => (closed += 1) });
  const text = byId("palette-text") as HTMLInputElement;
  text.value = "end buy";
  text.dispatchEvent(new Event("input", { bubbles: true }));
  flushSync();
  expect(byId("action-R-end")?.getAttribute("aria-selected")).toBe("true");
  text.dispatchEvent(
    new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }),
  );
  expect([closed, ended.mock.calls.length]).toEqual([1, 0]);
  await tick();
  await tick();
  await tick();
  expect(ended.mock.calls).toEqual([["R"]]);
});

const press = (target: HTMLElement, key: string, repeat = false) => {
  target.dispatchEvent(
    new KeyboardEvent("keydown", { key, repeat, bubbles: true, cancelable: true }),
  );
  flushSync();
};
const counter = (part: Partial<NonNullable<LineView["counter"]>> = {}) => ({
  state: "sent" as const,
  side: "buy" as const,
  price: "98.9",
  quoted: "99.0",
  untilMs: 15_000,
  text: null,
  ...part,
});

test("C asks the chosen dealer for a better price; a held Enter asks for nothing", async () => {
  const asked: unknown[] = [];
  page.commands.counterDealer = async (intent) => {
    asked.push(intent);
    return { status: "ok", data: null };
  };
  const takes = quotes("A", "B", "C").map((one) => ({ ...one, quoteId: `q-${one.dealer}` }));
  pull({
    whole: true,
    session: session({}),
    rfqs: [open()],
    lines: takes.map((one) => ({ ...one, canCounter: one.dealer === "B" })),
  });
  show(Panels);
  const panel = byId("rfq-panel-R")!;
  panel.focus();
  press(panel, "c");
  expect(byId("counter-form"), "the best takes no counters").toBe(null);
  press(panel, "2");
  press(panel, "c");
  const field = byId("counter-price") as HTMLInputElement;
  expect(document.activeElement).toBe(field);
  expect(words("counter-quote")).toContain("quotes 99.1");
  expect(byId("primary-buy-R"), "in its place, so that nothing moves").toBe(null);
  // A key of the panel is a letter of the price here.
  press(field, "s");
  press(field, "Escape");
  expect([byId("counter-form"), document.activeElement]).toEqual([null, panel]);
  press(panel, "c");
  const again = byId("counter-price") as HTMLInputElement;
  again.value = " 99.05 ";
  again.dispatchEvent(new InputEvent("input", { bubbles: true }));
  flushSync();
  const submit = async (fresh: boolean) => {
    page.keyboard.typing.enterIsFresh = fresh;
    byId("counter-form")!.dispatchEvent(
      new SubmitEvent("submit", { bubbles: true, cancelable: true }),
    );
    for (let i = 0; i < 4; i++) await tick();
    flushSync();
  };
  await submit(false);
  expect(asked).toEqual([]);
  await submit(true);
  expect(asked).toEqual([{ rfqId: "R", dealer: "B", quoteId: "q-B", side: "buy", price: "99.05" }]);
  expect([byId("counter-form"), document.activeElement]).toEqual([null, panel]);
});

test("a counter counts down, and what came of it stands beside the next quote", () => {
  vi.useFakeTimers();
  start();
  show(Panels);
  const lines = (part: Partial<LineView>) =>
    pull({ lines: [line("R", "A", { rank: 0, ...part })] });
  page.clock.set(11_000);
  lines({ state: "countered", counter: counter() });
  expect(byId("line-R-A")?.textContent).toMatch(/Counter sent: 98.9.*4 s/s);
  page.clock.set(13_000);
  flushSync();
  expect(byId("line-R-A")?.textContent).toMatch(/Counter sent: 98.9.*2 s/s);
  lines({ state: "counterOver", counter: counter({ state: "refused", text: "firm" }) });
  expect(byId("line-R-A")?.textContent).toContain("Counter refused: firm");
  lines({ state: "counterOver", counter: counter({ state: "unanswered" }) });
  expect(byId("line-R-A")?.textContent).toContain("No answer to the counter");
  const quoted = { offer: q("98.95"), canLift: true, bestOffer: true };
  for (const [state, said] of [
    ["improved", "Improved, asked 98.9"],
    ["heldFirm", "Held firm, asked 98.9"],
  ] as const) {
    lines({ state: "quoted", ...quoted, counter: counter({ state }) });
    expect(byId("counter-R-A")?.textContent).toBe(said);
    expect(byId("counter-R-A")?.dataset.state).toBe(state);
  }
  vi.useRealTimers();
});

test("the palette names every dealer that quotes, and says why one is not countered", () => {
  start();
  show(Panels);
  const none = "this dealer takes no counters";
  pull({
    lines: quotes("A", "B", "C").map((one) => ({
      ...one,
      canCounter: one.dealer === "A",
      noCounter: one.dealer === "A" ? null : none,
    })),
  });
  const offered = page.keyboard.actions
    .of("rfq-panel-R")
    .filter((one) => one.id.startsWith("R-counter-"));
  expect(offered.map((one) => [one.id, one.not])).toEqual([
    ["R-counter-A", undefined],
    ["R-counter-B", none],
    ["R-counter-C", none],
  ]);
});

const twoWay = (dealer: string, part: Partial<LineView> = {}) =>
  line("R", dealer, { canCounter: true, bid: q("99.0"), offer: q("99.4"), ...part });

test("the price of a counter stays on its side when the dealer stops quoting there", () => {
  const asked = vi.spyOn(page.commands, "counterDealer");
  pull({
    whole: true,
    session: session({}),
    rfqs: [open({ ask: "twoWay" })],
    lines: [twoWay("A", { bid: null })],
  });
  show(Panels);
  const panel = byId("rfq-panel-R")!;
  panel.focus();
  press(panel, "c");
  const field = byId("counter-price") as HTMLInputElement;
  expect(field.placeholder).toBe("Lower than 99.4");
  field.value = "99.2";
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  // 99.2 would be a better price for a seller too.
  pull({ lines: [twoWay("A", { offer: null })] });
  expect(words("counter-quote")).toContain("has no quote on this side");
  expect((byId("counter-send") as HTMLButtonElement).disabled).toBe(true);
  page.keyboard.typing.enterIsFresh = true;
  const send = () =>
    byId("counter-form")!.dispatchEvent(
      new SubmitEvent("submit", { bubbles: true, cancelable: true }),
    );
  send();
  expect(asked).not.toHaveBeenCalled();
  expect(byId("counter-side"), "another side may be chosen").not.toBe(null);
  pull({ lines: [twoWay("A")] });
  send();
  expect(asked.mock.lastCall![0]).toMatchObject({ side: "buy", price: "99.2" });
});

test("a held Enter passes on nobody, a new one does", () => {
  const passed: string[] = [];
  const props = {
    view: open(),
    line: line("R", "A"),
    onpass: (reason: string) => passed.push(reason),
    onclose: () => {},
  };
  show(PassReason, props);
  const submit = (fresh: boolean) => {
    page.keyboard.typing.enterIsFresh = fresh;
    byId("pass-reason")!
      .querySelector("form")!
      .dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true }));
  };
  submit(false);
  expect(passed).toEqual([]);
  submit(true);
  expect(passed).toEqual([""]);
});

test("the time left of a quote is not read aloud every second; what Confirm did is", () => {
  start();
  show(Panels);
  pull({ rfqs: [open({ accept: armed, guard: { afterMs: 700, warning: null, seen: false } })] });
  expect(words("confirm-state")).toContain("Quote valid");
  expect(byId("confirm-state")!.closest("[role=status], [aria-live]")).toBe(null);
  expect(byId("confirm-state")!.querySelector("[role=status]")!.textContent).toBe("");
});

test("the panel has the keyboard when the price that had it is withdrawn", () => {
  start();
  show(Panels);
  byId("lift-R-A")!.focus();
  expect(document.activeElement).toBe(byId("lift-R-A"));
  pull({ lines: [line("R", "A", { state: "withdrawn" })] });
  expect(document.activeElement).toBe(byId("rfq-panel-R"));
  // A keyboard that is elsewhere stays there.
  byId("field")!.focus();
  pull({ lines: [line("R", "B", { state: "withdrawn" })] });
  expect(document.activeElement).toBe(byId("field"));
});

test("a request that goes by itself leaves the keyboard to the one in its place", () => {
  start();
  pull({ rfqs: [rfq("S", { createdMs: 2, expiresMs: 60_000 })] });
  show(Panels);
  byId("rfq-panel-R")!.focus();
  pull({ removed: ["R"] });
  expect(document.activeElement).toBe(byId("rfq-panel-S"));
  pull({ removed: ["S"] });
  expect(document.activeElement).toBe(byId("field"));
});

test("the button that dismisses all ended requests leaves the keyboard to an open one", () => {
  start();
  const over = (id: string, createdMs: number) => rfq(id, { state: "expired", createdMs });
  pull({ rfqs: [over("S", 2), over("T", 3)] });
  const gone = vi.spyOn(page.commands, "dismissRfq");
  show(Panels);
  byId("clear-ended")!.focus();
  byId("clear-ended")!.click();
  expect(gone.mock.calls).toEqual([["S"], ["T"]]);
  expect(document.activeElement).toBe(byId("rfq-panel-R"));
});
