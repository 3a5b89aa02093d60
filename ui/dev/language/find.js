// Finds the texts in a file that do not come from the catalogue, and says how to take them from it.

import { parse } from "svelte/compiler";
import ts from "typescript";
import { eachText, looksLikeText } from "./literals.js";
import { Names, choiceOf, countedBy, hasLetters, joined, partsOf, words } from "./message.js";

/** Attributes of elements that are read, or read aloud. */
const READ =
  /^(title|placeholder|alt|label|aria-(label|description|placeholder|roledescription|valuetext))$/;
/** Elements whose text is no words: the engraving of keys. */
const NO_WORDS = new Set(["kbd", "style", "script"]);
/** A text with more choices than this stays in parts, or there would be too many whole texts. */
const CHOICES_MAX = 2;
/** White space that HTML takes for one space. */
const SPACES = /[ \t\r\n]+/g;

/**
 * A text that was found. `start` and `end` are offsets in the file, `text` is what replaces it.
 * @typedef {{ start: number, end: number, text: string, words: string }} Edit
 */

/**
 * The edits for a file. `add` takes a message (a string, or its forms by plural) and answers its
 * key.
 * @returns {Edit[]}
 */
export function find(file, source, add) {
  const context = { file, source, add, edits: [] };
  if (!file.endsWith(".svelte")) inScript(context, source, 0, false);
  else {
    const root = parse(source, { modern: true, filename: file });
    for (const script of [root.module, root.instance])
      if (script) inScript(context, slice(context, script.content), script.content.start, false);
    inFragment(context, root.fragment, false);
  }
  return context.edits.sort((a, b) => a.start - b.start);
}

const slice = ({ source }, { start, end }) => source.slice(start, end);

/** Parses code that stands at `at` in the file. */
const parsed = (code) =>
  ts.createSourceFile("code.ts", code, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);

function inScript(context, code, at, reads) {
  const root = parsed(code);
  eachText(root, context.file, reads, (node, parts) => {
    const start = at + node.getStart();
    const text = replacement(context, parts, (one) => codeOf(context, one));
    context.edits.push({ start, end: at + node.getEnd(), text, words: words(parts) });
  });
}

/** An expression between braces, of the Svelte tree. */
function inExpression(context, node, reads) {
  if (!node) return;
  const at = node.start - 1;
  const root = parsed(`(${slice(context, node)})`);
  const [statement] = root.statements;
  if (!statement || !ts.isExpressionStatement(statement)) return;
  eachText(statement.expression, context.file, reads, (found, parts) => {
    const text = replacement(context, parts, (one) => codeOf(context, one));
    const start = at + found.getStart();
    context.edits.push({ start, end: at + found.getEnd(), text, words: words(parts) });
  });
}

/** The source of an expression, with the texts in it replaced. */
function codeOf(context, node) {
  const whole = node.getSourceFile().text;
  const start = node.getStart();
  let code = "";
  let from = start;
  eachText(node, context.file, true, (found, parts) => {
    code += whole.slice(from, found.getStart());
    code += replacement(context, parts, (one) => codeOf(context, one));
    from = found.getEnd();
  });
  return code + whole.slice(from, node.getEnd());
}

/** The code that stands in place of a text: a call, or a choice of calls. */
function replacement(context, parts, code, choices = 0) {
  const at = parts.findIndex((part) => {
    const choice = choiceOf(part);
    return choice !== null && countedBy(choice) === null;
  });
  if (at >= 0 && choices < CHOICES_MAX) {
    const choice = choiceOf(parts[at]);
    const branch = (with_) =>
      replacement(
        context,
        joined([...parts.slice(0, at), ...with_, ...parts.slice(at + 1)]),
        code,
        choices + 1,
      );
    return `${code(choice.test)} ? ${branch(choice.yes)} : ${branch(choice.no)}`;
  }
  const counted = parts.map((part) => choiceOf(part)).find((choice) => choice && countedBy(choice));
  if (counted) return pluralCall(context, parts, counted, code);
  if (!hasLetters(words(parts))) return plainCode(parts, code);
  const names = new Names();
  return call(context, textOf(parts, names, code), names, code);
}

