// What the list's panel decides about what it draws. It decides nothing about a request.

import type { HiddenRows, ListField, ListRow, ListState, ListSummary, Problem } from "../bindings";
import type { Shape, Tone } from "../parts/mark";

/** The columns that are typed, in their order, with their names. */
export const COLUMNS: [ListField, string][] = [
  ["side", "Side"],
  ["instrument", "Instrument"],
  ["quantity", "Quantity"],
  ["settlement", "Settles"],
  ["dealers", "Dealers"],
  ["limit", "Limit"],
  ["note", "Note"],
  ["priceType", "Type"],
];

type Label = { text: string; shape: Shape; tone: Tone };

const STATE: Record<ListState, Label> = {
  draft: { text: "Ready", shape: "ring", tone: "plain" },
  pending: { text: "Waiting", shape: "wait", tone: "plain" },
  sending: { text: "Sent", shape: "half", tone: "plain" },
  open: { text: "Open", shape: "dot", tone: "plain" },
  quoted: { text: "Quoted", shape: "dot", tone: "good" },
  taking: { text: "Accept sent", shape: "half", tone: "warn" },
  done: { text: "Done", shape: "tick", tone: "good" },
  refused: { text: "Refused", shape: "cross", tone: "bad" },
  expired: { text: "Expired", shape: "ring", tone: "warn" },
  ended: { text: "Ended", shape: "ring", tone: "plain" },
  stopped: { text: "Not sent", shape: "ring", tone: "warn" },
  unknown: { text: "Not known", shape: "question", tone: "warn" },
};

export const labelOf = (row: ListRow): Label =>
  row.state === "draft" && row.problems.length > 0
    ? { text: "Correct it", shape: "cross", tone: "bad" }
    : STATE[row.state];

/** Its cells are fields. */
export const mayEdit = (row: ListRow) => row.state === "draft";
/** It can be made a draft again. */
export const mayAgain = (row: ListRow) =>
  ["refused", "expired", "ended", "stopped", "unknown"].includes(row.state);
export const mayRemove = (row: ListRow) =>
  !["pending", "sending", "open", "quoted", "taking"].includes(row.state);

export const problemAt = (row: ListRow, field: ListField): Problem | null =>
  row.problems.find((one) => one.field === field)?.problem ?? null;

/** What is said under a row: what is wrong, else what happened, else what to look at. */
export function wordsOf(row: ListRow): { text: string; bad: boolean } {
  const [first] = row.problems;
  const more = row.problems.length - 1;
  if (row.state === "draft" && first)
    return {
      text: `${first.problem.message} ${first.problem.cure}${more > 0 ? ` And ${more} more.` : ""}`,
      bad: true,
    };
  return { text: row.text || row.warning || row.symbol, bad: false };
}

/** Who makes the best price: one name, and how many others make it too. */
export function dealerOf(row: ListRow): string {
  const [first = "", ...others] = row.dealer?.split(", ") ?? [];
  return others.length > 0 ? `${first}, ${others.length} more` : first;
}

/** How far the price is from the limit. */
export const awayOf = (row: ListRow) =>
  row.away === null ? "" : row.away === "0" ? "at it" : `${row.away} t`;

const some = (count: number, words: string) => (count > 0 ? [`${count} ${words}`] : []);

/** The list in words: what is to be done first, then what came of it. */
export const figures = (list: ListSummary): string =>
  [
    ...some(list.wrong, "to correct"),
    ...some(list.ready, "ready"),
    ...some(list.pending, "waiting"),
    ...some(list.open, "open"),
    ...some(list.quoted, "quoted"),
    ...some(list.within, "within their limit"),
    ...some(list.done, "done"),
    ...some(list.without, "without a trade"),
    ...some(list.unknown, "not known"),
  ].join(" · ");

/** What a cell shows where nothing is typed: what it means. */
export const usualOf = (row: ListRow, field: ListField): string =>
  field === "priceType" ? (row.priceType ?? "") : "";

/** How many rows the present sending has. */
export const ofAll = (list: ListSummary) => list.sent + list.pending;

/** A file that is larger is not read. */
export const FILE_MAX = 1_048_576;

export const tooLarge: Problem = {
  code: "list.too_long",
  message: "The file is larger than one megabyte.",
  cure: "Copy the rows of this list, and paste them.",
  field: null,
};

export const otherWorkbook: Problem = {
  code: "list.workbook",
  message: "Of workbooks only .xlsx is read.",
  cure: "Save it as .xlsx or CSV, or copy its rows and paste them here.",
  field: null,
};

/** What became of the hidden rows of a workbook; nothing where there are none. */
export const hiddenWords = (hidden: number, choice: HiddenRows | null): string =>
  hidden === 0
    ? ""
    : `${hidden} hidden ${hidden === 1 ? "row was" : "rows were"} ${choice === "in" ? "taken too" : "left out"}.`;

/** The list is not sent while what was typed last is not in it. */
export const editNotTaken = (why: Problem): Problem => ({
  ...why,
  message: `The last cell that you typed was not taken: ${why.message} Nothing was sent.`,
});

export const isWorkbook = (name: string) => /\.xlsx$/i.test(name);
export const isOther = (name: string) => /\.(xls|xlsm|xlsb|ods|numbers)$/i.test(name);

/** Bytes that are turned into characters at once. */
const PART = 8_192;

/** A file as the desk takes it. */
export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += PART)
    text += String.fromCharCode(...bytes.subarray(at, at + PART));
  return btoa(text);
}
