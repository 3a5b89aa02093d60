// @vitest-environment happy-dom
//
// The list of the group's requests: one confirmation, focus given back, and what stands in the way.

import { flushSync, mount, tick, unmount, type Component } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import { Page } from "../src/desk/page.svelte";
import Group from "../src/group/Group.svelte";
import { pageActions, type Run } from "../src/top/actions";
import Screen from "./Screen.svelte";
import { frame, rfq } from "./builders";

const NOW = 1_800_000_000_000;
const all = (id: string) => [...document.querySelectorAll<HTMLElement>(`[data-testid="${id}"]`)];
const here = () => (document.activeElement as HTMLElement | null)?.dataset.testid ?? "";
const settled = async () => {
  flushSync();
  await tick();
  flushSync();
};

let app: ReturnType<typeof opened>["app"] | null = null;

function opened() {
  const backend = fake(new URLSearchParams({ scene: "rfqs" }));
  const asked: string[] = [];
  backend.commands.askGroup = async () => (asked.push("list"), { status: "ok", data: null });
  backend.commands.takeOver = async (key) => (asked.push(key), { status: "ok", data: null });
  const page = new Page(backend);
  page.clock.set(NOW);
  page.book.apply(scenes.frame("group", NOW));
  const app = mount(Screen, {
    target: document.body,
    props: {
      page,
      component: Group as Component,
      props: { onclose: () => app.close() },
      ownButton: false,
    },
  });
  flushSync();
  return { app, page, asked };
}

async function open() {
  const one = opened();
  app = one.app;
  const opener = all("opener")[0]!;
  opener.focus();
  opener.click();
  await settled();
  return one;
}

/** As a click of a person: the first on its spot. */
const click = async (button: HTMLElement, clientX = 0) => {
  button.dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1, clientX }));
  await settled();
};

beforeEach(() => {
  vi.spyOn(HTMLDialogElement.prototype, "showModal");
});

afterEach(async () => {
  if (app) await unmount(app);
  app = null;
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

test("it asks the gateway when it opens, and shows no price", async () => {
  const { asked } = await open();
  expect(asked).toEqual(["list"]);
  expect(all("group-row")).toHaveLength(3);
  expect(document.querySelector("[data-testid=group]")!.textContent).toContain("2 of 3 quote");
  const units = all("group-unit").map((one) => one.textContent);
  expect(units).toEqual(["in % of par", "in USD per EUR", "in % yield"]);
});

test("one confirmation takes a request over, and what stands in the way offers none", async () => {
  const { asked } = await open();
  const [first, second] = all("group-take") as HTMLButtonElement[];
  expect(second!.disabled).toBe(true);
  await click(first!);
  expect(here()).toBe("group-confirm-take");
  expect(asked).toEqual(["list"]);
  // A second click on the same spot was meant for the row.
  await click(all("group-confirm-take")[0]!);
  expect(asked).toEqual(["list"]);
  await click(all("group-confirm-take")[0]!, 300);
  expect(asked).toEqual(["list", "BOB/1"]);
});

test("leaving gives the keyboard back to the row", async () => {
  const { asked } = await open();
  const [first] = all("group-take");
  await click(first!);
  await click(all("group-leave")[0]!);
  expect(here()).toBe("group-take");
  expect(document.activeElement).toBe(all("group-take")[0]);
  expect(asked).toEqual(["list"]);
});

test("what was taken over is wanted on the screen, and the list goes", async () => {
  const { page } = await open();
  const group = { ...scenes.frame("group", NOW).group!, taken: "T1" };
  page.book.apply(frame({ group, rfqs: [rfq("T1")] }));
  await settled();
  // First the list goes: as a modal dialog it keeps the keyboard from the panel.
  expect(all("group")).toEqual([]);
  await settled();
  expect(page.wanted).toBe("T1");
});

test("a chosen row that goes leaves the keyboard in the list, and another row can be chosen", async () => {
  const { page } = await open();
  const group = scenes.frame("group", NOW).group!;
  await click(all("group-take")[0]!);
  expect(here()).toBe("group-confirm-take");
  page.book.apply(frame({ group: { ...group, rows: group.rows.slice(1) } }));
  await settled();
  await settled();
  expect(here()).toBe("group-close");
  page.book.apply(frame({ group }));
  await settled();
  await click(all("group-take")[0]!, 300);
  expect(here()).toBe("group-confirm-take");
});

test("the keyboard stays at the row that is being taken over, which is asked for once", async () => {
  const { page, asked } = await open();
  await click(all("group-take")[0]!);
  await click(all("group-confirm-take")[0]!, 300);
  const group = scenes.frame("group", NOW).group!;
  page.book.apply(frame({ group: { ...group, taking: group.rows[0]!.key } }));
  await settled();
  expect(document.activeElement).toBe(all("group-take")[0]);
  await click(all("group-take")[0]!, 600);
  expect(all("group-confirm-take")).toEqual([]);
  expect(asked).toEqual(["list", "BOB/1"]);
});

test("Look again keeps the keyboard while the gateway is asked, and asks once", async () => {
  const { page, asked } = await open();
  const look = all("group-look")[0] as HTMLButtonElement;
  look.focus();
  await click(look);
  page.book.apply(frame({ group: { ...scenes.frame("group", NOW).group!, asking: true } }));
  await settled();
  expect([document.activeElement, look.disabled]).toEqual([look, false]);
  await click(look, 300);
  expect(asked).toEqual(["list", "list"]);
});

test("a refusal stands in the list with its cure", async () => {
  const { page } = await open();
  const problem = { ...scenes.problems.requoted, message: "CAROL has it now." };
  page.book.apply(frame({ group: { ...scenes.frame("group", NOW).group!, problem } }));
  await settled();
  expect(document.querySelector("[data-testid=group]")!.textContent).toContain("CAROL has it now.");
});

test("the palette offers it where the venue has a gateway", () => {
  const backend = fake(new URLSearchParams({ scene: "rfqs" }));
  const page = new Page(backend);
  page.book.apply(scenes.frame("rfqs", NOW));
  const run = Object.fromEntries(
    ["help", "keys", "group", "approval", "next", "list", "dealers", "stop"].map((name) => [
      name,
      () => {},
    ]),
  ) as unknown as Run;
  const entry = () => pageActions(page, run).find((one) => one.id === "group")!;
  expect(entry().not).toBeUndefined();
  page.book.apply(frame({ group: { ...scenes.frame("rfqs", NOW).group!, known: false } }));
  expect(entry().not).toContain("no gateway");
});
