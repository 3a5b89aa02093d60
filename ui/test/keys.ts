// What the tests of the ticket do with a screen: find, type, and let time pass.

import { flushSync, tick } from "svelte";
import { vi } from "vitest";

export const by = <T extends HTMLElement>(id: string) =>
  document.querySelector<T>(`[data-testid="${id}"]`)!;

/** Lets the page draw, some time pass, and the page draw again. */
export async function settle(ms = 0) {
  for (let i = 0; i < 6; i++) await tick();
  await vi.advanceTimersByTimeAsync(ms);
  for (let i = 0; i < 6; i++) await tick();
  flushSync();
}

export function type(id: string, text: string) {
  const input = by<HTMLInputElement>(id);
  input.focus();
  input.value = text;
  input.dispatchEvent(new InputEvent("input", { bubbles: true }));
}
