// The console: header, navigation, and the view that is open.

import { get, link, post, Refused, wordsOf } from "./api.js";
import { forget, tell } from "./dialog.js";
import { fill, h, mark, say } from "./dom.js";
import { full, rank, span, when } from "./format.js";
import { loginAgain, loginPage, whoAmI } from "./login.js";
import { newest } from "./rows.js";
import { alertsView } from "./alerts.js";
import { dealersView } from "./dealers.js";
import { evidenceView } from "./evidence.js";
import { fleetView } from "./fleet.js";
import { locksView } from "./locks.js";
import { overviewView } from "./overview.js";
import { hasDraft, policiesView } from "./policies.js";
import { rfqsView } from "./rfqs.js";
import { sessionsView } from "./sessions.js";

/** @typedef {import("./contract.js").Me} Me */
/** @typedef {import("./contract.js").Alert} Alert */

/**
 * What a view is given, and what it gives: its node, and a look at the gateway every so often.
 *
 * @typedef {{ me: () => Me, alerts: () => Alert[], go: (view: string) => void,
 *   look: () => Promise<void> }} Shell
 * @typedef {{ node: HTMLElement, every?: number, look?: (poll: boolean) => Promise<void>,
 *   heard?: () => void }} View
 * @typedef {{ turn: Promise<void>, waiting: number, at: number | null }} Looks
 */

const ALERTS_MS = 3000;
const ALERTS_MOST = 1000;
const WAITING_MS = 15_000;
/** A person at work prolongs the session, at most so often. */
const ACTIVE_MS = 60_000;

/** @type {[string, string, (shell: Shell) => View][]} */
const VIEWS = [
  ["overview", "Overview", overviewView],
  ["sessions", "Sessions", sessionsView],
  ["rfqs", "RFQ flow", rfqsView],
  ["alerts", "Alerts", alertsView],
  ["fleet", "Fleet", fleetView],
  ["locks", "Locks", locksView],
  ["dealers", "Dealers", dealersView],
  ["policies", "Policies", policiesView],
  ["evidence", "Evidence", evidenceView],
];

const app = /** @type {HTMLElement} */ (document.getElementById("app"));

/** @type {Me} */
let me;
/** @type {Alert[]} */
let alerts = [];
let lastAlert = 0;
/** The time of the newest alert that was looked at; a gateway that starts again counts from 1. */
let seenAt = "";
let first = true;
/** When the gateway answered last; what it said since it does not. */
let answeredAt = Date.now();
/** @type {string | null} */
let silent = null;
let over = false;
let leaving = false;
/** @type {View | null} */
let view = null;
let viewName = "";
let activeAt = 0;

const clock = h("time", { class: "clock" });
const state = h("p", { class: "state" });
const banner = h("div", { class: "banner", role: "alert" });
banner.hidden = true;
const session = h("span", { class: "until" });
const main = h("main", { id: "view", tabIndex: -1 });
/** @type {Map<string, { link: HTMLAnchorElement, badge: HTMLElement }>} */
const links = new Map();

link.answered = () => {
  answeredAt = Date.now();
  silent = null;
  drawState();
};
link.silent = (why) => {
  silent = why;
  drawState();
};
link.over = () => {
  if (over || leaving || !me) return;
  over = true;
  document.body.classList.add("over");
  loginAgain(me.name, (again) => {
    over = false;
    me = again;
    // The gateway may have been started again; then it counts from 1.
    alerts = [];
    lastAlert = 0;
    document.body.classList.remove("over");
    tell("You are logged in again. What was refused meanwhile has to be done again.");
    void look(false);
  });
};

