// Which strings of the code a person reads.
//
// In the place of a text (between tags, in a title, in a label) every string with a letter is one.
// Elsewhere only what looks like one: several words, or a word that begins with a capital.

import ts from "typescript";
import {
  bare,
  choiceOf,
  countedBy,
  hasLetters,
  isConcatenation,
  partsOf,
  words,
  written,
} from "./message.js";

/** The engraving of keys, and their names in events. */
const KEYS = new Set(
  (
    "Escape Enter Tab ArrowUp ArrowDown ArrowLeft ArrowRight Delete Home End PageUp PageDown " +
    "Ctrl Shift Alt AltGraph Esc Del Space PgUp PgDn"
  ).split(" "),
);

/** Selectors and style sheets. */
const CODE = /var\(--|:not\(|\[[a-z-]+[\]=]|^--|^\d*px\b|^\d+% \d/;

/** Calls whose strings are for the program. */
const PROGRAM = new Set(
  (
    "querySelector querySelectorAll closest matches getElementById matchMedia addEventListener " +
    "removeEventListener setProperty getContext Symbol Error RegExp execCommand listen keysOf t " +
    "Intl.DateTimeFormat Intl.NumberFormat getData getAttribute setAttribute"
  ).split(" "),
);

/** Properties that hold a text. */
const TEXT_PROPERTIES = new Set(
  "words text message cure not none one many title where label said what within".split(" "),
);

/** Calls that take the n-th argument as a text, though it is one word. */
const TEXT_ARGUMENTS = new Map([
  ["some", [1]],
  ["counted", [1, 2]],
]);

/** One word, or a unit, that a person reads; by the end of the file's path. */
const ALSO = {
  "desk/format.ts": ["0 s", "0 ms", "0 min"],
  "desk/banner.ts": ["0 s"],
  "insight/chart.ts": ["0 s", "0 ms"],
  "list/rows.ts": ["0 t"],
  "blotter/columns.ts": ["package"],
  "blotter/View.svelte": ["any"],
  "rfq/widths.ts": ["full"],
  "top/Risk.svelte": ["allowed", "refused"],
  "security/Security.svelte": ["TLS", "QUIC"],
};

export function looksLikeText(text) {
  if (!/\p{L}{2}/u.test(text) || KEYS.has(text) || CODE.test(text)) return false;
  if (/^\p{Lu}\p{Ll}+/u.test(text)) return true;
  return /\s/.test(text.trim()) && /(^|[\s(“])\p{L}{2,}/u.test(text);
}

const calleeOf = (node) =>
  ts.isPropertyAccessExpression(node.expression)
    ? node.expression.name.text
    : node.expression.getText();

const COMPARES = new Set([
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsEqualsToken,
  ts.SyntaxKind.EqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsToken,
  ts.SyntaxKind.InKeyword,
]);

/** A place where a string is never read by a person. */
function isForProgram(node) {
  const { parent } = node;
  if (!parent) return false;
  if (ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent)) return true;
  if (ts.isLiteralTypeNode(parent) || ts.isCaseClause(parent)) return true;
  if (ts.isElementAccessExpression(parent) && parent.argumentExpression === node) return true;
  if (ts.isPropertyAssignment(parent) && parent.name === node) return true;
  if (ts.isBinaryExpression(parent)) return COMPARES.has(parent.operatorToken.kind);
  if (ts.isCallExpression(parent) || ts.isNewExpression(parent))
    return PROGRAM.has(calleeOf(parent)) || parent.expression.kind === ts.SyntaxKind.ImportKeyword;
  return false;
}

/** `const X: Record<…, string> = { … }`: words for states. */
const isTableOfWords = (node) =>
  ts.isVariableDeclaration(node) &&
  node.type !== undefined &&
  /^(Partial<)?Record<[^<>]*, string>>?$/.test(node.type.getText());

/** A string here is a text, however short. */
function isTextPlace(node) {
  const { parent } = node;
  if (!parent) return false;
  if (ts.isPropertyAssignment(parent) && parent.initializer === node) {
    if (TEXT_PROPERTIES.has(parent.name.getText())) return true;
    return isTableOfWords(parent.parent.parent);
  }
  if (ts.isCallExpression(parent)) {
    const places = TEXT_ARGUMENTS.get(calleeOf(parent)) ?? [];
    return places.includes(parent.arguments.indexOf(node));
  }
  return false;
}

/** Whether this string, template or concatenation is read by a person. */
function isText(node, file) {
  const parts = partsOf(node);
  const text = written(parts);
  if (looksLikeText(text)) return true;
  const also = Object.entries(ALSO).find(([end]) => file.endsWith(end))?.[1] ?? [];
  if (also.includes(text.trim())) return true;
  // Words that a template chooses between: `${amount} ${fast ? "fast" : "slow"}`.
  return parts.length > 1 && /\s/.test(text) && parts.some((part) => choiceOf(part) !== null);
}

const isStringy = (node) =>
  ts.isStringLiteralLike(node) || ts.isTemplateExpression(node) || isConcatenation(node);

/**
 * Calls `take` for each outermost text below `root`, with its parts. `reads` says that `root` stands
 * where a person reads.
 */
export function eachText(root, file, reads, take) {
  const visit = (node, inText) => {
    if (ts.isTypeNode(node)) return;
    if (ts.isTaggedTemplateExpression(node)) return;
    if (isStringy(node)) {
      const text = inText || isTextPlace(node);
      if (text ? hasLetters(words(partsOf(node))) || hasChoice(node) : isText(node, file)) {
        if (!isForProgram(node) && !isKey(node)) return take(node, partsOf(node));
      }
    }
    if (ts.isConditionalExpression(node)) {
      const text = inText || isTextPlace(node);
      if (isPlural(node, text)) return take(node, [{ node }]);
      visit(node.condition, false);
      visit(node.whenTrue, text);
      visit(node.whenFalse, text);
      return;
    }
    if (ts.isParenthesizedExpression(node)) return visit(node.expression, inText);
    if (ts.isBinaryExpression(node) && isFallback(node)) {
      visit(node.left, inText && node.operatorToken.kind !== ts.SyntaxKind.AmpersandAmpersandToken);
      return visit(node.right, inText);
    }
    ts.forEachChild(node, (child) => visit(child, false));
  };
  visit(root, reads);
}

/** A choice between the text of one and that of more. */
function isPlural(node, inText) {
  const choice = choiceOf({ node });
  if (!choice || !countedBy(choice)) return false;
  return inText || [choice.yes, choice.no].some((parts) => looksLikeText(written(parts)));
}

const isKey = (node) => ts.isStringLiteralLike(node) && KEYS.has(node.text);

const hasChoice = (node) => partsOf(bare(node)).some((part) => choiceOf(part) !== null);

const isFallback = (node) =>
  [
    ts.SyntaxKind.QuestionQuestionToken,
    ts.SyntaxKind.BarBarToken,
    ts.SyntaxKind.AmpersandAmpersandToken,
  ].includes(node.operatorToken.kind);
