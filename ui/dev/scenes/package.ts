// A package on the ticket, and one that is quoted.

import type {
  AcceptView,
  LegView,
  LineView,
  PackageEdit,
  PackageForm,
  PackageRead,
  RfqView,
} from "../../src/bindings";
import { accept, line, q, rfq } from "./requests";

const LEGS: [id: string, symbol: string, buys: boolean, ratio: string, size: string][] = [
  ["DE000BU2Z023", "DBR 2.2 02/34", true, "1", "5,000,000"],
  ["DE000BU2Z049", "DBR 2.5 02/35", false, "2", "10,000,000"],
  ["DE0001102614", "DBR 1.8 08/53", true, "1", "5,000,000"],
];

export const filled: PackageForm = {
  shape: "butterfly",
  size: "5m",
  legs: LEGS.map(([instrument, typed, buys, ratio]) => ({
    side: buys ? "buy" : "sell",
    instrument,
    typed,
    ratio,
    quantity: "",
    settles: "",
  })),
};

const none = (side: "buy" | "sell", ratio: string): PackageForm["legs"][number] => ({
  side,
  instrument: "",
  typed: "",
  ratio,
  quantity: "",
  settles: "",
});

/** What the real desk does in Rust, as far as a picture needs it. */
export function edited(form: PackageForm, edit: PackageEdit): PackageForm {
  if (edit === "turn")
    return {
      ...form,
      legs: form.legs.map((leg) => ({ ...leg, side: leg.side === "buy" ? "sell" : "buy" })),
    };
  if (edit === "add") return { ...form, legs: [...form.legs, none("sell", "")] };
  if ("remove" in edit) return { ...form, legs: form.legs.filter((_, i) => i !== edit.remove) };
  const { shape } = edit;
  const two = [none("buy", ""), none("sell", "")];
  const wings = [none("buy", "1"), none("sell", "2"), none("buy", "1")];
  const preset = shape === "butterfly" ? wings : two;
  const legs = preset.map((leg, i) => {
    const before = form.legs[i];
    return before ? { ...before, side: leg.side, ratio: leg.ratio } : leg;
  });
  return { shape, size: shape === "curve" ? "" : form.size, legs };
}

export function readPackage(form: PackageForm): PackageRead {
  const whole = form.legs.every((leg) => leg.instrument !== "");
  return {
    legs: form.legs.map((leg, i) => ({
      quantity: leg.instrument === "" ? "" : (LEGS[i]?.[4] ?? ""),
      currency: "EUR",
      settlementDate: "2026-12-01",
      problem:
        leg.quantity === "900m"
          ? {
              code: "quantity.too_large",
              message: `Leg ${i + 1}: at most 500,000,000 of ${leg.typed}.`,
              cure: "Ask for less, or split the request.",
              field: "legs",
            }
          : null,
    })),
    name: whole ? "Butterfly, 3 legs" : "",
    gross: whole ? "EUR 20,000,000" : "",
    net: whole ? "EUR 0" : "",
    problem: null,
  };
}

const legs = (prices: (string | null)[]): LegView[] =>
  LEGS.map(([instrument, symbol, buys, ratio, quantity], i) => ({
    instrument,
    symbol,
    side: buys ? "buy" : "sell",
    ratio,
    quantity,
    settlementDate: "2026-12-01",
    price: prices[i] ?? null,
  }));

const PRICES = ["99.200", "100.000", "98.300"];

export function packages(scene: string, now: number): [RfqView[], LineView[]] {
  const armed: AcceptView = accept(now, {
    price: "-2.500",
    limit: "-2.500",
    quantity: "20,000,000",
    settlementDate: "2026-12-01",
    legs: legs(PRICES),
  });
  const one = rfq("P1", now, {
    instrument: "Butterfly, 3 legs",
    symbol: "Butterfly, 3 legs",
    name: "DBR 2.2 02/34 / DBR 2.5 02/35 / DBR 1.8 08/53",
    quantity: "20,000,000",
    priceUnit: "net, bought less sold",
    settlementDate: "2026-12-01",
    legs: legs([]),
    accept: scene === "package-armed" ? armed : null,
    guard: scene === "package-armed" ? { afterMs: 700, warning: null, seen: false } : null,
  });
  const two = rfq("P2", now, {
    instrument: "Curve, 2 legs",
    symbol: "Curve, 2 legs",
    name: "DBR 2.2 02/34 / DBR 1.8 08/53",
    ask: "twoWay",
    quantity: "15,000,000",
    priceUnit: "net, bought less sold",
    settlementDate: "2026-12-01",
    legs: [legs([])[0]!, { ...legs([])[2]!, side: "sell" }],
  });
  const size = "20,000,000";
  return [
    [one, two],
    [
      line("P1", 0, now, {
        offer: q("-2.500", size),
        bestOffer: true,
        legs: PRICES.map((bought) => ({ bought, sold: null })),
      }),
      line("P1", 1, now, {
        offer: q("-2.470", size),
        legs: ["99.210", "99.990", "98.300"].map((bought) => ({ bought, sold: null })),
      }),
      line("P1", 2, now, { state: "asked" }),
      line("P2", 0, now, {
        bid: q("0.850", "15,000,000"),
        offer: q("0.950", "15,000,000"),
        bestBid: true,
        bestOffer: true,
        legs: [
          { bought: "99.200", sold: "99.150" },
          { bought: "98.250", sold: "98.300" },
        ],
      }),
    ],
  ];
}