/** No words are left: the value itself, or a template. */
function plainCode(parts, code) {
  if (parts.every((part) => part.text !== undefined)) return JSON.stringify(words(parts));
  if (parts.length === 1) return code(parts[0].node);
  const inside = parts.map((part) =>
    part.text !== undefined
      ? part.text.replace(/[`\\]|\$(?=\{)/g, "\\$&")
      : `\${${code(part.node)}}`,
  );
  return `\`${inside.join("")}\``;
}

function pluralCall(context, parts, counted, code) {
  const count = countedBy(counted);
  const source = code(count);
  const names = new Names();
  names.of(count, source, "count");
  const form = (pick) =>
    joined(
      parts.flatMap((part) => {
        const choice = choiceOf(part);
        const by = choice && countedBy(choice);
        return by && code(by) === source ? choice[pick] : [part];
      }),
    );
  const [one, other] = [form("yes"), form("no")].map((parts) => textOf(parts, names, code));
  return call(context, { one, other }, names, code);
}

const textOf = (parts, names, code) =>
  parts.map((part) => part.text ?? `{${names.of(part.node, code(part.node))}}`).join("");

function call({ add }, message, names, code) {
  const args = names.all.map(({ name, node }) => {
    const value = code(node);
    return value === name ? name : `${name}: ${value}`;
  });
  const key = JSON.stringify(add(message));
  return args.length === 0 ? `t(${key})` : `t(${key}, { ${args.join(", ")} })`;
}

// ---- the template of a component

function inFragment(context, fragment, silent) {
  let run = [];
  for (const node of [...fragment.nodes, null]) {
    if (node?.type === "Text" || node?.type === "ExpressionTag") run.push(node);
    else {
      if (run.length > 0) inRun(context, run, silent);
      run = [];
      if (node) inNode(context, node);
    }
  }
}

/** Text and expressions side by side: what a person reads as one. */
function inRun(context, whole, silent) {
  const run = withoutSigns(context, whole);
  const written = run.filter((node) => node.type === "Text");
  const spoken = !silent && written.some((node) => hasLetters(node.data));
  const chooses =
    !silent &&
    run.length > 1 &&
    run.some((node) => node.type === "ExpressionTag" && expressionPart(context, node)?.choice);
  if (!spoken && !chooses) {
    for (const node of run)
      if (node.type === "ExpressionTag") inExpression(context, node.expression, !silent);
    return;
  }
  const [first, last] = [run[0], run.at(-1)];
  const start = first.start + (first.type === "Text" ? edge(first.raw, /^[ \t\r\n]*/) : 0);
  const end = last.end - (last.type === "Text" ? edge(last.raw, /[ \t\r\n]*$/) : 0);
  const parts = run.flatMap((node) =>
    node.type === "Text"
      ? [{ text: node.data.replace(SPACES, " ") }]
      : expressionPart(context, node).parts,
  );
  trim(parts);
  const text = replacement(context, joined(parts), (one) => codeOf(context, one));
  context.edits.push({ start, end, text: `{${text}}`, words: words(parts) });
}

/** Without a sign (`▸`, or another one) at either end that an expression chooses. */
function withoutSigns(context, run) {
  const isSign = (node) => node?.type === "ExpressionTag" && isSigns(context, node.expression);
  const isSpace = (node) => node?.type === "Text" && /^[ \t\r\n]*$/.test(node.data);
  const out = [...run];
  while (isSign(out[0]) || (isSpace(out[0]) && isSign(out[1]))) out.shift();
  while (isSign(out.at(-1)) || (isSpace(out.at(-1)) && isSign(out.at(-2)))) out.pop();
  return out;
}

/** A choice between strings that have no letter. */
function isSigns(context, node) {
  if (node.type !== "ConditionalExpression") return false;
  const literals = [node.consequent, node.alternate];
  return literals.every((one) => one.type === "Literal" && !hasLetters(String(one.value)));
}

const edge = (raw, pattern) => raw.match(pattern)[0].length;

/** Takes the white space at both ends away; it stays in the template. */
function trim(parts) {
  if (parts[0]?.text !== undefined) parts[0].text = parts[0].text.replace(/^[ \t\r\n]+/, "");
  const last = parts.at(-1);
  if (last?.text !== undefined) last.text = last.text.replace(/[ \t\r\n]+$/, "");
}

function expressionPart(context, tag) {
  const root = parsed(`(${slice(context, tag.expression)})`);
  const [statement] = root.statements;
  const node = statement.expression.expression ?? statement.expression;
  const parts = partsOf(node);
  return { parts, choice: parts.some((part) => choiceOf(part) !== null) };
}

function inNode(context, node) {
  for (const attribute of node.attributes ?? []) inAttribute(context, node, attribute);
  switch (node.type) {
    case "IfBlock":
      inExpression(context, node.test, false);
      break;
    case "EachBlock":
    case "KeyBlock":
    case "AwaitBlock":
      inExpression(context, node.expression, false);
      break;
    case "RenderTag":
      inExpression(context, node.expression, false);
      break;
    case "ConstTag":
      inScript(context, slice(context, node.declaration), node.declaration.start, false);
      break;
  }
  const silent = NO_WORDS.has(node.name);
  for (const part of ["fragment", "body", "consequent", "alternate", "fallback", "pending", "then"])
    if (node[part]?.nodes) inFragment(context, node[part], silent);
}

function inAttribute(context, element, attribute) {
  if (attribute.type === "SpreadAttribute" || attribute.type === "AttachTag")
    return inExpression(context, attribute.expression, false);
  if (attribute.type !== "Attribute") return;
  const { name, value } = attribute;
  if (
    value === true ||
    /^(class|style|id|for|data-.*|aria-(describedby|labelledby|controls|activedescendant))$/.test(
      name,
    )
  )
    return;
  const read = READ.test(name);
  if (!Array.isArray(value)) return inExpression(context, value.expression, read);
  const parts = joined(
    value.flatMap((part) =>
      part.type === "Text" ? [{ text: part.data }] : expressionPart(context, part).parts,
    ),
  );
  const text = words(parts);
  const isComponent = element.type === "Component";
  if (!(read && hasLetters(text)) && !(isComponent && looksLikeText(text))) {
    for (const part of value)
      if (part.type === "ExpressionTag") inExpression(context, part.expression, read);
    return;
  }
  const code = replacement(context, parts, (one) => codeOf(context, one));
  context.edits.push({
    start: attribute.start,
    end: attribute.end,
    text: `${name}={${code}}`,
    words: text,
  });
}
