// A difference of policies as somebody reads it before approving it.

import { lines, totals, visible } from "./diff.js";
import { h } from "./dom.js";
import { count } from "./format.js";

const SIGNS = { add: "+", del: "−", same: "", hunk: "", file: "", note: "" };
const SAID = { add: "added: ", del: "removed: " };

/** @param {string} text */
function shown(text) {
  return visible(text).map((p) =>
    p.hidden ? h("mark", { title: "A character that cannot be seen" }, p.text) : p.text,
  );
}

/** @param {string} diff */
export function summary(diff) {
  const { added, removed } = totals(lines(diff));
  return `${count(added, "line")} added, ${count(removed, "line")} removed`;
}

/**
 * @param {string} diff
 * @param {string} label
 */
export function difference(diff, label) {
  const all = lines(diff);
  const hidden = all.some((l) => visible(l.text).some((p) => p.hidden));
  const rows = all.map((l) =>
    h(
      "tr",
      { class: `d-${l.kind}` },
      h("td", { class: "n" }, l.before),
      h("td", { class: "n" }, l.after),
      h("td", { class: "sign", "aria-hidden": "true" }, SIGNS[l.kind]),
      h(
        "td",
        { class: "code" },
        l.kind in SAID &&
          h("span", { class: "unseen" }, SAID[/** @type {"add" | "del"} */ (l.kind)]),
        ...shown(l.text),
      ),
    ),
  );
  const caption = h("caption", { class: "unseen" }, label);
  return h(
    "div",
    {},
    hidden &&
      h(
        "p",
        { class: "warning" },
        "This change contains characters that cannot be seen. They are shown by their numbers.",
      ),
    h(
      "div",
      { class: "diff", role: "region", "aria-label": label, tabIndex: 0 },
      all.length === 0
        ? h("p", { class: "hint" }, "Nothing differs.")
        : h("table", {}, caption, h("tbody", {}, rows)),
    ),
  );
}
