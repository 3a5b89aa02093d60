// Who is locked out, and the end of a lock.

import { get, post } from "./api.js";
import { ask, tell } from "./dialog.js";
import { h } from "./dom.js";
import { words } from "./format.js";
import { mayNot, time } from "./parts.js";
import { Table } from "./table.js";

/** @typedef {import("./contract.js").Lock} Lock */

/**
 * @param {import("./app.js").Shell} shell
 * @returns {import("./app.js").View}
 */
export function locksView(shell) {
  const may = shell.me().may.lock;
  const table = new Table({
    label: "People, networks and dealers that are locked out",
    thing: ["lock", "locks"],
    key: (/** @type {Lock} */ l) => `${l.kind} ${l.subject}`,
    name: (l) => l.subject,
    empty: "Nobody is locked out.",
    columns: [
      { title: "Who", width: "20%", cell: () => "" },
      { title: "Kind", width: "10%", cell: (l) => words(l.kind) },
      { title: "Why", width: "34%", cell: (l) => l.words },
      { title: "Since (UTC)", width: "13%", cell: (l) => time(l.since) },
      {
        title: "Until (UTC)",
        width: "13%",
        cell: (l) => (l.until ? time(l.until) : "Until lifted"),
      },
    ],
    action: {
      title: "Lift",
      width: "10%",
      label: () => (may ? "Lift…" : null),
      run: (l) => lift(l, shell),
    },
  });
  const node = h("div", { class: "stack" }, table.node);
  if (!may) node.prepend(mayNot("You may not lift locks; the entitlements decide that."));
  return {
    node,
    every: 4000,
    look: async (poll) => {
      const answer = await get("locks", { poll });
      table.update(answer.locks, answer.more);
    },
  };
}

/**
 * @param {Lock} l
 * @param {import("./app.js").Shell} shell
 */
function lift(l, shell) {
  ask({
    title: `Lift the lock of ${l.subject}?`,
    words: `Why it is locked: ${l.words}`,
    reason: "Reason, which the event keeps",
    button: "Lift lock",
    act: async (reason) => {
      await post("locks/lift", { kind: l.kind, subject: l.subject, reason });
      tell(`The lock of ${l.subject} was lifted.`);
      await shell.look();
    },
  });
}
