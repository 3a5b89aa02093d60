// @vitest-environment happy-dom
//
// The trader's lists of dealers on a simulated desk: chosen, kept, renamed and deleted, and what a
// list leaves out.

import { mount, unmount, type Component } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import type { DealerListView, LeftOutReason } from "../src/bindings";
import { Page } from "../src/desk/page.svelte";
import { chosenWords, leftOutWords, listActions, named } from "../src/ticket/lists";
import Ticket from "../src/ticket/Ticket.svelte";
import { by, settle, type } from "./keys";
import Screen from "./Screen.svelte";

let page: Page;
let screen: ReturnType<typeof mount> | undefined;

async function open() {
  page = new Page(fake(new URLSearchParams("scene=rfqs")));
  page.book.apply(scenes.frame("rfqs", Date.now()));
  page.reference = scenes.reference;
  screen = mount(Screen, {
    target: document.body,
    props: { page, component: Ticket as unknown as Component, props: {}, ownButton: true },
  });
  await settle();
}

async function close() {
  if (screen) await unmount(screen);
  screen = undefined;
}

beforeEach(() => vi.useFakeTimers());
afterEach(async () => {
  await close();
  document.body.replaceChildren();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const press = (key: string) =>
  document.activeElement!.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
  );
const here = () => (document.activeElement as HTMLElement | null)?.dataset.testid;
const names = () =>
  [...document.querySelectorAll<HTMLElement>("[data-testid=dealer-list]")].map(
    (one) => one.dataset.name,
  );

async function click(id: string) {
  by(id).click();
  await settle();
}

/** Enter in a field, as the browser hands it on. */
async function submit(id: string) {
  by(id)
    .closest("form")!
    .dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
  await settle();
}

async function write(id: string, text: string) {
  type(id, text);
  await settle();
}

const list = (part: Partial<DealerListView> = {}): DealerListView => ({
  name: "Bunds",
  dealers: ["NORTHBANK", "MERIDIAN"],
  leftOut: [],
  ...part,
});
const out = (name: string, reason: LeftOutReason) => ({ id: name.toUpperCase(), name, reason });

test.each([
  [[], ""],
  [[out("Linden", "notOffered")], "Left out, as the venue does not let you ask them now: Linden."],
  [[out("Kestrel", "tooMany")], "Left out, as one request asks at most 5: Kestrel."],
  [
    [out("Kestrel", "tooMany"), out("Linden", "notOffered"), out("Alder", "notOffered")],
    "Left out, as the venue does not let you ask them now: Linden, Alder. Left out, as one request asks at most 5: Kestrel.",
  ],
])("of %j is said %j", (leftOut, words) => {
  expect(leftOutWords(list({ leftOut }), 5)).toBe(words);
  expect(chosenWords(list({ leftOut }), 5)).toBe(
    ["List Bunds: 2 dealers chosen.", words].filter(Boolean).join(" "),
  );
});

test("a name is the same whatever its letters' case, and a list of nobody cannot be chosen", () => {
  const lists = [list(), list({ name: "Gilts", dealers: [] })];
  expect(named(lists, " bUNDS ")?.name).toBe("Bunds");
  expect(named(lists, "Bund")).toBeUndefined();
  expect(chosenWords(list({ dealers: ["A"] }), 5)).toBe("List Bunds: 1 dealer chosen.");
  const used: string[] = [];
  const actions = listActions(lists, (one) => used.push(one.name));
  expect(actions.map((one) => [one.words, one.not])).toEqual([
    ["Dealers: Bunds", undefined],
    ["Dealers: Gilts", "none of them can be asked now"],
  ]);
  actions[0]!.run();
  expect(used).toEqual(["Bunds"]);
});

test("a list is chosen, and the ticket says who is left out until others are ticked", async () => {
  await open();
  by("dealers-lists").focus();
  await click("dealers-lists");
  expect(here()).toBe("dealer-list-0");
  expect(by("dealer-list-what-0").textContent).toContain("Northbank, Meridian Securities");
  expect(by("dealer-list-what-0").textContent).toContain("let you ask them now: Linden.");
  expect(by<HTMLButtonElement>("dealer-list-2").disabled, "it has nobody to ask").toBe(true);
  await click("dealer-list-0");
  expect(by("dealer-lists")).toBeNull();
  expect(here(), "the keyboard is given back").toBe("dealers-lists");
  expect(page.draft.ticked).toEqual(["NORTHBANK", "MERIDIAN"]);
  expect(by("ticket-left-out").textContent).toBe(
    "Left out, as the venue does not let you ask them now: Linden. Left out, as one request asks at most 5: Kestrel Capital Markets.",
  );
  expect(by("ticket-list-said").textContent).toContain("List Bunds, five: 2 dealers chosen.");
  await click("dealer-OSTROVA");
  expect(page.draft.ticked).toEqual(["NORTHBANK", "MERIDIAN", "OSTROVA"]);
  expect(by("ticket-left-out")).toBeNull();
  expect(by("ticket-list-said").textContent).toBe("");
});

test("a dealer that the venue takes away later is said too", async () => {
  await open();
  await click("dealers-lists");
  await click("dealer-list-1");
  expect(by("ticket-left-out")).toBeNull();
  const answers = (part: Partial<DealerListView>) => {
    page.backend.commands.dealerLists = async () => ({
      status: "ok",
      data: [list({ name: "Euro spot", ...part })],
    });
  };
  const others = scenes.reference.dealers.filter((one) => one.id !== "OSTROVA");
  answers({ dealers: [], leftOut: [out("Ostrova", "notOffered")] });
  page.reference = { ...scenes.reference, dealers: others };
  await settle();
  expect(by("ticket-left-out").textContent).toContain("Ostrova");
  expect(by("ticket-list-said").textContent).toContain("Ostrova");
  // The list has one more dealer now, which the ticket does not ask.
  answers({ dealers: ["NORTHBANK", "OSTROVA"], leftOut: [] });
  page.reference = { ...scenes.reference };
  await settle();
  expect(page.draft.dealers(scenes.reference.dealers)).toEqual(["OSTROVA"]);
  expect(by("ticket-left-out")).toBeNull();
  expect(by("ticket-list-said").textContent, "the ticket asks fewer").toBe("");
  // A dealer that the ticket asks is not called left out.
  answers({ dealers: ["NORTHBANK"], leftOut: [out("Ostrova", "tooMany")] });
  page.reference = { ...scenes.reference };
  await settle();
  expect(by("ticket-left-out")).toBeNull();
});

test("the dealers of the ticket are kept under a name, and a name that is taken is replaced", async () => {
  await open();
  const keep = vi.spyOn(page.commands, "keepDealerList");
  await click("dealers-lists");
  expect(by("dealer-lists").textContent).toContain("Tick dealers in the ticket");
  await write("dealer-list-name", "Mine");
  expect(by<HTMLButtonElement>("dealer-list-keep").disabled).toBe(true);
  await submit("dealer-list-name");
  expect(keep).not.toHaveBeenCalled();
  await click("dealer-lists-close");
  page.draft.tickOnly(["OSTROVA", "NORTHBANK"]);
  await click("dealers-lists");
  await write("dealer-list-name", "  ");
  await submit("dealer-list-name");
  expect(keep).not.toHaveBeenCalled();
  await write("dealer-list-name", " Mine ");
  expect(by("dealer-list-keep").textContent).toBe("Keep");
  await submit("dealer-list-name");
  // In the order of the venue's list, as the ticket sends them.
  expect(keep.mock.calls).toEqual([["Mine", ["NORTHBANK", "OSTROVA"]]]);
  expect(names()).toEqual(["Bunds, five", "Euro spot", "Gilts", "Mine"]);
  expect(by("dealer-list-told").textContent).toBe("List Mine is kept.");
  expect(by<HTMLInputElement>("dealer-list-name").value).toBe("");
  await write("dealer-list-name", "gilts");
  expect(by("dealer-list-keep").textContent).toBe("Replace");
  await submit("dealer-list-name");
  expect(names()).toEqual(["Bunds, five", "Euro spot", "Mine", "gilts"]);
});

test("a list is renamed; a refusal is said, and Escape leaves the name and then the dialog", async () => {
  await open();
  await click("dealers-lists");
  await click("dealer-list-1");
  await click("dealers-lists");
  await click("dealer-list-rename-1");
  expect(here()).toBe("dealer-list-new-name");
  expect(by<HTMLInputElement>("dealer-list-new-name").value).toBe("Euro spot");
  await write("dealer-list-new-name", "GILTS");
  await submit("dealer-list-new-name");
  expect(by("dealer-list-problem").textContent).toContain("another list of dealers");
  expect(by("dealer-list-new-name").getAttribute("aria-invalid")).toBe("true");
  await write("dealer-list-new-name", " Dollar ");
  await submit("dealer-list-new-name");
  expect(names()).toEqual(["Bunds, five", "Dollar", "Gilts"]);
  expect(by("dealer-list-problem")).toBeNull();
  expect(here(), "the keyboard is on the list").toBe("dealer-list-1");
  expect(page.draft.list).toBe("Dollar");
  await click("dealer-list-rename-0");
  await write("dealer-list-new-name", "Another");
  press("Escape");
  await settle();
  expect(names()).toEqual(["Bunds, five", "Dollar", "Gilts"]);
  expect(here()).toBe("dealer-list-0");
  press("Escape");
  await settle();
  expect(by("dealer-lists")).toBeNull();
});

test("a list is deleted after a question, whose first answer keeps it", async () => {
  await open();
  const drop = vi.spyOn(page.commands, "dropDealerList");
  await click("dealers-lists");
  await click("dealer-list-delete-0");
  expect(by("dealer-lists").textContent).toContain("Delete the list Bunds, five?");
  expect(here()).toBe("dealer-list-stay");
  await click("dealer-list-stay");
  expect(here()).toBe("dealer-list-0");
  expect(drop).not.toHaveBeenCalled();
  await click("dealer-list-delete-0");
  await click("dealer-list-delete-now");
  expect(drop.mock.calls).toEqual([["Bunds, five"]]);
  expect(names()).toEqual(["Euro spot", "Gilts"]);
  expect(here()).toBe("dealer-list-0");
});

test("the palette has each list, and ticks its dealers", async () => {
  await open();
  const entries = () =>
    page.keyboard.actions.of(null).filter((one) => one.words.startsWith("Dealers: "));
  expect(entries().map((one) => one.words)).toEqual([
    "Dealers: Bunds, five",
    "Dealers: Euro spot",
    "Dealers: Gilts",
  ]);
  entries()[1]!.run();
  await settle();
  expect(page.draft.ticked).toEqual(["OSTROVA"]);
  page.dealerLists = true;
  await close();
  expect(entries()).toEqual([]);
  expect([page.draft.list, page.dealerLists], "another venue has other lists").toEqual([
    null,
    false,
  ]);
});
