// The columns of the blotter: their names, and which hold numbers.

import type { BlotterRow, BlotterTab, Column, RowsQuery } from "../bindings";
import { t } from "../language/t";

export const COLUMNS: [Column, string][] = [
  ["time", t("blotter.time")],
  ["symbol", t("blotter.instrument")],
  ["instrument", t("blotter.isinOrPair")],
  ["side", t("blotter.side")],
  ["quantity", t("blotter.quantity")],
  ["least", t("blotter.atLeast")],
  ["quoted", t("blotter.quoted")],
  ["currency", t("blotter.currency")],
  ["price", t("blotter.price")],
  ["dealer", t("blotter.dealer")],
  ["status", t("blotter.status")],
  ["cover", t("blotter.cover")],
  ["reason", t("blotter.reason")],
  ["settles", t("blotter.settles")],
  ["rfq", t("blotter.request")],
  ["execution", t("blotter.execution")],
];

const NAMES = new Map(COLUMNS);

export const nameOf = (column: Column) => NAMES.get(column) ?? column;

export const isNumber = (column: Column) =>
  ["quantity", "least", "quoted", "price", "cover"].includes(column);

/** What a row says in a column that is a text and nothing else. */
export function textOf(row: BlotterRow, column: Column): string {
  switch (column) {
    case "symbol":
      return row.symbol;
    case "instrument":
      // A package has no id that anybody could look up.
      return row.instrument === "[N/A]" ? t("blotter.package") : row.instrument;
    case "side":
      return row.side;
    case "least":
      return row.minQuantity ?? "";
    case "quoted":
      return row.quoted ?? "";
    case "currency":
      return row.currency;
    case "dealer":
      return row.dealer;
    case "status":
      return row.status;
    case "reason":
      return row.reason ?? "";
    case "settles":
      return row.settlementDate;
    case "rfq":
      return row.rfqId;
    case "execution":
      return row.execId ?? "";
    default:
      return "";
  }
}

export type Look = Omit<RowsQuery, "tab" | "text" | "zone" | "offset" | "limit">;

/** How a list is looked at before the trader changes it. */
export const usualLook = (): Look => ({
  filters: [],
  from: null,
  to: null,
  sort: "time",
  descending: true,
  group: null,
  closed: [],
});

/** How many things narrow a list down. */
export const narrowed = (look: Look) =>
  look.filters.filter((one) => one.values.length > 0).length +
  (look.from === null ? 0 : 1) +
  (look.to === null ? 0 : 1);

/** The look after a press on the head of a column: the other way round, or by that column. */
export function sortedBy(look: Look, column: Column): Look {
  if (look.sort === column) return { ...look, descending: !look.descending };
  return { ...look, sort: column, descending: column === "time" || isNumber(column) };
}

export function toggled(look: Look, key: string): Look {
  const closed = look.closed.includes(key)
    ? look.closed.filter((one) => one !== key)
    : [...look.closed, key];
  return { ...look, closed };
}

type List = {
  name: string;
  /** The name inside a sentence. */
  within: string;
  /** So many rows, of which there are `count`; `shown` is the figure. */
  counted: (count: number, shown: string) => string;
  none: string;
};

export const LISTS: Record<BlotterTab, List> = {
  rfqs: {
    name: t("blotter.requests"),
    within: t("blotter.requestsWithin"),
    counted: (count, shown) => t("blotter.shownRequests", { count, shown }),
    none: t("blotter.noRequestsYetYourRequests"),
  },
  trades: {
    name: t("blotter.trades"),
    within: t("blotter.tradesWithin"),
    counted: (count, shown) => t("blotter.shownTrades", { count, shown }),
    none: t("blotter.noTradesYet"),
  },
  attention: {
    name: t("blotter.attention"),
    within: t("blotter.attentionWithin"),
    counted: (_, shown) => t("blotter.toLookAt", { shown }),
    none: t("blotter.nothingNeedsYou"),
  },
};
