// @vitest-environment happy-dom
//
// Packages: made on the ticket, shown in the panel, named in the terms. The desk says what a kind
// sets; the page passes on what is typed.

import { mount, unmount, type Component } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import type { AcceptView, TicketForm } from "../src/bindings";
import { textOf } from "../src/blotter/columns";
import { Page } from "../src/desk/page.svelte";
import RfqPanel from "../src/rfq/RfqPanel.svelte";
import { duplicate, withoutDays } from "../src/ticket/reuse";
import Ticket from "../src/ticket/Ticket.svelte";
import { by, settle, type } from "./keys";
import Screen from "./Screen.svelte";

let page: Page;
let screen: ReturnType<typeof mount> | undefined;

const words = (id: string) => by(id).textContent!.replace(/\s+/g, " ").trim();

async function show(
  component: unknown,
  scene: string,
  props: (page: Page) => Record<string, unknown>,
  change: (page: Page) => void = () => {},
) {
  page = new Page(fake(new URLSearchParams(`scene=${scene}`)));
  page.book.apply(scenes.frame(scene, Date.now()));
  page.reference = scenes.reference;
  change(page);
  screen = mount(Screen, {
    target: document.body,
    props: { page, component: component as Component, props: props(page), ownButton: true },
  });
  await settle();
}

const ticket = (change?: (page: Page) => void) => show(Ticket, "rfqs", () => ({}), change);
const panel = (scene: string, i: number, accept: Partial<AcceptView> = {}) =>
  show(RfqPanel, scene, (page) => {
    const rfq = page.book.rfqs[i]!;
    if (rfq.view.accept) rfq.view = { ...rfq.view, accept: { ...rfq.view.accept, ...accept } };
    return { rfq };
  });

beforeEach(() => vi.useFakeTimers());
afterEach(async () => {
  if (screen) await unmount(screen);
  screen = undefined;
  vi.useRealTimers();
});

test("sides that are swapped twice in a hurry are as before, and what is typed meanwhile stays", async () => {
  await ticket();
  by("ticket-package").click();
  await settle();
  const sides = () => page.draft.pack!.legs.map((leg) => leg.side);
  const before = sides();
  const { editPackage } = page.commands;
  const waiting: (() => void)[] = [];
  page.backend.commands.editPackage = async (form, change) => {
    await new Promise<void>((done) => waiting.push(done));
    return editPackage(form, change);
  };
  by("package-turn").click();
  by("package-turn").click();
  type("package-size", "5m");
  for (let n = 0; n < 6; n++) {
    for (const answer of waiting.splice(0)) answer();
    await settle();
  }
  expect([sides(), page.draft.pack!.size, waiting]).toEqual([before, "5m", []]);
});

test("a butterfly is made, turned, limited and sent as it was typed", async () => {
  const sent: TicketForm[] = [];
  await ticket((p) => {
    p.backend.commands.sendRfq = async (form) => {
      sent.push(form);
      return { status: "ok", data: "N1" };
    };
  });
  by("ticket-package").click();
  await settle();
  expect(document.activeElement).toBe(by("package-kind"));
  expect(document.querySelectorAll("[data-testid$=-group]").length).toBe(3);
  expect(by("ticket-quantity")).toBeNull();
  type("package-size", "5m");
  for (const [i, id] of ["DE000BU2Z049", "EUR/USD", "FR001400X8V5"].entries()) {
    type(`leg-${i}-instrument`, id);
    await settle();
  }
  type("leg-1-ratio", "3");
  type("leg-2-settles", "3m");
  by("package-turn").click();
  await settle();
  by("leg-0-side").click();
  by("dealers-all").click();
  await settle();
  by("ticket-send").click();
  await settle();
  const [form] = sent;
  expect([form!.instrument, form!.quantity, form!.settlementDate]).toEqual(["", "", null]);
  expect(form!.package?.shape).toBe("butterfly");
  expect(form!.package?.size).toBe("5m");
  expect(form!.package?.legs.map((leg) => [leg.side, leg.instrument, leg.ratio])).toEqual([
    ["buy", "DE000BU2Z049", "1"],
    ["buy", "EUR/USD", "3"],
    ["sell", "FR001400X8V5", "1"],
  ]);
  expect(form!.package?.legs[2]!.settles).toBe("3m");
  // What was sent is not sent twice by a second Ctrl+Enter.
  expect(by<HTMLInputElement>("package-size").value).toBe("");
  expect(by<HTMLInputElement>("leg-0-instrument").value).toBe("DE000BU2Z049");
});

