// Requests with the quotes of their dealers, in every state that a scene shows.

import type {
  AcceptView,
  CounterView,
  BlotterRow,
  BlotterTab,
  LineView,
  QuoteSide,
  RecordView,
  RfqView,
  TicketForm,
} from "../../src/bindings";
import { DEALERS, instruments } from "./reference";

export function rfq(id: string, now: number, part: Partial<RfqView>): RfqView {
  return {
    id,
    instrument: "DE000BU2Z049",
    symbol: "DBR 2.5 02/35",
    name: "Bundesrepublik Deutschland 2.5% 15 Feb 2035",
    ask: "buy",
    legs: [],
    quantity: "5,000,000",
    minQuantity: null,
    currency: "EUR",
    settlementDate: "2026-11-24",
    priceDecimals: 3,
    priceUnit: "% of par",
    priceType: "price",
    state: "open",
    createdMs: now - 12_000,
    expiresMs: now + 48_000,
    accept: null,
    limit: null,
    ahead: null,
    guard: null,
    market: { bid: null, offer: "99.130", mid: null, dealers: 3 },
    cover: null,
    problem: null,
    text: "3 of 4 dealers have answered",
    ...part,
  };
}

export const q = (
  price: string,
  size = "5,000,000",
  partial = false,
  away: string | null = "0",
  betterForLess = false,
): QuoteSide => ({ price, size, partial, betterForLess, away });

const RECORDS = [
  [
    "1/12 refused · holds 0.3 s · answers in 0.8 s",
    "answered 18 of 20 requests; usually within 0.8 s",
  ],
  ["answers in 1.9 s", "answered 7 of 9 requests; usually within 1.9 s; refused 0 of 3 accepts"],
  ["4/9 refused · holds 1.1 s · answers in 12 s", "answered 9 of 20 requests; usually within 12 s"],
] as const;

export const records = (): RecordView[] =>
  RECORDS.map(([text, title], i) => ({
    dealer: DEALERS[i]![0],
    text,
    title: `Seen by this desk: ${title}.`,
  }));

export function line(
  rfqId: string,
  dealer: number,
  now: number,
  part: Partial<LineView>,
): LineView {
  const [id, name] = DEALERS[dealer] ?? ["X", "X"];
  const quoted = (part.state ?? "quoted") === "quoted";
  return {
    rfqId,
    dealer: id,
    dealerName: name,
    state: "quoted",
    reason: null,
    quoteId: quoted ? `Q-${rfqId}-${id}` : null,
    bid: null,
    offer: null,
    legs: [],
    validUntilMs: quoted ? now + 8_000 + dealer * 3_000 : null,
    bestBid: false,
    bestOffer: false,
    canHit: quoted && part.bid != null,
    canPass: quoted,
    canCounter: quoted && dealer < 2,
    noCounter: quoted && dealer >= 2 ? "this dealer takes no counters" : null,
    counter: null,
    canLift: quoted && part.offer != null,
    tooLate: false,
    indicative: false,
    revision: 2,
    rank: dealer,
    ...part,
  };
}

const buyLines = (id: string, now: number): LineView[] => [
  line(id, 0, now, { offer: q("99.125", undefined, false, "-1"), bestOffer: true }),
  line(id, 1, now, {
    offer: q("99.130", "2,000,000", true),
    validUntilMs: now + 2_500,
  }),
  line(id, 2, now, { state: "asked" }),
  line(id, 3, now, { state: "passed", reason: "no axe in this line today" }),
];

const counterLines = (id: string, now: number): LineView[] => [
  line(id, 0, now, {
    offer: q("99.125", undefined, false, "-1"),
    bestOffer: true,
    counter: counter(now, "improved", "99.125"),
  }),
  line(id, 1, now, { offer: q("99.135"), counter: counter(now, "heldFirm", null) }),
  line(id, 2, now, {
    state: "countered",
    canPass: true,
    counter: counter(now, "sent", null),
  }),
  line(id, 3, now, {
    state: "counterOver",
    canPass: true,
    counter: counter(now, "refused", "our price is firm"),
  }),
];

export const counter = (
  now: number,
  state: CounterView["state"],
  text: string | null,
): CounterView => ({
  state,
  side: "buy",
  price: "99.120",
  quoted: "99.135",
  untilMs: now + 12_000,
  text,
});

export const accept = (now: number, part: Partial<AcceptView>): AcceptView => ({
  state: "armed",
  id: "A1",
  dealer: "NORTHBANK",
  dealerName: "Northbank",
  quoteId: "Q1",
  side: "buy",
  price: "99.125",
  limit: "99.125",
  limitTicks: 0,
  legs: [],
  quantity: "5,000,000",
  quotedQuantity: null,
  takesPart: false,
  settlementDate: "2026-11-24",
  validUntilMs: now + 8_000,
  text: "",
  sinceMs: now,
  ...part,
});

