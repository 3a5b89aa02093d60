// @vitest-environment happy-dom
//
// The best-execution page: when it is read again, and what is said where it cannot be.

import { flushSync, mount, tick, unmount, type Component } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import { Page } from "../src/desk/page.svelte";
import BestExecution from "../src/insight/BestExecution.svelte";
import Screen from "./Screen.svelte";

let page: Page;
let shown: ReturnType<typeof mount> | null = null;
/** The status of the RFQ's row in the blotter. */
let status = "Filled";

const byId = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`);

async function settled() {
  for (let i = 0; i < 12; i++) {
    flushSync();
    await tick();
    await Promise.resolve();
  }
}

/** The blotter has changed. */
async function changed() {
  page.book.blotterRevision += 1;
  await settled();
}

beforeEach(async () => {
  status = "Filled";
  page = new Page(fake(new URLSearchParams({ scene: "rfqs" })));
  page.book.apply(scenes.frame("rfqs", 1));
  vi.spyOn(page.commands, "blotterRows").mockImplementation(async (query) => {
    const answer = scenes.page(query, 0, false);
    const lines = answer.lines.map((line) =>
      line.kind === "row" ? { ...line, row: { ...line.row, status } } : line,
    );
    expect(lines.length, "the RFQ has a row").toBeGreaterThan(0);
    return { status: "ok", data: { ...answer, lines } };
  });
});

afterEach(async () => {
  if (shown) await unmount(shown);
  shown = null;
  vi.useRealTimers();
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

async function open() {
  const read = vi.spyOn(page.commands, "bestExecution");
  shown = mount(Screen, {
    target: document.body,
    props: {
      page,
      component: BestExecution as unknown as Component,
      props: { rfqId: "R1", onclose: () => {} },
      ownButton: true,
    },
  });
  await settled();
  return read;
}

test("the history is read again when the rows of this RFQ change, and not for others", async () => {
  const read = await open();
  expect(byId("best-head")).not.toBeNull();
  expect(read).toHaveBeenCalledTimes(1);
  for (let n = 0; n < 5; n++) await changed();
  expect(read).toHaveBeenCalledTimes(1);
  status = "Corrected";
  await changed();
  expect(read).toHaveBeenCalledTimes(2);
});

test("changes that come while it is read are one more reading, and none is missed", async () => {
  const read = await open();
  let answer = () => {};
  read.mockImplementationOnce(
    () =>
      new Promise((done) => {
        answer = () => done({ status: "ok", data: scenes.bestExecution("R1", 0) });
      }),
  );
  status = "Corrected";
  await changed();
  expect(read).toHaveBeenCalledTimes(2);
  for (const next of ["Cancelled", "Filled again", "Cancelled again"]) {
    status = next;
    await changed();
  }
  expect(read).toHaveBeenCalledTimes(2);
  answer();
  await settled();
  expect(read).toHaveBeenCalledTimes(3);
});

test("a page that is read for long says so, and is asked for once", async () => {
  const read = await open();
  vi.useFakeTimers();
  let answer = () => {};
  read.mockImplementationOnce(
    () =>
      new Promise((done) => {
        answer = () => done({ status: "ok", data: scenes.bestExecution("R1", 0) });
      }),
  );
  status = "Corrected";
  await changed();
  const told = () => byId("best-told")!.textContent;
  await vi.advanceTimersByTimeAsync(9_999);
  await settled();
  expect(told()).toBe("");
  await vi.advanceTimersByTimeAsync(1);
  await settled();
  expect(told()).toContain("still being read");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(read).toHaveBeenCalledTimes(2);
  answer();
  await settled();
  expect(told()).toBe("");
});

test("why it could not be read goes when it could", async () => {
  const read = await open();
  const error = { code: "history.unreadable", message: "No.", cure: "Wait.", field: null };
  read.mockResolvedValueOnce({ status: "error", error });
  status = "Corrected";
  await changed();
  expect(byId("best-unread")!.textContent).toContain("No.");
  // The same rows: it is read, because it could not be read before.
  await changed();
  expect([byId("best-unread"), read.mock.calls.length]).toEqual([null, 3]);
});
