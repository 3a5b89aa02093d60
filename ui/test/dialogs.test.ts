// @vitest-environment happy-dom
//
// What every dialog must do: say what it is, give the keyboard to its one safe action, keep Tab
// inside, close with Escape, and return the keyboard. A component that uses the shell and is not in
// the table fails the first test.

import { flushSync, mount, tick, unmount, type Component } from "svelte";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fake } from "../dev/fake";
import * as scenes from "../dev/scenes";
import type { PinView, StepUpView } from "../src/bindings";
import PinDialog from "../src/connect/PinDialog.svelte";
import { Page } from "../src/desk/page.svelte";
import Export from "../src/blotter/Export.svelte";
import View from "../src/blotter/View.svelte";
import { usualLook } from "../src/blotter/columns";
import BestExecution from "../src/insight/BestExecution.svelte";
import Group from "../src/group/Group.svelte";
import Dealers from "../src/insight/Dealers.svelte";
import DealerLists from "../src/ticket/DealerLists.svelte";
import List from "../src/list/List.svelte";
import Repeats from "../src/list/Repeats.svelte";
import Take from "../src/list/Take.svelte";
import Security from "../src/security/Security.svelte";
import Keys from "../src/stepup/Keys.svelte";
import StepUp from "../src/stepup/StepUp.svelte";
import Settings from "../src/support/Settings.svelte";
import Support from "../src/support/Support.svelte";
import Disconnect from "../src/top/Disconnect.svelte";
import EndReason from "../src/rfq/EndReason.svelte";
import PassReason from "../src/rfq/PassReason.svelte";
import Help from "../src/top/Help.svelte";
import Palette from "../src/top/Palette.svelte";
import Risk from "../src/top/Risk.svelte";
import StopAll from "../src/top/StopAll.svelte";
import { line, rfq } from "./builders";
import Screen from "./Screen.svelte";

type Case = {
  name: string;
  /** The file under `src` that uses the shell. */
  file: string;
  component: unknown;
  props?: Record<string, unknown>;
  testid: string;
  /** What has the keyboard first: a test id, or the dialog itself where nothing in it is safe. */
  first: string;
  modal: boolean;
  /** The component has the button that opens it; otherwise the screen of the test has it. */
  opener?: string;
  /** A peer causes it: it leaves the keyboard to a trader who types. */
  unasked?: boolean;
};

const NOW = 1_800_000_000_000;
const pin = (part: Partial<PinView> = {}): PinView => ({
  open: true,
  question: 1,
  token: "Signet token",
  charsMin: 4,
  charsMax: 8,
  wrong: false,
  tries: "full",
  onReader: false,
  ...part,
});
const stepUp = (name: string, first: string, part: Partial<StepUpView>): Case => ({
  name: `approval, ${name}`,
  file: "stepup/StepUp.svelte",
  component: StepUp,
  props: { view: scenes.stepUp("accept", NOW, part) },
  testid: "step-up",
  first,
  modal: false,
  unasked: true,
});

const repeats = () => new scenes.RequestList("list-repeats").repeats!;
const taken = () => new scenes.RequestList("list-take").taking!;

