// How times, numbers and words are written. Pure.

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** @param {number} n */
const two = (n) => String(n).padStart(2, "0");

/**
 * `14:32:05`, with the day before it when that is not today (UTC).
 *
 * @param {string | null | undefined} at
 * @param {number} now
 */
export function when(at, now) {
  const t = new Date(at ?? "");
  if (Number.isNaN(t.getTime())) return "–";
  const clock = `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}:${two(t.getUTCSeconds())}`;
  const n = new Date(now);
  const day = `${t.getUTCDate()} ${MONTHS[t.getUTCMonth()]}`;
  if (t.getUTCFullYear() !== n.getUTCFullYear()) return `${day} ${t.getUTCFullYear()} ${clock}`;
  const today = t.getUTCMonth() === n.getUTCMonth() && t.getUTCDate() === n.getUTCDate();
  return today ? clock : `${day} ${clock}`;
}

/** @param {string | null | undefined} at */
export function full(at) {
  const t = new Date(at ?? "");
  if (Number.isNaN(t.getTime())) return "";
  return `${t.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/**
 * The two largest units: `4 d 3 h`, `2 min 5 s`.
 *
 * @param {number} ms
 */
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  const parts = /** @type {const} */ ([
    [Math.floor(s / 86400), "d"],
    [Math.floor(s / 3600) % 24, "h"],
    [Math.floor(s / 60) % 60, "min"],
    [s % 60, "s"],
  ]);
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(" ");
}

/**
 * Thousands apart, of a decimal as text; no digit is lost to a float.
 *
 * @param {string | number | null | undefined} n
 */
export function grouped(n) {
  if (n == null) return "–";
  const found = /^(-?)(\d+)(\.\d+)?$/.exec(String(n));
  if (!found) return String(n);
  const [, sign, whole = "", rest = ""] = found;
  return `${sign}${whole.replace(/\B(?=(\d{3})+$)/g, ",")}${rest}`;
}

/** @param {number | null | undefined} n */
export function bytes(n) {
  if (n == null) return "size unknown";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  let left = n;
  while (left >= 1024 && at < units.length - 1) {
    left /= 1024;
    at += 1;
  }
  return `${at === 0 ? left : left.toFixed(1)} ${units[at]}`;
}

/**
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 */
export function count(n, one, many = `${one}s`) {
  return `${grouped(n)} ${n === 1 ? one : many}`;
}

/**
 * The first part of a digest, which is enough to tell two apart by eye.
 *
 * @param {string | null | undefined} digest
 */
export function short(digest) {
  if (!digest) return "–";
  return digest.length > 16 ? `${digest.slice(0, 12)}…` : digest;
}

/**
 * `new_country` as words.
 *
 * @param {string} code
 */
export function words(code) {
  const text = code.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @type {Record<string, number>} */
const RANKS = { critical: 5, high: 4, medium: 3, low: 2, informational: 1 };

/** @param {string | null | undefined} severity */
export function rank(severity) {
  return RANKS[severity ?? ""] ?? 0;
}

/** @param {string} severity */
export function severityWord(severity) {
  return severity === "informational" ? "Info" : words(severity);
}

/**
 * A time of a form field, which is meant as UTC, as RFC 3339; empty when there is none.
 *
 * @param {string} local `2026-11-28T14:00` or with seconds
 */
export function utcOf(local) {
  if (!local) return "";
  return local.length === 16 ? `${local}:00Z` : `${local.slice(0, 19)}Z`;
}
