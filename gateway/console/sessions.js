// Desks that are logged on: risk, with its factors on selection, and the end of a session.

import { get, post } from "./api.js";
import { ask, tell } from "./dialog.js";
import { h, mark, svg } from "./dom.js";
import { count, words } from "./format.js";
import { facts, lines, mayNot, time } from "./parts.js";
import { Table } from "./table.js";

/** @typedef {import("./contract.js").Session} Session */

const ENTITLED = "You may not end sessions; the entitlements decide that.";

/** @param {Session} s */
function risk(s) {
  if (s.level == null) return mark("informational", "Not scored");
  return mark(s.level, `${words(s.level)} ${s.score ?? ""}`);
}

/** @param {Session} s */
function place(s) {
  return [s.country ?? "Country unknown", s.network].filter(Boolean).join(" · ");
}

const STEP_UPS = /** @type {Record<string, [string, string]>} */ ({
  passed: ["good", "Passed"],
  asked: ["wait", "Asked"],
  none: ["informational", "None"],
});

/** @param {Session} s */
function stepUp(s) {
  const [shape, text] = STEP_UPS[s.step_up] ?? ["informational", words(s.step_up)];
  return mark(shape, text);
}

/**
 * @param {import("./app.js").Shell} shell
 * @returns {import("./app.js").View}
 */
export function sessionsView(shell) {
  const table = new Table({
    label: "Desks that are logged on, those with the highest risk first",
    thing: ["session", "sessions"],
    key: (/** @type {Session} */ s) => `${s.desk} ${s.since}`,
    name: (s) => s.desk,
    empty: "No desk is logged on.",
    hint: "Select a session to see why it has its score.",
    text: (s) =>
      [s.desk, s.user, s.device, s.address, s.country, s.network, s.transport, s.level].join(" "),
    columns: [
      { title: "Desk", width: "14%", cell: () => "" },
      { title: "Risk", width: "15%", cell: risk },
      {
        title: "User, device",
        width: "17%",
        cell: (s) => lines(s.user ?? "No user", s.device ?? ""),
      },
      { title: "From", width: "20%", cell: (s) => lines(s.address, place(s)) },
      {
        title: "Since (UTC)",
        width: "15%",
        cell: (s) => lines(time(s.since), s.transport.toUpperCase()),
      },
      { title: "Step-up", width: "12%", cell: stepUp },
      { title: "RFQs", width: "7%", number: true, cell: (s) => String(s.open_rfqs) },
    ],
    detail: (s, gone) => detail(s, gone, shell),
  });
  return {
    node: table.node,
    every: 2000,
    look: async (poll) => {
      const answer = await get("sessions", { poll });
      const all = /** @type {Session[]} */ (answer.sessions);
      all.sort((a, b) => (b.score ?? -1) - (a.score ?? -1) || a.desk.localeCompare(b.desk));
      table.update(all, answer.more);
    },
  };
}

/**
 * @param {Session} s
 * @param {boolean} gone
 * @param {import("./app.js").Shell} shell
 */
function detail(s, gone, shell) {
  const end = h(
    "button",
    { type: "button", class: "danger", id: "end-session", onclick: () => ended(s, shell) },
    "End session…",
  );
  const all = [...s.factors].sort((a, b) => b.points - a.points);
  const none = all.every((f) => f.points === 0);
  return h(
    "div",
    {},
    h("h2", {}, s.desk, gone && h("span", { class: "dim" }, " (ended)")),
    h("p", { class: "risk-line" }, risk(s)),
    h("h3", {}, none ? "No factor adds to the score" : "Why"),
    h("ul", { class: "factors" }, all.map(factor)),
    h("h3", {}, "Session"),
    facts(
      ["User", h("bdi", {}, s.user ?? "–")],
      ["Device", h("bdi", {}, s.device ?? "–")],
      ["Address", s.address],
      ["Place", place(s)],
      ["Transport", s.transport.toUpperCase()],
      ["Since", time(s.since)],
      ["Step-up", stepUp(s)],
      ["Open RFQs", count(s.open_rfqs, "RFQ")],
      ["Certificate", h("code", {}, s.certificate?.serial ?? "–")],
      ["Valid until", time(s.certificate?.until)],
    ),
    !gone && (shell.me().may.sessions ? h("p", { class: "stuck" }, end) : mayNot(ENTITLED)),
  );
}

/** @param {import("./contract.js").Factor} f */
function factor(f) {
  const width = String(Math.max(2, Math.min(100, Math.abs(f.points))));
  const bar = svg(
    "svg",
    { viewBox: "0 0 100 4", preserveAspectRatio: "none", class: "bar", "aria-hidden": "true" },
    svg("rect", { width, height: "4" }),
  );
  const points = `${f.points > 0 ? "+" : ""}${f.points}`;
  return h(
    "li",
    {},
    h("span", { class: "factor" }, h("strong", {}, words(f.name)), h("span", {}, points)),
    f.points !== 0 && bar,
    h("span", { class: "dim" }, f.words),
  );
}

/**
 * @param {Session} s
 * @param {import("./app.js").Shell} shell
 */
function ended(s, shell) {
  ask({
    title: `End the session of ${s.desk}?`,
    words: `${s.user ?? "The trader"} is logged out now and reads your reason. ${count(s.open_rfqs, "open RFQ")} continue without the desk, which may come back: lock the user to keep it out.`,
    reason: "Reason, which the trader reads",
    button: "End session",
    danger: true,
    act: async (reason) => {
      await post("sessions/end", { desk: s.desk, reason });
      tell(`The session of ${s.desk} was ended.`);
      await shell.look();
    },
  });
}