const CASES: Case[] = [
  {
    name: "help",
    file: "top/Help.svelte",
    component: Help,
    testid: "help-overlay",
    first: "help-close",
    modal: true,
  },
  {
    name: "PIN of a token",
    file: "connect/PinDialog.svelte",
    component: PinDialog,
    props: { pin: pin() },
    testid: "pin-dialog",
    first: "pin-input",
    modal: true,
  },
  {
    name: "PIN on the reader",
    file: "connect/PinDialog.svelte",
    component: PinDialog,
    props: { pin: pin({ onReader: true }) },
    testid: "pin-dialog",
    first: "pin-cancel",
    modal: true,
  },
  {
    name: "disconnect",
    file: "top/Leave.svelte",
    component: Disconnect,
    testid: "disconnect-dialog",
    first: "disconnect-stay",
    modal: true,
    opener: "disconnect-button",
  },
  {
    name: "every action",
    file: "top/Palette.svelte",
    component: Palette,
    testid: "palette",
    first: "palette-text",
    modal: true,
  },
  {
    name: "nothing done, and why",
    file: "rfq/EndReason.svelte",
    component: EndReason,
    props: { view: rfq("R1"), onend: () => {} },
    testid: "end-reason",
    first: "end-reason-text",
    modal: true,
  },
  {
    name: "a pass on one dealer, and why",
    file: "rfq/PassReason.svelte",
    component: PassReason,
    props: { view: rfq("R1"), line: line("R1", "NORTHBANK"), onpass: () => {} },
    testid: "pass-reason",
    first: "pass-reason-text",
    modal: true,
  },
  {
    name: "risk",
    file: "top/Risk.svelte",
    component: Risk,
    testid: "risk-panel",
    first: "risk-close",
    modal: false,
    opener: "risk",
  },
  {
    name: "security keys",
    file: "stepup/Keys.svelte",
    component: Keys,
    testid: "keys",
    first: "keys-close",
    modal: false,
  },
  {
    name: "best execution",
    file: "insight/BestExecution.svelte",
    component: BestExecution,
    props: { rfqId: "R1" },
    testid: "best-execution",
    first: "best-close",
    modal: true,
  },
  {
    name: "dealers",
    file: "insight/Dealers.svelte",
    component: Dealers,
    testid: "dealers",
    first: "dealers-close",
    modal: true,
  },
  {
    name: "lists of dealers",
    file: "ticket/DealerLists.svelte",
    component: DealerLists,
    props: {
      lists: new scenes.DealerLists().all,
      chosen: ["NORTHBANK"],
      offered: scenes.reference.dealers,
      max: 5,
      onuse: () => {},
      onchange: async () => {},
    },
    testid: "dealer-lists",
    first: "dealer-list-0",
    modal: true,
  },
  {
    name: "lists of dealers, before the first",
    file: "ticket/DealerLists.svelte",
    component: DealerLists,
    props: {
      lists: [],
      chosen: [],
      offered: scenes.reference.dealers,
      max: 5,
      onuse: () => {},
      onchange: async () => {},
    },
    testid: "dealer-lists",
    first: "dealer-list-name",
    modal: true,
  },
  {
    name: "requests of the group",
    file: "group/Group.svelte",
    component: Group,
    testid: "group",
    first: "group-close",
    modal: true,
  },
  {
    name: "what the blotter shows",
    file: "blotter/View.svelte",
    component: View,
    props: {
      look: usualLook(),
      columns: ["time", "price"],
      choices: [{ column: "side", values: ["Buy"] }],
      onlook: () => {},
      oncolumns: () => {},
      onexport: () => {},
      ondealers: () => {},
    },
    testid: "blotter-view",
    first: "view-close",
    modal: true,
  },
  {
    name: "export",
    file: "blotter/Export.svelte",
    component: Export,
    props: {
      query: { ...usualLook(), tab: "trades", text: "", zone: "UTC", offset: 0, limit: 1 },
      columns: ["time"],
      total: 3,
    },
    testid: "blotter-export",
    first: "export-csv",
    modal: true,
  },
  {
    name: "list of requests",
    file: "list/List.svelte",
    component: List,
    testid: "list",
    first: "list-paste",
    modal: false,
  },
  {
    name: "accepts of a list",
    file: "list/Take.svelte",
    component: Take,
    props: { take: taken(), problem: null, onconfirm: () => {} },
    testid: "list-confirm-dialog",
    first: "take-cancel",
    modal: true,
  },
  {
    name: "rows of a list that were sent before",
    file: "list/Repeats.svelte",
    component: Repeats,
    props: { repeats: repeats(), problem: null, onsend: () => {} },
    testid: "list-repeats-dialog",
    first: "repeats-cancel",
    modal: true,
  },
  {
    name: "security of the desk",
    file: "security/Security.svelte",
    component: Security,
    testid: "security",
    first: "security-close",
    modal: false,
  },
  {
    name: "settings",
    file: "support/Settings.svelte",
    component: Settings,
    props: { onsupport: () => undefined },
    testid: "settings",
    first: "settings-close",
    modal: false,
  },
  {
    name: "ending everything, from the tray",
    file: "top/StopAll.svelte",
    component: StopAll,
    props: { onstop: () => undefined },
    testid: "stop-dialog",
    first: "stop-stay",
    modal: true,
  },
  {
    name: "log and support report",
    file: "support/Support.svelte",
    component: Support,
    testid: "support",
    first: "support-close",
    modal: true,
  },
  stepUp("PIN of the key", "key-pin", { phase: "pin" }),
  stepUp("touch", "step-up-simulated", { phase: "touch" }),
  stepUp("failed", "step-up-again", { phase: "failed", problem: scenes.problems.keyRemoved }),
  stepUp("failed and expired", "step-up", { phase: "failed", deadlineMs: NOW - 1 }),
  // Approving is never the first stop: an Enter that was meant for something else begins nothing.
  stepUp("asked by another person", "step-up", { phase: "ready", askedBy: "ALICE1" }),
];

const sources = import.meta.glob<string>("../src/**/*.svelte", {
  query: "?raw",
  import: "default",
  eager: true,
});

test("every component that uses the shell is in the table, and none makes a dialog of its own", () => {
  const users = Object.entries(sources).filter(([, text]) => text.includes("/Dialog.svelte"));
  const tested = new Set(CASES.map((one) => `../src/${one.file}`));
  expect(users.map(([file]) => file).sort()).toEqual([...tested].sort());
  const own = Object.entries(sources).filter(([, text]) =>
    /<dialog|role="(alert)?dialog"|aria-modal/.test(text),
  );
  expect(own.map(([file]) => file)).toEqual(["../src/parts/Dialog.svelte"]);
});

/** What takes the keyboard in a dialog. */
const STOPS = "button, input, select, textarea, summary, [tabindex='0']";
const folded = (stop: HTMLElement) =>
  stop.matches(":not(summary)") && stop.closest("details")?.open === false;

