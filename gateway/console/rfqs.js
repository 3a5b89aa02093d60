// RFQs under way and those that ended lately: who was asked, who answered what.

import { get } from "./api.js";
import { h, mark } from "./dom.js";
import { grouped, words } from "./format.js";
import { facts, lines, time } from "./parts.js";
import { Table } from "./table.js";

/** @typedef {import("./contract.js").Rfq} Rfq */
/** @typedef {import("./contract.js").DealerLeg} DealerLeg */

const LEGS = /** @type {Record<string, [string, string]>} */ ({
  asked: ["wait", "Asked"],
  quoted: ["low", "Quoted"],
  passed: ["informational", "Passed"],
  rejected: ["off", "Rejected"],
  accepted: ["wait", "Accepted"],
  filled: ["good", "Filled"],
  withdrawn: ["off", "Withdrawn"],
  unreachable: ["off", "Not reached"],
  expired: ["off", "Expired"],
});

/** @param {DealerLeg} d */
function leg(d) {
  const [shape, text] = LEGS[d.state] ?? ["informational", words(d.state)];
  return mark(shape, text);
}

/** @param {Rfq} r */
function side(r) {
  return { buy: "Buy", sell: "Sell", two_way: "Two-way" }[r.side] ?? words(r.side);
}

/** @param {Rfq} r */
function outcome(r) {
  return r.outcome === r.state ? null : r.outcome;
}

/** @param {Rfq} r */
function size(r) {
  return `${grouped(r.quantity)} ${r.currency ?? ""}`.trim();
}

/** @param {Rfq} r */
function answers(r) {
  const chips = r.dealers.map((d) =>
    h("li", { title: `${d.dealer}: ${words(d.state)}` }, leg(d), short(d)),
  );
  return h("ul", { class: "legs" }, chips);
}

/** @param {DealerLeg} d */
function short(d) {
  return h("span", { class: "dim" }, d.price ? `${d.dealer} ${d.price}` : d.dealer);
}

/** @returns {import("./app.js").View} */
export function rfqsView() {
  const table = new Table({
    label: "RFQs under way and those that ended in the last 15 minutes, newest first",
    thing: ["RFQ", "RFQs"],
    key: (/** @type {Rfq} */ r) => `${r.desk} ${r.id}`,
    name: (r) => r.name,
    empty: "No RFQ is under way, and none ended in the last 15 minutes.",
    hint: "Select an RFQ to see every dealer's answer.",
    rowClass: (r) => (r.outcome == null ? "" : "ended"),
    columns: [
      { title: "RFQ", width: "21%", cell: (r) => h("span", { class: "dim below" }, time(r.since)) },
      { title: "Desk, user", width: "12%", cell: (r) => lines(r.desk, r.user ?? "") },
      { title: "Instrument", width: "16%", cell: (r) => lines(r.instrument, side(r)) },
      {
        title: "Quantity",
        width: "12%",
        number: true,
        cell: (r) => lines(grouped(r.quantity), r.currency),
      },
      { title: "State", width: "13%", cell: (r) => lines(words(r.state), outcome(r)) },
      { title: "Dealers", width: "26%", cell: answers },
    ],
    detail,
  });
  return {
    node: table.node,
    every: 2000,
    look: async (poll) => {
      const answer = await get("rfqs", { poll });
      table.update(answer.rfqs, answer.more);
    },
  };
}

/**
 * @param {Rfq} r
 * @param {boolean} gone
 */
function detail(r, gone) {
  const rows = r.dealers.map((d) =>
    h(
      "li",
      {},
      lines(h("strong", {}, d.dealer), time(d.at)),
      h("span", { class: "answer" }, leg(d), d.price && h("span", {}, d.price)),
    ),
  );
  return h(
    "div",
    {},
    h("h2", {}, r.name, gone && h("span", { class: "dim" }, " (no longer listed)")),
    h("p", { class: "risk-line" }, `${side(r)} ${size(r)}`, " ", h("code", {}, r.instrument)),
    h("h3", {}, "Dealers"),
    h("ul", { class: "lined answers" }, rows),
    h("h3", {}, "RFQ"),
    facts(
      ["State", words(r.state)],
      ["Outcome", outcome(r) ?? "–"],
      ["Desk", r.desk],
      ["User", h("bdi", {}, r.user ?? "–")],
      ["Since", time(r.since)],
      ["Until", time(r.until)],
      ["Dealers call it", h("code", {}, r.dealers_call_it)],
    ),
  );
}
