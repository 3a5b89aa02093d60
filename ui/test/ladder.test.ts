// @vitest-environment happy-dom
//
// One panel on the page: its lines hold still, its confirmation warns, and the palette acts on it.

import { flushSync, mount, tick, unmount, type Component } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import type { Frame, LineView, RfqView } from "../src/bindings";
import { UNREAD_MS } from "../src/desk/notices.svelte";
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

test("the prices are one stop of Tab, at the best; the arrows go as they stand, which holds still", () => {
  start();
  show(Panels);
  const stops = () =>
    [...document.querySelectorAll<HTMLElement>("[role=grid] button[tabindex='0']")].map(
      (button) => button.dataset.testid,
    );
  const keyboard = () => (document.activeElement as HTMLElement).dataset.testid;
  const arrow = (key: string) => press(document.activeElement as HTMLElement, key);
  expect(stops()).toEqual(["lift-R-A"]);
  pull({ lines: quotes("C", "B", "A") });
  expect([drawn(), stops()]).toEqual(["CBA", ["lift-R-C"]]);
  byId("lift-R-C")!.focus();
  flushSync();
  arrow("ArrowDown");
  expect([keyboard(), stops()]).toEqual(["lift-R-B", ["lift-R-B"]]);
  // Another price is the best now: neither the lines nor the keyboard move.
  pull({ lines: quotes("A", "C", "B") });
  expect([drawn(), keyboard(), stops()]).toEqual(["CBA", "lift-R-B", ["lift-R-B"]]);
  expect(byId("order-held")?.textContent).toContain("Order held");
  for (const [key, at] of [
    ["ArrowDown", "lift-R-A"],
    ["ArrowDown", "lift-R-A"],
    ["Home", "lift-R-C"],
    ["End", "lift-R-A"],
    ["ArrowUp", "lift-R-B"],
  ] as const) {
    arrow(key);
    expect(keyboard(), key).toBe(at);
  }
  byId("field")!.focus();
  flushSync();
  expect([drawn(), stops()]).toEqual(["ACB", ["lift-R-A"]]);
  // A price that goes takes no hold of the order with it.
  byId("lift-R-A")!.focus();
  pull({ lines: [line("R", "A", { state: "withdrawn", rank: 2 })] });
  pull({ lines: quotes("C", "B") });
  expect([drawn(), stops(), keyboard()]).toEqual(["CBA", ["lift-R-C"], "rfq-panel-R"]);
});

