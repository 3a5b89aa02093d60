// @vitest-environment happy-dom
//
// The ticket on a simulated desk: what is kept, what is refused before it is sent, and a request
// asked again.

import { mount, tick, unmount, type Component } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import { instruments } from "../dev/scenes/reference";
import type { Problem, TicketForm } from "../src/bindings";
import { ANSWER_MAX_MS } from "../src/desk/backend";
import { Page } from "../src/desk/page.svelte";
import { worseWay } from "../src/desk/words";
import { askAgain, chosenRequest, duplicate } from "../src/ticket/reuse";
import Ticket from "../src/ticket/Ticket.svelte";
import { by, settle, type } from "./keys";
import Screen from "./Screen.svelte";

let page: Page;
let screen: ReturnType<typeof mount> | undefined;

const form = (part: Partial<TicketForm> = {}): TicketForm => ({
  instrument: "DE000BU2Z049",
  typed: "DBR 2.5 02/35",
  ask: "sell",
  quantity: "3m",
  dealers: ["NORTHBANK"],
  ttlS: 60,
  settlementDate: null,
  priceType: "price",
  priceLimit: "99.1",
  minQuantity: "",
  allOrNone: true,
  approveFirst: false,
  note: "a note",
  package: null,
  ...part,
});

async function open(change: (page: Page) => void = () => {}) {
  page = new Page(fake(new URLSearchParams("scene=rfqs")));
  page.book.apply(scenes.frame("rfqs", Date.now()));
  page.reference = scenes.reference;
  change(page);
  screen = mount(Screen, {
    target: document.body,
    props: { page, component: Ticket as unknown as Component, props: {}, ownButton: true },
  });
  await settle();
}

beforeEach(() => vi.useFakeTimers());
afterEach(async () => {
  if (screen) await unmount(screen);
  screen = undefined;
  vi.useRealTimers();
});

test("what was left in the ticket is in it again, and what is typed is kept a moment later", async () => {
  const drafts: (TicketForm | null)[] = [];
  await open((p) => {
    const commands = p.backend.commands;
    const kept = commands.keptTickets;
    commands.keptTickets = async () => {
      const got = await kept();
      return got.status === "ok" ? { ...got, data: { ...got.data, draft: form() } } : got;
    };
    commands.keepDraft = async (draft) => {
      drafts.push(draft);
      return { status: "ok", data: null };
    };
  });
  await settle();
  expect(by<HTMLInputElement>("ticket-instrument").value).toBe("DBR 2.5 02/35");
  expect(by("ticket-isin").textContent).toBe("DE000BU2Z049");
  expect(by<HTMLInputElement>("ticket-quantity").value).toBe("3m");
  expect(by<HTMLInputElement>("dealer-NORTHBANK").checked).toBe(true);
  type("ticket-quantity", "4");
  type("ticket-quantity", "4m");
  await settle(2_000);
  expect(drafts.at(-1)?.quantity).toBe("4m");
  expect(drafts.filter((one) => one?.quantity === "4")).toEqual([]);
});

test("what is typed is kept while the link is measured all the time", async () => {
  const drafts: (TicketForm | null)[] = [];
  await open((p) => {
    p.backend.commands.keepDraft = async (draft) => {
      drafts.push(draft);
      return { status: "ok", data: null };
    };
  });
  await settle(2_000);
  type("ticket-quantity", "7m");
  for (let i = 0; i < 10; i++) {
    page.book.session = { ...page.book.session!, roundTripMs: i };
    await settle(200);
  }
  expect(drafts.at(-1)?.quantity).toBe("7m");
});

test("a ticket that the trader has begun is not replaced by what was kept", async () => {
  await open((p) => {
    p.draft.quantity = "9m";
    p.backend.commands.keptTickets = async () => ({
      status: "ok",
      data: { draft: form(), templates: [], asked: [] },
    });
  });
  await settle();
  expect(by<HTMLInputElement>("ticket-quantity").value).toBe("9m");
});

test("what would be refused is said at its field before anything is sent", async () => {
  const why: Problem = {
    code: "limit.two_way",
    message: "A limit needs a side.",
    cure: "Choose Buy or Sell.",
    field: "limit",
  };
  let asked: TicketForm | undefined;
  await open((p) => {
    p.backend.commands.checkTicket = async (form) => {
      asked = form;
      const refused = form.ask === "twoWay" && form.priceLimit !== "" ? why : null;
      return { status: "ok", data: { refused, notes: ["Not online now: Kestrel."] } };
    };
  });
  await settle(1_000);
  expect(by("problem-notes").textContent).toContain("Kestrel");
  by("ticket-more").click();
  await settle();
  type("ticket-limit", "99.1");
  by("ticket-ask-twoWay").querySelector("input")?.click();
  await settle(1_000);
  expect(asked).toMatchObject({ priceLimit: "99.1", ask: "twoWay" });
  expect(by("error-limit").textContent).toContain("A limit needs a side.");
  expect(by("ticket-limit").getAttribute("aria-invalid")).toBe("true");
  by("ticket-ask-buy").querySelector("input")?.click();
  await settle(1_000);
  expect(by("error-limit")).toBeNull();
});

