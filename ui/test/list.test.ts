// @vitest-environment happy-dom
//
// The list of requests on the page: what it draws, and what it sends back.

import { flushSync, mount, tick, unmount, type Component } from "svelte";
import { afterEach, describe, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import type { ListRow } from "../src/bindings";
import { LINES } from "../src/blotter/window";
import { Page } from "../src/desk/page.svelte";
import List from "../src/list/List.svelte";
import {
  awayOf,
  dealerOf,
  figures,
  base64,
  isOther,
  isWorkbook,
  labelOf,
  mayAgain,
  mayEdit,
  mayRemove,
  textOf,
  wordsOf,
} from "../src/list/rows";
import { ANSWER_MAX_MS } from "../src/desk/backend";
import { RELEASED_MS } from "../src/keyboard/typing";
import Repeats from "../src/list/Repeats.svelte";
import Screen from "./Screen.svelte";

const [done, quoted, beyond, , , , pending, wrong, warned] = new scenes.RequestList("list")
  .rows as [ListRow, ListRow, ListRow, ListRow, ListRow, ListRow, ListRow, ListRow, ListRow];

describe("a row in words", () => {
  test("what is wrong comes first, then what happened, then what to look at", () => {
    expect(labelOf(wrong).text).toBe("Correct it");
    expect(wordsOf(wrong)).toEqual({
      text: "'5x' is not a quantity. Type it like 5m. And 1 more.",
      bad: true,
    });
    expect(wordsOf(done).text).toMatch(/^Filled/);
    expect(wordsOf(warned).text).toBe("Asks for the same as row 2.");
  });

  test("only a draft has fields, and only what is at rest can be removed", () => {
    expect([done, quoted, pending, wrong].map(mayEdit)).toEqual([false, false, false, true]);
    expect([done, quoted, pending, wrong].map(mayRemove)).toEqual([true, false, false, true]);
    expect([done, quoted, pending, wrong].map(mayAgain)).toEqual([false, false, false, false]);
  });

  test("ties are counted, and the distance says which side of the limit it is on", () => {
    expect(dealerOf(quoted)).toBe("Northbank, 1 more");
    expect(dealerOf(beyond)).toBe("Kestrel Capital Markets");
    expect([quoted, beyond, { ...quoted, away: "0" }, wrong].map(awayOf)).toEqual([
      "-4 t",
      "+1 t",
      "at it",
      "",
    ]);
  });

  test("figures name only what there is", () => {
    expect(figures(new scenes.RequestList("list-draft").summary())).toBe("1 to correct · 2 ready");
  });

  test("a file is read in the letters in which it was written, or not at all", () => {
    const text = "buy;Müller & Co;5";
    const of = (letters: string) => [...letters].map((one) => one.charCodeAt(0));
    const wide = (low: 0 | 1) => of(text).flatMap((one) => (low === 0 ? [one, 0] : [0, one]));
    const utf8 = [...new TextEncoder().encode(text)];
    for (const bytes of [
      utf8,
      [0xef, 0xbb, 0xbf, ...utf8],
      [0xff, 0xfe, ...wide(0)],
      [0xfe, 0xff, ...wide(1)],
    ])
      expect(textOf(Uint8Array.from(bytes))).toBe(text);
    // As a spreadsheet on Windows writes "CSV" without more; and half a letter.
    expect(textOf(Uint8Array.from(of(text)))).toBe(null);
    expect(textOf(Uint8Array.from([0xff, 0xfe, 65]))).toBe(null);
    expect(textOf(new Uint8Array())).toBe("");
  });

  test("a workbook is told by its name, and goes to the desk byte by byte", () => {
    const names = ["a.xlsx", "B.XLSX", "b.xls", "c.ods", "d.csv", "xlsx.txt"];
    expect(names.filter(isWorkbook)).toEqual(["a.xlsx", "B.XLSX"]);
    expect(names.filter(isOther)).toEqual(["b.xls", "c.ods"]);
    const bytes = Uint8Array.from({ length: 20_000 }, (_, i) => (i * 7) % 256);
    const back = [...atob(base64(bytes))].map((one) => one.charCodeAt(0));
    expect(back).toEqual([...bytes]);
  });
});

const byId = <E extends HTMLElement>(id: string) =>
  document.querySelector<E>(`[data-testid="${id}"]`);
const all = (id: string) => [...document.querySelectorAll(`[data-testid="${id}"]`)];

let shown: ReturnType<typeof mount> | null = null;

async function settled() {
  for (let i = 0; i < 12; i++) {
    flushSync();
    await tick();
    await Promise.resolve();
  }
}

async function open(scene: string) {
  const backend = fake(new URLSearchParams({ scene }));
  const page = new Page(backend);
  page.info = scenes.info(true);
  page.reference = scenes.reference;
  page.book.apply(scenes.frame("rfqs", 1));
  const app = mount(Screen, {
    target: document.body,
    props: {
      page,
      component: List as unknown as Component,
      props: { onclose: () => {} },
      ownButton: false,
    },
  });
  shown = app;
  flushSync();
  byId("opener")!.click();
  await settled();
  return { page, commands: backend.commands };
}

afterEach(async () => {
  if (shown) await unmount(shown);
  shown = null;
  document.body.replaceChildren();
});

describe("the panel", () => {
  test("of a long list only a window of rows is on the page", async () => {
    await open("list-long");
    const rows = all("list-row");
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.length).toBeLessThanOrEqual(LINES);
    expect(byId("list-table")!.getAttribute("aria-rowcount")).toBe("501");
  }, 30_000);

  test("what was typed in a cell that is scrolled away is kept", async () => {
    const { commands } = await open("list-long");
    const act = vi.spyOn(commands, "listAct");
    const cell = document.querySelector<HTMLInputElement>("[data-column=quantity]")!;
    const key = (await commands.listPage(0, LINES)) as { data: { rows: ListRow[] } };
    const row = key.data.rows.find((one) => mayEdit(one))!;
    cell.focus();
    cell.value = "7m";
    cell.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await settled();
    expect(act).not.toHaveBeenCalled();
    const scroller = byId("list-scroll")!;
    scroller.scrollTop = 300 * 48;
    scroller.dispatchEvent(new Event("scroll"));
    await settled();
    expect(cell.isConnected).toBe(false);
    expect(act).toHaveBeenCalledExactlyOnceWith({
      kind: "edit",
      key: row.key,
      field: "quantity",
      text: "7m",
    });
  }, 30_000);

  test("a paste adds rows, and what is refused stays to be corrected", async () => {
    const { commands } = await open("list-empty");
    const area = byId<HTMLTextAreaElement>("list-paste")!;
    const paste = vi.spyOn(commands, "listPaste");
    const event = (text: string) =>
      Object.assign(new Event("paste", { bubbles: true, cancelable: true }), {
        clipboardData: { getData: () => text },
      });
    area.dispatchEvent(event("buy,DE000BU2Z049,5m"));
    await settled();
    expect(paste).toHaveBeenCalledWith("buy,DE000BU2Z049,5m");
    expect(all("list-row")).toHaveLength(1);
    expect(area.value).toBe("");
    paste.mockResolvedValue({ status: "error", error: scenes.problems.quantity });
    area.dispatchEvent(event('"open'));
    await settled();
    expect(area.value).toBe('"open');
    expect(byId("list-problem")).not.toBeNull();
  });

  test("another workbook and a file that is too large are not read", async () => {
    const { commands } = await open("list-empty");
    const paste = vi.spyOn(commands, "listPaste");
    const drop = (name: string, size: number) => {
      const bytes = new Uint8Array([80, 75]).buffer;
      const file = { name, size, arrayBuffer: async () => bytes };
      const event = Object.assign(new Event("drop", { bubbles: true, cancelable: true }), {
        dataTransfer: { files: [file] },
      });
      byId("list-drop")!.dispatchEvent(event);
    };
    for (const [name, size, code] of [
      ["rows.xls", 10, "list.workbook"],
      ["rows.csv", 1_048_577, "list.too_long"],
    ] as const) {
      drop(name, size);
      await settled();
      expect(byId("problem-code")!.textContent).toBe(code);
    }
    expect(paste).not.toHaveBeenCalled();
    drop("rows.csv", 1_048_576);
    await settled();
    expect(paste).toHaveBeenCalledWith("PK");
    const book = vi.spyOn(commands, "listWorkbook");
    drop("rows.xlsx", 2);
    await settled();
    expect(book).toHaveBeenCalledWith("UEs=", null);
  });

  test("hidden rows of a workbook are in or out by a choice, and it is said", async () => {
    const { commands } = await open("list-hidden");
    const drop = async () => {
      const bytes = new Uint8Array([80, 75]).buffer;
      const file = { name: "rows.xlsx", size: 2, arrayBuffer: async () => bytes };
      const event = Object.assign(new Event("drop", { bubbles: true, cancelable: true }), {
        dataTransfer: { files: [file] },
      });
      byId("list-drop")!.dispatchEvent(event);
      await settled();
      await settled();
    };
    const book = vi.spyOn(commands, "listWorkbook");
    for (const [button, choice, rows, told] of [
      ["hidden-none", null, 0, null],
      ["hidden-out", "out", 2, "3 hidden rows were left out."],
      ["hidden-in", "in", 7, "3 hidden rows were taken too."],
    ] as const) {
      await drop();
      expect(byId("list-hidden")!.textContent).toContain("3 rows of the sheet are hidden.");
      expect((document.activeElement as HTMLElement).dataset.testid).toBe("hidden-out");
      book.mockClear();
      byId(button)!.click();
      await settled();
      if (choice) expect(book).toHaveBeenCalledWith("UEs=", choice);
      else expect(book).not.toHaveBeenCalled();
      expect(byId("list-hidden")).toBeNull();
      expect(all("list-row")).toHaveLength(rows);
      expect(byId("list-hidden-told")?.textContent ?? null).toBe(told);
    }
  });

  test("what was typed last is with the desk before the list is sent, or nothing is", async () => {
    const { commands } = await open("list-draft");
    const done: string[] = [];
    let answer: (() => void) | null = null;
    const act = vi.spyOn(commands, "listAct").mockImplementation((intent) => {
      done.push(intent.kind);
      const failed = { status: "error", error: scenes.problems.quantity } as const;
      if (intent.kind !== "edit") return Promise.resolve({ status: "ok", data: null });
      return new Promise((resolve) => (answer = () => resolve(failed)));
    });
    const cell = byId<HTMLInputElement>("list-quantity-1")!;
    const type = () => {
      cell.value += "7";
      cell.dispatchEvent(new Event("change", { bubbles: true }));
    };
    type();
    byId("list-send")!.click();
    await settled();
    expect(done).toEqual(["edit"]);
    answer!();
    await settled();
    expect(done).toEqual(["edit"]);
    expect(byId("list-problem")!.textContent).toContain("A cell that you typed");
    // Taken this time: then it is sent.
    act.mockImplementation((intent) => {
      done.push(intent.kind);
      return Promise.resolve({ status: "ok", data: null });
    });
    type();
    byId("list-send")!.click();
    await settled();
    expect(done).toEqual(["edit", "edit", "send"]);
  });

  test("a cell that was not taken is not forgotten over another one that was", async () => {
    const { commands } = await open("list-draft");
    const done: string[] = [];
    vi.spyOn(commands, "listAct").mockImplementation(async (intent) => {
      done.push(intent.kind);
      return done.length === 1
        ? { status: "error", error: scenes.problems.quantity }
        : { status: "ok", data: null };
    });
    for (const id of ["list-quantity-1", "list-quantity-2"]) {
      const cell = byId<HTMLInputElement>(id)!;
      cell.value += "7";
      cell.dispatchEvent(new Event("change", { bubbles: true }));
      await settled();
    }
    byId("list-send")!.click();
    await settled();
    expect(done).toEqual(["edit", "edit"]);
    expect(byId("list-problem")!.textContent).toContain("A cell that you typed");
    // The trader has read it.
    byId("list-send")!.click();
    await settled();
    expect(done).toEqual(["edit", "edit", "send"]);
  });

  test("rows that were sent before are shown, and sent only when that is meant", async () => {
    const { commands } = await open("list-repeats");
    const act = vi.spyOn(commands, "listAct");
    expect((document.activeElement as HTMLElement).dataset.testid).toBe("repeats-cancel");
    expect(all("repeat-line")).toHaveLength(2);
    expect(all("repeat-line")[0]!.textContent).toContain("Filled");
    byId("repeats-send")!.click();
    await settled();
    expect(act).toHaveBeenCalledExactlyOnceWith({ kind: "sendAgain" });
    expect(byId("list-repeats-dialog")).toBeNull();
  });

  test("a held Enter does not confirm, and a fresh one does", async () => {
    const { page, commands } = await open("list");
    const confirm = vi.spyOn(commands, "listConfirm");
    byId("list-take")!.click();
    await settled();
    const button = byId("take-confirm")!;
    const enter = (repeat: boolean) => {
      const init = { key: "Enter", repeat, bubbles: true, cancelable: true };
      const event = new KeyboardEvent("keydown", init);
      button.dispatchEvent(event);
      // As a browser does it, unless the page prevents it.
      if (!event.defaultPrevented) button.click();
    };
    button.focus();
    page.keyboard.typing.enterIsFresh = false;
    enter(true);
    await settled();
    expect(confirm).not.toHaveBeenCalled();
    // Longer than a held key takes from one press to the next on a remote display.
    await new Promise((resolve) => setTimeout(resolve, 2 * RELEASED_MS));
    page.keyboard.typing.enterIsFresh = true;
    enter(false);
    await settled();
    expect(confirm).toHaveBeenCalledOnce();
  });

  test("a corrected cell is checked, and Enter goes to the row below", async () => {
    const { commands } = await open("list-draft");
    const act = vi.spyOn(commands, "listAct");
    const cell = byId<HTMLInputElement>("list-quantity-1")!;
    cell.focus();
    cell.value = "7m";
    cell.dispatchEvent(new Event("change", { bubbles: true }));
    await settled();
    expect(act).toHaveBeenCalledWith({ kind: "edit", key: 1, field: "quantity", text: "7m" });
    cell.dispatchEvent(
      new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }),
    );
    expect((document.activeElement as HTMLElement).dataset.testid).toBe("list-quantity-2");
    // What is said about a wrong cell is said in full where the keyboard is.
    byId("list-dealers-8")!.focus();
    await settled();
    expect(byId("list-said")!.textContent).toContain("Eastbank is not a dealer you may ask.");
  });

  test("nothing is taken before the confirmation, which begins at Cancel", async () => {
    const { commands } = await open("list");
    const confirm = vi.spyOn(commands, "listConfirm");
    byId("list-take")!.click();
    await settled();
    expect((document.activeElement as HTMLElement).dataset.testid).toBe("take-cancel");
    expect(confirm).not.toHaveBeenCalled();
    byId("take-confirm")!.click();
    await settled();
    expect(confirm).toHaveBeenCalledOnce();
    expect(byId("list-confirm-dialog")).toBeNull();
    // The button is gone with the last price; the list has the keyboard.
    await settled();
    expect(byId("list-take")).toBeNull();
    expect((document.activeElement as HTMLElement).dataset.testid).toBe("list-paste");
  });

  test("rows that were sent before in the same words are all shown", async () => {
    const words = "Sent at 08:00 UTC as row 1 of list A: Filled.";
    const row = {
      key: 1,
      number: 1,
      ask: "buy" as const,
      quantity: "5,000,000",
      symbol: "DBR 2.5 02/35",
      before: [words, words],
    };
    shown = mount(Screen, {
      target: document.body,
      props: {
        page: new Page(fake(new URLSearchParams({ scene: "list" }))),
        component: Repeats as unknown as Component,
        props: {
          repeats: { rows: [row], all: 1, afterMs: 0 },
          problem: null,
          onsend: () => {},
          onclose: () => {},
        },
        ownButton: true,
      },
    });
    await settled();
    expect(byId("repeat-line")!.querySelectorAll("bdi")).toHaveLength(2);
  });

  test("a command without an answer holds up neither Stop nor the next one, and is told", async () => {
    const { page, commands } = await open("list-draft");
    const got = await commands.listPage(0, LINES);
    if (got.status !== "ok") throw new Error("the simulated desk has a list");
    page.book.list = { ...got.data.summary, run: "sending" };
    await settled();
    vi.useFakeTimers();
    const done: string[] = [];
    vi.spyOn(commands, "listAct").mockImplementation((intent) => {
      done.push(intent.kind);
      if (intent.kind === "edit") return new Promise(() => {});
      return Promise.resolve({ status: "ok", data: null });
    });
    const cell = byId<HTMLInputElement>("list-quantity-1")!;
    cell.value += "7";
    cell.dispatchEvent(new Event("change", { bubbles: true }));
    byId("list-send")!.click();
    await settled();
    expect(done).toEqual(["edit"]);
    byId("list-stop")!.click();
    await settled();
    expect(done).toEqual(["edit", "stop"]);
    await vi.advanceTimersByTimeAsync(ANSWER_MAX_MS);
    await settled();
    // What was to be sent before the Stop is not sent; and what was typed may not be with the desk.
    expect(done).toEqual(["edit", "stop"]);
    expect(byId("problem-code")!.textContent).toBe("desk.unanswered");
    byId("list-send")!.click();
    await settled();
    expect(done).toEqual(["edit", "stop"]);
    byId("list-send")!.click();
    await settled();
    expect(done).toEqual(["edit", "stop", "send"]);
    vi.useRealTimers();
  });
});
