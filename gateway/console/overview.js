// Everything on one screen; what needs a person comes first.

import { get } from "./api.js";
import { fill, h, mark } from "./dom.js";
import { bytes, count, grouped, short } from "./format.js";
import { facts, severity, time } from "./parts.js";
import { problems } from "./problems.js";
import { total } from "./rows.js";

/** @typedef {import("./contract.js").Status} Status */
/** @typedef {import("./contract.js").FileState} FileState */

/**
 * @param {import("./app.js").Shell} shell
 * @returns {import("./app.js").View}
 */
export function overviewView(shell) {
  const node = h("div", { class: "overview" }, h("p", { class: "hint" }, "Asking the gateway…"));
  let says = "";
  return {
    node,
    every: 2000,
    look: async (poll) => {
      const s = /** @type {Status} */ (await get("overview", { poll }));
      // The gateway's clock moves on; a screen on which nothing else does stays as it is.
      const { registry } = s;
      const still = { ...s, clock: "", registry: registry && { ...registry, age_s: 0 } };
      const now = JSON.stringify([still, total(shell.alerts())]);
      if (now === says) return;
      says = now;
      draw(node, s, shell);
    },
  };
}

/**
 * @param {HTMLElement} node
 * @param {Status} s
 * @param {import("./app.js").Shell} shell
 */
function draw(node, s, shell) {
  const all = problems(s);
  const worst = all[0]?.severity ?? "good";
  const title =
    all.length === 0 ? "All is well" : `${count(all.length, "thing needs", "things need")} you`;
  const list = h(
    "ul",
    {},
    all.map((p) =>
      h("li", {}, severity(p.severity), h("strong", {}, p.what), h("span", {}, p.words)),
    ),
  );
  const verdict = h(
    "section",
    { class: `verdict verdict-${worst}`, "aria-label": "State of the gateway" },
    h("h2", {}, mark(worst, title)),
    all.length > 0 && list,
  );
  const on = s.dealers.filter((d) => d.on).length;
  const figures = h(
    "div",
    { class: "figures" },
    figure(s.sessions == null ? "–" : grouped(s.sessions), "desks on", "sessions", shell),
    figure(`${on} of ${s.dealers.length}`, "dealers connected", "dealers", shell),
    figure(s.held == null ? "–" : grouped(s.held), "wait for a key", "rfqs", shell),
    figure(grouped(total(shell.alerts())), "alerts since the start", "alerts", shell),
  );
  fill(node, verdict, figures, h("div", { class: "cards" }, cards(s)));
}

/**
 * @param {string} number
 * @param {string} words
 * @param {string} view
 * @param {import("./app.js").Shell} shell
 */
function figure(number, words, view, shell) {
  return h(
    "button",
    { type: "button", class: "figure", onclick: () => shell.go(view) },
    h("span", { class: "big" }, number),
    h("span", { class: "dim" }, words),
  );
}

/**
 * @param {string} title
 * @param {...(Node | null | false)} children
 */
function card(title, ...children) {
  return h("section", { class: "card" }, h("h2", {}, title), ...children);
}

/** @param {FileState} f */
function file(f) {
  const how = f.failing ? mark("critical", "Cannot be written") : mark("good", "Written");
  return [how, " · ", bytes(f.bytes), " · last record ", time(f.last_write)];
}

/** @param {Status} s */
function cards(s) {
  const trading = s.trading ? mark("good", "Answers") : mark("critical", "Does not answer");
  const registry = !s.registry
    ? h("span", { class: "dim" }, "None, or it was not asked")
    : s.registry.stale
      ? mark("high", "Does not answer")
      : mark("good", "Answers");
  const dealers = s.dealers.map((d) =>
    h(
      "li",
      {},
      h("span", {}, d.dealer),
      d.on ? mark("good", "On") : mark("off", "Off"),
      h("span", { class: "dim" }, "since ", time(d.since)),
    ),
  );
  const certificates = s.certificates.map((c) =>
    h(
      "li",
      {},
      h("span", {}, c.what),
      c.ends_soon ? mark("high", "Ends soon") : mark("good", "Valid"),
      h("span", { class: "dim" }, "until ", time(c.until)),
    ),
  );
  const policies = Object.entries(s.policies ?? {}).map(
    ([name, value]) => /** @type {[string, Node]} */ ([name, digest(value)]),
  );
  const lists = s.revocation_list_faults.length > 0;
  const listed = lists
    ? mark("high", count(s.revocation_list_faults.length, "fault"))
    : s.revocation_lists
      ? mark("good", "Enforced")
      : h("span", { class: "dim" }, "Not set");
  const alerts = s.alerts
    .slice(0, 5)
    .map((a) =>
      h("li", {}, time(a.at), severity(a.severity), h("code", {}, a.code), h("bdi", {}, a.subject)),
    );
  return [
    card(
      "Last alerts",
      alerts.length > 0
        ? h("ul", { class: "lined alerts" }, alerts)
        : h("p", { class: "hint" }, "No alert since the gateway started."),
    ),
    card(
      "Gateway",
      facts(
        ["Name", `${s.name} (${s.comp_id})`],
        ["Version", s.version],
        ["Up since", time(s.since)],
        ["Trading", trading],
        ["Registry", registry],
        ["Journal", file(s.journal)],
        ["Evidence", file(s.evidence)],
        ["Disk", s.disk_fault ? mark("critical", s.disk_fault) : mark("good", "No fault")],
      ),
    ),
    card("Dealers", h("ul", { class: "lined" }, dealers)),
    card(
      "Certificates",
      h("ul", { class: "lined" }, certificates),
      facts(["Revocation lists", listed]),
    ),
    card("Policies in force", facts(...policies)),
  ];
}

/** @param {unknown} value */
function digest(value) {
  const of =
    typeof value === "object" && value !== null && "digest" in value ? value.digest : value;
  const text = typeof of === "string" ? of : JSON.stringify(of);
  return h("code", { title: text }, short(text));
}
