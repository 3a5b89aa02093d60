// @vitest-environment happy-dom
//
// The blotter's panel on the simulated desk: what it asks for, and what its keys do.

import { flushSync, mount, tick, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import type { RowsPage, RowsQuery } from "../src/bindings";
import Blotter from "../src/blotter/Blotter.svelte";
import { ANSWER_MAX_MS } from "../src/desk/backend";
import { Page } from "../src/desk/page.svelte";
import Screen from "./Screen.svelte";

// Thousands of nodes are made; a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

const NOW = 1_800_000_000_000;
let page: Page;
let app: ReturnType<typeof mount>;
let asked: RowsQuery[] = [];

const settled = async () => {
  for (let n = 0; n < 4; n += 1) {
    flushSync();
    await tick();
    await new Promise((done) => setTimeout(done));
  }
};
const byId = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`)!;
const rowsShown = () => document.querySelectorAll("[data-testid=blotter-row]").length;
const press = (key: string) =>
  document.activeElement!.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
  );
const last = () => asked.at(-1)!;

beforeEach(async () => {
  const backend = fake(new URLSearchParams({ scene: "blotter" }));
  const { blotterRows } = backend.commands;
  asked = [];
  backend.commands.blotterRows = (query) => {
    asked.push(query);
    return blotterRows(query);
  };
  page = new Page(backend);
  page.clock.set(NOW);
  page.book.apply(scenes.frame("blotter", NOW));
  app = mount(Screen, {
    target: document.body,
    props: { page, component: Blotter as never, props: {}, ownButton: true },
  });
  await settled();
});

afterEach(async () => {
  await unmount(app);
  document.body.replaceChildren();
  vi.restoreAllMocks();
});

test("of 10,000 rows only those near what is in sight are on the page", async () => {
  expect(byId("blotter-total").textContent).toMatch(/10,000\s+requests/);
  expect(rowsShown()).toBe(120);
  const grid = byId("blotter-grid");
  expect(grid.getAttribute("aria-rowcount")).toBe("10001");
  grid.focus();
  press("End");
  await settled();
  expect(last().offset).toBe(10_000 - 120);
  expect(document.querySelector("tr[aria-selected=true]")?.getAttribute("aria-rowindex")).toBe(
    "10001",
  );
  press("ArrowUp");
  await settled();
  expect(document.querySelector("tr[aria-selected=true]")?.getAttribute("aria-rowindex")).toBe(
    "10000",
  );
  press("Home");
  await settled();
  expect(last().offset).toBe(0);
});

test("Enter opens the best-execution page of the row, and a group opens and closes", async () => {
  byId("blotter-grid").focus();
  press("ArrowDown");
  await settled();
  press("Enter");
  expect(page.insight.rfq).toBe("R1");
  byId("view-open").click();
  await settled();
  const group = byId("blotter-group-by") as HTMLSelectElement;
  group.value = "instrument";
  group.dispatchEvent(new Event("change", { bubbles: true }));
  await settled();
  expect(last().group).toBe("instrument");
  byId("view-close").click();
  await settled();
  expect(byId("group-sums").textContent).toContain("bought EUR 15,000,000");
  const grid = byId("blotter-grid");
  grid.focus();
  press("Home");
  await settled();
  press("Enter");
  await settled();
  expect(last().closed).toEqual(["DE000BU2Z049"]);
  expect(rowsShown()).toBe(0);
});

test("words, filters and columns go to the desk, which decides", async () => {
  const filter = byId("blotter-filter") as HTMLInputElement;
  filter.value = "eur";
  filter.dispatchEvent(new Event("input", { bubbles: true }));
  await settled();
  expect(last().text).toBe("eur");
  byId("sort-price").click();
  await settled();
  expect([last().sort, last().descending]).toEqual(["price", true]);
  byId("view-open").click();
  await settled();
  const value = (of: string) =>
    document.querySelector<HTMLInputElement>(`[data-testid=filter-side-value][value="${of}"]`)!;
  value("Sell").click();
  await settled();
  expect(last().filters).toEqual([{ column: "side", values: ["Sell"] }]);
  // Any of several.
  value("Buy").click();
  await settled();
  expect(last().filters).toEqual([{ column: "side", values: ["Sell", "Buy"] }]);
  expect(byId("filter-side").querySelector("summary")!.textContent).toMatch(/2 chosen/);
  value("Sell").click();
  await settled();
  expect(last().filters).toEqual([{ column: "side", values: ["Buy"] }]);
  // A day is written in one way, whatever the language of the system.
  const from = byId("filter-from") as HTMLInputElement;
  for (const [typed, day] of [
    ["2026-11-29", "2026-11-29"],
    ["29.11.2026", "2026-11-29"],
    ["", null],
  ] as const) {
    from.value = typed;
    from.dispatchEvent(new Event("change", { bubbles: true }));
    await settled();
    expect(last().from).toBe(day);
    expect(from.getAttribute("aria-invalid")).toBe(String(typed === "29.11.2026"));
  }
  const keep = vi.spyOn(page.commands, "keepBlotterColumns");
  byId("hide-cover").click();
  await settled();
  expect(keep.mock.lastCall![0].columns).not.toContain("cover");
  byId("view-usual").click();
  await settled();
  expect(last().filters).toEqual([]);
});

test("the least quantity is a column, a filter and an order, and is exported", async () => {
  byId("view-open").click();
  await settled();
  byId("show-least").click();
  await settled();
  document
    .querySelector<HTMLInputElement>('[data-testid=filter-least-value][value="5,000,000"]')!
    .click();
  await settled();
  expect(last().filters).toEqual([{ column: "least", values: ["5,000,000"] }]);
  byId("view-close").click();
  await settled();
  byId("sort-least").click();
  await settled();
  expect([last().sort, last().descending]).toEqual(["least", true]);
  expect(byId("sort-least").textContent).toContain("At least");
  const cell = byId("blotter-row").lastElementChild!;
  expect([cell.textContent, cell.classList.contains("number")]).toEqual(["5,000,000", true]);
  page.insight.exporting = true;
  await settled();
  const write = vi.spyOn(page.commands, "exportBlotter");
  byId("export-csv").click();
  await settled();
  expect(write.mock.lastCall![1]).toContain("least");
});

test("what needs a person is counted, and can be said to be dealt with by a key", async () => {
  expect(byId("attention-count").textContent).toBe("3");
  byId("blotter-tab-attention").click();
  await settled();
  const attend = vi.spyOn(page.commands, "attend");
  byId("blotter-grid").focus();
  press("Delete");
  await settled();
  expect(attend).toHaveBeenCalledTimes(1);
});

test("an export takes what is shown, and tells where it went", async () => {
  page.insight.exporting = true;
  await settled();
  const write = vi.spyOn(page.commands, "exportBlotter");
  byId("export-csv").click();
  await settled();
  expect(write.mock.lastCall![0]).toMatchObject({ tab: "rfqs", offset: 0 });
  expect(byId("export-told").textContent).toContain("Downloads");
});

test("an export that is being written keeps the keyboard, and is written once", async () => {
  page.insight.exporting = true;
  await settled();
  const write = vi.spyOn(page.commands, "exportBlotter").mockReturnValue(new Promise(() => {}));
  const button = byId("export-csv") as HTMLButtonElement;
  button.focus();
  button.click();
  await settled();
  button.click();
  byId("export-excel").click();
  await settled();
  expect(write).toHaveBeenCalledTimes(1);
  expect([document.activeElement, button.disabled]).toEqual([button, false]);
  expect(button.getAttribute("aria-disabled")).toBe("true");
});

test("changes that come while the rows are looked for are one more question, not one each", async () => {
  const answer = page.commands.blotterRows;
  let release = () => {};
  let questions = 0;
  page.commands.blotterRows = async (query) => {
    questions += 1;
    await new Promise<void>((done) => (release = done));
    return answer(query);
  };
  for (let n = 0; n < 20; n++) {
    page.book.blotterRevision += 1;
    await settled();
  }
  expect(questions).toBe(1);
  release();
  await settled();
  expect(questions).toBe(2);
  // What is wanted now waits for no earlier answer.
  byId("blotter-tab-trades").click();
  await settled();
  expect(questions).toBe(3);
});

test("that rows do not come in time is told, and they are asked for until they come", async () => {
  const answer = page.commands.blotterRows;
  const code = () => document.querySelector("[data-testid=problem-code]")?.textContent;
  const pass = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms);
    flushSync();
  };
  vi.useFakeTimers();
  try {
    page.commands.blotterRows = () => new Promise(() => {});
    page.book.blotterRevision += 1;
    flushSync();
    await pass(ANSWER_MAX_MS - 1);
    expect([code(), rowsShown() > 0]).toEqual([undefined, true]);
    await pass(1);
    expect([code(), rowsShown()]).toEqual(["blotter.late", 0]);
    page.commands.blotterRows = answer;
    await pass(ANSWER_MAX_MS);
    await pass(1);
    expect([code(), rowsShown() > 0]).toEqual([undefined, true]);
  } finally {
    vi.useRealTimers();
  }
});

/** The rows that the desk answers with are changed before the page has them. */
async function rowsChange(change: (rows: RowsPage) => RowsPage) {
  const answer = page.commands.blotterRows;
  page.commands.blotterRows = async (query) => {
    const got = await answer(query);
    return got.status === "ok" ? { ...got, data: change(got.data) } : got;
  };
  page.book.blotterRevision += 1;
  await settled();
  page.commands.blotterRows = answer;
}
const without = (id: string) => (rows: RowsPage) => ({
  ...rows,
  allLines: rows.allLines - 1,
  lines: rows.lines.filter((one) => one.kind !== "row" || one.row.id !== id),
});
const selected = () =>
  document.querySelector<HTMLElement>("tr[aria-selected=true]")?.dataset.id ?? null;

/** The second row of those that need a person is the trader's. */
async function onSecond() {
  byId("blotter-tab-attention").click();
  await settled();
  byId("blotter-grid").focus();
  await settled();
  press("ArrowDown");
  await settled();
  return selected()!;
}

test("a key acts on the row that the trader is on, wherever other rows push it", async () => {
  const attend = vi.spyOn(page.commands, "attend");
  const mine = await onSecond();
  await rowsChange((rows) => {
    const [first] = rows.lines;
    if (first?.kind !== "row") return rows;
    const fresh = { ...first, row: { ...first.row, id: "NEW" } };
    return { ...rows, allLines: rows.allLines + 1, lines: [fresh, ...rows.lines] };
  });
  expect(selected()).toBe(mine);
  press("Delete");
  expect(attend.mock.calls).toEqual([[mine]]);
  // It was dealt with, and goes: the next one is in its place.
  await rowsChange(without(mine));
  const next = selected();
  expect(next).not.toBe(null);
  press("Delete");
  expect(attend.mock.calls).toEqual([[mine], [next]]);
});

test("a key acts on no row in the place of one that went by itself", async () => {
  const attend = vi.spyOn(page.commands, "attend");
  await rowsChange(without(await onSecond()));
  expect(selected()).toBe(null);
  press("Delete");
  press("Enter");
  expect([attend.mock.calls.length, page.insight.rfq]).toEqual([0, null]);
  press("ArrowUp");
  await settled();
  expect(selected()).not.toBe(null);
});
