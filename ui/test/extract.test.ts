// The script that moves the texts of the page into its catalogue: which texts it finds, what it puts
// in their place, and that it finds nothing twice.

import { describe, expect, test } from "vitest";
import { Catalogue } from "../dev/language/catalogue.js";
import { find } from "../dev/language/find.js";
import { withImport } from "../dev/language/import.js";
import { groupOf, isRead } from "../dev/language/place.js";

type Message = string | Record<string, string>;
const EMPTY = "export const en = {\n} as const;\n";

/** The source as the script leaves it, and the texts it found. */
function moved(file: string, source: string) {
  const catalogue = new Catalogue(EMPTY);
  const found: Message[] = [];
  const add = (message: Message) => {
    found.push(message);
    return catalogue.add("g", message);
  };
  let now = source;
  for (const { start, end, text } of [...find(file, source, add)].reverse())
    now = now.slice(0, start) + text + now.slice(end);
  // A text inside another is met twice; it has one key.
  const once = new Set(found.map((message) => JSON.stringify(message)));
  return { now, found: [...once].map((message) => JSON.parse(message) as Message) };
}
const markup = (source: string) => moved("src/top/X.svelte", source);
const script = (source: string) => moved("src/top/x.ts", source);

describe("markup", () => {
  test.each([
    ["<p>\n  Send it\n  now.\n</p>", '<p>\n  {t("g.sendItNow")}\n</p>', ["Send it now."]],
    ["<b>Close <kbd>Esc</kbd></b>", '<b>{t("g.close")} <kbd>Esc</kbd></b>', ["Close"]],
    ["<p>Row {row.number}, <bdi>x</bdi></p>", undefined, ["Row {number},", "x"]],
    [
      "<p>{a} of {all.length}</p>",
      '<p>{t("g.aOfCount", { a, count: all.length })}</p>',
      ["{a} of {count}"],
    ],
    ["<p>{a} / {b.c}</p>", "<p>{a} / {b.c}</p>", []],
    ["<p>&nbsp;(most)</p>", '<p>{t("g.most")}</p>', ["\u00a0(most)"]],
    ['<p title="Row {n}">1</p>', '<p title={t("g.rowN", { n })}>1</p>', ["Row {n}"]],
    ['<p class="a b" id="Not text" data-x="Not text">1</p>', undefined, []],
    ['<Leave name="closing" verb="Close it" />', undefined, ["Close it"]],
    ["<p>{open ? '▾' : '▸'} More</p>", `<p>{open ? '▾' : '▸'} {t("g.more")}</p>`, ["More"]],
    ["<p>{a ? 'from' : 'to'}</p>", '<p>{a ? t("g.from") : t("g.to")}</p>', ["from", "to"]],
    ["{#each all as one (one.id ?? 'No id')}<i>{one}</i>{/each}", undefined, []],
    ["{@render fact('Held in', x)}", '{@render fact(t("g.heldIn"), x)}', ["Held in"]],
    ["<style>p { content: 'Some text'; }</style>", undefined, []],
  ] as const)("%s", (source, now, found) => {
    const got = markup(source);
    expect(got.found).toEqual(found);
    if (now !== undefined) expect(got.now).toBe(now);
    if (found.length === 0) expect(got.now).toBe(source);
  });

  test("one and more are the forms of one text, wherever the choice stands", () => {
    const { now, found } = markup('<p>{all.length} {all.length === 1 ? "row" : "rows"} here</p>');
    expect(found).toEqual([{ one: "{count} row here", other: "{count} rows here" }]);
    expect(now).toBe('<p>{t("g.rowsHere", { count: all.length })}</p>');
  });

  test("a choice inside a sentence makes whole sentences", () => {
    const { found } = markup('<p>Aim at the {buys ? "offers" : "bids"} now</p>');
    expect(found).toEqual(["Aim at the offers now", "Aim at the bids now"]);
  });
});

