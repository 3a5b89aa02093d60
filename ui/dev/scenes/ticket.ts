// What the desk keeps and knows for the ticket.

import type { DealerHint, KeptTickets, TicketForm } from "../../src/bindings";
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

export const notes = ({ dealers }: TicketForm): string[] =>
  dealers.includes("KESTREL") ? ["Not online now: Kestrel Capital Markets."] : [];
