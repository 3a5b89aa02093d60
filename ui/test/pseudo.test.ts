// @vitest-environment happy-dom
// @vitest-environment-options { "url": "http://127.0.0.1/?fake&pseudo" }
//
// Every text of every scene comes from the catalogue. The page speaks a language here in which each
// text of the catalogue stands in marks, and each value that is filled into it in others. What stands
// outside is data: it is in what the desk sent, or has no letter.

import { flushSync, mount, tick, unmount } from "svelte";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import { SCENES } from "../dev/scenes/list";
import App from "../src/App.svelte";
import type { Backend } from "../src/desk/backend";
import { Page } from "../src/desk/page.svelte";
import { panelOf } from "../src/desk/panel";
import { weekdayOf } from "../src/language/formats";
import { MARKS } from "../src/language/pseudo";
import { t } from "../src/language/t";
import Panel from "../src/Panel.svelte";

/** All that a scene presses and types is done by then. */
const READY_MS = 1_300;
/** A scene renders hundreds of elements, on a machine that may be busy. */
const SLOW_MS = 60_000;
const READ = ["title", "aria-label", "placeholder", "alt", "label"];

beforeAll(() => {
  vi.stubGlobal(
    "IntersectionObserver",
    class {
      observe() {}
      disconnect() {}
    },
  );
  vi.stubGlobal("matchMedia", () => ({
    matches: false,
    addEventListener() {},
    removeEventListener() {},
  }));
});
afterAll(() => vi.unstubAllGlobals());
afterEach(() => vi.useRealTimers());

/** Every string below a value. */
function strings(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(strings);
  return [];
}

/** The same desk; what it answers is noted. */
function noting(backend: Backend, sent: Set<string>): Backend {
  const commands = Object.fromEntries(
    Object.entries(backend.commands).map(([name, command]) => [
      name,
      async (...args: never[]) => {
        const answer = await (command as (...args: never[]) => Promise<unknown>)(...args);
        for (const text of strings(answer)) sent.add(text);
        return answer;
      },
    ]),
  );
  return { ...backend, commands: commands as Backend["commands"] };
}

/** What stands outside the marks of texts. */
function outside(text: string): string[] {
  const within: string[] = [];
  const out = [""];
  for (const letter of text) {
    if (letter === MARKS.text[0] || letter === MARKS.value[0]) {
      within.push(letter);
      out.push("");
    } else if (letter === MARKS.text[1] || letter === MARKS.value[1]) {
      within.pop();
      out.push("");
    } else if (within.at(-1) !== MARKS.text[0]) out[out.length - 1] += letter;
  }
  return out.map((piece) => piece.trim()).filter((piece) => /\p{L}/u.test(piece));
}

/** The browser names the days of the week. */
const WEEK = [1, 2, 3, 4, 5, 6, 7].map((day) => weekdayOf(new Date(Date.UTC(2026, 0, day))));

/** Whether the desk sent it: as a part of a text, or several side by side. */
function isSent(piece: string, sent: string[]): boolean {
  // A name that is too long is cut.
  const whole = piece.replace(/…$/, "");
  if (sent.some((text) => text.includes(whole))) return true;
  let rest = piece;
  for (const text of sent) if (text.length > 1) rest = rest.replaceAll(text, " ");
  return !/\p{L}/u.test(rest);
}

/** Every text that is read or read aloud, with the element it is in. */
function* texts(root: Element): Generator<[where: string, text: string]> {
  for (const element of [root, ...root.querySelectorAll("*")]) {
    if (element.matches("kbd, style, script")) continue;
    const where = element.getAttribute("data-testid") ?? element.tagName.toLowerCase();
    for (const name of READ) {
      const value = element.getAttribute(name);
      if (value) yield [`${where} ${name}`, value];
    }
    for (const node of element.childNodes)
      if (node.nodeType === Node.TEXT_NODE && node.textContent) yield [where, node.textContent];
  }
}

/** What a scene shows that neither the catalogue nor the desk says. */
async function unmarked(scene: string): Promise<{ found: string[]; read: number }> {
  vi.useFakeTimers();
  const query = new URLSearchParams({ fake: "", practice: "", scene });
  const sent = new Set<string>();
  const backend = noting(fake(query), sent);
  const mode = panelOf(query);
  const page = new Page(backend, mode);
  const shown = mode
    ? mount(Panel, { target: document.body, props: { page, mode } })
    : mount(App, { target: document.body, props: { page } });
  void page.start();
  await vi.advanceTimersByTimeAsync(READY_MS);
  await tick();
  flushSync();
  const longest = [...sent, ...WEEK].sort((a, b) => b.length - a.length);
  let read = 0;
  const found: string[] = [];
  for (const [where, text] of texts(document.body)) {
    read += text.includes(MARKS.text[0]) ? 1 : 0;
    for (const piece of outside(text))
      if (!isSent(piece, longest)) found.push(`${where}: ${piece}`);
  }
  await unmount(shown);
  document.body.replaceChildren();
  return { found, read };
}

test("the language of this test marks texts and values", () => {
  const text = t("blotter.anotherDealerHad", { better: "99" });
  expect(text).toMatch(/^⟦.*⟨99⟩⟧$/);
  expect(outside(`${text} or Sell`)).toEqual(["or Sell"]);
  expect(outside("⟦Séll ⟨now⟩ ⟨⟦át⟧⟩⟧")).toEqual(["now"]);
  expect(isSent("EUR 5m", ["EUR", "5m"])).toBe(true);
  expect(isSent("EUR or 5m", ["EUR", "5m"])).toBe(false);
});

test.each(SCENES)(
  "everything that %s says is in the catalogue, or was sent by the desk",
  async (scene) => {
    const { found, read } = await unmarked(scene);
    expect(found).toEqual([]);
    expect(read).toBeGreaterThan(3);
  },
  SLOW_MS,
);
