// A change of policy that waits: read the difference, then one button.

import { post, wordsOf } from "./api.js";
import { ask, tell } from "./dialog.js";
import { difference, summary } from "./difference.js";
import { fill, h, mark } from "./dom.js";
import { assertion } from "./keys.js";
import { facts, mayNot, time } from "./parts.js";

/** @typedef {import("./contract.js").Waiting} Waiting */
/** @typedef {{ node: HTMLElement, ended: () => void }} Card */

/**
 * @param {Waiting} w
 * @param {import("./app.js").Shell} shell
 * @returns {Card}
 */
export function waitingCard(w, shell) {
  const actions = h("div", { class: "actions" });
  const what = `Change of the ${w.policy} policy by ${w.by}`;
  const node = h(
    "section",
    { class: "card waiting", "aria-label": what, "data-digest": w.digest },
    h("h3", {}, mark("wait", what), h("span", { class: "dim" }, summary(w.diff))),
    facts(
      ["Prepared", time(w.at)],
      ["Prepared by key", w.by_key ? mark("good", "Yes") : "No"],
      ["In force now", h("code", {}, w.before)],
      ["After approval", h("code", {}, w.digest)],
    ),
    difference(w.diff, `Difference: ${what}`),
    actions,
  );
  draw(actions, w, shell);
  return {
    node,
    ended: () =>
      fill(actions, h("p", { class: "warning" }, "This change does not wait any longer.")),
  };
}

/**
 * @param {HTMLElement} actions
 * @param {Waiting} w
 * @param {import("./app.js").Shell} shell
 */
function draw(actions, w, shell) {
  if (!shell.me().may.policy) {
    fill(actions, mayNot("You may not approve changes; the entitlements decide that."));
    return;
  }
  const reject = h(
    "button",
    { type: "button", onclick: () => rejected(w, shell) },
    w.mine ? "Withdraw…" : "Reject…",
  );
  if (w.mine) {
    fill(
      actions,
      mark("wait", "You prepared this. It waits for the key of another administrator."),
      reject,
    );
    return;
  }
  const fault = h("p", { class: "fault", role: "alert" });
  const doing = h("span", { class: "doing", role: "status" });
  const approve = h("button", { type: "button", class: "main approve" }, "Approve with your key");
  approve.addEventListener("click", async () => {
    if (approve.disabled) return;
    const stopper = new AbortController();
    fill(fault);
    fill(doing, "Touch your security key. Your signature covers this change and nothing else.");
    approve.disabled = true;
    try {
      const { publicKey } = await post("policies/approve/start", { digest: w.digest });
      const credential = await assertion(publicKey, stopper.signal);
      await post("policies/approve/finish", { digest: w.digest, credential });
      tell(`The ${w.policy} policy that ${w.by} prepared is in force.`);
      void shell.look();
      document.querySelector("h1")?.focus();
    } catch (e) {
      fill(fault, wordsOf(e));
      approve.disabled = false;
      approve.focus();
    }
    fill(doing);
  });
  fill(actions, approve, reject, doing, fault);
}

/**
 * @param {Waiting} w
 * @param {import("./app.js").Shell} shell
 */
function rejected(w, shell) {
  ask({
    title: w.mine ? "Withdraw your change?" : `Reject the change by ${w.by}?`,
    words: "What is in force stays as it is. The change would have to be prepared again.",
    button: w.mine ? "Withdraw" : "Reject",
    danger: true,
    act: async () => {
      await post("policies/reject", { digest: w.digest });
      tell(w.mine ? "Your change was withdrawn." : `The change by ${w.by} was rejected.`);
      await shell.look();
    },
  });
}
