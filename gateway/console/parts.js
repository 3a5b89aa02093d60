// Pieces that several views have.

import { h, mark } from "./dom.js";
import { full, severityWord, when } from "./format.js";

/** @typedef {import("./dom.js").Child} Child */

/**
 * A time; the whole of it on pointing.
 *
 * @param {string | null | undefined} at
 */
export function time(at) {
  if (!at) return h("span", { class: "dim" }, "–");
  return h("time", { dateTime: at, title: full(at) }, when(at, Date.now()));
}

/** @param {string} severity */
export function severity(severity) {
  return mark(severity, severityWord(severity));
}

/**
 * Two lines of one cell.
 *
 * @param {Child} above
 * @param {Child} below
 */
export function lines(above, below) {
  return h("span", { class: "lines" }, h("span", {}, above), h("span", { class: "dim" }, below));
}

/**
 * @param {...[string, Child | Child[]]} pairs
 */
export function facts(...pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs.map(([name, value]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, ...(Array.isArray(value) ? value : [value]))),
    ),
  );
}

/** @param {string} words what the administrator may not do, and why */
export function mayNot(words) {
  return h("p", { class: "help" }, words);
}
