// The contract of the console's server, without a gateway: for states of the pages that a real one
// reaches rarely, such as thousands of rows and faults. It serves gateway/console as it is, checks no
// key, and listens on loopback only. Prints its port; POST /fake/set changes what it answers.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { fileURLToPath } from "node:url";

const PAGES = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../gateway/console");
const TYPES = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const BEGAN = Date.now();
const ago = (s) => new Date(BEGAN - 1000 * s).toISOString();
const MAY = { read: true, lock: true, sessions: true, policy: true };
const DIGEST = (c) => c.repeat(64);

const laptop = (user, name, more) => ({
  user, name, comp_id: `${user.toUpperCase()}1`, device: "laptop", state: "active", key_in: "keychain", serial: "0A1B", certificate_until: ago(-86400 * 90),
  security_keys: 2, last_seen: ago(3600), version: "1.2.0", platform: "linux/x86_64", ...more,
});

const COUNTRIES = ["DE", "FR", "GB", "SG"];
function session(n, score, level, more = {}) {
  return {
    desk: `DESK${n}`,
    user: ["ada", "bob", "carol", "dan", "eve"][n % 5] + n,
    device: `lt-${n}`,
    address: `203.0.113.${n % 250}`,
    country: COUNTRIES[n % 4],
    network: n % 3 ? "AS3320 Deutsche Telekom AG" : null,
    transport: n % 2 ? "fixs" : "quic",
    since: ago(60 * n + 5),
    score,
    level,
    factors: [
      { name: "new_country", points: 20, words: "No logon from this country in the last 90 days." },
      { name: "software_key", points: 15, words: "The certificate's key is not in hardware." },
    ].slice(0, Math.min(2, Math.floor(score / 15))),
    step_up: ["none", "asked", "passed"][n % 3],
    certificate: { serial: `4F${n.toString(16).padStart(14, "0")}`, until: ago(-86400 * 5) },
    open_rfqs: n % 4,
    ...more,
  };
}

function rfq(n, state, dealers, outcome = null) {
  return {
    id: `DESK${n % 4}.RFQ-20261128-${n}`,
    name: `RFQ-20261128-${n}`,
    dealers_call_it: `7h3kq9x2m4vd8${String(n).padStart(3, "0")}`,
    desk: `DESK${n % 4}`,
    user: `ada${n % 4}`,
    instrument: "DE000BU2Z049",
    side: ["buy", "sell", "two_way"][n % 3],
    quantity: "2500000",
    currency: "EUR",
    state,
    since: ago(10 * n),
    until: ago(-120),
    dealers,
    outcome,
  };
}
const leg = (dealer, state, price = null) => ({ dealer, state, price, at: price ? ago(3) : null });

const OLD = "[score]\nallow = 30\nstep_up = 60\n\n[hours]\nbegin = \"07:00\"\nend = \"19:00\"\n";
const NEW = OLD.replace("step_up = 60", "step_up = 50\n-- a line that looks like a header");
const DIFF =
  "--- settings in force\n+++ settings prepared\n@@ -1,4 +1,5 @@\n [score]\n allow = 30\n-step_up = 60\n" +
  "+step_up = 50\n+# reviewed \u202eby nobody\n \n";

