// Every text that the page itself says, in the language of the system.

import type { English, Key, Language, Message, NamesOf, Words } from "./catalogue";
import { choose } from "./choose";
import { en } from "./en";
import { isolated } from "./isolate";
import { pseudo } from "./pseudo";

type Value = string | number | null | undefined;
type Args<K extends Key> = [NamesOf<English<K>>] extends [never]
  ? []
  : [args: Record<NamesOf<English<K>>, Value>];

/** The formats of numbers and days where the texts are English. */
const ENGLISH = "en-GB";

const OTHERS = import.meta.glob<{ default: Language }>("./languages/*.ts", { eager: true });
const others = new Map(
  Object.entries(OTHERS).map(([file, { default: language }]) => [
    file.replace(/^.*\/|\.ts$/g, ""),
    language,
  ]),
);

/** On a development server `?pseudo` shows what does not come from the catalogue. */
const isPseudo =
  import.meta.env.DEV &&
  typeof location !== "undefined" &&
  new URLSearchParams(location.search).has("pseudo");

const wanted = typeof navigator === "undefined" ? [] : navigator.languages;
const tag = isPseudo ? null : choose([...others.keys()], wanted);
const language: Language = tag === null ? { words: en } : others.get(tag)!;

/** The tag of the language, for formats and for the document. */
export const locale = tag ?? ENGLISH;
/** The desk's own texts in this language, by code. */
export const sent = language.sent ?? {};

const words: Words = isPseudo ? pseudo(en) : language.words;
const plurals = new Intl.PluralRules(locale);

/** A text, taken apart at its braces: literal parts at even places, names at odd ones. */
const known = new Map<string, { message: Message; parts: Map<string, string[]> }>();

function look(key: string) {
  const [group, name] = key.split(".") as [keyof Words, never];
  const found = { message: words[group][name] as Message, parts: new Map<string, string[]>() };
  known.set(key, found);
  return found;
}

/** The number by which a text has its form. */
const countOf = (values: Record<string, Value>) =>
  Number(values.count ?? Object.values(values).find((value) => typeof value === "number"));

const filled = (value: Value) => (typeof value === "string" ? isolated(value) : (value ?? ""));

/**
 * The text of a key, with values for the names in braces. A value that is missing is left out. The
 * form of a plural goes by `count`, or else by the first number.
 */
export function t<K extends Key>(key: K, ...[args]: Args<K>): string {
  const { message, parts } = known.get(key) ?? look(key);
  if (typeof message === "string" && args === undefined) return message;
  const values: Record<string, Value> = args ?? {};
  const text =
    typeof message === "string"
      ? message
      : (message[plurals.select(countOf(values))] ?? message.other);
  let taken = parts.get(text);
  if (!taken) parts.set(text, (taken = text.split(/\{(\w+)\}/)));
  return taken.map((part, i) => (i % 2 === 0 ? part : filled(values[part]))).join("");
}
