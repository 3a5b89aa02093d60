// A text as the catalogue has it: what is written, with a name in braces wherever the code puts a
// value, and one form for each plural.

import ts from "typescript";

/**
 * A part of a text: written, or the source of an expression.
 * @typedef {{ text: string } | { node: ts.Expression }} Part
 */

const LETTER = /\p{L}/u;

export const hasLetters = (text) => LETTER.test(text);

/** What is written in the parts, with "0" wherever a value stands. */
export const written = (parts) => parts.map((part) => part.text ?? "0").join("");

/** What is written in the parts, without the values. */
export const words = (parts) => parts.map((part) => part.text ?? "").join("");

/** Without brackets and type assertions around it. */
export function bare(node) {
  while (
    ts.isParenthesizedExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isNonNullExpression(node) ||
    ts.isSatisfiesExpression(node)
  )
    node = node.expression;
  return node;
}

const isPlus = (node) =>
  ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken;

/** Whether a concatenation has a string in it. */
export const isConcatenation = (node) =>
  isPlus(node) && [node.left, node.right].some((side) => isString(bare(side)));

const isString = (node) =>
  ts.isStringLiteralLike(node) || ts.isTemplateExpression(node) || isConcatenation(node);

/** The parts of a string, a template or a concatenation; of anything else the one expression. */
export function partsOf(expression) {
  const node = bare(expression);
  if (ts.isStringLiteralLike(node)) return node.text === "" ? [] : [{ text: node.text }];
  if (ts.isTemplateExpression(node)) {
    const spans = node.templateSpans.flatMap((span) => [
      ...partsOf(span.expression),
      ...(span.literal.text === "" ? [] : [{ text: span.literal.text }]),
    ]);
    return joined([...(node.head.text === "" ? [] : [{ text: node.head.text }]), ...spans]);
  }
  if (isConcatenation(node)) return joined([...partsOf(node.left), ...partsOf(node.right)]);
  return [{ node: expression }];
}

/** Neighbouring written parts become one. */
export function joined(parts) {
  const out = [];
  for (const part of parts) {
    const last = out.at(-1);
    if (part.text !== undefined && last?.text !== undefined)
      out[out.length - 1] = { text: last.text + part.text };
    else out.push(part);
  }
  return out;
}

/** A string, or a choice between strings. */
const isChosen = (node) =>
  isString(node) ||
  (ts.isConditionalExpression(node) &&
    [node.whenTrue, node.whenFalse].every((branch) => isChosen(bare(branch))));

/** A choice between two texts: its condition, and the parts of each; null for anything else. */
export function choiceOf(part) {
  const node = part.node && bare(part.node);
  if (!node || !ts.isConditionalExpression(node) || !isChosen(node)) return null;
  const [yes, no] = [node.whenTrue, node.whenFalse].map(partsOf);
  const speaks = (parts) => hasLetters(words(parts)) || parts.some((one) => choiceOf(one) !== null);
  return speaks(yes) || speaks(no) ? { test: node.condition, yes, no } : null;
}

/** What is counted, where the choice is between one and more; null for any other choice. */
export function countedBy(choice) {
  const test = bare(choice.test);
  const counts =
    ts.isBinaryExpression(test) &&
    test.operatorToken.kind === ts.SyntaxKind.EqualsEqualsEqualsToken &&
    ts.isNumericLiteral(test.right) &&
    test.right.text === "1";
  return counts ? test.left : null;
}

/** Functions whose name says nothing of the value. */
const SHAPE = new Set(["String", "Number", "number", "round", "floor", "ceil", "max", "min"]);
/** Functions that make a time of a number: its name is that of both. */
const TIMES = new Set(["date", "time", "exactly", "when"]);
/** Methods whose value has the name of what they are called on. */
const ON = new Set(["toLowerCase", "toUpperCase", "join", "slice", "trim", "toFixed"]);

const capital = (word) => word[0].toUpperCase() + word.slice(1);

/** A name for the value of an expression: its last word. */
function nameOf(expression) {
  const node = bare(expression);
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node))
    return node.name.text === "length" ? "count" : node.name.text.replace(/^#/, "");
  if (ts.isElementAccessExpression(node)) return nameOf(node.expression);
  if (ts.isCallExpression(node)) return nameOfCall(node);
  if (ts.isBinaryExpression(node)) return nameOf(node.left);
  if (ts.isTemplateExpression(node)) return nameOf(node.templateSpans[0].expression);
  if (ts.isConditionalExpression(node)) return nameOf(node.whenTrue);
  return "value";
}

function nameOfCall(node) {
  const callee = bare(node.expression);
  if (ts.isPropertyAccessExpression(callee) && ON.has(callee.name.text))
    return nameOf(callee.expression);
  const name = nameOf(callee);
  const last = node.arguments.at(-1);
  if (last && SHAPE.has(name)) return nameOf(last);
  if (last && TIMES.has(name) && ts.isPropertyAccessExpression(bare(last)))
    return nameOf(last).replace(/Ms$/, "") + (name === "when" ? "" : capital(name));
  // `nameOf(x)` is a name, `sumsWords(x)` are sums.
  return name.replace(/(Of|Words)$/, "") || name;
}

/** The names of the values of a text: equal expressions share one, others get a number. */
export class Names {
  /** By the source of the expression. */
  #known = new Map();

  /** Takes a name for an expression; `wanted` where it has to be that one. */
  of(node, source, wanted) {
    const known = this.#known.get(source);
    if (known) return known.name;
    const lower = wanted ?? nameOf(node);
    const first = /^[A-Z0-9_]+$/.test(lower)
      ? lower.toLowerCase().replace(/_(\w)/g, (_, letter) => letter.toUpperCase())
      : lower;
    let name = first;
    const taken = new Set([...this.#known.values()].map((one) => one.name));
    for (let n = 2; taken.has(name); n += 1) name = `${first}${n}`;
    this.#known.set(source, { name, node });
    return name;
  }

  get all() {
    return [...this.#known.values()];
  }
}
