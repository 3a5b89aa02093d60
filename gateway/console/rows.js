// Which rows a list shows after an answer. Pure.

/**
 * @template T
 * @typedef {{ key: string, row: T, gone: boolean }} Shown
 */

/**
 * While `held` (somebody points at a row, or has selected one) nothing moves: rows stay in their
 * places with what is now known of them, those that ended stay and are marked, and those that came
 * wait. Otherwise the list is what the gateway answered.
 *
 * @template T
 * @param {Shown<T>[]} shown
 * @param {T[]} incoming
 * @param {boolean} held
 * @param {(row: T) => string} key
 * @returns {{ rows: Shown<T>[], waiting: number }}
 */
export function merge(shown, incoming, held, key) {
  const by = new Map(incoming.map((row) => [key(row), row]));
  if (!held) {
    return { rows: [...by].map(([k, row]) => ({ key: k, row, gone: false })), waiting: 0 };
  }
  const rows = shown.map((s) => {
    const row = by.get(s.key);
    by.delete(s.key);
    return row === undefined ? { ...s, gone: true } : { key: s.key, row, gone: false };
  });
  return { rows, waiting: by.size };
}

/**
 * Whether every word of the filter is somewhere in the row.
 *
 * @param {string} filter
 * @param {string} text
 */
export function matches(filter, text) {
  const low = text.toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => low.includes(word));
}

/**
 * Alerts with those that came, newest first, at most `most`.
 *
 * @template {{ n: number }} T
 * @param {T[]} known
 * @param {T[]} incoming
 * @param {number} most
 */
export function newest(known, incoming, most) {
  const by = new Map([...known, ...incoming].map((a) => [a.n, a]));
  return [...by.values()].sort((a, b) => b.n - a.n).slice(0, most);
}

/**
 * How many alerts there were since the gateway started, which numbers them from 1: more than are
 * known here when many came at once.
 *
 * @param {{ n: number }[]} newestFirst
 */
export function total(newestFirst) {
  return newestFirst[0]?.n ?? 0;
}