const state = {
  name: "ada",
  may: MAY,
  down: null,
  over: false,
  refuse: {},
  posts: [],
  overview: {
    name: "rfq.bank.example",
    comp_id: "SIGNET",
    version: "0.1.0",
    since: ago(86400 * 3),
    clock: ago(0),
    trading: true,
    sessions: 12,
    held: 1,
    policies: { risk: { digest: DIGEST("a") }, entitlements: { digest: DIGEST("c") } },
    registry: { age_s: 0.3, stale: false },
    dealers: [
      { dealer: "NORTHBANK", on: true, since: ago(3000) },
      { dealer: "HARBOUR", on: true, since: ago(3000) },
      { dealer: "MERIDIAN", on: false, since: ago(95) },
    ],
    journal: { bytes: 734003200, last_write: ago(2), failing: false },
    evidence: { bytes: 1234567, last_write: ago(2), failing: false },
    disk_fault: null,
    certificates: [
      { what: "tls.certificate", until: ago(-86400), ends_soon: true },
      { what: "desks.trust", until: ago(-86400 * 300), ends_soon: false },
    ],
    revocation_lists: true,
    revocation_list_faults: ["desks.crl: /etc/signet/desks.crl is 3 days old"],
    alerts: [
      { at: ago(30), severity: "high", code: "risk.denied", subject: "eve", words: "Refused." },
      { at: ago(90), severity: "critical", code: "key.counter_went_back", subject: "bob", words: "Locked." },
    ],
  },
  sessions: {
    sessions: [
      session(1, 35, "medium"), session(2, 72, "high"), session(3, 12, "low"), session(4, 15, "low"),
      session(5, 0, "low"), session(6, 44, "medium"), session(7, null, null, { factors: [], user: null }),
    ],
    more: false,
  },
  rfqs: {
    rfqs: [
      rfq(1, "quoting", [leg("NORTHBANK", "quoted", "98.465"), leg("HARBOUR", "quoted", "98.47"), leg("MERIDIAN", "asked")]),
      rfq(2, "accepted", [leg("NORTHBANK", "accepted", "98.41"), leg("HARBOUR", "passed")]),
      rfq(3, "filled", [leg("NORTHBANK", "filled", "98.40"), leg("HARBOUR", "rejected")], "Filled by NORTHBANK at 98.40"),
      rfq(4, "expired", [leg("NORTHBANK", "passed"), leg("HARBOUR", "passed")], "No dealer quoted"),
    ],
    more: false,
  },
  alerts: [
    { n: 1, at: ago(300), severity: "high", code: "policy.refused", subject: "risk", words: "The file risk.toml is faulty: line 3.", technique: null },
    { n: 2, at: ago(90), severity: "critical", code: "key.counter_went_back", subject: "bob", words: "The counter of the key went from 17 to 12. It is locked: somebody may have a copy.", technique: "T1556" },
    { n: 3, at: ago(30), severity: "high", code: "risk.denied", subject: "eve", words: "A logon from 203.0.113.66 (KP) was refused: anomalous country, 90 points.", technique: "T1078" },
  ],
  locks: {
    locks: [
      { kind: "person", subject: "mallory", words: "5 step-up challenges were declined in 10 minutes.", since: ago(600), until: ago(-3000) },
      { kind: "network", subject: "198.51.100.0/24", words: "40 failed logons in a minute.", since: ago(60), until: ago(-540) },
      { kind: "dealer", subject: "MERIDIAN", words: "20 late quotes in a minute.", since: ago(95), until: null },
    ],
  },
  dealers: {
    dealers: [
      { dealer: "NORTHBANK", on: true, cut: false, since: ago(3000), asked: 1100, quoted: 990, passed: 55, rejected: 11, filled: 220, response_p50_ms: 120, response_p99_ms: 900 },
      { dealer: "HARBOUR", on: true, cut: false, since: ago(3000), asked: 1000, quoted: 700, passed: 250, rejected: 50, filled: 90, response_p50_ms: 310, response_p99_ms: 2900 },
      { dealer: "MERIDIAN", on: false, cut: true, since: ago(95), asked: 40, quoted: 0, passed: 0, rejected: 20, filled: 0, response_p50_ms: null, response_p99_ms: null, why_cut: "20 late quotes in a minute" },
    ],
  },
  policies: {
    in_force: [
      { policy: "risk", digest: DIGEST("a"), since: ago(86400), by: ["ada", "bob"], by_key: true, prepared_by_key: true, documents: { settings: OLD, table: "[factors]\nnew_country = 20\n" } },
      { policy: "entitlements", digest: DIGEST("c"), since: ago(86400 * 3), by: ["gateway"], by_key: false, prepared_by_key: false, documents: { policies: "permit(principal, action, resource);\n", facts: "[groups]\n" } },
    ],
    waiting: [
      { digest: DIGEST("b"), policy: "risk", before: DIGEST("a"), by: "bob", by_key: true, at: ago(50), diff: DIFF, mine: false },
    ],
    two_people: true,
  },
  fleet: [
    laptop("alice", "Adams, Alice", { version: "1.2.0", flags: [] }),
    laptop("bob", "Bob Brown", { version: "1.1.0", flags: ["old-version", "no-second-key"], security_keys: 1 }),
    laptop("carol", "Carol Clark", { version: null, platform: null, last_seen: null, flags: ["never-seen"] }),
    laptop("dan", "Dan Davis", { state: "locked", flags: ["locked", "certificate-ends"], certificate_until: ago(-86400 * 3) }),
    laptop("erin", "Erin Evans", { device: null, last_seen: null, certificate_until: null, serial: null, security_keys: 0, flags: ["not-enrolled", "no-second-key"] }),
  ],
  history: {
    versions: [
      { digest: DIGEST("b"), policy: "risk", step: "prepared", by: "bob", at: ago(50), before: DIGEST("a") },
      { digest: DIGEST("a"), policy: "risk", step: "approved", by: "bob", at: ago(86400), before: DIGEST("9"), prepared_by: "ada", preparation: { by: "ada", credential_id: "AQ" }, approval: { credential_id: "Ag" } },
      { digest: DIGEST("a"), policy: "risk", step: "prepared", by: "ada", at: ago(86500), before: DIGEST("9") },
      { digest: DIGEST("c"), policy: "entitlements", step: "loaded", by: "files", at: ago(86400 * 3), before: null },
    ],
    more: false,
  },
  found: Array.from({ length: 40 }, (_, n) => ({
    at: ago(n * 20), code: ["rfq.requested", "quote.received", "fill", "risk.denied"][n % 4], severity: ["informational", "low", "medium", "high"][n % 4],
    user: "ada", desk: "DESK1", rfq: n % 4 === 3 ? null : `RFQ-20261128-${n % 3}`, words: "Dealer NORTHBANK quoted 98.465 for 2,500,000 of DE000BU2Z049.",
  })),
};

