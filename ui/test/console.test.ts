// Pure functions of the gateway's console, and what holds for its files.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { lines, totals, visible } from "../../gateway/console/diff.js";
import * as format from "../../gateway/console/format.js";
import { problems } from "../../gateway/console/problems.js";
import { matches, merge, newest, total } from "../../gateway/console/rows.js";
import type { Status } from "../../gateway/console/contract.js";

const CONSOLE = new URL("../../gateway/console/", import.meta.url);
const NOW = Date.parse("2026-11-28T14:00:00Z");

describe("format", () => {
  it.each([
    ["2026-11-28T13:05:09Z", "13:05:09"],
    ["2026-11-28T13:05:09.999999Z", "13:05:09"],
    ["2026-11-28T00:30:00+02:00", "27 Nov 22:30:00"],
    ["2025-01-02T03:04:05Z", "2 Jan 2025 03:04:05"],
    ["nonsense", "–"],
    ["", "–"],
    [null, "–"],
  ])("writes %s as %s", (at, text) => expect(format.when(at, NOW)).toBe(text));

  it.each([
    [0, "0 s"],
    [-5, "0 s"],
    [59_400, "59 s"],
    [125_000, "2 min 5 s"],
    [3_600_000, "1 h"],
    [3_605_000, "1 h"],
    [11_520_000, "3 h 12 min"],
    [356_400_000, "4 d 3 h"],
  ])("writes %d ms as %s", (ms, text) => expect(format.span(ms)).toBe(text));

  it.each([
    ["500000", "500,000"],
    ["-1234567.123456789", "-1,234,567.123456789"],
    // More digits than a float has.
    ["12345678901234567890123", "12,345,678,901,234,567,890,123"],
    ["999", "999"],
    ["1e5", "1e5"],
    [null, "–"],
    [1234, "1,234"],
  ])("groups %s as %s", (n, text) => expect(format.grouped(n)).toBe(text));

  it.each([
    [null, "size unknown"],
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KiB"],
    [734003200, "700.0 MiB"],
    [2 ** 60, "1048576.0 TiB"],
  ])("writes %s bytes as %s", (n, text) => expect(format.bytes(n)).toBe(text));

  it("ranks severities, unknown ones last", () => {
    const all = ["low", "critical", "made up", "medium", "informational", "high"];
    all.sort((a, b) => format.rank(b) - format.rank(a));
    expect(all).toEqual(["critical", "high", "medium", "low", "informational", "made up"]);
  });

  it("takes times of a form as UTC", () => {
    expect(format.utcOf("2026-11-28T14:00")).toBe("2026-11-28T14:00:00Z");
    expect(format.utcOf("2026-11-28T14:00:07")).toBe("2026-11-28T14:00:07Z");
    expect(format.utcOf("")).toBe("");
  });

  it("writes codes as words, counts and digests", () => {
    expect(format.words("new_country")).toBe("New country");
    expect(format.count(1, "line")).toBe("1 line");
    expect(format.count(1200, "match", "matches")).toBe("1,200 matches");
    expect(format.short("ab".repeat(32))).toBe("abababababab…");
    expect(format.short(null)).toBe("–");
    expect(format.full("2026-11-28T13:05:09.5Z")).toBe("2026-11-28 13:05:09 UTC");
  });
});

