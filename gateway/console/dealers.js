// Dealers: their lines, how they answer, and the end of a cut.

import { get, post } from "./api.js";
import { ask, tell } from "./dialog.js";
import { h, mark } from "./dom.js";
import { grouped } from "./format.js";
import { lines, mayNot, time } from "./parts.js";
import { Table } from "./table.js";

/** @typedef {import("./contract.js").Dealer} Dealer */

/** @param {Dealer} d */
function state(d) {
  if (d.cut) return mark("high", "Cut");
  return d.on ? mark("good", "On") : mark("off", "Off");
}

/** @param {number | null} ms */
const milliseconds = (ms) => (ms == null ? "–" : `${grouped(ms)} ms`);

/** @param {Dealer} d @param {number} n */
function share(d, n) {
  const of = d.asked > 0 ? `${Math.round((100 * n) / d.asked)} %` : "";
  return lines(grouped(n), of);
}

/**
 * @param {import("./app.js").Shell} shell
 * @returns {import("./app.js").View}
 */
export function dealersView(shell) {
  const may = shell.me().may.sessions;
  const table = new Table({
    label: "Dealers",
    thing: ["dealer", "dealers"],
    key: (/** @type {Dealer} */ d) => d.dealer,
    name: (d) => d.dealer,
    empty: "No dealer is configured.",
    columns: [
      { title: "Dealer", width: "16%", cell: () => "" },
      {
        title: "Line",
        width: "16%",
        cell: (d) => h("span", { title: d.why_cut ?? "" }, lines(state(d), time(d.since))),
      },
      { title: "Asked", width: "9%", number: true, cell: (d) => grouped(d.asked) },
      { title: "Quoted", width: "9%", number: true, cell: (d) => share(d, d.quoted) },
      { title: "Passed", width: "9%", number: true, cell: (d) => share(d, d.passed) },
      { title: "Rejected", width: "9%", number: true, cell: (d) => share(d, d.rejected) },
      { title: "Filled", width: "9%", number: true, cell: (d) => share(d, d.filled) },
      {
        title: "Response p50, p99",
        width: "13%",
        number: true,
        cell: (d) => lines(milliseconds(d.response_p50_ms), milliseconds(d.response_p99_ms)),
      },
    ],
    action: {
      title: "Resume",
      width: "10%",
      label: (d) => (d.cut && may ? "Resume…" : null),
      run: (d) => resume(d, shell),
    },
  });
  const node = h("div", { class: "stack" }, table.node);
  if (!may) node.prepend(mayNot("You may not resume dealers; the entitlements decide that."));
  return {
    node,
    every: 4000,
    look: async (poll) => {
      const answer = await get("dealers", { poll });
      table.update(answer.dealers, answer.more);
    },
  };
}

/**
 * @param {Dealer} d
 * @param {import("./app.js").Shell} shell
 */
function resume(d, shell) {
  ask({
    title: `Resume the line to ${d.dealer}?`,
    words: `Why it is cut: ${d.why_cut ?? "the dealer misbehaved"}. It connects again and may be asked.`,
    button: "Resume",
    act: async () => {
      await post("dealers/resume", { dealer: d.dealer });
      tell(`The line to ${d.dealer} was resumed.`);
      await shell.look();
    },
  });
}
