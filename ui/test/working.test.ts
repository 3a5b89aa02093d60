// @vitest-environment happy-dom
//
// Forms that work for a while: what has the keyboard keeps it, and a press meanwhile does nothing.

import { flushSync, mount, unmount, type Component } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import type { EnrolPhase, LinkState, RegisterPhase } from "../src/bindings";
import Connect from "../src/connect/Connect.svelte";
import { Page } from "../src/desk/page.svelte";
import Enrol from "../src/enrol/Enrol.svelte";
import Keys from "../src/stepup/Keys.svelte";
import { frame, session } from "./builders";
import { by, settle, type } from "./keys";
import Screen from "./Screen.svelte";

let page: Page;
let seq = 0;
const shown: Record<string, unknown>[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  page = new Page(fake(new URLSearchParams({ scene: "connect" })));
  const info = scenes.info(false);
  page.info = { ...info, venues: [...info.venues, { name: "Other", endpoint: "127.0.0.1:9877" }] };
  seq = 0;
});

afterEach(async () => {
  for (const one of shown.splice(0)) await unmount(one);
  vi.restoreAllMocks();
  vi.useRealTimers();
  document.body.replaceChildren();
});

function show(component: unknown, props: Record<string, unknown> = {}) {
  const app = mount(Screen, {
    target: document.body,
    props: { page, component: component as Component, props, ownButton: true },
  });
  shown.push(app);
  flushSync();
}

async function pull(part: Parameters<typeof frame>[0]) {
  page.book.apply(frame({ seq: ++seq, whole: seq === 1, ...part }));
  await settle();
}

/** What has the keyboard, and can use it. */
const keyboard = () =>
  document.querySelector<HTMLElement>(":focus")?.matches(":disabled") === false
    ? (document.activeElement as HTMLElement).dataset.testid
    : null;

test("Keys keep the keyboard while a key is registered", async () => {
  const register = vi.spyOn(page.commands, "registerKey");
  const is = (phase: RegisterPhase) => pull({ keys: { keys: [], phase, problem: null } });
  await is("idle");
  show(Keys, { onclose: () => {} });
  const button = by("key-register");
  const press = async () => (button.click(), settle());
  await press();
  expect(register, "without a name").not.toHaveBeenCalled();
  type("key-name", "Blue");
  button.focus();
  await press();
  expect(register).toHaveBeenCalledTimes(1);
  for (const phase of ["underWay", "codeWanted"] as const) {
    await is(phase);
    expect([keyboard(), by("key-register")]).toEqual(["key-register", button]);
  }
  // The code is typed, and Enter pressed in its field.
  type("key-code", "AAAAA");
  await press();
  expect(register).toHaveBeenCalledTimes(2);
  await is("underWay");
  expect(keyboard()).toBe("key-code");
  expect(by<HTMLInputElement>("key-code").readOnly).toBe(true);
  button.focus();
  await press();
  expect(register, "one at a time").toHaveBeenCalledTimes(2);
  await is("done");
  expect([keyboard(), by<HTMLInputElement>("key-name").value]).toEqual(["key-register", ""]);
});

test("the first screen keeps the keyboard while it connects, and gives it back to Connect", async () => {
  const connect = vi.spyOn(page.commands, "connect");
  const search = vi.spyOn(page.commands, "identities");
  const is = (state: LinkState) => pull({ session: session({ state }) });
  await is("offline");
  show(Connect);
  await settle();
  const radios = [...document.querySelectorAll<HTMLInputElement>("input[type=radio]")];
  const other = radios.find((one) => !one.checked)!;
  const button = by("connect-button");
  button.focus();
  button.click();
  await is("connecting");
  expect(connect).toHaveBeenCalledTimes(1);
  expect([keyboard(), by("connect-button")]).toEqual(["connect-button", button]);
  // Nothing else is done meanwhile, and the choice stands.
  for (const id of ["connect-button", "enrol-open", "identities-reload"]) by(id).click();
  other.click();
  const venue = by<HTMLSelectElement>("venue-select");
  venue.value = "Other";
  venue.dispatchEvent(new Event("change", { bubbles: true }));
  await settle();
  expect([connect, search].map((one) => one.mock.calls.length)).toEqual([1, 1]);
  expect([venue.value, page.enrolling]).toEqual([page.info!.venues[0]!.name, false]);
  expect([...radios, venue].filter((one) => one.disabled)).toEqual([]);
  by("connect-cancel").focus();
  await is("offline");
  expect(keyboard()).toBe("connect-button");
  venue.value = "Other";
  venue.dispatchEvent(new Event("change", { bubbles: true }));
  button.click();
  await settle();
  expect(connect.mock.calls.map(([identity]) => identity)).toEqual(["alice", "alice"]);
  expect(connect.mock.lastCall![1]).toBe("Other");
});

test("enrolment keeps the keyboard while it works, and Continue gets it", async () => {
  const enrol = vi.spyOn(page.commands, "enrol");
  const is = (phase: EnrolPhase) =>
    pull({ enrol: { phase, identity: "ALICE1", venue: "Bank", problem: null } });
  await is("idle");
  let left = 0;
  show(Enrol, { ondone: () => (left += 1) });
  const button = by("enrol-button");
  button.click();
  type("enrol-invitation", "signet://enrol/abcdefgh");
  await settle(300);
  const compared = by<HTMLInputElement>("enrol-compared");
  compared.click();
  await settle();
  button.click();
  expect(enrol, "without a code").not.toHaveBeenCalled();
  type("enrol-code", "AAAAA-BBBBB");
  await settle();
  button.focus();
  button.click();
  await settle();
  expect(enrol).toHaveBeenCalledTimes(1);
  await is("asking");
  expect([keyboard(), by("enrol-button")]).toEqual(["enrol-button", button]);
  for (const one of [button, by("enrol-back"), compared]) one.click();
  await settle();
  expect([enrol.mock.calls.length, left, compared.checked]).toEqual([1, 0, true]);
  for (const id of ["enrol-invitation", "enrol-code", "enrol-device"])
    expect(by<HTMLInputElement>(id).readOnly, id).toBe(true);
  await is("done");
  expect(keyboard()).toBe("enrol-go");
});
