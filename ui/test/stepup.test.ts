// @vitest-environment happy-dom
//
// The terms that a key is to sign: a number says what it counts.

import { flushSync, mount, unmount } from "svelte";
import { afterEach, expect, test } from "vitest";
import * as scenes from "../dev/scenes";
import type { StepUpTerms as Terms } from "../src/bindings";
import StepUpTerms from "../src/stepup/StepUpTerms.svelte";
import { by } from "./keys";

let shown: ReturnType<typeof mount> | undefined;

function show(part: Partial<Terms>) {
  const terms = { ...scenes.stepUp("accept", 0).terms!, ...part };
  shown = mount(StepUpTerms, { target: document.body, props: { terms } });
  flushSync();
}

afterEach(async () => {
  if (shown) await unmount(shown);
  shown = undefined;
});

test.each([
  ["buy", "down"],
  ["sell", "up"],
] as const)("a discount margin of a %ser says over what, and where its limit lies", (ask, way) => {
  const priceUnit = "bp discount margin over EURIBOR 3M";
  show({ ask, priceType: "margin", priceUnit, price: "45.0", limit: "44.5" });
  expect(by("step-up-price").textContent).toBe("45.0");
  expect(by("step-up-price").parentElement?.textContent).toContain(priceUnit);
  const limit = by("step-up-limit").textContent ?? "";
  expect(limit).toContain("discount margin");
  expect(limit).toContain(`${way} to`);
  expect(limit).toContain("44.5");
});

test("a discount margin that is approved ahead says over what", () => {
  const priceUnit = "bp discount margin over EURIBOR 3M";
  show({ ask: "buy", priceType: "margin", priceUnit, price: null, limit: "44.5" });
  expect(by("step-up-limit").parentElement?.textContent).toContain(priceUnit);
});