function drawState() {
  const now = Date.now();
  const at = new Date(answeredAt).toISOString();
  say(clock, `${new Date(now).toISOString().slice(0, 19).replace("T", " ")} UTC`);
  document.body.classList.toggle("stale", silent !== null);
  banner.hidden = silent === null;
  if (silent === null) {
    const words = `As of ${when(at, now)}`;
    if (state.textContent !== words) fill(state, mark("good", words));
  } else {
    fill(state);
    const title = `The gateway cannot be reached since ${when(at, now)} UTC`;
    const words = `${silent} What you see is from then. It is tried again.`;
    if (banner.dataset["why"] !== title + words) {
      banner.dataset["why"] = title + words;
      fill(banner, h("p", {}, mark("critical", title)), h("p", { title: words }, words));
    }
  }
  if (me) {
    const left = Date.parse(me.until) - now;
    const soon = left < 3 * 60_000;
    session.classList.toggle("soon", soon);
    say(session, soon ? `session ends in ${span(left)}` : `until ${when(me.until, now)}`);
    session.title = full(me.until);
  }
}

/** @param {string} name @param {string} words */
function badge(name, words) {
  const found = links.get(name);
  if (!found) return;
  say(found.badge, words);
  found.badge.hidden = words === "";
}

/** High alerts that came since the list was looked at. */
function drawAlerts() {
  if (viewName === "alerts" || first) seenAt = alerts[0]?.at ?? seenAt;
  const unseen = alerts.filter((a) => a.at > seenAt && rank(a.severity) >= 4).length;
  badge("alerts", unseen > 0 ? `${unseen} new` : "");
  document.title = `${unseen > 0 ? `(${unseen}) ` : ""}Signet Gateway console`;
}

async function hear() {
  const answer = await get(`alerts?after=${lastAlert}`, { poll: true });
  alerts = newest(alerts, answer.alerts, ALERTS_MOST);
  lastAlert = answer.last;
  drawAlerts();
  first = false;
  view?.heard?.();
}

async function waiting() {
  const { waiting } = await get("policies", { poll: true });
  const theirs = /** @type {import("./contract.js").Waiting[]} */ (waiting).filter((w) => !w.mine);
  badge("policies", theirs.length > 0 ? `${theirs.length} waits` : "");
}

/**
 * Does something again and again, one at a time; not while nobody can see it.
 *
 * @param {() => number} every milliseconds
 * @param {() => Promise<void>} act
 */
function again(every, act) {
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  const turn = async () => {
    if (leaving) return;
    if (!over && !document.hidden) {
      try {
        await act();
      } catch {
        // Said by the link, or by the view.
      }
    }
    timer = setTimeout(turn, every());
  };
  timer = setTimeout(turn, every());
  return () => clearTimeout(timer);
}

/**
 * Of each view its last look, how many are not done, and when the gateway answered one.
 *
 * @type {WeakMap<View, Looks>}
 */
const looks = new WeakMap();

/**
 * One look of a view after the other, so that no answer replaces a newer one. A poll waits for none:
 * the one that is under way is as good.
 *
 * @param {boolean} poll
 * @returns {Promise<void>}
 */
function look(poll) {
  const now = view;
  if (!now?.look || over) return Promise.resolve();
  const mine = looks.get(now) ?? { turn: Promise.resolve(), waiting: 0, at: null };
  looks.set(now, mine);
  if (poll && mine.waiting > 0) return mine.turn;
  mine.waiting += 1;
  mine.turn = mine.turn.then(() => lookAt(now, mine, poll)).finally(() => (mine.waiting -= 1));
  return mine.turn;
}

/**
 * @param {View} now
 * @param {Looks} mine
 * @param {boolean} poll
 */
async function lookAt(now, mine, poll) {
  if (!now.look || now !== view || over) return;
  try {
    await now.look(poll);
    mine.at = Date.now();
    if (now === view) fault("");
  } catch (e) {
    if (now !== view) return;
    // What the link says already needs no second place.
    const known = e instanceof Refused && (e.status === 0 || e.status === 401 || e.status >= 502);
    // The gateway answers, so the header says nothing of it: what is shown is old all the same.
    const since = mine.at === null ? "" : ` What you see is from ${clockOf(mine.at)} UTC.`;
    fault(known ? "" : wordsOf(e) + since);
  }
}

/** @param {number} at */
const clockOf = (at) => when(new Date(at).toISOString(), Date.now());