test("the kind is the desk's: more legs where it allows them, and back to one instrument", async () => {
  await ticket();
  by("ticket-package").click();
  await settle();
  expect(by("package-add")).toBeNull();
  const kind = by<HTMLSelectElement>("package-kind");
  kind.value = "free";
  kind.dispatchEvent(new Event("change", { bubbles: true }));
  await settle();
  by("package-add").click();
  await settle();
  expect(document.activeElement).toBe(by("leg-2-instrument"));
  by("leg-0-remove").click();
  await settle();
  expect(document.querySelectorAll("[data-testid$=-group]").length).toBe(2);
  expect(by("leg-0-remove")).toBeNull();
  kind.value = "curve";
  kind.dispatchEvent(new Event("change", { bubbles: true }));
  await settle();
  expect(by("package-size")).toBeNull();
  by("ticket-package").click();
  await settle();
  expect(by("package")).toBeNull();
  expect(by("ticket-instrument")).not.toBeNull();
});

test("why a leg may not be asked for stands under it", async () => {
  await ticket((p) => (p.draft.pack = structuredClone(scenes.filled)));
  await settle();
  expect(words("package-sums")).toContain("Butterfly, 3 legs, gross EUR 20,000,000, net EUR 0");
  expect(words("leg-1-about")).toContain("= EUR 10,000,000, 2026-12-01");
  type("leg-1-size", "900m");
  await settle();
  expect(words("leg-1-about")).toContain("Leg 2: at most 500,000,000");
  expect(by("leg-1-instrument").getAttribute("aria-invalid")).toBe("true");
  expect(by("leg-0-instrument").getAttribute("aria-invalid")).toBe("false");
});

test("a form for another day keeps tenors and leaves days out", () => {
  const pack = structuredClone(scenes.filled);
  pack.legs[0]!.settles = "2026-12-15";
  pack.legs[1]!.settles = "3m";
  const form = { package: pack, settlementDate: "2026-12-15" } as TicketForm;
  const again = withoutDays(form);
  expect(again.package?.legs.map((leg) => leg.settles)).toEqual(["", "3m", ""]);
  expect(again.settlementDate).toBeNull();
});

test("a package that is not kept is put into the ticket as it is when it is bought", async () => {
  await show(Ticket, "package", () => ({}));
  const pack = () => page.draft.pack;
  page.draft.pack = null;
  await duplicate(page, "P2");
  await settle();
  expect(pack()?.shape).toBe("free");
  expect(pack()?.legs.map((leg) => [leg.side, leg.quantity])).toEqual([
    ["buy", "5,000,000"],
    ["sell", "5,000,000"],
  ]);
});

test("the panel names the package and shows the legs at the chosen dealer's prices", async () => {
  await panel("package", 0);
  expect(words("rfq-instrument-P1")).toBe("DBR 2.2 02/34 / DBR 2.5 02/35 / DBR 1.8 08/53");
  const prices = () =>
    [...by("legs-P1").querySelectorAll("td[data-price]")].map((td) => td.textContent!.trim());
  expect(prices()).toEqual(["99.200", "100.000", "98.300"]);
  expect(words("legs-fold-P1")).toContain("at Northbank");
  const press = (key: string) =>
    by("rfq-panel-P1").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  by("rfq-panel-P1").focus();
  press("2");
  await settle();
  expect(prices()).toEqual(["99.210", "99.990", "98.300"]);
  by("legs-fold-P1").click();
  await settle();
  expect(by("legs-P1")).toBeNull();
});

test("both prices of a two-way package are there", async () => {
  await panel("package", 1);
  const heads = [...by("legs-P2").querySelectorAll("th")].map((th) => th.textContent);
  expect(heads.slice(-2)).toEqual(["If sold", "If bought"]);
  const first = [...by("legs-P2").querySelectorAll("tr")[1]!.querySelectorAll("td[data-price]")];
  expect(first.map((td) => td.textContent!.trim())).toEqual(["99.150", "99.200"]);
});

test("the terms list every leg, and the price is said to be net", async () => {
  await panel("package-armed", 0);
  expect(words("accept-terms")).toContain("at net -2.500");
  const legs = [...by("accept-legs").querySelectorAll("li")].map((li) =>
    li.textContent!.replace(/\s+/g, " ").trim(),
  );
  expect(legs.length).toBe(3);
  expect(legs[1]).toContain("Sell 10,000,000 DBR 2.5 02/35 DE000BU2Z049 at 100.000 × 2");
  expect(by("accept-limit").textContent).toBe("-2.500");
});

test("the words about a limit follow the accept, whichever window or ticket set it", async () => {
  await panel("package-armed", 0, { limit: "-2.450", limitTicks: 10 });
  const said = document.querySelector(".limit")!.textContent!.replace(/\s+/g, " ");
  expect(said).toContain("Any price up to");
  expect(said).toContain("10 ticks worse than shown");
  expect(
    document.querySelector<HTMLButtonElement>("[aria-label='Limit one tick nearer']")!.disabled,
  ).toBe(false);
});

test("no row of the blotter shows what stands for a package's instrument", () => {
  const row = { ...scenes.rows("trades", Date.now())[0]!, instrument: "[N/A]" };
  expect(textOf(row, "instrument")).toBe("package");
});
