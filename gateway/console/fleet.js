// Every laptop, and everybody without one: what needs a hand.

import { get, query, wordsOf } from "./api.js";
import { fill, h, whileDisabled } from "./dom.js";
import { words } from "./format.js";
import { lines, time } from "./parts.js";
import { Table } from "./table.js";

/** @typedef {import("./contract.js").Laptop} Laptop */

/** Rows that one search gathers; a narrower one finds the rest. */
const MOST = 5000;

/** @type {[string, string][]} */
const FLAGS = [
  ["", "Everybody"],
  ["old-version", "Old version"],
  ["certificate-ends", "Certificate ends within 30 days"],
  ["no-certificate", "No certificate"],
  ["no-second-key", "No second security key"],
  ["never-seen", "Never on"],
  ["not-enrolled", "Not enrolled"],
  ["locked", "Locked"],
];

/** @param {Laptop} l */
function version(l) {
  if (l.last_seen === null) return "";
  return lines(l.version ?? "Unknown", l.platform ?? "");
}

/** @returns {import("./app.js").View} */
export function fleetView() {
  const find = h("input", {
    type: "search",
    id: "fleet-find",
    autocomplete: "off",
    spellcheck: false,
    maxLength: 100,
  });
  const flag = h(
    "select",
    { id: "fleet-flag" },
    FLAGS.map(([value, title]) => h("option", { value }, title)),
  );
  const fault = h("p", { class: "fault", role: "alert" });
  const more = h("button", { type: "button", class: "more" }, "Show more");
  more.hidden = true;
  const table = new Table({
    label: "Laptops, by user",
    thing: ["laptop", "laptops"],
    key: (/** @type {Laptop} */ l) => `${l.user}/${l.device ?? ""}`,
    name: (l) => l.user,
    empty: "No laptop is like that.",
    moreWords: "more not shown yet",
    columns: [
      { title: "User", width: "17%", cell: () => "" },
      {
        title: "Device",
        width: "15%",
        cell: (l) => lines(l.device ?? "None", l.state === "active" ? "" : words(l.state)),
      },
      {
        title: "Last on (UTC)",
        width: "14%",
        cell: (l) => (l.last_seen ? time(l.last_seen) : "Never"),
      },
      { title: "Version", width: "14%", cell: version },
      {
        title: "Certificate until",
        width: "15%",
        cell: (l) => (l.certificate_until ? time(l.certificate_until) : "None"),
      },
      {
        title: "Keys",
        width: "6%",
        number: true,
        cell: (l) => String(l.security_keys),
      },
      {
        title: "Needs a hand",
        width: "19%",
        cell: (l) => l.flags.map((f) => words(f.replaceAll("-", "_"))).join(", "),
      },
    ],
  });
  /** @type {Laptop[]} */
  let found = [];
  /** What the rows answer; the fields may say something else by now. */
  let asked = { find: "", flag: "" };
  let turn = 0;
  /** @param {{ user: string, device: string } | null} next */
  const search = async (next) => {
    const mine = (turn += 1);
    fill(fault);
    if (next === null) {
      asked = { find: find.value.trim(), flag: flag.value };
      more.hidden = true;
      table.clear();
    }
    try {
      const answer = await get(query("fleet", { ...asked, ...next }));
      if (mine !== turn) return;
      found = next === null ? answer.fleet : [...found, ...answer.fleet];
      table.latest = found;
      table.more = answer.next !== null;
      table.refresh(false);
      more.hidden = answer.next === null || found.length >= MOST;
      more.onclick = () => void whileDisabled(more, () => search(answer.next));
    } catch (e) {
      if (mine === turn) fill(fault, wordsOf(e));
    }
  };
  const form = h(
    "form",
    {
      method: "dialog",
      class: "search few",
      role: "search",
      "aria-label": "Fleet",
    },
    h("div", { class: "field" }, h("label", { for: flag.id }, "Show"), flag),
    h("div", { class: "field" }, h("label", { for: find.id }, "Find"), find),
    h("div", { class: "buttons" }, h("button", { type: "submit", class: "main" }, "Search")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void search(null);
  });
  flag.addEventListener("change", () => void search(null));
  let begun = false;
  return {
    node: h("div", { class: "stack" }, form, fault, table.node, more),
    look: async () => {
      if (begun) return;
      begun = true;
      await search(null);
    },
  };
}
