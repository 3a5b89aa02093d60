// @vitest-environment happy-dom
//
// The line about an interruption that is over.

import { flushSync, mount, unmount, type Component } from "svelte";
import { afterEach, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import { BACK_MS } from "../src/desk/banner";
import { Page } from "../src/desk/page.svelte";
import LinkProblem from "../src/top/LinkProblem.svelte";
import { frame, session } from "./builders";
import Screen from "./Screen.svelte";

afterEach(() => vi.useRealTimers());

test("it goes by itself, though the link is measured all the time", async () => {
  vi.useFakeTimers();
  const page = new Page(fake(new URLSearchParams({ scene: "rfqs" })));
  const back = { atMs: 1, afterMs: 3_200, wentOn: 1, ended: 0, notRepeated: 0 };
  page.book.apply(frame({ whole: true, session: session({ back }) }));
  const app = mount(Screen, {
    target: document.body,
    props: { page, component: LinkProblem as Component, props: {}, ownButton: true },
  });
  flushSync();
  const shown = () => document.querySelector("[data-testid=link-back]") !== null;
  expect(shown()).toBe(true);
  for (let ms = 0; ms < BACK_MS; ms += 1_000) {
    page.book.session = { ...page.book.session!, roundTripMs: ms };
    flushSync();
    vi.advanceTimersByTime(1_000);
  }
  flushSync();
  expect(shown()).toBe(false);
  await unmount(app);
  document.body.replaceChildren();
});
