// The content of the ticket. It outlives the ticket on the screen: after a reconnect the trader
// finds it unchanged. The desk keeps it over a restart.

import type {
  Ask,
  DealerView,
  InstrumentView,
  PackageForm,
  PriceType,
  PriceTypeView,
  Problem,
  TicketForm,
} from "../bindings";
import { t } from "../language/t";

export class Draft {
  /** The text of the instrument field. */
  typed = $state("");
  /** The instrument that was chosen from the list; the text is only its name. */
  chosen: InstrumentView | null = $state.raw(null);
  side: Ask = $state("buy");
  quantity = $state("");
  ttl = $state(0);
  /** The day chosen instead of the usual one. */
  settles: string | null = $state(null);
  /** In which numbers it is asked for, where the instrument has them. */
  numbers: PriceType = $state("price");
  /** The worst price that an accept may have. */
  limit = $state("");
  /** Why a limit that was typed is not there now. */
  limitGone = $state("");
  /** What the limit counts; null while nobody knows. */
  #counts: string | null = null;
  /** The numbers of a limit that was kept, until it is known what it counts now. */
  #keptIn: PriceType | null = null;
  /** The rate that a limit in discount margins is over. */
  #over: string | null = $state(null);
  /** The least that an accept may take. */
  least = $state("");
  allOrNone = $state(false);
  /** The trader ticked that the touch is asked for with the request. */
  approveFirst = $state(false);
  note = $state("");
  /** The package that is asked for in place of the instrument. */
  pack: PackageForm | null = $state(null);
  /** Why the desk refused the ticket as it is. */
  refusal: Problem | null = $state.raw(null);
  #ticked: ReadonlySet<string> = $state.raw(new Set());
  /** The list whose dealers are ticked; null as soon as others are. */
  list: string | null = $state(null);

  /** The dealers that will be asked: ticked, and on the list that the trader sees. */
  dealers(offered: DealerView[]): string[] {
    return offered.map((dealer) => dealer.id).filter((id) => this.#ticked.has(id));
  }

  get ticked(): string[] {
    return [...this.#ticked];
  }

  tick(id: string, on: boolean) {
    const ticked = new Set(this.#ticked);
    if (on) ticked.add(id);
    else ticked.delete(id);
    this.#ticked = ticked;
    this.list = null;
  }

  /** Ticks these and no others; `list` is where they are from. */
  tickOnly(ids: string[], list: string | null = null) {
    this.#ticked = new Set(ids);
    this.list = list;
  }

  /** Nothing is filled in that would be missed. */
  get empty() {
    const texts = [this.typed, this.quantity, this.limit, this.least, this.note];
    const typed = this.pack?.legs.some((leg) => leg.typed.trim() !== "" || leg.quantity !== "");
    return texts.every((text) => text.trim() === "") && !typed && this.#ticked.size === 0;
  }

  /** The numbers that are asked for: the chosen ones, or the instrument's usual ones. */
  told(instrument: InstrumentView | undefined): PriceTypeView | undefined {
    const types = instrument?.priceTypes ?? [];
    return types.find((one) => one.priceType === this.numbers) ?? types[0];
  }

  /**
   * The ticket asks in these numbers now. A limit of other numbers means something else: it goes,
   * and says so. Of the same numbers it stays, also for another instrument.
   */
  asksIn(told: PriceTypeView | undefined) {
    if (!told) return;
    const counts = `${told.priceType} ${told.words} ${told.unit} ${told.over ?? ""}`;
    const others =
      this.#counts === null
        ? this.#keptIn !== null && (this.#keptIn !== told.priceType || this.#over !== told.over)
        : this.#counts !== counts;
    this.#keptIn = null;
    this.#over = told.over;
    if (others && this.limit.trim() !== "") {
      this.limitGone = t("desk.theLimitIsGoneItWasNotIn", {
        limit: this.limit.trim(),
        unit: told.unit,
      });
      this.limit = "";
    }
    this.#counts = counts;
  }

  /** A touch without a price agrees to the limit, so there must be one. */
  get mayApproveFirst() {
    return this.limit.trim() !== "" && this.side !== "twoWay";
  }

  /** The ticket as it is kept and sent, for this instrument and these dealers. */
  form(instrument: InstrumentView | undefined, dealers: string[]): TicketForm {
    const single = this.pack === null;
    return {
      instrument: single ? (instrument?.id ?? "") : "",
      typed: single ? this.typed : "",
      ask: this.side,
      quantity: single ? this.quantity : "",
      dealers,
      ttlS: this.ttl,
      settlementDate: single ? this.settles : null,
      priceType: single ? (this.told(instrument)?.priceType ?? this.numbers) : "price",
      priceLimit: this.limit,
      limitOver: single ? this.#over : null,
      minQuantity: single ? this.least : "",
      allOrNone: single && this.allOrNone,
      approveFirst: this.approveFirst && this.mayApproveFirst,
      note: this.note,
      package: $state.snapshot(this.pack),
    };
  }

  /** Fills the ticket in; the instrument is found by its id before. */
  fill(form: TicketForm, instrument: InstrumentView | null) {
    this.typed = instrument?.symbol ?? form.typed;
    this.chosen = instrument;
    this.side = form.ask;
    this.quantity = form.quantity;
    if (form.ttlS > 0) this.ttl = form.ttlS;
    this.settles = form.settlementDate;
    this.numbers = form.priceType ?? "price";
    this.limit = form.priceLimit;
    this.limitGone = "";
    // What was kept together belongs together, unless the instrument is gone or is not asked for in
    // these numbers now. The limit of a package is a net price.
    this.#counts = null;
    const limited = form.priceLimit.trim() !== "" && !form.package;
    this.#keptIn = limited ? (form.priceType ?? "price") : null;
    this.#over = form.limitOver ?? null;
    this.asksIn(this.told(instrument ?? undefined));
    this.least = form.minQuantity;
    this.allOrNone = form.allOrNone;
    this.approveFirst = form.approveFirst ?? false;
    this.note = form.note;
    this.pack = form.package ?? null;
    this.tickOnly(form.dealers);
  }

  /** What belongs to one request only, as it is filled in now. */
  get once(): Once {
    return {
      quantity: this.quantity,
      size: this.pack?.size,
      legs: this.pack?.legs.map((leg) => leg.quantity) ?? [],
      settles: this.settles,
      limit: this.limit,
      least: this.least,
      allOrNone: this.allOrNone,
      approveFirst: this.approveFirst,
      note: this.note,
    };
  }

  /**
   * After it was sent as it was filled in `then`: what belongs to that request only is gone, but
   * nothing that the trader has filled in since.
   */
  sent(then: Once = this.once) {
    const now = this.once;
    // The empty quantity keeps a second Ctrl+Enter from sending the request twice.
    if (now.quantity === then.quantity) this.quantity = "";
    if (this.pack) {
      if (now.size === then.size) this.pack.size = "";
      for (const [n, leg] of this.pack.legs.entries())
        if (now.legs[n] === then.legs[n]) leg.quantity = "";
    }
    if (now.settles === then.settles) this.settles = null;
    if (now.limit === then.limit) [this.limit, this.limitGone] = ["", ""];
    if (now.least === then.least) this.least = "";
    if (now.allOrNone === then.allOrNone) this.allOrNone = false;
    if (now.approveFirst === then.approveFirst) this.approveFirst = false;
    if (now.note === then.note) this.note = "";
  }
}

type Once = {
  quantity: string;
  size: string | undefined;
  legs: string[];
  settles: string | null;
  limit: string;
  least: string;
  allOrNone: boolean;
  approveFirst: boolean;
  note: string;
};
