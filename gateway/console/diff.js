// Reads a unified difference. Pure.

/**
 * @typedef {{ kind: "file" | "hunk" | "add" | "del" | "same" | "note",
 *   before: number | null, after: number | null, text: string }} Line
 */

/**
 * The lines of a unified difference. Within a hunk its header's counts decide, so that a removed
 * line `-- x` is not taken for the header of a file.
 *
 * @param {string} text
 * @returns {Line[]}
 */
export function lines(text) {
  /** @type {Line[]} */
  const out = [];
  let [before, after, leftBefore, leftAfter] = [0, 0, 0, 0];
  const all = text.split("\n");
  if (all.at(-1) === "") all.pop();
  for (const raw of all) {
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(raw);
    const inside = leftBefore > 0 || leftAfter > 0;
    const rest = raw.slice(1);
    if (inside && raw.startsWith("-")) {
      out.push({ kind: "del", before: before++, after: null, text: rest });
      leftBefore -= 1;
    } else if (inside && raw.startsWith("+")) {
      out.push({ kind: "add", before: null, after: after++, text: rest });
      leftAfter -= 1;
    } else if (inside && (raw.startsWith(" ") || raw === "")) {
      out.push({ kind: "same", before: before++, after: after++, text: rest });
      leftBefore -= 1;
      leftAfter -= 1;
    } else if (hunk) {
      before = Number(hunk[1]);
      after = Number(hunk[3]);
      leftBefore = Number(hunk[2] ?? 1);
      leftAfter = Number(hunk[4] ?? 1);
      out.push({ kind: "hunk", before: null, after: null, text: raw });
    } else if (raw.startsWith("--- ") || raw.startsWith("+++ ")) {
      out.push({ kind: "file", before: null, after: null, text: raw });
    } else {
      out.push({ kind: "note", before: null, after: null, text: raw });
    }
  }
  return out;
}

/** @param {Line[]} all */
export function totals(all) {
  return {
    added: all.filter((l) => l.kind === "add").length,
    removed: all.filter((l) => l.kind === "del").length,
  };
}

/**
 * What a reader would not see or would see in the wrong place: controls, marks of direction,
 * characters without width, spaces that are not the usual one. They could hide what is approved.
 */
const HIDDEN = /(?![\t\n ])[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * A line in parts; hidden characters by their number.
 *
 * @param {string} text
 * @returns {{ text: string, hidden: boolean }[]}
 */
export function visible(text) {
  /** @type {{ text: string, hidden: boolean }[]} */
  const out = [];
  let from = 0;
  for (const found of text.matchAll(HIDDEN)) {
    if (found.index > from) out.push({ text: text.slice(from, found.index), hidden: false });
    const code = /** @type {number} */ (found[0].codePointAt(0)).toString(16).toUpperCase();
    out.push({ text: `U+${code.padStart(4, "0")}`, hidden: true });
    from = found.index + found[0].length;
  }
  if (from < text.length) out.push({ text: text.slice(from), hidden: false });
  return out;
}