const me = () => ({ name: state.name, csrf: "token", until: new Date(Date.now() + 1000 * (state.left ?? 900)).toISOString(), idle_s: 900, may: state.may });
const challenge = () => randomBytes(32).toString("base64url");
const over = [401, { code: "console.session_over", words: "Your session is over. Log in again." }];

const GETS = {
  me,
  overview: () => state.overview,
  sessions: () => state.sessions,
  rfqs: () => state.rfqs,
  alerts: (q) => {
    const after = Number(q.get("after") ?? 0);
    return { alerts: state.alerts.filter((a) => a.n > after), last: state.alerts.at(-1)?.n ?? 0 };
  },
  locks: () => state.locks,
  dealers: () => state.dealers,
  fleet: (q) => {
    const [find, flag] = [q.get("find") ?? "", q.get("flag") ?? ""];
    const all = state.fleet.filter((l) => `${l.user} ${l.name}`.toLowerCase().includes(find.toLowerCase()) && (!flag || l.flags.includes(flag)));
    return { fleet: all, next: null };
  },
  policies: () => ({ ...state.policies, waiting: state.policies.waiting.map((w) => ({ ...w, mine: w.by === state.name })) }),
  "policies/history": () => state.history,
  "policies/version": () => ({ documents: { settings: NEW }, diff: DIFF }),
  evidence: (q) => {
    const wanted = state.found.filter((f) => !q.get("rfq") || f.rfq === q.get("rfq"));
    const at = Number(q.get("cursor") || 0);
    return { found: wanted.slice(at, at + 25), next: at + 25 < wanted.length ? String(at + 25) : null };
  },
};