test("dealers are chosen by suggestion, favourites and last use, and the reason is on the screen", async () => {
  await open();
  expect(by("dealer-why-NORTHBANK").textContent).toBe(
    "✓ Suggested: traded 6 of 20, 0.8 s, no rejects",
  );
  by("dealers-favourites").click();
  await settle();
  expect(page.draft.ticked).toEqual(["NORTHBANK"]);
  by("dealer-favourite-OSTROVA").click();
  await settle();
  expect(by("dealer-favourite-OSTROVA").getAttribute("aria-pressed")).toBe("true");
  by("dealers-favourites").click();
  await settle();
  expect(page.draft.ticked).toEqual(["NORTHBANK", "OSTROVA"]);
  by("dealers-suggested").click();
  await settle();
  expect(page.draft.ticked).toEqual(["NORTHBANK", "MERIDIAN"]);
});

test("the touch can be asked for with the request where there is a limit, a side and a venue that takes it", async () => {
  const sent: TicketForm[] = [];
  await open((p) => {
    const send = p.backend.commands.sendRfq;
    p.backend.commands.sendRfq = (one) => (sent.push(one), send(one));
  });
  page.draft.fill(form({ priceLimit: "", allOrNone: false }), null);
  by("ticket-more").click();
  await settle();
  const box = () => by<HTMLInputElement>("ticket-approve");
  expect([box().disabled, box().checked]).toEqual([true, false]);
  type("ticket-limit", "99.1");
  await settle();
  box().click();
  await settle();
  expect([box().disabled, box().checked]).toEqual([false, true]);
  expect(by("ticket-more").textContent).toContain("limit 99.1, touch when sent, note");
  const draft = () => page.draft.form(undefined, []).approveFirst;
  expect(draft()).toBe(true);
  page.draft.side = "twoWay";
  await settle();
  expect([box().disabled, box().checked, draft()]).toEqual([true, false, false]);
  page.draft.side = "sell";
  // A venue without keys is not told, whatever a template says.
  page.book.access = { ...page.book.access!, stepUp: false };
  await settle();
  expect(document.querySelector("[data-testid=ticket-approve]")).toBeNull();
  expect(by("ticket-more").textContent).not.toContain("touch");
  page.draft.sent();
  page.book.access = { ...page.book.access!, stepUp: true };
  page.draft.limit = "99.1";
  expect(draft(), "it is for one request").toBe(false);
});

test("what is typed while the instrument of a kept ticket is looked for stays", async () => {
  let answer = () => {};
  await open((p) => {
    const { commands } = p.backend;
    commands.keptTickets = async () => ({
      status: "ok",
      data: { draft: form(), templates: [], asked: [] },
    });
    const find = commands.findInstruments;
    commands.findInstruments = async (typed) => {
      if (typed === "DE000BU2Z049") await new Promise<void>((done) => (answer = done));
      return find(typed);
    };
  });
  type("ticket-instrument", "eur");
  answer();
  await settle();
  expect(by<HTMLInputElement>("ticket-instrument").value).toBe("eur");
  expect([page.draft.quantity, page.draft.side, page.draftTaken]).toEqual(["", "buy", true]);
});

test("a template is kept, replaced, used and deleted", async () => {
  await open();
  page.draft.fill(form(), null);
  await settle();
  by("template-open").click();
  await settle();
  expect(document.activeElement).toBe(by("template-name"));
  type("template-name", "Mine");
  await settle();
  by("template-keep").click();
  await settle();
  expect(document.activeElement, "the keyboard is given back").toBe(by("template-open"));
  page.draft.sent();
  const select = by<HTMLSelectElement>("ticket-reuse");
  select.value = "tMine";
  select.dispatchEvent(new Event("change", { bubbles: true }));
  await settle();
  expect(page.draft).toMatchObject({ quantity: "3m", side: "sell", allOrNone: true });
  by("template-open").click();
  await settle();
  type("template-name", "mine");
  await settle();
  expect(by("template-keep").textContent).toBe("Replace");
});

