// Search in the events and the journal, and the bundle of one RFQ.

import { file, get, query, wordsOf } from "./api.js";
import { tell } from "./dialog.js";
import { fill, h, whileDisabled } from "./dom.js";
import { utcOf } from "./format.js";
import { facts, lines, severity, time } from "./parts.js";
import { Table } from "./table.js";

/** @typedef {import("./contract.js").Found & { n: number }} Found */

/** Rows that one search gathers; a narrower one finds the rest. */
const MOST = 5000;

/**
 * @param {string} name
 * @param {string} title
 * @param {string} [type]
 */
function field(name, title, type = "text") {
  const input = h("input", {
    type,
    id: `search-${name}`,
    name,
    autocomplete: "off",
    spellcheck: false,
    maxLength: 128,
  });
  if (type === "datetime-local") input.step = "1";
  return { input, node: h("div", { class: "field" }, h("label", { for: input.id }, title), input) };
}

/** @returns {import("./app.js").View} */
export function evidenceView() {
  const fields = {
    rfq: field("rfq", "RFQ (our id or the dealers')"),
    user: field("user", "User"),
    code: field("code", "Event code"),
    from: field("from", "From (UTC)", "datetime-local"),
    to: field("to", "To (UTC)", "datetime-local"),
  };
  const fault = h("p", { class: "fault", role: "alert" });
  const go = h("button", { type: "submit", class: "main" }, "Search");
  const bundle = bundleButton(() => ({ rfq: fields.rfq.input.value.trim() }), fault, "bundle");
  const table = results(fault);
  const more = h("button", { type: "button", class: "more" }, "Search further back");
  more.hidden = true;
  const form = h(
    "form",
    { method: "dialog", class: "search", role: "search", "aria-label": "Evidence" },
    Object.values(fields).map((f) => f.node),
    h("div", { class: "buttons" }, go, bundle),
  );
  const ready = () => (bundle.disabled = fields.rfq.input.value.trim() === "");
  fields.rfq.input.addEventListener("input", ready);
  ready();

  /** @type {Found[]} */
  let found = [];
  /** @type {Record<string, string>} */
  let asked = {};
  let turn = 0;
  /** @param {string} cursor */
  const search = async (cursor) => {
    const mine = (turn += 1);
    fill(fault);
    // What was found before does not stand under another question.
    if (cursor === "") {
      more.hidden = true;
      table.clear();
    }
    try {
      const answer = await get(query("evidence", { ...asked, cursor }));
      if (mine !== turn) return;
      if (cursor === "") found = [];
      const at = found.length;
      found = [
        ...found,
        ...answer.found.map((/** @type {object} */ f, /** @type {number} */ i) => ({
          ...f,
          n: at + i,
        })),
      ];
      if (answer.journal_unread)
        fill(fault, `The journal was not read whole: ${answer.journal_unread}`);
      table.latest = found;
      table.more = answer.next !== null;
      table.refresh(false);
      more.hidden = answer.next === null || found.length >= MOST;
      more.onclick = () => void whileDisabled(more, () => search(answer.next));
    } catch (e) {
      if (mine === turn) fill(fault, wordsOf(e));
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    asked = {
      rfq: fields.rfq.input.value.trim(),
      user: fields.user.input.value.trim(),
      code: fields.code.input.value.trim(),
      from: utcOf(fields.from.input.value),
      to: utcOf(fields.to.input.value),
    };
    void search("");
  });
  return { node: h("div", { class: "stack" }, form, fault, table.node, more) };
}

/** @param {HTMLElement} fault */
function results(fault) {
  return new Table({
    label: "What was found, newest first",
    thing: ["record", "records"],
    key: (/** @type {Found} */ f) => String(f.n),
    name: (f) => f.code,
    empty:
      "Search by RFQ (its id here, or the one that its dealers were told), user, event code or time. An empty search finds the newest records.",
    hint: "Select a record to read all of it.",
    moreWords: "older ones not searched yet",
    columns: [
      { title: "Event", width: "25%", cell: () => "" },
      { title: "Severity", width: "12%", cell: (f) => severity(f.severity) },
      { title: "At (UTC)", width: "12%", cell: (f) => time(f.at) },
      { title: "User, desk", width: "13%", cell: (f) => lines(f.user ?? "–", f.desk) },
      { title: "RFQ", width: "14%", cell: (f) => h("span", { title: f.rfq ?? "" }, f.rfq ?? "–") },
      { title: "What happened", width: "24%", cell: (f) => h("span", { class: "clip" }, f.words) },
    ],
    detail: (f) =>
      h(
        "div",
        {},
        h("h2", {}, f.code),
        h("p", { class: "risk-line" }, severity(f.severity)),
        h("p", { class: "words" }, f.words),
        facts(
          ["At", time(f.at)],
          ["User", h("bdi", {}, f.user ?? "–")],
          ["Desk", f.desk ?? "–"],
          ["RFQ", f.rfq ?? "–"],
        ),
        f.rfq && bundleButton(() => ofRow(f), fault, "bundle-selected"),
      ),
  });
}

/**
 * An RFQ's id is unique for its desk only; the lists write `DESK.ID`.
 *
 * @param {Found} f
 * @returns {Record<string, string>}
 */
function ofRow(f) {
  const [rfq, desk] = [f.rfq ?? "", f.desk ?? ""];
  return rfq.startsWith(`${desk}.`) ? { rfq } : { rfq, desk };
}

/**
 * @param {() => Record<string, string>} asked
 * @param {HTMLElement} fault
 * @param {string} id
 */
function bundleButton(asked, fault, id) {
  const button = h("button", { type: "button", id }, "Download bundle of the RFQ");
  const download = async () => {
    const of = asked();
    const name = of["rfq"] ?? "";
    fill(fault);
    try {
      const blob = await file(query("evidence/bundle", of));
      const url = URL.createObjectURL(blob);
      const safe = name.replace(/[^A-Za-z0-9._-]/g, "_");
      h("a", { href: url, download: `signet-${safe}.tar` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
      tell(`The bundle of ${name} was downloaded. verify.html or verify.sh in it checks it.`);
    } catch (e) {
      fill(fault, wordsOf(e));
    }
  };
  button.addEventListener("click", () => void whileDisabled(button, download));
  return button;
}