describe("code", () => {
  test.each([
    ['const a = { words: "go", id: "go" };', ["go"]],
    ['const a = [["system", "As the system"]];', ["As the system"]],
    ['const A: Record<State, string> = { on: "on", off: "" };', ["on"]],
    ["const a = `${n} of ${all}`;", ["{n} of {all}"]],
    ["const a = `panel-${id}`;", []],
    ['import x from "./Some Thing";', []],
    ['if (a === "Some text") throw new Error("Never said here");', []],
    ['switch (a) { case "Two words": break; }', []],
    ['document.querySelector("main > .Some");', []],
    ['const keys = ["Enter", "Esc", "Ctrl"];', []],
    ['const a = t("g.key");', []],
    ['const a = wrong ?? "none at all";', ["none at all"]],
    [
      'const a = "Any price" + (limit ? `, limit ${limit}` : "");',
      ["Any price, limit {limit}", "Any price"],
    ],
  ])("%s", (source, found) => expect(script(source).found).toEqual(found));

  test("a choice between one and more is one text, also alone", () => {
    const { now, found } = script('const a = n === 1 ? "1 row" : `${n} rows`;');
    expect(found).toEqual([{ one: "1 row", other: "{count} rows" }]);
    expect(now).toBe('const a = t("g.countRows", { count: n });');
  });

  test("a value keeps its own texts", () => {
    const { now, found } = script("const a = `Against ${x ?? `not one of ${all}`}`;");
    expect(found).toEqual(["not one of {all}", "Against {x}"]);
    expect(now).toContain('t("g.againstX", { x: x ?? t("g.notOneOf", { all }) })');
  });
});

test("what was moved is not found again", () => {
  const source = '<p title="Some text">{n} {n === 1 ? "row" : "rows"}: {a ? "yes" : `no ${b}`}</p>';
  const once = markup(source);
  expect(once.found.length).toBeGreaterThan(0);
  expect(markup(once.now)).toEqual({ now: once.now, found: [] });
});

test("the catalogue keeps what stands in it, gives each text one key, and is in order", () => {
  const catalogue = new Catalogue(
    'export const en = {\n  top: {\n    // On a button.\n    close: "Close",\n  },\n} as const;\n',
  );
  expect(catalogue.add("top", "Close")).toBe("top.close");
  expect(catalogue.add("top", "close")).toBe("top.closeWithin");
  expect(catalogue.add("top", "Close …")).toBe("top.closeMore");
  expect(catalogue.add("top", "Close!")).toBe("top.close2");
  expect(catalogue.add("list", { one: "{count} row", other: "{count} rows" })).toBe(
    "list.countRows",
  );
  expect(new Catalogue(String(catalogue)).keys).toEqual([...catalogue.keys].sort());
  expect(String(catalogue)).toContain('// On a button.\n    close: "Close"');
});

test("the import is added once, after the others", () => {
  const code = 'import a from "./a";\n\nexport const b = a;\n';
  const once = withImport("src/top/x.ts", code);
  expect(once).toBe(
    'import a from "./a";\nimport { t } from "../language/t";\n\nexport const b = a;\n',
  );
  expect(withImport("src/top/x.ts", once)).toBe(once);
  expect(withImport("src/X.svelte", "<p>x</p>")).toContain('from "./language/t"');
  expect(() => withImport("src/top/x.ts", "const f = (t: number) => t;")).toThrow(/`t` of its own/);
});

test("every file of the page is read but the generated ones", () => {
  expect(isRead("src/top/Help.svelte")).toBe(true);
  expect(isRead("/somewhere/ui/src/App.svelte")).toBe(true);
  for (const name of ["src/bindings.ts", "src/language/en.ts", "test/x.test.ts"])
    expect(isRead(name)).toBe(false);
  expect(groupOf("src/top/Help.svelte")).toBe("top");
  expect(groupOf("src/App.svelte")).toBe("page");
});