test("a request is asked again as it was, or put into the ticket", async () => {
  const sent: TicketForm[] = [];
  await open((p) => {
    const send = p.backend.commands.sendRfq;
    p.backend.commands.sendRfq = (one) => (sent.push(one), send(one));
    p.backend.commands.ticketOf = async (id) => ({
      status: "ok",
      data: id === "R1" ? form({ settlementDate: "2026-12-01" }) : null,
    });
  });
  await duplicate(page, "R1");
  await settle();
  // The day was counted from another day, and the note was about another request.
  expect(page.draft).toMatchObject({ quantity: "3m", settles: null, note: "", limit: "99.1" });
  expect(page.draft.chosen?.id).toBe("DE000BU2Z049");
  expect(document.activeElement).toBe(document.getElementById("quantity"));

  await askAgain(page, "R1");
  expect(sent).toEqual([form({ note: "" })]);
  // One that is not kept is asked as far as the screen knows it.
  const other = page.book.rfqs.find((one) => one.view.id !== "R1")!;
  await askAgain(page, other.view.id);
  expect(sent[1]).toMatchObject({
    instrument: other.view.instrument,
    ask: other.view.ask,
    dealers: other.asked.map((line) => line.view.dealer),
    minQuantity: "",
    allOrNone: false,
  });
  // Refused: it is in the ticket, with the reason.
  page.backend.commands.sendRfq = async () => ({
    status: "error",
    error: scenes.problems.quantity,
  });
  await askAgain(page, "R1");
  expect([page.draft.refusal?.code, page.draft.quantity]).toEqual(["quantity.unreadable", "3m"]);
  expect(chosenRequest(page, null)).toBe(page.book.rfqs.at(-1)?.view.id);
});

/** A desk that answers to a request when the test says so. */
function slow() {
  const asked: { answer: (id: string) => Promise<void> }[] = [];
  const change = (p: Page) => {
    p.backend.commands.sendRfq = () =>
      new Promise((done) =>
        asked.push({
          answer: async (data) => {
            done({ status: "ok", data });
            await settle();
          },
        }),
      );
  };
  return { asked, change };
}

test("a request without an answer may have left: no other leaves before the trader has looked", async () => {
  const { asked, change } = slow();
  await open(change);
  page.draft.fill(form(), instruments[0] ?? null);
  await settle();
  by("ticket-send").click();
  await settle(ANSWER_MAX_MS - 100);
  expect([asked.length, by("ticket-unanswered")]).toEqual([1, null]);
  await settle(200);
  expect(by("ticket-unanswered").textContent).toContain("may have been sent, or not");
  expect(by("ticket-unanswered").textContent).toContain("3m DBR 2.5 02/35");
  by("ticket-send").click();
  void askAgain(page, "R1");
  await settle();
  expect(asked).toHaveLength(1);
  // It was sent after all, which settles it.
  await asked[0]!.answer("N1");
  expect([by("ticket-unanswered"), page.draft.quantity, page.wanted]).toEqual([null, "", null]);
  expect(page.book.notices.first?.code).toBe("desk.sent_late");

  void askAgain(page, "R1");
  await settle();
  expect(asked).toHaveLength(2);
});

test("a trader who has looked sends again, and a late answer takes nothing out of the ticket", async () => {
  const { asked, change } = slow();
  await open(change);
  void askAgain(page, "R1");
  await settle(ANSWER_MAX_MS + 100);
  page.draft.fill(form(), instruments[0] ?? null);
  await settle();
  by("ticket-looked").click();
  await settle();
  expect(by("ticket-unanswered")).toBeNull();
  expect(document.activeElement).not.toBe(by("ticket-send"));
  by("ticket-send").click();
  await settle();
  expect(asked).toHaveLength(2);
  await asked[0]!.answer("N1");
  expect([page.draft.quantity, page.wanted]).toEqual(["3m", null]);
  await asked[1]!.answer("N2");
  expect([page.draft.quantity, page.wanted]).toEqual(["", "N2"]);
});

test("a request that never came to its sending is told, and the next one is sent", async () => {
  const { asked, change } = slow();
  await open((p) => {
    change(p);
    p.backend.commands.ticketOf = () => new Promise(() => {});
  });
  void askAgain(page, "R1");
  await settle(ANSWER_MAX_MS + 100);
  expect([page.draft.refusal?.code, asked.length]).toEqual(["desk.not_sent", 0]);
  by("ticket-send").click();
  await settle();
  expect(asked).toHaveLength(1);
});