test("the keyboard passes by a price whose time is over, though no frame has said so", () => {
  start();
  show(Panels);
  const [a, b, c] = quotes("A", "B", "C");
  pull({ lines: [{ ...a!, validUntilMs: 9_000 }, { ...b!, validUntilMs: 5_000 }, c!] });
  page.clock.set(6_000);
  flushSync();
  byId("lift-R-A")!.focus();
  flushSync();
  press(document.activeElement as HTMLElement, "ArrowDown");
  expect((document.activeElement as HTMLElement).dataset.testid).toBe("lift-R-C");
  byId("field")!.focus();
  page.clock.set(10_000);
  flushSync();
  const stops = document.querySelectorAll<HTMLElement>("[role=grid] button[tabindex='0']");
  expect([...stops].map((button) => button.dataset.testid)).toEqual(["lift-R-C"]);
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

test("a chosen dealer whose line goes is not chosen, and an Enter meant for it goes to no other", () => {
  start();
  const arm = vi.spyOn(page.commands, "arm");
  show(Panels);
  const panel = byId("rfq-panel-R")!;
  const only = (...dealers: string[]) =>
    pull({ whole: true, session: session({}), rfqs: [open()], lines: quotes(...dealers) });
  panel.focus();
  press(panel, "2");
  expect(document.querySelector(".chosen [role=rowheader]")?.textContent).toContain("B");
  only("A", "C");
  press(panel, "Enter");
  expect(arm).not.toHaveBeenCalled();
  // It comes back, and was not chosen again.
  only("A", "B", "C");
  expect(document.querySelector(".chosen [role=rowheader]")).toBe(null);
  const later = performance.now() + UNREAD_MS;
  vi.spyOn(performance, "now").mockReturnValue(later);
  press(panel, "Enter");
  expect(arm.mock.lastCall![0]).toMatchObject({ dealer: "A" });
});

test("a price that is over, or may be, cannot be pressed and does not look so", () => {
  start();
  const arm = vi.spyOn(page.commands, "arm");
  show(Panels);
  pull({ lines: quotes("A").map((one) => ({ ...one, validUntilMs: 5_000 })) });
  const may = () =>
    ["lift-R-A", "primary-buy-R"].map((id) => !(byId(id) as HTMLButtonElement).disabled);
  const at = (ms: number) => {
    page.clock.set(ms);
    flushSync();
    return may();
  };
  expect(at(4_000)).toEqual([true, true]);
  expect(at(5_200)).toEqual([false, false]);
  press(byId("rfq-panel-R")!, "Enter");
  expect(arm).not.toHaveBeenCalled();
  expect(at(4_000)).toEqual([true, true]);
  // The laptop has slept.
  page.clock.lost = true;
  flushSync();
  expect(may()).toEqual([false, false]);
  expect(words("primary-buy-R")).toContain("The prices are old");
  expect(byId("rfq-panel-R")!.classList.contains("stale")).toBe(true);
  expect(at(4_200)).toEqual([true, true]);
  // The frames do not come, or cannot be taken.
  page.trouble = { code: "desk.silent", message: "No answer.", cure: "Wait.", field: null };
  flushSync();
  expect(may()).toEqual([false, false]);
  expect(byId("rfq-panel-R")!.classList.contains("stale")).toBe(true);
});

test("terms that were asked for in the other window scroll nothing in this one", () => {
  start();
  const scroll = vi.spyOn(Element.prototype, "scrollIntoView");
  show(Panels);
  pull({ rfqs: [open({ accept: armed })] });
  expect(byId("confirm-accept")).not.toBe(null);
  expect(scroll).not.toHaveBeenCalled();
  pull({ rfqs: [open()] });
  byId("primary-buy-R")!.click();
  pull({ rfqs: [open({ accept: armed })] });
  expect(scroll).toHaveBeenCalledOnce();
  // Other words in the same terms scroll no more.
  pull({ rfqs: [open({ accept: { ...armed, text: "as before" } })] });
  expect(scroll).toHaveBeenCalledOnce();
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

test("the terms of a screen that may be old are not confirmed", () => {
  start();
  const sent = vi.spyOn(page.commands, "accept");
  show(Panels);
  pull({ rfqs: [open({ accept: armed })] });
  page.clock.lost = true;
  flushSync();
  byId("confirm-accept")!.click();
  expect(sent).not.toHaveBeenCalled();
  page.clock.set(4_000);
  flushSync();
  byId("confirm-accept")!.click();
  expect(sent.mock.calls).toEqual([["R", armed.id]]);
});

test("where a dealer takes no part there is no field for one", () => {
  start();
  show(Panels);
  pull({ rfqs: [open({ accept: armed })] });
  expect(byId("part-form")).toBe(null);
  expect(byId("accept-part")).toBe(null);
});

test("Confirm waits while another quantity is typed than the terms say", async () => {
  start();
  show(Panels);
  const whole = { ...armed, id: "A1", takesPart: true };
  const part = { ...whole, id: "A2", quantity: "2,000,000", quotedQuantity: "5,000,000" };
  const calls: string[] = [];
  const ok = { status: "ok" as const, data: null };
  page.commands.takeQuantity = (_, typed) => (calls.push(`take ${typed}`), Promise.resolve(ok));
  page.commands.accept = (_, id) => (calls.push(`accept ${id}`), Promise.resolve(ok));
  pull({ rfqs: [open({ accept: whole })] });
  const field = byId("part-quantity") as HTMLInputElement;
  const confirms = byId("confirm-accept")!;
  expect([field.value, field.placeholder]).toEqual(["", "5,000,000"]);
  const settles = async () => {
    for (let i = 0; i < 6; i++) await tick();
    flushSync();
  };
  field.value = "2m";
  field.dispatchEvent(new Event("input", { bubbles: true }));
  flushSync();
  expect(confirms.getAttribute("aria-disabled")).toBe("true");
  confirms.click();
  await settles();
  expect(calls, "not the whole, which nobody wants any longer").toEqual([]);
  byId("part-take")!.click();
  await settles();
  expect(calls).toEqual(["take 2m"]);
  pull({ rfqs: [open({ accept: part })] });
  expect((byId("part-quantity") as HTMLInputElement).value).toBe("2,000,000");
  expect(words("accept-part")).toContain("of 5,000,000 quoted");
  confirms.click();
  await settles();
  expect(calls).toEqual(["take 2m", "accept A2"]);
});

test("the Enter that takes a quantity, held or pressed again at once, does not press Confirm", async () => {
  start();
  show(Panels);
  const calls: string[] = [];
  const ok = { status: "ok" as const, data: null };
  page.commands.takeQuantity = (_, typed) => (calls.push(`take ${typed}`), Promise.resolve(ok));
  pull({ rfqs: [open({ accept: { ...armed, id: "A1", takesPart: true } })] });
  const field = byId("part-quantity") as HTMLInputElement;
  const confirms = byId("confirm-accept")!;
  /** Whether Enter there presses what it is on. */
  const enter = (on: HTMLElement, repeat = false) => {
    const init = { key: "Enter", repeat, bubbles: true, cancelable: true };
    return on.dispatchEvent(new KeyboardEvent("keydown", init));
  };
  const submit = async () => {
    byId("part-form")!.dispatchEvent(
      new SubmitEvent("submit", { bubbles: true, cancelable: true }),
    );
    for (let i = 0; i < 6; i++) await tick();
    flushSync();
  };
  field.focus();
  // As many as the whole: the terms stay as they are.
  field.value = "5m";
  field.dispatchEvent(new Event("input", { bubbles: true }));
  flushSync();
  let now = performance.now() + 1_000;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  expect(enter(field)).toBe(true);
  await submit();
  expect([calls, document.activeElement]).toEqual([["take 5m"], confirms]);
  expect(enter(confirms, true), "held").toBe(false);
  now += RELEASED_MS - 1;
  expect(enter(confirms), "held, on a remote display").toBe(false);
  now += RELEASED_MS;
  expect(enter(confirms), "a new one, for which the desk has a time to read").toBe(true);
});

test("what was typed for other terms is not of these", async () => {
  start();
  show(Panels);
  const whole = { ...armed, id: "A1", takesPart: true };
  const calls: string[] = [];
  const ok = { status: "ok" as const, data: null };
  page.commands.accept = (_, id) => (calls.push(`accept ${id}`), Promise.resolve(ok));
  pull({ rfqs: [open({ accept: whole })] });
  const field = byId("part-quantity") as HTMLInputElement;
  field.value = "2m";
  field.dispatchEvent(new Event("input", { bubbles: true }));
  flushSync();
  // The trader shows the terms of another quote, which is for as much.
  pull({ rfqs: [open({ accept: { ...whole, id: "A2" } })] });
  expect((byId("part-quantity") as HTMLInputElement).value).toBe("");
  byId("confirm-accept")!.click();
  for (let i = 0; i < 6; i++) await tick();
  expect(calls).toEqual(["accept A2"]);
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

test("a click on the spot of the one that showed the terms confirms nothing, and that is said", () => {
  start();
  const sent = vi.spyOn(page.commands, "accept");
  show(Panels);
  const click = (id: string) => {
    const at = { clientX: 5, clientY: 5, detail: 1, bubbles: true };
    byId(id)!.dispatchEvent(new MouseEvent("click", at));
    flushSync();
  };
  click("primary-buy-R");
  pull({ rfqs: [open({ accept: armed, guard: { afterMs: 700, warning: null, seen: false } })] });
  click("confirm-accept");
  expect(sent).not.toHaveBeenCalled();
  expect(words("confirm-state")).toContain("Too soon");
  const later = performance.now() + 2_000;
  vi.spyOn(performance, "now").mockReturnValue(later);
  click("confirm-accept");
  expect(sent.mock.calls).toEqual([["R", armed.id]]);
  expect(words("confirm-state")).toContain("Quote valid");
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
  expect(byId("unsettled")?.textContent).toContain("No outcome is open");
  props.over = false;
  await tick();
  flushSync();
  expect(byId("unsettled")).toBe(null);
});

test("an unknown outcome whose request the trader dismissed is not called known", async () => {
  start();
  show(Unsettled, { over: true });
  pull({ rfqs: [open({ accept: scenes.accept(0, { state: "unknown" }) })] });
  await tick();
  flushSync();
  pull({ removed: ["R"] });
  await tick();
  flushSync();
  expect(byId("unsettled")!.textContent!.trim()).toBe("No outcome is open on the screen.");
});

test("the first price and the end are read aloud, and not how many quote", () => {
  pull({ whole: true, session: session({}), rfqs: [open({ text: "Waiting for 2 of 2 dealers" })] });
  show(Panels);
  const LIVE = "header [role=status], [data-testid=rfq-text-R]";
  const said: string[] = [];
  const note = () => {
    const live = [...byId("rfq-panel-R")!.querySelectorAll(LIVE)];
    const now = live.map((one) => one.textContent!.trim()).join("");
    if (now !== (said.at(-1) ?? "")) said.push(now);
  };
  note();
  const [a, b] = quotes("A", "B");
  const best = { ...a!, bestOffer: true };
  pull({ lines: [best], rfqs: [open({ text: "1 quoting, waiting for 1" })] });
  note();
  pull({ lines: [b!], rfqs: [open({ text: "2 of 2 dealers quoting" })] });
  note();
  // It goes and comes again: that is not the first.
  pull({ lines: [{ ...best, canLift: false }], rfqs: [open({ text: "1 of 2 dealers quoting" })] });
  note();
  pull({ lines: [best], rfqs: [open({ text: "2 of 2 dealers quoting" })] });
  note();
  expect(words("rfq-quoting-R")).toContain("2 of 2 dealers quoting");
  const why = `Refused: ${"a long reason ".repeat(20)}`.trim();
  pull({ rfqs: [open({ state: "refused", text: why })] });
  note();
  expect(said).toEqual(["The first price is here.", why]);
  // It is shown whole.
  expect(byId("rfq-text-R")!.classList.contains("unseen")).toBe(false);
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
