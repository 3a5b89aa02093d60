// The texts of the page: the right one, filled in, in the form of its number; and which language.

import { expect, test, vi } from "vitest";

vi.mock("../src/language/en", () => ({
  en: {
    x: {
      plain: "Send request",
      named: "{a} of {b}, {a}",
      rows: { one: "{count} row", other: "{count} rows" },
      more: "{more} more",
    },
  },
}));

const { t, locale } = await import("../src/language/t");
const { choose } = await import("../src/language/choose");
const { number, weekdayOf } = await import("../src/language/formats");
const { declare } = await import("../src/language/document");
/** The keys of the texts above. */
const say = t as unknown as (key: string, args?: Record<string, unknown>) => string;

test("a text is filled in, and what has no value is left out", () => {
  expect(say("x.plain")).toBe("Send request");
  expect(say("x.named", { a: 1, b: "two" })).toBe("1 of two, 1");
  expect(say("x.named", { a: null, b: undefined })).toBe(" of , ");
  expect(say("x.named", { a: "{b}", b: "$&" })).toBe("{b} of $&, {b}");
});

test("a name of another direction of writing leaves what stands beside it where it is", () => {
  const name = "\u05d0\u05d1\u05d2";
  expect(say("x.named", { a: name, b: "two" })).toBe(
    `\u2068${name}\u2069 of two, \u2068${name}\u2069`,
  );
  // One that is filled into a text that is filled in itself.
  const inner = say("x.named", { a: "1", b: name });
  expect(say("x.named", { a: inner, b: "2" })).toContain(`\u20681 of \u2068${name}\u2069, 1\u2069`);
  // Nothing in it ends the isolation, or goes on behind it.
  expect(say("x.named", { a: "\u2069x\u2067", b: "\u2067y\u2069" })).toBe(
    "\u2068x\u2069 of \u2068\u2067y\u2069\u2069, \u2068x\u2069",
  );
});

test("the form goes by the number", () => {
  expect(say("x.rows", { count: 1 })).toBe("1 row");
  expect([0, 2, 11].map((count) => say("x.rows", { count }))).toEqual([
    "0 rows",
    "2 rows",
    "11 rows",
  ]);
  expect(say("x.rows", { count: undefined })).toBe(" rows");
});

test.each([
  [["en-US", "de"], null],
  [["de-AT", "en"], "de"],
  [["DE"], "de"],
  [["pt-BR", "pt"], "pt-BR"],
  [["pt"], null],
  [["ja", "fr"], "fr"],
  [["ja"], null],
  [[], null],
] as const)("of %j the page speaks %s", (wanted, spoken) =>
  expect(choose(["de", "fr", "pt-BR"], wanted)).toBe(spoken),
);

test("numbers and days are those of the language", () => {
  expect(locale).toBe("en-GB");
  expect(number(12345)).toBe("12,345");
  expect(number(3.25, 1)).toMatch(/^3\.[23]$/);
  expect(number(4, 1)).toBe("4.0");
  expect(weekdayOf(new Date("2026-12-01T12:00:00Z"))).toBe("Tue");
});

test("the document says its language and its direction", () => {
  const root = { lang: "", dir: "" };
  declare(root as HTMLElement);
  expect(root).toEqual({ lang: "en-GB", dir: "ltr" });
});