export function requests(scene: string, now: number): [RfqView[], LineView[]] {
  const one = rfq("R1", now, {});
  const two = rfq("R2", now, {
    instrument: "EUR/USD",
    symbol: "EUR/USD",
    ask: "twoWay",
    quantity: "10,000,000",
    priceUnit: "USD per EUR",
    createdMs: now - 55_000,
    expiresMs: now + 4_200,
    text: "All 3 dealers have answered",
  });
  const three = rfq("R3", now, {
    symbol: "FRTR 3.2 05/35",
    instrument: "FR001400X8V5",
    ask: "sell",
    quantity: "1,500,000",
    createdMs: now - 2_000,
    text: "No dealer has answered yet",
  });
  const lines = [
    ...buyLines("R1", now),
    line("R2", 0, now, {
      bid: q("1.08412", "10,000,000"),
      offer: q("1.08431", "10,000,000"),
      bestBid: true,
    }),
    line("R2", 1, now, {
      bid: q("1.08410", "10,000,000"),
      offer: q("1.08429", "10,000,000"),
      bestOffer: true,
    }),
    line("R2", 2, now, {
      bid: q("1.08405", "10,000,000"),
      offer: q("1.08440", "10,000,000"),
      state: "withdrawn",
      canHit: false,
      canPass: false,
      canCounter: false,
      canLift: false,
      indicative: false,
    }),
    ...[0, 1, 2].map((dealer) => line("R3", dealer, now, { state: "asked" })),
    line("R3", 3, now, { state: "rejected", reason: "not connected to the gateway" }),
  ];
  if (scene === "counter") lines.splice(0, 4, ...counterLines("R1", now));
  if (scene === "armed" || scene === "far") {
    one.accept = accept(now, { takesPart: true });
    one.guard = { afterMs: 700, warning: null, seen: false };
  }
  if (scene === "far")
    one.guard = {
      afterMs: 700,
      warning: "0.63 % worse than the composite of 3 dealers, 98.500.",
      seen: true,
    };
  if (scene === "disarmed")
    one.accept = accept(now, {
      state: "disarmed",
      text: "Northbank changed its price to 99.135. Nothing was sent.",
    });
  if (scene !== "outcomes" && scene !== "disconnect") return [[one, two, three], lines];

  const outcome = (id: string, part: Partial<AcceptView>, more: Partial<RfqView>) =>
    rfq(id, now, { accept: accept(now, { id, ...part }), ...more });
  const four = [
    outcome(
      "R1",
      { state: "filled", text: "Northbank sold you 5,000,000." },
      {
        state: "done",
        text: "Filled at 99.125 with Northbank",
        cover: { price: "99.130", dealers: "Meridian Securities", ticks: "+1" },
      },
    ),
    outcome(
      "R2",
      { state: "declined", text: "Declined by Northbank: last look, price moved." },
      {},
    ),
    outcome(
      "R3",
      {
        state: "unknown",
        text: "The link was lost before the answer came. Asking the gateway what became of it.",
      },
      {},
    ),
    outcome("R4", { state: "lastLook", text: "Northbank has it and is taking its last look." }, {}),
  ];
  return [four, four.flatMap((view) => buyLines(view.id, now))];
}

/** A request as sent from the ticket, every dealer quoting at once. */
export function asked(id: string, ticket: TicketForm, now: number): [RfqView, LineView[]] {
  const instrument = instruments.find((one) => one.id === ticket.instrument);
  const view = rfq(id, now, {
    ask: ticket.ask,
    symbol: instrument?.symbol ?? ticket.instrument,
    instrument: ticket.instrument,
    createdMs: now,
    expiresMs: now + ticket.ttlS * 1000,
    text: "Every dealer has answered",
  });
  const lines = DEALERS.flatMap(([dealer], i) =>
    ticket.dealers.includes(dealer)
      ? [
          line(id, i, now, {
            bid: q(`99.1${9 - i}0`),
            offer: q(`99.2${i}5`),
            bestBid: dealer === ticket.dealers[0],
            bestOffer: dealer === ticket.dealers[0],
          }),
        ]
      : [],
  );
  return [view, lines];
}

export function rows(tab: BlotterTab, now: number): BlotterRow[] {
  const row = (n: number, part: Partial<BlotterRow>): BlotterRow => ({
    id: `${tab}-${n}`,
    rfqId: `R${n}`,
    atMs: now - n * 97_000,
    symbol: "DBR 2.5 02/35",
    instrument: "DE000BU2Z049",
    side: "Buy",
    quantity: "5,000,000",
    minQuantity: null,
    quoted: null,
    currency: "EUR",
    price: "99.125",
    dealer: tab === "trades" ? "Northbank" : "Northbank, Meridian Securities, Ostrova",
    status: "Filled",
    cover: "99.130",
    settlementDate: "2026-11-24",
    execId: tab === "trades" ? `NB-20261121-00${n}` : null,
    better: null,
    reason: null,
    text: null,
    attended: false,
    ...part,
  });
  return [
    row(1, { minQuantity: "5,000,000" }),
    row(2, {
      side: "Sell",
      symbol: "EUR/USD",
      instrument: "EUR/USD",
      quantity: "10,000,000",
      price: "1.08412",
      cover: "1.08410",
    }),
    row(
      3,
      tab === "trades" ? {} : { side: "Two-way", status: "Expired", price: null, cover: null },
    ),
  ];
}