const faultLine = h("p", { class: "fault view-fault", role: "alert" });

/** @param {string} words */
function fault(words) {
  say(faultLine, words);
  main.toggleAttribute("data-fault", words !== "");
}

/** @type {Shell} */
const shell = {
  me: () => me,
  alerts: () => alerts,
  go: (name) => void (location.hash = `#/${name}`),
  look: () => look(false),
};

function route() {
  const wanted = location.hash.replace(/^#\//, "");
  const found = VIEWS.find(([name]) => name === wanted) ?? VIEWS[0];
  if (!found || viewName === found[0]) return;
  const moved = viewName !== "";
  const [name, title, make] = found;
  viewName = name;
  for (const [key, { link }] of links) {
    if (key === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  view = make(shell);
  const heading = h("h1", { tabIndex: -1 }, title);
  fault("");
  fill(main, heading, faultLine, view.node);
  // Whoever follows a link hears where it led; the first view is where the page begins.
  if (moved) {
    heading.focus();
    forget();
  }
  drawAlerts();
  void look(false);
}

function build() {
  const nav = h("nav", { "aria-label": "Views" });
  links.clear();
  for (const [name, title] of VIEWS) {
    const mark = h("span", { class: "badge" });
    mark.hidden = true;
    const link = h("a", { href: `#/${name}` }, title, " ", mark);
    links.set(name, { link, badge: mark });
    nav.append(link);
  }
  nav.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const all = [...nav.querySelectorAll("a")];
    const at = all.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement));
    if (step === undefined || at < 0) return;
    event.preventDefault();
    all[(at + step + all.length) % all.length]?.focus();
  });
  const skip = h("a", { href: "#view", class: "skip" }, "To the view");
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  const out = h("button", { type: "button", id: "logout", onclick: logout }, "Log out");
  const who = h("span", { class: "who" }, h("strong", {}, me.name), " ", session);
  const header = h(
    "header",
    {},
    h("p", { class: "brand" }, "Signet Gateway"),
    state,
    banner,
    clock,
    who,
    out,
  );
  fill(app, skip, header, nav, main);
}

async function logout() {
  if (hasDraft() && !confirm("Your draft of a policy is lost when you log out. Log out?")) return;
  try {
    await post("logout", {});
  } catch (e) {
    // A session that is over needs no end.
    if (!(e instanceof Refused && e.status === 401)) {
      tell(`You are not logged out. ${wordsOf(e)}`);
      return;
    }
  }
  leaving = true;
  location.reload();
}

/** Whoever types or clicks is at work, even when that asks the gateway nothing. */
async function active() {
  const now = Date.now();
  if (over || leaving || now - activeAt < ACTIVE_MS) return;
  activeAt = now;
  try {
    me = await whoAmI();
  } catch {
    // Said by the link.
  }
}

/** @param {Me} logged */
function start(logged) {
  me = logged;
  activeAt = Date.now();
  build();
  drawState();
  route();
  addEventListener("hashchange", route);
  addEventListener("keydown", () => void active());
  addEventListener("pointerdown", () => void active());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void look(true);
  });
  addEventListener("beforeunload", (event) => {
    if (hasDraft() && !leaving) event.preventDefault();
  });
  setInterval(drawState, 1000);
  hear().catch(() => {});
  waiting().catch(() => {});
  again(() => ALERTS_MS, hear);
  again(() => WAITING_MS, waiting);
  again(
    () => view?.every ?? 5000,
    () => look(true),
  );
}

async function begin() {
  try {
    start(await whoAmI());
  } catch (e) {
    if (e instanceof Refused && e.status === 401) {
      loginPage(app, start);
      return;
    }
    const words = h("p", { role: "alert" }, mark("critical", wordsOf(e)));
    const heading = h("h1", {}, "Signet Gateway");
    fill(app, h("main", { class: "login" }, heading, words, h("p", {}, "It is tried again.")));
    setTimeout(begin, 3000);
  }
}

void begin();
