// Times and numbers as a trader reads them. Prices arrive formatted and are never parsed.

import { number, weekdayOf } from "../language/formats";
import { t } from "../language/t";

/** `8 s`, `1:05`; rounded up, so that "0 s" means it is over. */
export function timeLeft(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 60) return t("desk.secondsS", { seconds });
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** How much of the span from `start` to `end` is still to come, 0 to 1. */
export function shareLeft(start: number, end: number, now: number): number {
  if (end <= start) return 0;
  return Math.min(1, Math.max(0, (end - now) / (end - start)));
}

/** `90 s`, `2 min`. */
export function duration(seconds: number): string {
  return seconds >= 120 && seconds % 60 === 0
    ? t("desk.secondsMin", { seconds: seconds / 60 })
    : t("desk.secondsS", { seconds });
}

/** Local date and time: `2026-11-21`, `14:05:09`. */
export function date(ms: number): string {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** `Tue` of `2026-12-01`, which is a day, not a point in time. */
export function weekday(day: string): string {
  return weekdayOf(new Date(`${day}T12:00:00Z`));
}

export function time(ms: number): string {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** The error of the laptop's clock, from how far the gateway's is ahead of it: `1.2 s fast`. */
export function clockError(gatewayAheadMs: number): string {
  const size = Math.abs(gatewayAheadMs);
  const amount =
    size >= 1000
      ? t("desk.valueS", { value: number(size / 1000, 1) })
      : t("desk.sizeMs", { size: Math.round(size) });
  return gatewayAheadMs < 0 ? t("desk.amountFast", { amount }) : t("desk.amountSlow", { amount });
}

/** The times to live offered between the allowed bounds, the default among them. */
export function ttlChoices(minS: number, maxS: number, defaultS: number): number[] {
  const usual = [5, 10, 15, 30, 60, 120, 300, 600].filter((s) => s >= minS && s <= maxS);
  const all = [...new Set([...usual, defaultS])].sort((a, b) => a - b);
  const at = all.indexOf(defaultS);
  const first = Math.max(0, Math.min(at - 2, all.length - TTL_CHOICES_MAX));
  return all.slice(first, first + TTL_CHOICES_MAX);
}

const TTL_CHOICES_MAX = 5;

const two = (n: number) => String(n).padStart(2, "0");
