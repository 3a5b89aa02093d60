// A request again: into the ticket to be changed, or sent as it was.

import type { PackageForm, RfqView, TicketForm, TicketOffer } from "../bindings";
import { ask, inTime } from "../desk/backend";
import type { Page } from "../desk/page.svelte";
import { t } from "../language/t";

/** The request that has the keyboard, or else the newest one. */
export function chosenRequest(page: Page, at: Element | null): string | undefined {
  const panel = at?.closest<HTMLElement>("[data-panel]");
  const id = panel?.dataset.testid?.replace(/^rfq-panel-/, "");
  return id && page.book.find(id) ? id : page.book.rfqs.at(-1)?.view.id;
}

/**
 * Fills the ticket from a form; its instrument may have left the list. `wanted` is asked just
 * before, because the trader may have typed meanwhile.
 */
export async function fill(page: Page, form: TicketForm, wanted = () => true) {
  const found = form.instrument ? await ask(page.commands.findInstruments(form.instrument)) : null;
  const meant = found?.status === "ok" ? found.data.meant : null;
  if (wanted()) page.draft.fill(form, meant?.id === form.instrument ? meant : null);
}

/** The ticket of a request: as it was typed, or as far as the screen knows it. */
async function formOf(page: Page, id: string): Promise<TicketForm | null> {
  const kept = await ask(page.commands.ticketOf(id));
  if (kept.status === "ok" && kept.data) return { ...withoutDays(kept.data), note: "" };
  const rfq = page.book.find(id);
  if (!rfq) return null;
  const { view } = rfq;
  const single = view.legs.length === 0;
  const whole = view.minQuantity === view.quantity;
  return {
    instrument: single ? view.instrument : "",
    typed: single ? view.symbol : "",
    ask: view.ask,
    quantity: single ? view.quantity : "",
    dealers: rfq.asked.map((line) => line.view.dealer),
    ttlS: Math.round((view.expiresMs - view.createdMs) / 1000),
    settlementDate: null,
    priceType: view.priceType,
    priceLimit: "",
    minQuantity: whole ? "" : (view.minQuantity ?? ""),
    allOrNone: whole,
    approveFirst: false,
    note: "",
    package: single ? null : packageOf(view),
  };
}

/** The legs of a request, as they are when the package is bought. */
function packageOf(view: RfqView): PackageForm {
  const turned = view.ask === "sell";
  const other = { buy: "sell", sell: "buy" } as const;
  return {
    shape: "free",
    size: "",
    legs: view.legs.map((leg) => ({
      side: turned ? other[leg.side] : leg.side,
      instrument: leg.instrument,
      typed: leg.symbol,
      ratio: leg.ratio,
      quantity: leg.quantity,
      settles: "",
    })),
  };
}

/** A form to be used on another day: settlement days were counted from this one. A tenor is not. */
export function withoutDays(form: TicketForm): TicketForm {
  const isDay = /^\d{4}-\d\d-\d\d$/;
  const pack = form.package;
  const legs = pack?.legs.map((leg) =>
    isDay.test(leg.settles.trim()) ? { ...leg, settles: "" } : leg,
  );
  return { ...form, settlementDate: null, package: pack && legs ? { ...pack, legs } : null };
}

/** Fills the ticket from a request. Its settlement day was counted from another day. */
export async function duplicate(page: Page, id: string | undefined) {
  const form = id ? await formOf(page, id) : null;
  if (!form) return;
  await fill(page, form);
  document.getElementById(form.package ? "package-size" : "quantity")?.focus();
}

/** Sends a request again; what is refused is in the ticket, which says why. */
export async function askAgain(page: Page, id: string | undefined) {
  if (!page.online || !id) return;
  const asked: { form: TicketForm | null } = { form: null };
  const prepare = async () => (asked.form = await formOf(page, id)) ?? undefined;
  const why = await page.sending.send(prepare, (sent, late) => {
    if (!late) page.wanted = sent;
  });
  if (!why) return;
  if (asked.form) await inTime(fill(page, asked.form));
  page.draft.refusal = why;
}

/**
 * Fills the ticket with what another program offers; answers why not, or null. What belonged to the
 * instrument that was in it (its day, limit, least quantity and note) goes.
 */
export async function takeOffer(page: Page, offer: TicketOffer): Promise<string | null> {
  const found = await ask(page.commands.findInstruments(offer.instrument));
  if (found.status === "error") return found.error.message;
  const { meant } = found.data;
  const named = (text: string) => text.toLowerCase() === offer.instrument.toLowerCase();
  // A name that finds another instrument is not that instrument.
  if (!meant || !(named(meant.id) || named(meant.symbol)))
    return t("ticket.thisVenueHasNoInstrument", { instrument: offer.instrument });
  const form = page.draft.form(meant, page.draft.ticked);
  page.draft.fill(
    {
      ...form,
      ask: offer.ask ?? form.ask,
      quantity: offer.quantity ?? form.quantity,
      settlementDate: null,
      priceLimit: "",
      minQuantity: "",
      allOrNone: false,
      approveFirst: false,
      note: "",
      package: null,
    },
    meant,
  );
  page.draft.refusal = null;
  document.getElementById("quantity")?.focus();
  return null;
}
