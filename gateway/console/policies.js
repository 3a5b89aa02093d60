// Policies: changes that wait, what is in force, a change by editing its text, and the history.

import { get } from "./api.js";
import { fill, h, mark } from "./dom.js";
import { count, short } from "./format.js";
import { historyTable } from "./history.js";
import { facts, time } from "./parts.js";
import { draftFor, editor, hasDraft } from "./policy_draft.js";
import { waitingCard } from "./waiting.js";

/** @typedef {import("./contract.js").Policies} Policies */

export { hasDraft };

/**
 * @param {import("./app.js").Shell} shell
 * @returns {import("./app.js").View}
 */
export function policiesView(shell) {
  return new PoliciesView(shell).view();
}

class PoliciesView {
  /** @param {import("./app.js").Shell} shell */
  constructor(shell) {
    this.shell = shell;
    /** @type {Policies | null} */
    this.latest = null;
    this.drawnAs = "";
    /** @type {Map<string, import("./waiting.js").Card>} */
    this.cards = new Map();
    this.waiting = h("div", { class: "stack" }, h("p", { class: "hint" }, "Asking the gateway…"));
    this.inForce = h("div", { class: "cards" });
    this.draft = h("div", {});
    this.fresh = h("button", { type: "button", class: "fresh", onclick: () => this.draw() });
    this.fresh.hidden = true;
    this.history = historyTable();
    this.node = h(
      "div",
      { class: "policies" },
      h("div", { class: "head" }, h("h2", {}, "Waiting for approval"), this.fresh),
      this.waiting,
      h("h2", {}, "In force"),
      this.inForce,
      this.draft,
      h("h2", {}, "History"),
      this.history.table.node,
    );
  }

  /** @returns {import("./app.js").View} */
  view() {
    this.edit(false);
    return {
      node: this.node,
      every: 8000,
      look: async (poll) => {
        const [policies] = await Promise.all([get("policies", { poll }), this.history.look(poll)]);
        this.latest = policies;
        const now = signature(policies);
        if (now === this.drawnAs) return;
        // Nothing moves under who reads or writes, but for what they did themselves.
        const busy = this.node.matches(":hover") || this.node.contains(document.activeElement);
        if (poll && busy && this.drawnAs !== "") this.hold();
        else this.draw();
      },
    };
  }

  hold() {
    const waiting = new Set(this.latest?.waiting.map(changeKey));
    for (const [key, card] of this.cards) if (!waiting.has(key)) card.ended();
    const fresh = [...waiting].filter((key) => !this.cards.has(key)).length;
    fill(this.fresh, fresh > 0 ? `${fresh} new` : "Changed meanwhile: show");
    this.fresh.hidden = false;
  }

  draw() {
    const p = this.latest;
    if (!p) return;
    this.drawnAs = signature(p);
    this.fresh.hidden = true;
    /** @type {Map<string, import("./waiting.js").Card>} */
    const cards = new Map();
    for (const w of p.waiting) {
      const key = changeKey(w);
      cards.set(key, this.cards.get(key) ?? waitingCard(w, this.shell));
    }
    this.cards = cards;
    const none = h("p", { class: "hint" }, "No change waits.");
    fill(this.waiting, cards.size === 0 ? none : [...cards.values()].map((c) => c.node));
    fill(
      this.inForce,
      p.in_force.map((f) => this.card(f, p.two_people)),
    );
    this.edit(false);
  }

  /**
   * @param {import("./contract.js").InForce} f
   * @param {boolean} twoPeople
   */
  card(f, twoPeople) {
    const documents = Object.entries(f.documents).map(([name, text]) =>
      h(
        "details",
        {},
        h("summary", {}, `Read ${name} (${count(text.trimEnd().split("\n").length, "line")})`),
        h("pre", { tabIndex: 0, role: "region", "aria-label": `${f.policy}: ${name}` }, text),
      ),
    );
    const change = h(
      "button",
      {
        type: "button",
        id: `change-${f.policy}`,
        onclick: () => {
          draftFor(f);
          this.edit(true);
        },
      },
      "Change…",
    );
    const how = twoPeople
      ? "Changes take two administrators."
      : 'Changes are made by files; policy_changes = "two_people" under [admin] asks for two administrators.';
    return h(
      "section",
      { class: "card", "aria-label": `Policy in force: ${f.policy}` },
      h("h3", {}, mark("good", f.policy)),
      facts(
        ["Digest", h("code", { title: f.digest }, short(f.digest))],
        ["Since", time(f.since)],
        ["By", f.by.length > 0 ? f.by.join(" and ") : "Files"],
        ["Prepared by key", f.prepared_by_key ? mark("good", "Yes") : "No"],
        ["Approved by key", f.by_key ? mark("good", "Yes") : "No"],
      ),
      ...documents,
      h("p", { class: "help" }, how),
      twoPeople && this.shell.me().may.policy && change,
    );
  }

  /** @param {boolean} focus */
  edit(focus) {
    const form = editor(this.shell, this.latest, () => {
      this.edit(false);
      this.node.querySelector("h2")?.scrollIntoView();
    });
    if (this.draft.firstChild !== form) fill(this.draft, form);
    if (focus && form) /** @type {HTMLElement | null} */ (form.querySelector("textarea"))?.focus();
  }
}

/**
 * The same text may be withdrawn and prepared again, by somebody else or after another change: that
 * is another change to whoever approves it.
 *
 * @param {import("./contract.js").Waiting} w
 */
const changeKey = (w) => JSON.stringify(w);

/** @param {Policies} p */
function signature(p) {
  return JSON.stringify([
    p.waiting.map(changeKey),
    p.in_force.map((f) => [f.policy, f.digest, f.since]),
  ]);
}