describe("difference", () => {
  const diff = [
    "--- settings in force",
    "+++ settings prepared",
    "@@ -3,3 +3,3 @@",
    " allow = 30",
    "--- this line was `-- this line`",
    "+++ and this one `++ and`",
    " ",
    "\\ No newline at end of file",
    "@@ -9 +9,0 @@",
    "-gone",
    "",
  ].join("\n");

  it("numbers lines, and takes a removed `--` for no header", () => {
    const read = lines(diff);
    expect(read.map((l) => [l.kind, l.before, l.after])).toEqual([
      ["file", null, null],
      ["file", null, null],
      ["hunk", null, null],
      ["same", 3, 3],
      ["del", 4, null],
      ["add", null, 4],
      ["same", 5, 5],
      ["note", null, null],
      ["hunk", null, null],
      ["del", 9, null],
    ]);
    expect(read[4]?.text).toBe("-- this line was `-- this line`");
    expect(totals(read)).toEqual({ added: 1, removed: 2 });
  });

  it("loses no character of any text, also of one that is no difference", () => {
    for (const text of ["", "\n", "words", "+a\n-b", "@@ -1 +1 @@\nx", "@@ -1,9 +1,9 @@\n a"]) {
      const all = lines(text).reduce((n, l) => n + l.text.length, 0);
      expect(all).toBeGreaterThanOrEqual(text.replaceAll("\n", "").length - lines(text).length);
    }
  });

  it.each(["\u202e", "\u2066", "\u200b", "\u200d", "\u00a0", "\u00ad", "\ufeff", "\r", "\u0007"])(
    "shows %j",
    (hidden) => {
      const parts = visible(`a${hidden}b`);
      const code = hidden.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0");
      expect(parts).toEqual([
        { text: "a", hidden: false },
        { text: `U+${code}`, hidden: true },
        { text: "b", hidden: false },
      ]);
    },
  );

  it("shows a tag character beyond the first plane, and leaves usual text alone", () => {
    expect(visible("\u{e0041}")).toEqual([{ text: "U+E0041", hidden: true }]);
    expect(visible("limit = 5 €\t# größer")).toEqual([
      { text: "limit = 5 €\t# größer", hidden: false },
    ]);
    expect(visible("")).toEqual([]);
  });
});

describe("rows", () => {
  const key = (r: { id: string }) => r.id;
  const shown = (ids: string) =>
    [...ids].map((id) => ({ key: id, row: { id, v: 0 }, gone: false }));
  const rows = (ids: string) => [...ids].map((id) => ({ id, v: 1 }));

  it("are what came, when nobody holds them", () => {
    const { rows: all, waiting } = merge(shown("abc"), rows("cda"), false, key);
    expect(all.map((s) => s.key).join("")).toBe("cda");
    expect(all.some((s) => s.gone)).toBe(false);
    expect(waiting).toBe(0);
  });

  it("stay in their places while held: new ones wait, ended ones are marked", () => {
    const { rows: all, waiting } = merge(shown("abc"), rows("zcxa"), true, key);
    expect(all.map((s) => s.key).join("")).toBe("abc");
    expect(all.map((s) => s.gone)).toEqual([false, true, false]);
    expect(all.map((s) => s.row.v)).toEqual([1, 0, 1]);
    expect(waiting).toBe(2);
  });

  it("come back when they are there again", () => {
    const once = merge(shown("ab"), rows("a"), true, key).rows;
    expect(merge(once, rows("ab"), true, key).rows.map((s) => s.gone)).toEqual([false, false]);
  });

  it("with the same key are one", () => {
    expect(merge([], rows("aab"), false, key).rows.map((s) => s.key)).toEqual(["a", "b"]);
  });

  it("are found by every word of the filter", () => {
    expect(matches("de ADA", "DESK1 ada DE")).toBe(true);
    expect(matches("fr ada", "DESK1 ada DE")).toBe(false);
    expect(matches("", "anything")).toBe(true);
  });

  it("of alerts are the newest, once each", () => {
    const n = (...all: number[]) => all.map((x) => ({ n: x }));
    expect(newest(n(3, 2, 1), n(3, 5, 4), 4)).toEqual(n(5, 4, 3, 2));
  });

  it("of alerts know how many there were, also those that did not get here", () => {
    expect([total([]), total([{ n: 3 }, { n: 2 }]), total([{ n: 700 }])]).toEqual([0, 3, 700]);
  });
});

