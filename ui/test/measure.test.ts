// @vitest-environment happy-dom
//
// What the bench counts as the effect of a key.

import { afterEach, expect, test, vi } from "vitest";

const { invoke } = vi.hoisted(() => {
  /** Delivers at once. */
  class Channel {
    port1: { onmessage: (() => void) | null } = { onmessage: null };
    port2 = { postMessage: () => this.port1.onmessage?.() };
  }
  vi.stubGlobal("MessageChannel", Channel);
  return { invoke: vi.fn() };
});
vi.mock("@tauri-apps/api/core", () => ({ invoke }));

import { watchKeys } from "../src/measure";

afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

test("each letter in the search has its list, also one that finds what the letter before found", () => {
  let next: FrameRequestCallback = () => {};
  vi.stubGlobal("requestAnimationFrame", (run: FrameRequestCallback) => {
    next = run;
    return 0;
  });
  document.body.innerHTML = "<input type='text'><ul role='listbox' hidden>DBR 2.5 02/35</ul>";
  const field = document.querySelector("input")!;
  const list = document.querySelector("ul")!;
  watchKeys();
  field.focus();
  /** What is counted in the next frame, after this. */
  const after = (change: () => void) => {
    change();
    next(performance.now());
    return invoke.mock.calls.splice(0).map(([, { marks }]) => [marks[0].what, marks[0].is]);
  };
  const type = (text: string) => {
    field.dispatchEvent(new KeyboardEvent("keydown", { key: text.slice(-1), bubbles: true }));
    field.value = text;
    list.removeAttribute("hidden");
  };
  list.dataset.answers = "";
  for (const text of ["d", "db", "dbr", "dbr "]) {
    // The list of the text before is not the answer to this one.
    expect(after(() => type(text))).toEqual([["field", text]]);
    expect(after(() => {})).toEqual([]);
    expect(after(() => (list.dataset.answers = text))).toEqual([["list", text]]);
  }
});
