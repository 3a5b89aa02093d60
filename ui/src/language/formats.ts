// Numbers and days in the language of the page.
//
// Prices, sizes and amounts are not formatted here: the desk sends them as they are traded, and they
// look alike in every language. Dates are ISO and times have 24 hours everywhere, so that none can
// be read as another.

import { locale } from "./t";

const counts = new Intl.NumberFormat(locale);
const weekdays = new Intl.DateTimeFormat(locale, { weekday: "short", timeZone: "UTC" });
const byDigits = new Map<number, Intl.NumberFormat>();

/** A count, or a measured number with so many decimals. */
export function number(value: number, decimals?: number): string {
  if (decimals === undefined) return counts.format(value);
  let format = byDigits.get(decimals);
  if (!format) {
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    byDigits.set(decimals, (format = new Intl.NumberFormat(locale, digits)));
  }
  return format.format(value);
}

/** `Tue`, of a point in time in UTC. */
export const weekdayOf = (at: Date): string => weekdays.format(at);
