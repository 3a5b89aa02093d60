// What is around the trading: which colours, what is heard, and where the connection was.

import { expect, test } from "vitest";
import type { Frame } from "../src/bindings";
import * as scenes from "../dev/scenes";
import { FIGURES } from "../src/desk/chime";
import { Ear } from "../src/desk/ear";
import { dress } from "../src/desk/look.svelte";
import { Places } from "../src/desk/places.svelte";
import { Zoom } from "../src/desk/zoom.svelte";

const NOW = 1_800_000_000_000;
const quiet: Frame = { ...scenes.quiet, notices: [] };

test.each([
  ["system", false, false, "light", "usual"],
  ["system", true, false, "dark", "usual"],
  ["system", false, true, "light", "more"],
  ["system", true, true, "dark", "more"],
  ["light", true, true, "light", "usual"],
  ["dark", false, true, "dark", "usual"],
  ["contrast", false, false, "light", "more"],
  ["contrast", true, false, "dark", "more"],
] as const)("%s, dark %s, contrast %s", (colours, dark, more, scheme, contrast) => {
  expect(dress(colours, { dark, contrast: more })).toEqual({ scheme, contrast });
});

test("what a page finds when it opens is not heard, and nothing is heard twice", () => {
  const ear = new Ear();
  const first = scenes.frame("outcomes", NOW);
  expect(ear.hear(first)).toEqual([]);
  expect(ear.hear({ ...quiet, rfqs: first.rfqs, lines: first.lines })).toEqual([]);

  const lines = first.lines.slice(0, 1).map((line) => ({ ...line, rfqId: "NEW" }));
  expect(ear.hear({ ...quiet, lines })).toEqual(["quote"]);
  expect(ear.hear({ ...quiet, lines })).toEqual([]);
  expect(ear.hear({ ...quiet, removed: ["NEW"] })).toEqual([]);
  expect(ear.hear({ ...quiet, lines }), "asked again under the same name").toEqual(["quote"]);

  expect(ear.hear({ ...quiet, session: scenes.lost(NOW) })).toEqual(["lost"]);
  expect(ear.hear({ ...quiet, session: scenes.lost(NOW) })).toEqual([]);

  const stepUp = [scenes.stepUp("accept", NOW)];
  expect(ear.hear({ ...quiet, stepUp })).toEqual(["touch"]);
  expect(ear.hear({ ...quiet, stepUp })).toEqual([]);
  expect(ear.hear({ ...quiet, stepUp: [] })).toEqual([]);
  expect(ear.hear({ ...quiet, stepUp })).toEqual(["touch"]);
});

test("a notice that must be read is heard, another is not", () => {
  const notice = (kind: "good" | "bad") => ({
    ...quiet,
    notices: [{ kind, atMs: NOW, code: "link.lost", text: "", rfqId: null }],
  });
  const ear = new Ear();
  expect(ear.hear(notice("good"))).toEqual([]);
  expect(ear.hear(notice("bad"))).toEqual(["bad"]);
});

test("every event has a figure of its own", () => {
  const figures = Object.values(FIGURES).map((figure) => figure.join());
  expect(new Set(figures).size).toBe(figures.length);
});

test("networks are noted once each time they change, and only so many", () => {
  const places = new Places();
  const on = (name: string) => {
    const session = scenes.frame("rfqs", NOW).session!;
    places.note({ ...session, network: { name, metered: false } }, NOW);
  };
  on("office");
  on("office");
  on("train");
  expect(places.all.map((place) => place.name)).toEqual(["train", "office"]);
  for (let n = 0; n < 100; n++) on(`network ${n}`);
  expect(places.all.length).toBe(8);
});

test("a size that was kept is one of the steps", () => {
  const zoom = new Zoom();
  for (const [kept, factor] of [
    [1.5, 1.5],
    [1.2, 1.25],
    [0.1, 0.8],
    [9, 2],
  ] as const) {
    zoom.set(kept);
    expect(zoom.factor).toBe(factor);
  }
});
