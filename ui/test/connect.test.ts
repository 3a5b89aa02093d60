// @vitest-environment happy-dom
//
// The screen before the desk was online: what holds the first connection up.

import { flushSync, mount, tick, unmount } from "svelte";
import { afterEach, expect, test } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import type { SessionView } from "../src/bindings";
import Connect from "../src/connect/Connect.svelte";
import { Page } from "../src/desk/page.svelte";
import { frame, session } from "./builders";
import Screen from "./Screen.svelte";

const shown: Record<string, unknown>[] = [];

afterEach(async () => {
  for (const one of shown.splice(0)) await unmount(one);
  document.body.replaceChildren();
});

const settled = async () => {
  for (let n = 0; n < 5; n++) await tick();
  flushSync();
};
// Identities that cannot be used have problems of their own, in the list.
const text = (id: string) =>
  [...document.querySelectorAll<HTMLElement>(`[data-testid="${id}"]`)]
    .find((one) => !one.closest(".why"))
    ?.textContent?.trim() ?? null;

/** The screen of a desk that was never online, and what moves its connection on. */
async function opened() {
  const page = new Page(fake(new URLSearchParams({ scene: "connect" })));
  page.info = scenes.info(false);
  const props = { page, component: Connect, props: {}, ownButton: true };
  shown.push(mount(Screen, { target: document.body, props }));
  let seq = 0;
  return async (part: Partial<SessionView>) => {
    page.book.apply(frame({ seq: ++seq, whole: seq === 1, session: session(part) }));
    await settled();
  };
}

const PORTAL = "http://login.example/";
const problem = {
  code: "tls.not_tls",
  message: "the server does not speak TLS",
  cure: "Sign in to the network first.",
  field: null,
};

test("behind a portal the screen shows where to sign in, and why", async () => {
  const is = await opened();
  // The refusal comes first, and the portal when the page has answered.
  await is({ state: "refused", problem });
  expect(text("problem-code")).toBe("tls.not_tls");
  await is({ state: "reconnecting", attempt: 1, portal: PORTAL, problem });
  expect(text("connect-portal")).toContain(`The network asks you to sign in: open ${PORTAL}`);
  expect(text("problem-code")).toBe("tls.not_tls");
  expect(text("problem-cure")).toBe("Sign in to the network first.");
  expect(text("connect-progress")).toContain("Reconnecting");
  // The way to leave stays.
  expect(text("connect-cancel")).not.toBeNull();
});

test.each<[Partial<SessionView>, boolean, boolean]>([
  [{ state: "offline", portal: PORTAL, problem: null }, false, false],
  [{ state: "connecting", portal: PORTAL, problem }, true, false],
  [{ state: "connecting", portal: null, problem }, false, false],
  [{ state: "loggingOn", portal: null, problem }, false, false],
  [{ state: "reconnecting", portal: null, problem }, false, true],
  [{ state: "reconnecting", portal: PORTAL, problem }, true, true],
  [{ state: "reconnecting", portal: null, problem: null }, false, false],
  // A refusal is the last word, whatever answers for the page.
  [{ state: "refused", portal: PORTAL, problem }, false, true],
])("%o: portal %s, reason %s", async (part, portal, reason) => {
  const is = await opened();
  await is(part);
  expect(text("connect-portal") !== null).toBe(portal);
  expect(text("problem") !== null).toBe(reason);
});
