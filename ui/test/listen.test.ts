// @vitest-environment happy-dom
//
// From the events of the browser to the commands: other keyboards, input methods, and fields that
// take letters themselves.

import { afterEach, expect, test, vi } from "vitest";
import { listen, stateless } from "../src/keyboard/listen";
import { RELEASED_MS, Typing } from "../src/keyboard/typing";

let end = () => {};
afterEach(() => {
  end();
  document.body.replaceChildren();
});

const ctrl = { ctrlKey: true };
const both = { ctrlKey: true, shiftKey: true };

/** The commands of the second window that a key runs. */
function ran(init: KeyboardEventInit, altGraph = false): string[] {
  const commands: string[] = [];
  const note = (name: string) => () => void commands.push(name);
  end = listen(document.body, "panel", {
    state: () => ({ inText: false }),
    run: {
      stop: note("stop"),
      back: note("back"),
      close: note("close"),
      search: note("search"),
      ignore: note("ignore"),
      help: note("help"),
      larger: note("larger"),
      smaller: note("smaller"),
      usualSize: note("usualSize"),
    },
  });
  const event = new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init });
  Object.defineProperty(event, "getModifierState", { value: () => altGraph });
  document.body.dispatchEvent(event);
  expect(event.defaultPrevented).toBe(commands.length > 0);
  end();
  return commands;
}

test.each<[string, KeyboardEventInit, string[]]>([
  ["a Latin letter", { key: "X", code: "KeyX", ...both }, ["stop"]],
  ["a Cyrillic letter counts by its place", { key: "Ч", code: "KeyX", ...both }, ["stop"]],
  ["a Greek one too", { key: "ς", code: "KeyW", ...ctrl }, ["close"]],
  ["a Latin letter counts by what it writes (French)", { key: "z", code: "KeyW", ...ctrl }, []],
  ["and not by its place", { key: "w", code: "KeyZ", ...ctrl }, ["close"]],
  ["a figure that needs Shift (French)", { key: "à", code: "Digit0", ...ctrl }, ["usualSize"]],
  ["what that key writes comes first (French)", { key: "-", code: "Digit6", ...ctrl }, ["smaller"]],
  ["with Shift it is another sign", { key: ")", code: "Digit0", ...both }, []],
  ["the numeric pad", { key: "0", code: "Numpad0", ...ctrl }, ["usualSize"]],
  ["Ctrl and Alt together write (German)", { key: "}", code: "Digit0", altKey: true, ...ctrl }, []],
  ["a key that composes", { key: "Process", code: "KeyW", ...ctrl }, []],
])("%s", (_, init, commands) => expect(ran(init)).toEqual(commands));

test("AltGr writes a third sign and runs no command", () => {
  const greek = { key: "ς", code: "KeyW", ...ctrl };
  expect(ran(greek)).toEqual(["close"]);
  expect(ran(greek, true)).toEqual([]);
});

test("what goes to an input method runs nothing", () => {
  const key = { key: "w", code: "KeyW", ...ctrl };
  expect(ran({ ...key, isComposing: true })).toEqual([]);
  // WebKit, at the key that ends a composition.
  expect(ran({ ...key, keyCode: 229 })).toEqual([]);
  expect(ran({ ...key, keyCode: 87 })).toEqual(["close"]);
});

test("fields for text and lists of choices keep letters and arrows", () => {
  document.body.innerHTML =
    "<div tabindex='0'></div><input type='text'><textarea></textarea><select></select>";
  let went = 0;
  const go = () => void (went += 1);
  end = listen(document.body, "requests", { state: stateless, run: { previous: go, next: go } });
  for (const [element, times] of [
    ["div", 1],
    ["input", 0],
    ["textarea", 0],
    ["select", 0],
  ] as const) {
    went = 0;
    document
      .querySelector(element)!
      .dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
    expect(went, element).toBe(times);
  }
});

test("a click of the pointer is not taken for the Enter that was held before it", () => {
  const typing = new Typing();
  end = typing.watch();
  const send = (event: Event) => document.body.dispatchEvent(event);
  const click = (detail: number) => send(new MouseEvent("click", { detail, bubbles: true }));
  send(new KeyboardEvent("keydown", { key: "Enter", repeat: true, bubbles: true }));
  click(0);
  expect(typing.enterIsFresh, "the key pressed the button").toBe(false);
  click(1);
  expect(typing.enterIsFresh).toBe(true);

  send(new KeyboardEvent("keydown", { key: "Enter", repeat: true, bubbles: true }));
  send(new KeyboardEvent("keydown", { key: " ", bubbles: true }));
  click(0);
  expect(typing.enterIsFresh, "Space pressed the button").toBe(true);
  send(new KeyboardEvent("keydown", { key: "Enter", repeat: true, bubbles: true }));
  expect(typing.enterIsFresh, "and Enter is still held").toBe(false);
});

test("each key that a remote display holds is told from a new one, whatever is pressed between", () => {
  vi.useFakeTimers();
  const typing = new Typing();
  end = typing.watch();
  const fresh = (kind: "keydown" | "keyup", key: string, code: string, repeat = false) => {
    document.body.dispatchEvent(new KeyboardEvent(kind, { key, code, repeat, bubbles: true }));
    return typing.keyIsFresh;
  };
  expect(fresh("keydown", "r", "KeyR")).toBe(true);
  for (let i = 0; i < 5; i++) {
    vi.advanceTimersByTime(33);
    fresh("keyup", "r", "KeyR");
    // Ctrl goes up and down again with it.
    fresh("keydown", "Control", "ControlLeft");
    expect(fresh("keydown", "r", "KeyR")).toBe(false);
  }
  expect(fresh("keydown", "f", "KeyF"), "another key").toBe(true);
  vi.advanceTimersByTime(RELEASED_MS);
  expect(fresh("keydown", "r", "KeyR", true), "it says so itself").toBe(false);
  vi.advanceTimersByTime(RELEASED_MS);
  expect(fresh("keydown", "r", "KeyR")).toBe(true);
  vi.useRealTimers();
});
