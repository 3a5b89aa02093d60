// A change of a policy while it is written. It outlives its view and a session that is over.

import { post, wordsOf } from "./api.js";
import { ask, tell } from "./dialog.js";
import { fill, h } from "./dom.js";
import { short } from "./format.js";

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
  const go = h("button", { type: "submit", class: "main" }, "Prepare for approval");
  const state = h("p", { class: "help", role: "status" });
  const check = () => {
    const names = changed();
    go.disabled = names.length === 0;
    fill(state, names.length === 0 ? "Nothing is changed yet." : `Changed: ${names.join(", ")}.`);
  };
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
    return [h("label", { for: area.id }, name), area];
  });
  const end = () => {
    draft = null;
    done();
  };
  const discard = h("button", { type: "button", onclick: () => discarded(end) }, "Discard");
  const form = h(
    "form",
    { method: "dialog", class: "card draft", "aria-label": `Change of the ${d.policy} policy` },
    h("h3", {}, `Change of the ${d.policy} policy`),
    h(
      "p",
      { class: "warning moved" },
      `The policy in force has changed since you began with ${short(d.base)}. Your text would take that change back: compare it with what is in force.`,
    ),
    fields,
    state,
    fault,
    h("div", { class: "buttons" }, discard, go),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (go.disabled) return;
    fill(fault);
    go.disabled = true;
    try {
      const documents = Object.fromEntries(changed().map((name) => [name, d.texts[name]]));
      await post("policies/prepare", { policy: d.policy, documents });
      end();
      tell("The change waits for a second administrator.");
      void shell.look();
    } catch (e) {
      fill(fault, wordsOf(e));
      fault.scrollIntoView({ block: "nearest" });
      go.disabled = false;
    }
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
