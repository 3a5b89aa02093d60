// Every pair of text and ground the screens use meets WCAG 2.2 AA, in both themes.

import { expect, test } from "vitest";
import css from "../src/style/tokens.css?raw";

const [light = "", dark = ""] = css.split("@media screen and (prefers-color-scheme: dark)");

const TEXT_MIN = 4.5;
const SHAPE_MIN = 3;

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

for (const [theme, colours] of [
  ["light", read(light)],
  ["dark", { ...read(light), ...read(dark) }],
] as const) {
  test(`text and shapes can be told from their ground, ${theme}`, () => {
    const failing = [...pairs(TEXT_ON, TEXT_MIN), ...pairs(SHAPE_ON, SHAPE_MIN)]
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
