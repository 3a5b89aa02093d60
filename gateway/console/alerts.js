// Events of severity high and critical, as they come.

import { h } from "./dom.js";
import { facts, severity, time } from "./parts.js";
import { total } from "./rows.js";
import { Table } from "./table.js";

/** @typedef {import("./contract.js").Alert} Alert */

/**
 * @param {import("./app.js").Shell} shell
 * @returns {import("./app.js").View}
 */
export function alertsView(shell) {
  const table = new Table({
    label: "Alerts since the gateway started, newest first",
    thing: ["alert", "alerts"],
    key: (/** @type {Alert} */ a) => String(a.n),
    name: (a) => a.code,
    empty: "No alert since the gateway started.",
    hint: "Select an alert to read all of it.",
    text: (a) => [a.code, a.subject, a.words, a.severity, a.technique].join(" "),
    columns: [
      { title: "Event", width: "25%", cell: () => "" },
      { title: "Severity", width: "13%", cell: (a) => severity(a.severity) },
      { title: "At (UTC)", width: "15%", cell: (a) => time(a.at) },
      { title: "Subject", width: "17%", cell: (a) => h("bdi", {}, a.subject) },
      { title: "What happened", width: "30%", cell: (a) => h("span", { class: "clip" }, a.words) },
    ],
    detail: (a) =>
      h(
        "div",
        {},
        h("h2", {}, a.code),
        h("p", { class: "risk-line" }, severity(a.severity)),
        h("p", { class: "words" }, a.words),
        facts(
          ["Subject", h("bdi", {}, a.subject)],
          ["At", time(a.at)],
          ["Done by", h("bdi", {}, a.actor ?? "–")],
          ["ATT&CK technique", a.technique ?? "None fits"],
          ["Number", String(a.n)],
        ),
      ),
  });
  const show = () => {
    const all = shell.alerts();
    table.update(all, total(all) > all.length);
  };
  show();
  return { node: table.node, heard: show };
}
