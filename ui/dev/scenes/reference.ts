// What stays the same in every scene: the venue, the identities, the dealers and the instruments.

import type {
  DeskInfo,
  FoundInstruments,
  IdentityView,
  InvitationView,
  PriceTypeView,
  Reference,
} from "../../src/bindings";

export const VENUE = { name: "Practice venue", endpoint: "127.0.0.1:9876" };

export const info = (practice: boolean, managedBy: string | null = null): DeskInfo => ({
  version: "0.1.0",
  practice,
  simulatedKey: practice ? "The key is simulated: its PIN is 123456." : null,
  venues: [VENUE],
  managedBy,
  problem: null,
});

export const identities = (now: number): IdentityView[] => [
  {
    name: "alice",
    compId: "DESK-ALICE",
    issuer: "Signet Practice CA",
    notBeforeMs: now - 864e5,
    notAfterMs: now + 30 * 864e5,
    serial: "4f00a1b2c3d4e5f60718293a4b5c6d7e",
    fingerprint: "3F9A 11C2 77D0 4B5E 90AA 6C1D 2E8F 55B3 0C44 A1D9 7E62 38FB 1190 CD45 E7A2 6B08",
    heldIn: "OS keychain",
    problem: null,
  },
  {
    name: "alice-2025",
    compId: "DESK-ALICE",
    issuer: "Signet Practice CA",
    notBeforeMs: now - 400 * 864e5,
    notAfterMs: now - 35 * 864e5,
    serial: "2b7e151628aed2a6",
    fingerprint: "A0C1 52E7 77D0 4B5E 90AA 6C1D 2E8F 55B3 0C44 A1D9 7E62 38FB 1190 CD45 E7A2 1B77",
    heldIn: "OS keychain",
    problem: {
      code: "client.certificate_expired",
      message: "This certificate ended 35 days ago.",
      cure: "Use another identity, or renew this one.",
      field: null,
    },
  },
];

export const DEALERS = [
  ["NORTHBANK", "Northbank"],
  ["MERIDIAN", "Meridian Securities"],
  ["OSTROVA", "Ostrova"],
  ["KESTREL", "Kestrel Capital Markets"],
] as const;

const PRICE: PriceTypeView = {
  priceType: "price",
  over: null,
  words: "percent of par",
  unit: "% of par",
  example: "99.500",
  tick: "0.005",
};
const TYPES: PriceTypeView[] = [
  PRICE,
  {
    priceType: "yield",
    over: null,
    words: "yield, percent",
    unit: "% yield",
    example: "2.475",
    tick: "0.001",
  },
];

const instrument = (id: string, symbol: string, name: string, fx = false) => ({
  id,
  symbol,
  name,
  assetClass: fx ? "FX spot" : "Government bond",
  currency: "EUR",
  priceDecimals: fx ? 5 : 3,
  priceUnit: fx ? "USD per EUR" : "% of par",
  priceKind: fx ? "per unit" : "percent of par",
  priceExample: fx ? "1.25000" : "99.500",
  priceTypes: fx
    ? [{ ...PRICE, words: "per unit", unit: "USD per EUR", example: "1.25000" }]
    : TYPES,
  tick: fx ? "0.00001" : "0.005",
  lot: "1000",
  minQuantity: "100000",
  maxQuantity: "50000000",
  settlement: fx ? "spot" : "T+2",
});

export const instruments = [
  instrument("DE000BU2Z049", "DBR 2.5 02/35", "Bundesrepublik Deutschland 2.5% 15 Feb 2035"),
  instrument("DE000BU2Z031", "DBR 2.6 08/34", "Bundesrepublik Deutschland 2.6% 15 Aug 2034"),
  instrument("FR001400X8V5", "FRTR 3.2 05/35", "République française OAT 3.2% 25 May 2035"),
  instrument("EUR/USD", "EUR/USD", "Euro against US dollar", true),
];

/** The desk's search is another one; this is enough to draw a list. */
export function find(typed: string): FoundInstruments {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9.]/g, "");
  const hits = instruments.filter((i) => plain(i.symbol + i.id + i.name).includes(plain(typed)));
  const same = instruments.filter((i) => [i.id, i.symbol].map(plain).includes(plain(typed)));
  return { hits, meant: same.length === 1 ? (same[0] ?? null) : null, several: same.length };
}

export const reference: Reference = {
  instruments: instruments.length,
  dealers: DEALERS.map(([id, name], i) => ({ id, name, online: i !== 3 })),
  maxDealers: 5,
  ttlMinS: 5,
  ttlMaxS: 300,
  ttlDefaultS: 30,
};

export const invitation = (now: number): InvitationView => ({
  venue: "Example Bank RFQ",
  user: "alice",
  enrolAt: "enrol.bank.example:8443",
  tradeAt: "fix.bank.example:9443",
  fingerprint:
    "4F1A 09C2 77DE 5B30 A8E4 13F9 C06D 2E81 9B57 F0A3 6C48 D21E 85B4 3A7F E690 1CD5".split(" "),
  holders: ["keychain", "token"],
  codeExpiresMs: now + 50 * 3_600_000,
  expired: false,
  device: "alice-laptop",
});
