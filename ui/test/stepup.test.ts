// @vitest-environment happy-dom
//
// The terms that a key is to sign: a number says what it counts.

import { flushSync, mount, unmount } from "svelte";
import { afterEach, expect, test } from "vitest";
import * as scenes from "../dev/scenes";
import type { StepUpTerms as Terms } from "../src/bindings";
import RfqTerms from "../src/rfq/Terms.svelte";
import StepUpTerms from "../src/stepup/StepUpTerms.svelte";
import { rfq } from "./builders";
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

test.each([
  ["price", "at 45.0"],
  ["yield", "at 45.0 %"],
  ["spread", "at 45.0 bp"],
  ["margin", "at 45.0 bp margin"],
] as const)("the terms that are confirmed in a %s say so", (priceType, said) => {
  const accept = scenes.accept(0, { price: "45.0" });
  const props = { accept, view: rfq("R1", { priceType }), id: "terms" };
  shown = mount(RfqTerms, { target: document.body, props });
  flushSync();
  const price = by("accept-terms").querySelector(".price")?.textContent;
  expect(price?.replace(/\s+/g, " ").trim()).toBe(said);
});

test("a request says in which numbers it is asked for, where not in prices", async () => {
  const priceUnit = "bp discount margin over EURIBOR 3M";
  show({ ask: "buy", priceType: "margin", priceUnit, price: null, limit: null });
  expect(by("step-up-unit").textContent).toBe(`in ${priceUnit}`);
  await unmount(shown!);
  show({ ask: "buy", priceType: "price", priceUnit: "", price: null, limit: null });
  expect(document.querySelector("[data-testid=step-up-unit]")).toBeNull();
});

test("a discount margin that is approved ahead says over what", () => {
  const priceUnit = "bp discount margin over EURIBOR 3M";
  show({ ask: "buy", priceType: "margin", priceUnit, price: null, limit: "44.5" });
  expect(by("step-up-limit").parentElement?.textContent).toContain(priceUnit);
});
