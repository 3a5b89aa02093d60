// The blotter's rows, a best-execution page and dealers, as pictures.

import type {
  BestExecution,
  BestQuote,
  BlotterRow,
  Column,
  DealerInsight,
  RowsLine,
  RowsPage,
  RowsQuery,
  TabColumns,
} from "../../src/bindings";
import { rows } from "./requests";

/** So many rows has a list of the scene `blotter`. */
const MANY = 10_000;

const COLUMNS: Column[] = [
  "time",
  "symbol",
  "side",
  "quantity",
  "price",
  "dealer",
  "status",
  "cover",
  "settles",
];

export const columns: TabColumns[] = [
  { tab: "rfqs", columns: COLUMNS },
  { tab: "trades", columns: [...COLUMNS, "reason", "execution"] },
  {
    tab: "attention",
    columns: COLUMNS.filter((column) => column !== "cover" && column !== "settles"),
  },
];

const ATTENTION: Partial<BlotterRow>[] = [
  { status: "Outcome unknown", text: "Outcome unknown: the answer from Northbank was lost." },
  { status: "Declined", text: "Declined by Ostrova: price moved." },
  { status: "Cancelled by the dealer", text: null },
];

function all(query: RowsQuery, now: number, many: boolean): BlotterRow[] {
  const few = rows(query.tab, now);
  if (query.tab === "attention")
    return ATTENTION.map((part, n) => ({ ...few[n]!, ...part, dealer: "Northbank" }));
  if (!many) return few;
  return Array.from({ length: MANY }, (_, n) => {
    const better = n % 7 === 0 && query.tab === "trades" ? "99.120 Ostrova" : null;
    const part = { id: `M${n}`, rfqId: `R${n}`, atMs: now - n * 61_000, better };
    return { ...few[n % few.length]!, ...part };
  });
}

const said = (row: BlotterRow, column: Column) => {
  if (column === "least") return row.minQuantity ?? "";
  if (column === "quoted") return row.quoted ?? "";
  return column === "rfq" ? row.rfqId : row[column as "side"];
};

/** The desk does this in Rust; here only as much as a picture needs. */
export function page(query: RowsQuery, now: number, many: boolean): RowsPage {
  const every = all(query, now, many);
  const found = every.filter(
    (row) =>
      (query.text === "" ? "" : JSON.stringify(row))
        .toLowerCase()
        .includes(query.text.toLowerCase()) &&
      query.filters.every((one) => one.values.includes(said(row, one.column))),
  );
  if (!query.descending) found.reverse();
  const lines: RowsLine[] = found.map((row) => ({
    kind: "row",
    row,
    needs: query.tab === "attention" ? (row.text ?? "Check it with the dealer.") : null,
    owesReason: row.better !== null && row.reason === null,
  }));
  const sums = [{ currency: "EUR", bought: "15,000,000", sold: "10,000,000", twoWay: null }];
  const head: RowsLine[] =
    query.group === null
      ? []
      : [
          {
            kind: "group",
            key: "DE000BU2Z049",
            title: "DBR 2.5 02/35",
            rows: found.length,
            sums,
            closed: query.closed.length > 0,
          },
        ];
  const shown = [...head, ...(query.closed.length > 0 ? [] : lines)];
  return {
    offset: query.offset,
    lines: shown.slice(query.offset, query.offset + query.limit),
    allLines: shown.length,
    total: found.length,
    of: every.length,
    attention: ATTENTION.length,
    sums,
    choices: [
      { column: "side", values: ["Buy", "Sell", "Two-way"] },
      { column: "dealer", values: ["Meridian Securities", "Northbank", "Ostrova"] },
      { column: "status", values: ["Expired", "Filled"] },
      { column: "symbol", values: ["DBR 2.5 02/35", "EUR/USD"] },
      { column: "least", values: ["5,000,000"] },
    ],
  };
}

