// What the desk keeps and knows for the ticket.

import type { DealerHint, DealerListView, KeptTickets, TicketForm } from "../../src/bindings";
import { DEALERS } from "./reference";

const form = (part: Partial<TicketForm>): TicketForm => ({
  instrument: "DE000BU2Z049",
  typed: "DBR 2.5 02/35",
  ask: "buy",
  quantity: "5m",
  dealers: ["NORTHBANK", "MERIDIAN"],
  ttlS: 30,
  settlementDate: null,
  priceType: "price",
  priceLimit: "",
  minQuantity: "",
  allOrNone: false,
  note: "",
  ...part,
});

export const kept = (now: number): KeptTickets => ({
  draft: null,
  templates: [
    { name: "Bunds, all or none", form: form({ allOrNone: true }) },
    { name: "Euro spot", form: form({ instrument: "EUR/USD", typed: "EUR/USD", quantity: "10m" }) },
  ],
  asked: [{ rfqId: "R1", atMs: now, form: form({ priceLimit: "99.135" }) }],
});

const REASONS = [
  "traded 6 of 20, 0.8 s, no rejects",
  "traded 4 of 22, 1.4 s, 1 reject",
  "asked 3 times: too little to judge",
  "offline",
];

export const hints = (favourites: Set<string>): DealerHint[] =>
  DEALERS.map(([id], i) => ({
    id,
    favourite: favourites.has(id),
    lastUsed: i < 2,
    suggested: i < 2,
    reason: REASONS[i] ?? "",
  }));

/** The desk does this in Rust; here only as much as a picture needs. */
export class DealerLists {
  all: DealerListView[] = [
    {
      name: "Bunds, five",
      dealers: ["NORTHBANK", "MERIDIAN"],
      leftOut: [
        { id: "LINDEN", name: "Linden", reason: "notOffered" },
        { id: "KESTREL", name: "Kestrel Capital Markets", reason: "tooMany" },
      ],
    },
    { name: "Euro spot", dealers: ["OSTROVA"], leftOut: [] },
    {
      name: "Gilts",
      dealers: [],
      leftOut: [{ id: "ALDER", name: "Alder & Sons", reason: "notOffered" }],
    },
  ];

  #put(list: DealerListView) {
    this.all = [...this.all, list].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  at(name: string) {
    return this.all.find((one) => one.name.toLowerCase() === name.toLowerCase());
  }

  keep(name: string, dealers: string[]) {
    this.drop(name);
    this.#put({ name, dealers, leftOut: [] });
  }

  /** Answers whether the name was free. */
  rename(name: string, to: string): boolean {
    const list = this.at(name);
    const other = this.at(to);
    if (!list || (other && other !== list)) return false;
    this.drop(name);
    this.#put({ ...list, name: to });
    return true;
  }

  drop(name: string) {
    const gone = this.at(name);
    this.all = this.all.filter((one) => one !== gone);
  }
}

export const notes = ({ dealers }: TicketForm): string[] =>
  dealers.includes("KESTREL") ? ["Not online now: Kestrel Capital Markets."] : [];