test("what is typed while a request is being sent is not taken out with it", async () => {
  const { asked, change } = slow();
  await open(change);
  page.draft.fill(form(), instruments[0] ?? null);
  await settle();
  by("ticket-send").click();
  await settle();
  type("ticket-quantity", "7m");
  page.draft.note = "the next one";
  await settle();
  await asked[0]!.answer("N1");
  expect(page.draft).toMatchObject({ quantity: "7m", note: "the next one", limit: "" });
  const leg = (quantity: string) => ({
    side: "buy" as const,
    instrument: "",
    typed: "",
    ratio: "1",
    quantity,
    settles: "",
  });
  page.draft.pack = { shape: "free", size: "1m", legs: [leg("1m"), leg("2m")] };
  const then = page.draft.once;
  page.draft.pack.legs[1]!.quantity = "3m";
  page.draft.sent(then);
  expect([page.draft.pack.size, page.draft.pack.legs.map((one) => one.quantity)]).toEqual([
    "",
    ["", "3m"],
  ]);
});

test("the ticket asks for the numbers that the instrument has", async () => {
  const sent: TicketForm[] = [];
  await open((p) => {
    const send = p.backend.commands.sendRfq;
    p.backend.commands.sendRfq = (one) => (sent.push(one), send(one));
  });
  page.draft.fill(form({ ask: "buy" }), instruments[0] ?? null);
  await settle();
  expect(by("ticket-unit").textContent).toBe("% of par");
  page.draft.limit = "99.150";
  by<HTMLElement>("ticket-numbers-yield").querySelector("input")?.click();
  await settle();
  expect(by("ticket-unit").textContent).toBe("% yield");
  // 99.150 % of par is no yield.
  expect(page.draft.limit).toBe("");
  expect(by("limit-gone").textContent).toContain("The limit 99.150 is gone");
  by<HTMLButtonElement>("ticket-send").click();
  await settle();
  expect(sent.at(-1)).toMatchObject({ priceType: "yield" });
  // A pair has prices only: nothing else is offered, and a price is asked for.
  page.draft.fill(form({ priceType: "yield" }), instruments[3] ?? null);
  await settle();
  expect(by("ticket-unit").textContent).toBe("USD per EUR");
  expect(document.querySelector("[data-testid=ticket-numbers-yield]")).toBeNull();
  by<HTMLButtonElement>("ticket-send").click();
  await settle();
  expect(sent.at(-1)).toMatchObject({ priceType: "price" });
});

test("a discount margin is asked for over the rate that the note pays", async () => {
  const sent: TicketForm[] = [];
  await open((p) => {
    const send = p.backend.commands.sendRfq;
    p.backend.commands.sendRfq = (one) => (sent.push(one), send(one));
  });
  const over = (point: string) => ({
    ...instruments[0]!,
    priceTypes: [
      ...instruments[0]!.priceTypes.slice(0, 1),
      {
        priceType: "margin" as const,
        over: `EURIBOR ${point} in EUR`,
        words: "discount margin, basis points",
        unit: `bp discount margin over EURIBOR ${point}`,
        example: "42.5",
        tick: "0.1",
      },
    ],
  });
  page.draft.fill(form({ ask: "buy", priceType: "margin" }), over("3M"));
  await settle();
  expect(by("ticket-numbers-margin").querySelector("input")?.checked).toBe(true);
  expect(by("ticket-unit").textContent).toBe("bp discount margin over EURIBOR 3M");
  by<HTMLButtonElement>("ticket-send").click();
  await settle();
  expect(sent.at(-1)).toMatchObject({ priceType: "margin" });
  // A margin over another rate is another number: a limit does not stay.
  const limitOver = "EURIBOR 3M in EUR";
  const limited = form({ ask: "buy", priceType: "margin", priceLimit: "45.0", limitOver });
  page.draft.fill(limited, over("3M"));
  await settle();
  expect(page.draft.limit).toBe("45.0");
  expect(page.draft.form(over("3M"), [])).toMatchObject({ priceLimit: "45.0", limitOver });
  page.draft.chosen = over("6M");
  await settle();
  expect([page.draft.numbers, page.draft.limit]).toEqual(["margin", ""]);
  expect(by("limit-gone").textContent).toContain("The limit 45.0 is gone");
  // Nor does one that was kept with the other rate, or without any.
  for (const kept of [limited, { ...limited, limitOver: null }]) {
    page.draft.fill(kept, over("6M"));
    await settle();
    expect(page.draft.limit).toBe("");
    expect(by("limit-gone").textContent).toContain("EURIBOR 6M");
  }
  // What is typed then is over the new one.
  page.draft.limit = "44.0";
  expect(page.draft.form(over("6M"), []).limitOver).toBe("EURIBOR 6M in EUR");
  // While the instrument is not in the list, what was kept stays as it was.
  page.draft.fill(limited, null);
  expect(page.draft.form(undefined, [])).toMatchObject({ priceLimit: "45.0", limitOver });
});