export function bestExecution(rfqId: string, now: number): BestExecution {
  const sent = now - 300_000;
  const quote = (n: number, part: Partial<BestQuote>): BestQuote => ({
    dealer: "NORTHBANK",
    name: "Northbank",
    quoteId: `NB-${n}`,
    bid: null,
    bidSize: null,
    offer: "99.130",
    offerSize: "5,000,000",
    dealerMs: sent + n * 1_000,
    receivedMs: sent + n * 1_000 + 40,
    validUntilMs: sent + 30_000,
    untilMs: sent + 30_000,
    tradeable: true,
    bestBid: false,
    bestOffer: false,
    repeated: false,
    signed: true,
    record: 100 + n,
    ...part,
  });
  const of = (dealer: string, name: string) => ({ dealer, name });
  const quotes = [
    quote(1, { untilMs: sent + 6_040, bestOffer: true }),
    quote(2, { ...of("MERIDIAN", "Meridian Securities"), offer: "99.140" }),
    quote(3, { ...of("OSTROVA", "Ostrova"), offer: "99.120", bestOffer: true }),
    quote(6, { offer: "99.125" }),
    quote(8, { ...of("LINDEN", "Linden"), offer: "99.150", tradeable: false }),
  ];
  return {
    rfqId,
    desk: "ALICE1",
    venue: "Example Bank RFQ",
    symbol: "DBR 2.5 02/35",
    instrument: "DE000BU2Z049",
    side: "Buy",
    quantity: "5,000,000",
    minQuantity: null,
    currency: "EUR",
    settlementDate: "2026-12-01",
    createdMs: sent,
    expiresMs: sent + 120_000,
    outcome: "Filled at 99.125, Northbank",
    dealers: [
      { ...of("NORTHBANK", "Northbank"), answer: "First price after 1.0 s", quotes: 2 },
      { ...of("MERIDIAN", "Meridian Securities"), answer: "First price after 2.0 s", quotes: 1 },
      { ...of("OSTROVA", "Ostrova"), answer: "First price after 3.0 s", quotes: 1 },
      { ...of("LINDEN", "Linden"), answer: "First price after 8.0 s", quotes: 1 },
      { ...of("HARBOUR", "Harbour Trust"), answer: "Passed: too large", quotes: 0 },
    ].map((one) => ({
      ...one,
      bid: null,
      offer: quotes.filter((quote) => quote.dealer === one.dealer).at(-1)?.offer ?? null,
      traded: one.dealer === "NORTHBANK",
    })),
    quotes,
    quotesLeftOut: 0,
    counters: [
      {
        id: "R1:7",
        name: "Harbour & Co",
        side: "Buy",
        price: "99.120",
        quoted: "99.135",
        atMs: sent + 1_200,
        answer: "New quote: offer 99.130",
        answerMs: sent + 3_700,
      },
    ],
    accepts: [
      {
        id: `${rfqId}:1`,
        name: "Northbank",
        side: "Buy",
        price: "99.125",
        limit: "99.125",
        quantity: "5,000,000",
        quoted: null,
        atMs: sent + 12_000,
        answer: "Executed: 5,000,000 at 99.125",
        traded: "99.125",
        execId: "NB-20261121-001",
        holdMs: 180,
        best: "99.120 Ostrova",
        wasBest: false,
        cover: "99.120 Ostrova",
        compositeFirst: "99.130",
        composite: "99.125",
        slippageFirst: "0.005 better (0.5 bp)",
        slippage: "none",
        reason: null,
      },
    ],
    owesReason: `${rfqId}:1`,
    evidence:
      "Signed evidence: records 100 to 131 of the history of ALICE1 (140 records when this page was made), key ALICE1/history+3d1f0a2b+AeV5. To check them: signet-desk history export FILE --rfq R1, then signet-desk history verify FILE --part.",
    notes: [],
  };
}

export const dealers: DealerInsight[] = [
  {
    dealer: "NORTHBANK",
    name: "Northbank",
    asked: 41,
    answered: 39,
    hits: 12,
    rejects: 1,
    responseMs: [310, 420, 900],
    holdMs: [80, 120, 300],
    coverBp: 0.41,
    covered: 10,
  },
  {
    dealer: "MERIDIAN",
    name: "Meridian Securities",
    asked: 38,
    answered: 20,
    hits: 3,
    rejects: 3,
    responseMs: [900, 2_100, 6_400],
    holdMs: [400, 1_900, 4_000],
    coverBp: 1.2,
    covered: 3,
  },
  {
    dealer: "HARBOUR",
    name: "Harbour Trust",
    asked: 4,
    answered: 0,
    hits: 0,
    rejects: 0,
    responseMs: null,
    holdMs: null,
    coverBp: null,
    covered: 0,
  },
];