const POSTS = {
  "login/start": () => ({ publicKey: { challenge: challenge(), rpId: "localhost", timeout: 60000, userVerification: "required", allowCredentials: [] } }),
  "login/finish": () => ((state.over = false), me()),
  "register/start": (b) =>
    b.code === "GOOD-CODE"
      ? { publicKey: { challenge: challenge(), rp: { id: "localhost", name: "Signet" }, user: { id: "YWRh", name: "ada", displayName: "ada" }, pubKeyCredParams: [{ type: "public-key", alg: -7 }], authenticatorSelection: { residentKey: "required", userVerification: "required" }, attestation: "none", timeout: 60000 } }
      : [403, { code: "console.code", words: "The code is wrong, used or older than an hour. Ask for another one." }],
  "register/finish": () => me(),
  logout: () => ((state.over = true), {}),
  "sessions/end": (b) => ((state.sessions.sessions = state.sessions.sessions.filter((s) => s.desk !== b.desk)), {}),
  "locks/lift": (b) => ((state.locks.locks = state.locks.locks.filter((l) => l.subject !== b.subject)), {}),
  "dealers/resume": (b) => (state.dealers.dealers.filter((d) => d.dealer === b.dealer).forEach((d) => Object.assign(d, { cut: false, on: true })), {}),
  "policies/prepare/start": () => ({ ...POSTS["login/start"](), digest: DIGEST("d"), before: DIGEST("a"), diff: DIFF }),
  "policies/prepare/finish": (b) => {
    const w = { digest: DIGEST("d"), policy: b.policy, before: DIGEST("a"), by: state.name, by_key: true, at: ago(0), diff: DIFF, mine: true };
    state.policies.waiting.push(w);
    return w;
  },
  "policies/approve/start": () => POSTS["login/start"](),
  "policies/approve/finish": (b) => {
    const w = state.policies.waiting.find((x) => x.digest === b.digest);
    state.policies.waiting = state.policies.waiting.filter((x) => x !== w);
    const f = state.policies.in_force.find((x) => x.policy === w.policy);
    Object.assign(f, { digest: w.digest, since: ago(0), by: [w.by, state.name] });
    return { digest: w.digest };
  },
  "policies/reject": (b) => ((state.policies.waiting = state.policies.waiting.filter((x) => x.digest !== b.digest)), {}),
};

function answer(res, value) {
  const [status, body] = Array.isArray(value) ? value : [200, value];
  res.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  res.end(JSON.stringify(body));
}

async function page(res, name) {
  try {
    if (!/^[\w.]+$/.test(name)) throw new Error("no such page");
    const text = await readFile(path.join(PAGES, name));
    const type = TYPES[name.split(".").at(-1)];
    res.writeHead(200, { "content-type": `${type}; charset=utf-8`, "content-security-policy": CSP, "cache-control": "no-cache", "x-content-type-options": "nosniff" });
    res.end(text);
  } catch {
    res.writeHead(404).end();
  }
}

createServer(async (req, res) => {
  const url = new URL(req.url, "http://localhost");
  let text = "";
  for await (const part of req) text += part;
  if (url.pathname === "/fake/set") {
    Object.assign(state, JSON.parse(text));
    return answer(res, {});
  }
  if (url.pathname === "/fake/posts") return answer(res, [200, state.posts]);
  if (url.pathname === "/fake/make") {
    const { rows, first = 1 } = JSON.parse(text);
    state.sessions = { sessions: Array.from({ length: rows }, (_, n) => session(n + first, (n * 7) % 100, ["low", "medium", "high"][n % 3])), more: rows >= 5000 };
    return answer(res, {});
  }
  if (!url.pathname.startsWith("/console/api/")) {
    const name = url.pathname.replace(/^\/console\//, "") || "index.html";
    return page(res, name);
  }
  if (state.down === "cut") return req.socket.destroy();
  if (state.down) return answer(res, [503, { code: "console.trading", words: "The trading thread does not answer." }]);
  const name = url.pathname.slice("/console/api/".length);
  if (state.refuse[name]) return answer(res, state.refuse[name]);
  if (state.over && !/^(login|register)\//.test(name)) return answer(res, over);
  if (req.method === "GET" && name === "evidence/bundle") {
    if (url.searchParams.get("rfq") === "NONE") return answer(res, [404, { code: "console.no_rfq", words: "There is no RFQ NONE in the evidence." }]);
    res.writeHead(200, { "content-type": "application/x-tar", "content-disposition": "attachment; filename=bundle.tar" });
    return res.end(Buffer.alloc(1024));
  }
  const table = req.method === "GET" ? GETS : POSTS;
  if (!table[name]) return answer(res, [404, { code: "console.not_found", words: `There is no ${name}.` }]);
  if (req.method === "POST") {
    const body = JSON.parse(text);
    state.posts.push({ name, body, csrf: req.headers["x-signet-csrf"] ?? null });
    return answer(res, table[name](body));
  }
  return answer(res, table[name](url.searchParams));
}).listen(Number(process.argv[2] ?? 0), "127.0.0.1", function () {
  process.stdout.write(`${this.address().port}\n`);
});
// The test's end of the pipe is gone: so is the test.
process.stdin.on("end", () => process.exit()).resume();