describe("problems", () => {
  const well: Status = {
    name: "rfq",
    comp_id: "SIGNET",
    version: "1",
    since: null,
    clock: "",
    trading: true,
    sessions: 0,
    held: 0,
    policies: {},
    registry: { age_s: 0.1, stale: false },
    dealers: [{ dealer: "NORTH", on: true, since: null }],
    journal: { bytes: 0, last_write: null, failing: false },
    evidence: { bytes: 0, last_write: null, failing: false },
    disk_fault: null,
    certificates: [{ what: "tls.certificate", until: null, ends_soon: false }],
    revocation_lists: true,
    revocation_list_faults: [],
    alerts: [],
  };
  const off = { dealer: "SOUTH", on: false, since: null };

  it("are none when all is well, also without a registry or a dealer", () => {
    expect(problems(well)).toEqual([]);
    expect(problems({ ...well, registry: null, dealers: [] })).toEqual([]);
  });

  const cases: [string, Partial<Status>, string][] = [
    ["trading", { trading: false }, "critical Trading does not answer"],
    ["disk", { disk_fault: "full" }, "critical Disk"],
    [
      "journal",
      { journal: { ...well.journal, failing: true } },
      "critical The journal cannot be written",
    ],
    [
      "evidence",
      { evidence: { ...well.journal, failing: true } },
      "critical The evidence cannot be written",
    ],
    ["registry", { registry: { age_s: 31, stale: true } }, "high The registry does not answer"],
    ["lists", { revocation_list_faults: ["x"] }, "high Revocation list"],
    [
      "certificates",
      { certificates: [{ what: "admin.trust", until: null, ends_soon: true }] },
      "high Certificate admin.trust",
    ],
    ["one dealer", { dealers: [...well.dealers, off] }, "medium 1 dealer of 2 not connected"],
    ["all dealers", { dealers: [off] }, "critical No dealer is connected"],
  ];
  it.each(cases)("name %s", (_, part, text) => {
    const found = problems({ ...well, ...part });
    expect(found.map((p) => `${p.severity} ${p.what}`)).toEqual([text]);
  });

  it("are worst first", () => {
    const all = problems({
      ...well,
      revocation_list_faults: ["x"],
      trading: false,
      dealers: [...well.dealers, off],
    });
    expect(all.map((p) => p.severity)).toEqual(["critical", "high", "medium"]);
  });
});

describe("files", () => {
  const read = (name: string | URL) => readFileSync(new URL(name, CONSOLE), "utf8");
  const names = readdirSync(CONSOLE);
  const tokens = (css: string) =>
    new Map([...css.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map((m) => [m[1], m[2]]));
  const halves = (css: string) => {
    const at = css.search(/@media (screen and )?\(prefers-color-scheme: dark\)/);
    return [css.slice(0, at), css.slice(at)].map(tokens);
  };

  it("have the desk's values under the desk's names, in both schemes", () => {
    const css = read(new URL("../src/style/tokens.css", import.meta.url)).replace(/^ {2}/gm, "");
    const rule = (selector: string) =>
      tokens(css.split(`\n${selector} {`)[1]?.split("\n}")[0] ?? "");
    const desk = [rule(":root"), rule(':root[data-scheme="dark"]')];
    halves(read("style.css")).forEach((own, n) => {
      expect(own.size).toBeGreaterThan(10);
      for (const [name, value] of own) expect([name, value]).toEqual([name, desk[n]?.get(name)]);
    });
  });

  it("take colours from tokens only", () => {
    const rules = read("style.css").replace(/--[\w-]+:[^;]+;/g, "");
    expect(rules).not.toMatch(/#[0-9a-f]{3,8}\b|rgb|hsl/i);
  });

  it("import what is there, from there only, and load nothing else", () => {
    for (const name of names.filter((n) => n.endsWith(".js"))) {
      const imported = [...read(name).matchAll(/(?:from|import) "([^"]+)";/g)].map(
        (m) => m[1] ?? "",
      );
      for (const path of imported)
        expect(names, `${name} imports ${path}`).toContain(path.replace("./", ""));
      expect(read(name)).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
    }
    expect(read("index.html")).not.toMatch(/ style=| on\w+=|<script>|https?:/);
  });

  it("build elements only", () => {
    for (const name of names.filter((n) => n.endsWith(".js"))) {
      expect(read(name), name).not.toMatch(
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/,
      );
    }
  });
});
