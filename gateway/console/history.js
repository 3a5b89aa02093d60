// Every version of the policies: who, when, and what it changed.

import { get, query, wordsOf } from "./api.js";
import { difference, summary } from "./difference.js";
import { fill, h, mark } from "./dom.js";
import { short, words } from "./format.js";
import { facts, time } from "./parts.js";
import { Table } from "./table.js";

/** @typedef {import("./contract.js").Version} Version */

const STEPS = /** @type {Record<string, string>} */ ({
  approved: "good",
  loaded: "good",
  prepared: "wait",
  rejected: "off",
});

/** @param {Version} v */
const step = (v) => mark(STEPS[v.step] ?? "informational", words(v.step));

/** @returns {{ table: Table<Version>, look: (poll: boolean) => Promise<void> }} */
export function historyTable() {
  const table = new Table({
    label: "Versions of the policies, newest first",
    thing: ["version", "versions"],
    key: (/** @type {Version} */ v) => `${v.at} ${v.step} ${v.digest}`,
    name: (v) => short(v.digest),
    empty: "No version was kept yet.",
    hint: "Select a version to see what it changed.",
    columns: [
      { title: "Version", width: "26%", cell: () => "" },
      { title: "Step", width: "22%", cell: step },
      { title: "Policy", width: "19%", cell: (v) => v.policy },
      { title: "By", width: "15%", cell: (v) => v.by },
      { title: "At (UTC)", width: "18%", cell: (v) => time(v.at) },
    ],
    detail,
  });
  table.node.classList.add("history");
  return {
    table,
    look: async (poll) => {
      const answer = await get("policies/history", { poll });
      table.update(answer.versions, answer.more);
    },
  };
}

/** @param {{ credential_id: string } | null | undefined} signed */
const key = (signed) => (signed ? h("code", {}, `key ${signed.credential_id}`) : "No key");

/** @param {Version} v */
function detail(v) {
  const text = h("div", {}, h("p", { class: "hint" }, "Asking the gateway…"));
  get(query("policies/version", { digest: v.digest }))
    .then(({ documents, diff }) => {
      fill(
        text,
        h("p", { class: "dim" }, summary(diff)),
        difference(diff, `What version ${short(v.digest)} changed`),
        ...Object.entries(documents).map(([name, document]) =>
          h(
            "details",
            {},
            h("summary", {}, `Read ${name}`),
            h("pre", { tabIndex: 0, role: "region", "aria-label": name }, document),
          ),
        ),
      );
    })
    .catch((e) => fill(text, h("p", { class: "fault", role: "alert" }, wordsOf(e))));
  return h(
    "div",
    {},
    h("h3", {}, step(v), ` ${v.policy}`),
    facts(
      ["By", v.by],
      ["Prepared by", v.prepared_by ?? "–"],
      ["Prepared with", key(v.preparation)],
      ["Approved with", key(v.approval)],
      ["At", time(v.at)],
      ["Digest", h("code", {}, v.digest)],
      ["Before", h("code", {}, v.before ?? "–")],
    ),
    text,
  );
}
