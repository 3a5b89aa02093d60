// What the list's panel decides about what it draws. It decides nothing about a request.

import type { HiddenRows, ListField, ListRow, ListState, ListSummary, Problem } from "../bindings";
import { NUMBER } from "../desk/words";
import type { Shape, Tone } from "../parts/mark";
import { t } from "../language/t";

/** The columns that are typed, in their order, with their names. */
export const COLUMNS: [ListField, string][] = [
  ["side", t("list.side")],
  ["instrument", t("list.instrument")],
  ["quantity", t("list.quantity")],
  ["settlement", t("list.settles")],
  ["dealers", t("list.dealers")],
  ["limit", t("list.limit")],
  ["note", t("list.note")],
  ["priceType", t("list.type")],
  ["least", t("list.atLeast")],
];

type Label = { text: string; shape: Shape; tone: Tone };

const STATE: Record<ListState, Label> = {
  draft: { text: t("list.ready"), shape: "ring", tone: "plain" },
  pending: { text: t("list.waiting"), shape: "wait", tone: "plain" },
  sending: { text: t("list.sent"), shape: "half", tone: "plain" },
  open: { text: t("list.open"), shape: "dot", tone: "plain" },
  quoted: { text: t("list.quoted"), shape: "dot", tone: "good" },
  taking: { text: t("list.acceptSent"), shape: "half", tone: "warn" },
  done: { text: t("list.done"), shape: "tick", tone: "good" },
  refused: { text: t("list.refused"), shape: "cross", tone: "bad" },
  expired: { text: t("list.expired"), shape: "ring", tone: "warn" },
  ended: { text: t("list.ended"), shape: "ring", tone: "plain" },
  stopped: { text: t("list.notSent"), shape: "ring", tone: "warn" },
  unknown: { text: t("list.notKnown"), shape: "question", tone: "warn" },
};

export const labelOf = (row: ListRow): Label =>
  row.state === "draft" && row.problems.length > 0
    ? { text: t("list.correctIt"), shape: "cross", tone: "bad" }
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
      text:
        more > 0
          ? t("list.andMore", { message: first.problem.message, cure: first.problem.cure, more })
          : `${first.problem.message} ${first.problem.cure}`,
      bad: true,
    };
  return { text: row.text || row.warning || row.symbol, bad: false };
}

/** Who makes the best price: one name, and how many others make it too. */
export function dealerOf(row: ListRow): string {
  const [first = "", ...others] = row.dealer?.split(", ") ?? [];
  return others.length > 0 ? t("list.firstCountMore", { first, count: others.length }) : first;
}

/** How far the price is from the limit. */
export const awayOf = (row: ListRow) =>
  row.away === null ? "" : row.away === "0" ? t("list.atIt") : t("list.awayT", { away: row.away });

const some = (count: number, words: string) => (count > 0 ? [words] : []);

/** The list in words: what is to be done first, then what came of it. */
export const figures = (list: ListSummary): string =>
  [
    ...some(list.wrong, t("list.toCorrect", { wrong: list.wrong })),
    ...some(list.ready, t("list.readyReady", { ready: list.ready })),
    ...some(list.pending, t("list.pendingWaiting", { pending: list.pending })),
    ...some(list.open, t("list.openOpen", { open: list.open })),
    ...some(list.quoted, t("list.quotedQuoted", { quoted: list.quoted })),
    ...some(list.within, t("list.withinTheirLimit", { within: list.within })),
    ...some(list.done, t("list.doneDone", { done: list.done })),
    ...some(list.without, t("list.withoutATrade", { without: list.without })),
    ...some(list.unknown, t("list.unknownNotKnown", { unknown: list.unknown })),
  ].join(" · ");

/** What a cell shows where nothing is typed: what it means. */
export const usualOf = (row: ListRow, field: ListField): string =>
  field === "priceType" && row.priceType !== null ? NUMBER[row.priceType] : "";

/** How many rows the present sending has. */
export const ofAll = (list: ListSummary) => list.sent + list.pending;

/** A file that is larger is not read. */
export const FILE_MAX = 1_048_576;

export const tooLarge: Problem = {
  code: "list.too_long",
  message: t("list.theFileIsLargerThanOneMegabyte"),
  cure: t("list.copyTheRowsOfThisListAndPaste"),
  field: null,
};

export const otherWorkbook: Problem = {
  code: "list.workbook",
  message: t("list.ofWorkbooksOnlyXlsxIsRead"),
  cure: t("list.saveItAsXlsxOrCsvOrCopyItsRows"),
  field: null,
};

/** A folder, say, or a file that is gone. */
export const unreadable: Problem = {
  code: "list.file",
  message: t("list.thisComputerCouldNotReadTheFile"),
  cure: t("list.chooseAFileThatIsThereNotAFolder"),
  field: null,
};

export const severalFiles: Problem = {
  code: "list.file",
  message: t("list.severalFilesWereDroppedNothing"),
  cure: t("list.dropOneFileAtATime"),
  field: null,
};

/** Its letters could be read as others. */
export const otherLetters: Problem = {
  code: "list.file",
  message: t("list.theFilesCharactersAreNotUtf8"),
  cure: t("list.saveItAsCsvUtf8OrAsXlsxOrCopy"),
  field: null,
};

/** What became of the hidden rows of a workbook; nothing where there are none. */
export const hiddenWords = (hidden: number, choice: HiddenRows | null): string =>
  hidden === 0
    ? ""
    : choice === "in"
      ? t("list.hiddenRowsWereTakenToo", { count: hidden })
      : t("list.hiddenRowsWereLeftOut", { count: hidden });

/** The list is not sent while what was typed last is not in it. */
export const editNotTaken = (why: Problem): Problem => ({
  ...why,
  message: t("list.aCellThatYouTypedWasNotTaken", { message: why.message }),
});

export const isWorkbook = (name: string) => /\.xlsx$/i.test(name);
export const isOther = (name: string) => /\.(xls|xlsm|xlsb|ods|numbers)$/i.test(name);

/**
 * The text of a file, in UTF-8 or in what a spreadsheet calls Unicode text (UTF-16). Null where it
 * is in neither: which letters it has is not known.
 */
export function textOf(bytes: Uint8Array): string | null {
  const [first, second] = bytes;
  const wide =
    first === 0xff && second === 0xfe
      ? "utf-16le"
      : first === 0xfe && second === 0xff
        ? "utf-16be"
        : null;
  try {
    return new TextDecoder(wide ?? "utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Bytes that are turned into characters at once. */
const PART = 8_192;

/** A file as the desk takes it. */
export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += PART)
    text += String.fromCharCode(...bytes.subarray(at, at + PART));
  return btoa(text);
}
