// The open requests of colleagues, as a picture.

import type { GroupView } from "../../src/bindings";

export function group(scene: string, now: number): GroupView {
  const row = {
    desk: "BOB",
    person: "bob",
    ask: "buy" as const,
    legs: 0,
    minQuantity: null,
    currency: "EUR",
    priceUnit: "% of par",
    hindrance: null,
  };
  return {
    known: true,
    asking: false,
    atMs: now - 2_000,
    more: false,
    taking: null,
    taken: null,
    problem: null,
    rows: [
      {
        ...row,
        key: "BOB/1",
        symbol: "DBR 2.5 02/35",
        instrument: "DE000BU2Z049",
        quantity: "25,000,000",
        dealers: ["Northbank", "Eastbrook", "Southgate"],
        quoting: 2,
        expiresMs: now + 83_000,
      },
      {
        ...row,
        key: "CAROL/7",
        person: "carol",
        desk: "CAROL",
        ask: "sell" as const,
        symbol: "EUR/USD",
        instrument: "EUR/USD",
        priceUnit: "USD per EUR",
        quantity: "5,000,000",
        dealers: ["Northbank"],
        quoting: 0,
        expiresMs: now + 21_000,
        hindrance: "An accept is waiting for its answer.",
      },
      {
        ...row,
        key: "BOB/2",
        symbol: "BTPS 4.5 10/53",
        instrument: "IT0005534141",
        priceUnit: "% yield",
        quantity: "2,000,000",
        minQuantity: "1,000,000",
        dealers: ["Meridian Securities", "Harbour Markets"],
        quoting: 1,
        expiresMs: now + 140_000,
      },
    ].slice(0, scene === "group-empty" ? 0 : 3),
  };
}
