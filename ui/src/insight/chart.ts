// Where things stand in a chart. Prices arrive as texts and become numbers for drawing only.

import type { BestQuote } from "../bindings";
import { time } from "../desk/format";
import { number } from "../language/formats";
import { t } from "../language/t";

export type Scale = { at: (value: number) => number; from: number; to: number };

/** A scale from values to pixels; `from` is at `low`. One value alone stands in the middle. */
export function scale(values: number[], low: number, high: number): Scale {
  const known = values.filter(Number.isFinite);
  const from = Math.min(...known);
  const to = Math.max(...known);
  const middle = (low + high) / 2;
  if (known.length === 0) return { at: () => middle, from: 0, to: 0 };
  if (from === to) return { at: () => middle, from, to };
  return { at: (value) => low + ((value - from) / (to - from)) * (high - low), from, to };
}

/** `99-16+` and `99-162`: 32nds, and eighths of one, of which `+` is four. */
const THIRTY_SECONDS = /^(\d+)-(\d\d)(\+|[0-7])?$/;

/** A price as a number for drawing, or null for a text that is none. */
export function drawn(price: string | null): number | null {
  if (price === null || price.trim() === "") return null;
  const [, whole, parts, last = "0"] = THIRTY_SECONDS.exec(price) ?? [];
  const eighths = last === "+" ? 4 : Number(last);
  const value =
    whole === undefined ? Number(price) : Number(whole) + (Number(parts) * 8 + eighths) / 256;
  return Number.isFinite(value) ? value : null;
}

/** The steps of one dealer on one side, each from a time until a time. */
export type Path = { dealer: string; name: string; d: string; last: { x: number; y: number } };

export function paths(
  quotes: BestQuote[],
  side: "bid" | "offer",
  time: Scale,
  price: Scale,
): Path[] {
  const dealers = [...new Set(quotes.map((quote) => quote.dealer))];
  return dealers.flatMap((dealer) => {
    let d = "";
    let last = { x: 0, y: 0 };
    let until = NaN;
    for (const quote of quotes) {
      const value = quote.dealer === dealer ? drawn(quote[side]) : null;
      if (value === null) continue;
      const [x, to, y] = [time.at(quote.receivedMs), time.at(quote.untilMs), price.at(value)];
      // A quote that follows at once is joined to the one before.
      d += quote.receivedMs === until ? `V${round(y)}` : `M${round(x)} ${round(y)}`;
      d += `H${round(Math.max(to, x + 1))}`;
      last = { x: to, y };
      until = quote.untilMs;
    }
    const name = quotes.find((quote) => quote.dealer === dealer)?.name ?? dealer;
    return d === "" ? [] : [{ dealer, name, d, last }];
  });
}

const round = (value: number) => Math.round(value * 10) / 10;

/** Labels at the right of a chart, moved apart so that none covers another; in the order given. */
export function apart(wanted: number[], least: number, low: number, high: number): number[] {
  const order = wanted.map((_, n) => n).sort((a, b) => wanted[a]! - wanted[b]!);
  const out = [...wanted];
  let floor = low;
  for (const n of order) {
    out[n] = Math.max(out[n]!, floor);
    floor = out[n]! + least;
  }
  let ceiling = high;
  for (const n of order.reverse()) {
    out[n] = Math.min(out[n]!, ceiling);
    ceiling = out[n]! - least;
  }
  return out;
}

/** `0.4 s`, `35 ms`, `12 s`. */
export function howLong(ms: number): string {
  if (ms < 1_000) return t("insight.msMs", { ms: Math.round(ms) });
  return ms < 10_000
    ? t("insight.valueS", { value: number(ms / 1_000, 1) })
    : t("insight.msS", { ms: Math.round(ms / 1_000) });
}

/** `2 of 3 (67 %)`; a share of nothing is said as such. */
export function share(part: number, of: number): string {
  return of === 0
    ? t("insight.noneYet")
    : t("insight.partOfOfValue", { part, of, value: Math.round((100 * part) / of) });
}

/** `14:05:09.123`, local time. */
export const exactly = (ms: number) =>
  `${time(ms)}.${String(Math.floor(ms) % 1_000).padStart(3, "0")}`;
