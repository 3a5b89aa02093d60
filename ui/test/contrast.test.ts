// Every pair of text and ground the screens use meets WCAG 2.2 AA in light and dark, and AAA in high
// contrast.

import { expect, test } from "vitest";
import css from "../src/style/tokens.css?raw";

/** The colours that a rule of the page itself sets. */
const rules = css.replace(/^ {2}/gm, "");
const rule = (selector: string) => rules.split(`\n${selector} {`)[1]?.split("\n}")[0] ?? "";
const light = read(rule(":root"));
const dark = { ...light, ...read(rule(':root[data-scheme="dark"]')) };
const more = read(rule(':root[data-contrast="more"]'));
const darkMore = read(rule(':root[data-scheme="dark"][data-contrast="more"]'));

const AA = { text: 4.5, shape: 3 };
const AAA = { text: 7, shape: 4.5 };

const TEXT_ON: [string, string[]][] = [
  [
    "text",
    [
      "ground",
      "panel",
      "raised",
      "buy-soft",
      "sell-soft",
      "good-soft",
      "warn-soft",
      "bad-soft",
      "flash",
    ],
  ],
  ["dim", ["ground", "panel", "raised", "buy-soft", "bad-soft"]],
  ["buy", ["panel", "raised", "buy-soft", "flash"]],
  ["sell", ["panel", "raised", "sell-soft", "flash"]],
  ["good", ["panel", "good-soft"]],
  ["warn", ["panel", "raised", "warn-soft"]],
  ["bad", ["panel", "raised", "bad-soft"]],
  ["on-solid", ["solid-buy", "solid-sell"]],
  ["on-practice", ["practice"]],
];
const SHAPE_ON: [string, string[]][] = [
  ["edge", ["panel", "raised"]],
  ["focus", ["panel", "ground", "buy-soft"]],
];

for (const [theme, colours, least] of [
  ["light", light, AA],
  ["dark", dark, AA],
  ["high contrast", { ...light, ...more }, AAA],
  ["high contrast on dark", { ...dark, ...more, ...darkMore }, AAA],
] as const) {
  test(`text and shapes can be told from their ground, ${theme}`, () => {
    const failing = [...pairs(TEXT_ON, least.text), ...pairs(SHAPE_ON, least.shape)]
      .map(([front, ground, min]) => ({
        front,
        ground,
        min,
        ratio: contrast(colours[front]!, colours[ground]!),
      }))
      .filter(({ ratio, min }) => !(ratio >= min));
    expect(failing).toEqual([]);
  });
}

function pairs(table: [string, string[]][], min: number): [string, string, number][] {
  return table.flatMap(([front, grounds]) =>
    grounds.map((ground): [string, string, number] => [front, ground, min]),
  );
}

function read(block: string): Record<string, string> {
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map((m) => [m[1]!, m[2]!]),
  );
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** WCAG's relative luminance. */
function luminance(hex: string): number {
  const channel = (at: number) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}
