// Reads and writes the catalogue: `src/language/en.ts`, one object of groups, each of which has its
// texts by key. What stands beside a text (a comment for translators) stays with it.

import ts from "typescript";

/** The key is made of so many characters of the text. */
const KEY_MAX = 30;

export class Catalogue {
  /** Group to key to { message, source }. */
  #groups = new Map();
  #head = "";
  #tail = "";

  constructor(source) {
    const file = ts.createSourceFile("en.ts", source, ts.ScriptTarget.Latest, true);
    const object = objectIn(file);
    this.#head = source.slice(0, object.getStart());
    this.#tail = source.slice(object.getEnd());
    for (const group of object.properties) {
      const texts = new Map();
      for (const one of group.initializer.properties)
        texts.set(nameOf(one), { message: messageOf(one.initializer), source: one.getFullText() });
      this.#groups.set(nameOf(group), texts);
    }
  }

  /** The keys that there are, with the group in front. */
  get keys() {
    return [...this.#groups].flatMap(([group, texts]) =>
      [...texts.keys()].map((key) => `${group}.${key}`),
    );
  }

  /** The key of a message in a group; a new one if the group does not have the message. */
  add(group, message) {
    const texts = this.#groups.get(group) ?? new Map();
    this.#groups.set(group, texts);
    const same = JSON.stringify(message);
    for (const [key, one] of texts)
      if (JSON.stringify(one.message) === same) return `${group}.${key}`;
    const key = free(texts, message);
    texts.set(key, { message, source: `\n    ${key}: ${written(message)}` });
    return `${group}.${key}`;
  }

  drop(key) {
    const [group, name] = key.split(".");
    this.#groups.get(group)?.delete(name);
  }

  /** The file, with groups and keys in the order of the alphabet. */
  toString() {
    const groups = [...this.#groups]
      .filter(([, texts]) => texts.size > 0)
      .sort(byName)
      .map(([group, texts]) => {
        const lines = [...texts].sort(byName).map(([, { source }]) => `${source},`);
        return `  ${group}: {${lines.join("")}\n  }`;
      });
    return `${this.#head}{\n${groups.join(",\n")},\n}${this.#tail}`;
  }
}

const byName = ([a], [b]) => (a < b ? -1 : a > b ? 1 : 0);

function objectIn(file) {
  for (const statement of file.statements)
    if (ts.isVariableStatement(statement)) {
      const { initializer } = statement.declarationList.declarations[0];
      return ts.isAsExpression(initializer) ? initializer.expression : initializer;
    }
  throw new Error("en.ts has no object of texts");
}

const nameOf = (property) => property.name.text;

const messageOf = (node) =>
  ts.isStringLiteralLike(node)
    ? node.text
    : Object.fromEntries(node.properties.map((one) => [nameOf(one), messageOf(one.initializer)]));

/** As source code. A space that does not break would not be seen. */
const quoted = (text) => JSON.stringify(text).replaceAll("\u00a0", "\\u00a0");

const written = (message) =>
  typeof message === "string"
    ? quoted(message)
    : `{ ${Object.entries(message)
        .map(([form, text]) => `${form}: ${quoted(text)}`)
        .join(", ")} }`;

/** A key in the words of the message that the group does not have yet. */
function free(texts, message) {
  const text = typeof message === "string" ? message : message.other;
  const wordsOf = (from) => from.match(/\p{L}+(?:['’]\p{L}+)*|\p{N}+/gu) ?? [];
  const plain = wordsOf(text.replace(/\{\w+\}/g, " "));
  const all = plain.length >= 2 ? plain : wordsOf(text);
  const key = camel(all);
  if (!texts.has(key)) return key;
  const others = [camel(wordsOf(text))];
  if (/^\p{Ll}/u.test(text)) others.push(`${key}Within`);
  if (text.endsWith("…")) others.push(`${key}More`);
  for (const other of others) if (!texts.has(other)) return other;
  for (let n = 2; ; n += 1) if (!texts.has(`${key}${n}`)) return `${key}${n}`;
}

function camel(words) {
  let key = "";
  for (const word of words) {
    const plain = word.replace(/['’]/g, "").normalize("NFD").replace(/[^\w]/g, "");
    if (plain === "") continue;
    const calm = /^[A-Z0-9]+$/.test(plain) ? plain.toLowerCase() : plain;
    const first = key === "" ? calm[0].toLowerCase() : calm[0].toUpperCase();
    const next = first + calm.slice(1);
    if (key !== "" && key.length + next.length > KEY_MAX) break;
    key += next;
  }
  return /^[a-z]/.test(key) ? key : `n${key}`;
}
