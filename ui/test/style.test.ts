// Colours, sizes of text, radii and distances have one place: src/style/tokens.css.

import { expect, test } from "vitest";
import tokens from "../src/style/tokens.css?raw";

const components = import.meta.glob<string>("../src/**/*.svelte", {
  query: "?raw",
  import: "default",
  eager: true,
});
const sheets = import.meta.glob<string>("../src/**/*.css", {
  query: "?raw",
  import: "default",
  eager: true,
});

/** The rules of every file but the tokens. */
const rules: [file: string, css: string][] = [
  ...Object.entries(components).map(([file, text]): [string, string] => [
    file,
    /<style>(.*)<\/style>/s.exec(text)?.[1] ?? "",
  ]),
  ...Object.entries(sheets).filter(([file]) => !file.endsWith("/tokens.css")),
];

const LENGTH = /(?<![\w.-])-?\d*\.?\d+(px|rem|em|pt|vw|vh|%|ch)/;
const COLOUR =
  /#[0-9a-f]{3,8}\b|\b(rgba?|hsla?|oklch|oklab|lab|lch|hwb|color-mix|color)\(|\b(white|black|red|green|blue|gr[ae]y|orange|yellow)\b/i;

/** The properties that take their values from the tokens, and what a value must not contain. */
const HELD: [name: string, property: RegExp, wrong: RegExp][] = [
  ["colour", /./, COLOUR],
  ["distance", /^(padding|margin|gap|row-gap|column-gap)/, LENGTH],
  ["size of text", /^font(-size)?$/, /\d/],
  ["radius", /radius$/, LENGTH],
];

export function faults(css: string): string[] {
  const declared = [...css.replace(/\/\*.*?\*\//gs, "").matchAll(/([\w-]+)\s*:\s*([^;{}]+);/g)];
  return declared.flatMap(([, property = "", value = ""]) =>
    HELD.filter(
      ([, held, wrong]) => held.test(property) && wrong.test(value.replace(/var\(--[\w-]+/g, "")),
    ).map(([name]) => `${name}: ${property}: ${value.trim()}`),
  );
}

test("the check itself finds each kind of value, and lets tokens and nothing pass", () => {
  for (const wrong of [
    "color: #fff;",
    "background: rgb(0 0 0 / 30%);",
    "border: 1px solid white;",
    "padding: 0 0.5rem;",
    "margin-left: -3px;",
    "gap: calc(var(--space-1) + 1px);",
    "font-size: 12px;",
    "font-size: 1.2em;",
    "border-radius: 4px;",
    "color: var(--dim, #333);",
  ])
    expect(faults(`a { ${wrong} }`), wrong).toHaveLength(1);
  const fine =
    "padding: 0 var(--space-2); margin: 0 auto; border: 1px solid var(--line); font: inherit;";
  expect(
    faults(`a { ${fine} border-radius: 0; color: currentColor; gap: calc(-1 * var(--space-1)); }`),
  ).toEqual([]);
});

// The size of the page itself: everything else is in rem.
const ROOT = "size of text: font-size: calc(var(--zoom) * clamp(14px, 0.3vw + 10.2px, 24px))";

test.each(rules)("%s takes its values from the tokens", (file, css) => {
  expect(faults(css)).toEqual(file.endsWith("/base.css") ? [ROOT] : []);
});

test("no style is written in the markup, and every token that is used exists", () => {
  for (const [file, text] of Object.entries(components))
    expect(text, file).not.toMatch(/\sstyle="/);
  const all = [...Object.values(components), ...Object.values(sheets)].join("\n");
  const known = new Set([...all.matchAll(/(--[\w-]+)(?==|:)/g)].map(([, name]) => name));
  const used = new Set([...all.matchAll(/var\((--[\w-]+)/g)].map(([, name]) => name));
  expect([...used].filter((name) => !known.has(name))).toEqual([]);
  const declared = [...tokens.matchAll(/^ {2,4}(--[\w-]+):/gm)].map(([, name]) => name!);
  expect([...new Set(declared)].filter((name) => !used.has(name))).toEqual([]);
});

/** A rule that shares this many declarations with one of another file is a copy. */
const COPY = 5;

test("no rule is a copy of another file's", () => {
  const parsed = rules.flatMap(([file, css]) =>
    [...css.replace(/\/\*.*?\*\//gs, "").matchAll(/([^{}]+)\{([^{}]*)\}/g)].map(
      ([, name, body]) => ({
        file,
        name: `${file} ${name!.trim()}`,
        declared: new Set(
          body!
            .split(";")
            .map((one) => one.trim())
            .filter(Boolean),
        ),
      }),
    ),
  );
  expect(parsed.length).toBeGreaterThan(150);
  const copies = parsed.flatMap((one, i) =>
    parsed
      .slice(i + 1)
      .filter((other) => other.file !== one.file)
      .filter((other) => [...one.declared].filter((d) => other.declared.has(d)).length >= COPY)
      .map((other) => `${one.name} = ${other.name}`),
  );
  expect(copies).toEqual([]);
});

test("a row of a narrow ladder with one price has room for two lines of a name", () => {
  const ladder = components["../src/rfq/Ladder.svelte"] ?? "";
  const rule = /\.ladder:not\(\.both\) \{\s*--row: ([\d.]+)rem;\s*--words: (\d+);/.exec(ladder);
  const [row, words] = [Number(rule?.[1]), Number(rule?.[2])];
  const size = (name: string) =>
    Number(new RegExp(`--font-${name}: ([\\d.]+)rem;`).exec(tokens)?.[1]);
  expect(words).toBe(2);
  // Below the name stands what is known of the dealer.
  expect(row).toBeGreaterThanOrEqual(1.15 * (words * size("normal") + size("tiny")));
});

test("what a decision depends on is not cut", () => {
  const ticket = components["../src/ticket/DealerChoice.svelte"] ?? "";
  expect(ticket).toContain("<bdi>{dealer.name}</bdi>");
  expect(/\.name \{[^}]*overflow-wrap: anywhere;/.test(ticket)).toBe(true);
  // A narrow panel keeps room for the words about the order, on a line of their own.
  const market = components["../src/rfq/Market.svelte"] ?? "";
  const narrow = market.slice(market.indexOf("@container (width < 46rem)"));
  expect(narrow).toMatch(/grid-template: repeat\(2, 1\.3rem\)/);
  expect(narrow).toMatch(/\.held \{\s*grid-area: 2 \/ 1 \/ 3 \/ -1;/);
});