test("a new word about the same instrument takes neither the keyboard nor what is typed", async () => {
  await open();
  page.draft.fill(form(), instruments[0] ?? null);
  await settle();
  const day = by<HTMLInputElement>("ticket-settles-other");
  day.focus();
  day.value = "3";
  day.dispatchEvent(new Event("input", { bubbles: true }));
  await settle();
  page.draft.chosen = { ...instruments[0]! };
  await tick();
  expect([day.disabled, day.value]).toEqual([false, "3"]);
  await settle();
  expect([day.disabled, day.value, document.activeElement]).toEqual([false, "3", day]);
});

test("a limit lies where the numbers get worse for the side", () => {
  for (const [side, of, want] of [
    ["buy", "price", "up"],
    ["sell", "price", "down"],
    ["buy", "yield", "down"],
    ["sell", "yield", "up"],
    ["buy", "spread", "down"],
    ["sell", "spread", "up"],
    ["buy", "margin", "down"],
    ["sell", "margin", "up"],
  ] as const)
    expect(worseWay(side, of)).toBe(want);
});

test("a limit stays for an instrument of the same numbers only, and says why it went", () => {
  const numbers = (priceType: "price" | "yield", unit: string) => ({
    priceType,
    over: null,
    words: priceType,
    unit,
    example: "",
    tick: "0.01",
  });
  const par = numbers("price", "% of par");
  const { draft } = new Page(fake(new URLSearchParams({ scene: "ticket" })));
  for (const [from, to, stays] of [
    [par, { ...par }, true],
    [par, undefined, true],
    [par, numbers("price", "USD per EUR"), false],
    [par, numbers("yield", "% of par"), false],
  ] as const) {
    draft.limit = "";
    draft.asksIn(from);
    [draft.limit, draft.limitGone] = ["99.150", ""];
    draft.asksIn(to);
    expect(draft.limit).toBe(stays ? "99.150" : "");
    expect(draft.limitGone).toBe(
      stays ? "" : `The limit 99.150 is gone: it was not in ${to!.unit}.`,
    );
  }
  // One that is filled in with its instrument is of that instrument.
  draft.fill({ ...draft.form(undefined, []), priceLimit: "1.5" }, null);
  draft.asksIn(par);
  expect([draft.limit, draft.limitGone]).toEqual(["1.5", ""]);
});

test.each([
  ["the list has the instrument without these numbers", true],
  ["the list does not have it, and another one is chosen", false],
])("a kept limit is not read in other numbers: %s", async (_, listed) => {
  const sent: TicketForm[] = [];
  await open((p) => {
    const send = p.backend.commands.sendRfq;
    p.backend.commands.sendRfq = (one) => (sent.push(one), send(one));
  });
  const prices = {
    ...instruments[0]!,
    priceTypes: instruments[0]!.priceTypes.filter((one) => one.priceType === "price"),
  };
  // Of a seller any price is better than 45.
  const kept = form({ ask: "sell", priceType: "margin", priceLimit: "45.0", allOrNone: false });
  page.draft.fill(kept, listed ? prices : null);
  page.draft.chosen = prices;
  await settle();
  expect(page.draft.limit).toBe("");
  expect(by("limit-gone").textContent).toContain("The limit 45.0 is gone");
  by<HTMLButtonElement>("ticket-send").click();
  await settle();
  expect(sent.at(-1)).toMatchObject({ priceType: "price", priceLimit: "" });
});

test("a settlement day that is typed is asked for, though its field still has the keyboard", async () => {
  const sent: TicketForm[] = [];
  await open((p) => {
    const send = p.backend.commands.sendRfq;
    p.backend.commands.sendRfq = (one) => (sent.push(one), send(one));
  });
  page.draft.fill(form(), instruments[0] ?? null);
  await settle();
  type("ticket-settles-other", "3m");
  by("ticket-settles-other").dispatchEvent(
    new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true, cancelable: true }),
  );
  await settle();
  expect(sent.map((one) => one.settlementDate)).toEqual(["2027-02-24"]);
  // One that is not understood is not left out: nothing is sent.
  type("ticket-settles-other", "32 Dec");
  by("ticket-send").click();
  await settle();
  expect(sent).toHaveLength(1);
  expect(document.getElementById("settles-note")!.textContent).toContain(
    scenes.problems.closed.message,
  );
});
