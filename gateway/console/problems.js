// What on the status of the gateway needs a person, worst first. Pure.

import { count, full, rank } from "./format.js";

/** @typedef {{ severity: string, what: string, words: string }} Problem */
/** @typedef {import("./contract.js").Status} Status */

/**
 * @param {Status} s
 * @returns {Problem[]}
 */
export function problems(s) {
  /** @type {Problem[]} */
  const out = [];
  /** @type {(severity: string, what: string, words: string) => void} */
  const add = (severity, what, words) => void out.push({ severity, what, words });
  if (!s.trading) {
    add("critical", "Trading does not answer", "Desks cannot trade. Look at the gateway's log.");
  }
  if (s.disk_fault) add("critical", "Disk", s.disk_fault);
  if (s.journal.failing) {
    add("critical", "The journal cannot be written", "New business is refused. Look at the disk.");
  }
  if (s.evidence.failing) {
    add("critical", "The evidence cannot be written", "New business is refused. Look at the disk.");
  }
  if (s.registry?.stale) {
    const words = `Its last answer is ${count(Math.round(s.registry.age_s), "second")} old. New connections are refused.`;
    add("high", "The registry does not answer", words);
  }
  dealers(s, add);
  for (const fault of s.revocation_list_faults) add("high", "Revocation list", fault);
  for (const c of s.certificates.filter((c) => c.ends_soon)) {
    add("high", `Certificate ${c.what}`, `Ends ${full(c.until)}. Replace it.`);
  }
  return out.sort((a, b) => rank(b.severity) - rank(a.severity));
}

/**
 * @param {Status} s
 * @param {(severity: string, what: string, words: string) => void} add
 */
function dealers(s, add) {
  const off = s.dealers.filter((d) => !d.on).map((d) => d.dealer);
  if (off.length === 0) return;
  if (off.length === s.dealers.length) {
    add("critical", "No dealer is connected", "No RFQ can be answered.");
  } else {
    const what = `${count(off.length, "dealer")} of ${s.dealers.length} not connected`;
    add("medium", what, off.join(", "));
  }
}