const byId = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`);
const here = () => (document.activeElement as HTMLElement | null)?.dataset.testid ?? "";

/** Presses a key where the keyboard is. Answers whether the browser would handle it too. */
const press = (key: string, shiftKey = false) =>
  document.activeElement!.dispatchEvent(
    new KeyboardEvent("keydown", { key, shiftKey, bubbles: true, cancelable: true }),
  );

const settled = async () => {
  flushSync();
  await tick();
  flushSync();
};

let shown: ReturnType<typeof screen> | null = null;

function screen(one: Case) {
  const backend = fake(new URLSearchParams({ scene: "rfqs", practice: "" }));
  const close = () => app.close();
  const closes = async () => (close(), { status: "ok" as const, data: null });
  Object.assign(backend.commands, { givePin: closes, refuseStepUp: closes });
  const page = new Page(backend);
  page.info = scenes.info(true);
  page.clock.set(NOW);
  // Outcomes: one accept waits for its answer, about which Disconnect asks.
  page.book.apply(scenes.frame("outcomes", NOW));
  const app = mount(Screen, {
    target: document.body,
    props: {
      page,
      component: one.component as Component,
      props: { onclose: close, ...one.props },
      ownButton: one.opener !== undefined,
    },
  });
  flushSync();
  return app;
}

/** Opens the dialog of a case from its button, which has the keyboard. */
async function opened(one: Case): Promise<HTMLDialogElement> {
  shown = screen(one);
  const opener = byId(one.opener ?? "opener")!;
  opener.focus();
  opener.click();
  await settled();
  return byId(one.testid) as HTMLDialogElement;
}

beforeEach(() => {
  vi.spyOn(HTMLDialogElement.prototype, "show");
  vi.spyOn(HTMLDialogElement.prototype, "showModal");
});

afterEach(async () => {
  if (shown) await unmount(shown);
  shown = null;
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

describe.each(CASES)("$name", (one) => {
  test("is a dialog with a name; a modal one makes the page behind it inert", async () => {
    const dialog = await opened(one);
    expect(dialog.tagName).toBe("DIALOG");
    expect(dialog.open).toBe(true);
    const title = document.getElementById(dialog.getAttribute("aria-labelledby")!);
    expect(title?.textContent?.trim()).not.toBe("");
    expect(dialog.contains(title)).toBe(true);
    expect(vi.mocked(dialog.showModal).mock.calls).toHaveLength(one.modal ? 1 : 0);
    expect(vi.mocked(dialog.show).mock.calls).toHaveLength(one.modal ? 0 : 1);
  });

  test("its safe action has the keyboard, and Tab stays inside in both directions", async () => {
    const dialog = await opened(one);
    expect(here()).toBe(one.first);
    const stops = [...dialog.querySelectorAll<HTMLElement>(STOPS)].filter(
      (stop) => !(stop as HTMLButtonElement).disabled && !stop.hidden && !folded(stop),
    );
    // What is folded in cannot have the keyboard, in a browser: Tab would end there.
    if (one.testid === "blotter-view") expect(stops[0]!.tagName).toBe("SUMMARY");
    expect(stops.length).toBeGreaterThan(0);
    stops.at(-1)!.focus();
    expect(press("Tab")).toBe(false);
    expect(document.activeElement).toBe(stops[0]);
    expect(press("Tab", true)).toBe(false);
    expect(document.activeElement).toBe(stops.at(-1));
    // From the dialog itself too.
    dialog.focus();
    press("Tab");
    expect(document.activeElement).toBe(stops[0]);
    dialog.focus();
    press("Tab", true);
    expect(document.activeElement).toBe(stops.at(-1));
    // Steps between two stops inside are the browser's.
    if (stops.length > 1) {
      stops[0]!.focus();
      expect(press("Tab")).toBe(true);
    }
  });

  test("Escape closes it, and the button that opened it has the keyboard again", async () => {
    await opened(one);
    expect(press("Escape")).toBe(false);
    await settled();
    expect(byId(one.testid)).toBe(null);
    expect(here()).toBe(one.opener ?? "opener");
  });

  test("where that button is gone, the first field of the screen has the keyboard", async () => {
    await opened(one);
    shown!.clear();
    await settled();
    await settled();
    expect(byId(one.testid)).toBe(null);
    expect(here()).toBe("field");
  });

  test("a keyboard that is elsewhere when the dialog goes stays there", async () => {
    const dialog = await opened(one);
    byId("field")!.focus();
    dialog.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", cancelable: true }));
    await settled();
    expect(byId(one.testid)).toBe(null);
    expect(here()).toBe("field");
  });

  test(`a trader who types ${one.unasked ? "keeps the keyboard" : "asked for it: it takes the keyboard"}`, async () => {
    shown = screen(one);
    byId("field")!.focus();
    press("1");
    if (one.opener) byId(one.opener)!.click();
    else shown.open();
    await settled();
    expect(here()).toBe(one.unasked ? "field" : one.first);
  });
});
