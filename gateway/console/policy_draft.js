// A change of a policy while it is written, and its signature with the writer's key. It outlives its
// view and a session that is over.

import { post, wordsOf } from "./api.js";
import { ask, tell } from "./dialog.js";
import { difference } from "./difference.js";
import { fill, h } from "./dom.js";
import { short } from "./format.js";
import { assertion } from "./keys.js";

/** @typedef {import("./contract.js").InForce} InForce */

/**
 * @type {{ policy: string, base: string, was: Record<string, string>,
 *   texts: Record<string, string>, form: HTMLFormElement | null,
 *   check: (() => void) | null } | null}
 */
let draft = null;

/** Whether there is a text that would be lost. */
export function hasDraft() {
  return draft !== null && changed().length > 0;
}

function changed() {
  const d = draft;
  return d === null ? [] : Object.keys(d.texts).filter((name) => d.texts[name] !== d.was[name]);
}

/**
 * Begins a draft with what is in force; one of this policy that was begun stays.
 *
 * @param {InForce} f
 */
export function draftFor(f) {
  if (draft?.policy === f.policy) return;
  if (hasDraft()) {
    tell(`Prepare or discard your change of the ${draft?.policy} policy first.`);
    return;
  }
  const { policy, digest, documents } = f;
  draft = {
    policy,
    base: digest,
    was: documents,
    texts: { ...documents },
    form: null,
    check: null,
  };
}

/**
 * The form of the draft, always the same one; nothing without a draft.
 *
 * @param {import("./app.js").Shell} shell
 * @param {import("./contract.js").Policies | null} latest
 * @param {() => void} done
 */
export function editor(shell, latest, done) {
  const d = draft;
  if (!d) return null;
  const form = d.form ?? build(d, shell, done);
  d.form = form;
  const now = latest?.in_force.find((f) => f.policy === d.policy);
  const note = form.querySelector(".moved");
  if (note instanceof HTMLElement) note.hidden = !now || now.digest === d.base;
  return form;
}

/**
 * @param {NonNullable<typeof draft>} d
 * @param {import("./app.js").Shell} shell
 * @param {() => void} done
 */
function build(d, shell, done) {
  const fault = h("p", { class: "fault", role: "alert" });
  const doing = h("p", { class: "doing", role: "status" });
  const signed = h("div");
  const go = h("button", { type: "submit", class: "main" }, "Prepare with your key");
  const state = h("p", { class: "help", role: "status" });
  const check = () => {
    const names = changed();
    go.disabled = names.length === 0;
    fill(state, names.length === 0 ? "Nothing is changed yet." : `Changed: ${names.join(", ")}.`);
  };
  /** @type {HTMLTextAreaElement[]} */
  const areas = [];
  const fields = Object.keys(d.texts).flatMap((name) => {
    const area = h("textarea", {
      id: `draft-${name}`,
      rows: 16,
      spellcheck: false,
      wrap: "off",
      value: d.texts[name],
    });
    area.addEventListener("input", () => {
      d.texts[name] = area.value;
      check();
    });
    areas.push(area);
    return [h("label", { for: area.id }, name), area];
  });
  /** @type {AbortController | null} */
  let asking = null;
  const end = () => {
    // Whoever discards the text does not sign for it.
    asking?.abort();
    if (draft === d) draft = null;
    done();
  };
  /**
   * What is signed is what is read.
   *
   * @param {boolean} on
   */
  const hold = (on) => {
    go.disabled = on;
    for (const area of areas) area.readOnly = on;
  };
  const discard = h("button", { type: "button", onclick: () => discarded(end) }, "Discard");
  const form = h(
    "form",
    { method: "dialog", class: "card draft", "aria-label": `Change of the ${d.policy} policy` },
    h("h3", {}, `Change of the ${d.policy} policy`),
    h(
      "p",
      { class: "warning moved" },
      `The policy in force has changed since you began with ${short(d.base)}. Your text would take that change back, so it is not prepared: copy it, discard it, and begin with what is in force.`,
    ),
    fields,
    state,
    doing,
    signed,
    fault,
    h("div", { class: "buttons" }, discard, go),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (go.disabled) return;
    fill(fault);
    hold(true);
    const stopper = new AbortController();
    asking = stopper;
    try {
      const documents = Object.fromEntries(changed().map((name) => [name, d.texts[name]]));
      const change = { policy: d.policy, documents };
      const start = { ...change, base: d.base };
      const { publicKey, before, digest, diff } = await post("policies/prepare/start", start);
      fill(
        doing,
        `Touch your security key. Your signature covers the change from ${short(before)} to ${short(digest)} and nothing else.`,
      );
      fill(signed, difference(diff, "What your key signs for"));
      const credential = await assertion(publicKey, stopper.signal);
      await post("policies/prepare/finish", { ...change, credential });
      end();
      tell("The change waits for a second administrator.");
      void shell.look();
      document.querySelector("h1")?.focus();
    } catch (e) {
      fill(fault, wordsOf(e));
      hold(false);
      go.focus();
      fault.scrollIntoView({ block: "nearest" });
    }
    fill(doing);
    fill(signed);
  });
  check();
  return form;
}

/** @param {() => void} end */
function discarded(end) {
  if (!hasDraft()) {
    end();
    return;
  }
  ask({
    title: "Discard your change?",
    words: "What you typed is lost.",
    button: "Discard",
    danger: true,
    act: async () => end(),
  });
}
