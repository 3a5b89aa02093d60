// A language that nobody speaks, for the development server and for tests: each text of the
// catalogue is marked and made longer, so that what does not come from there, and what has no room,
// is seen.

import type { Forms, Message, Words } from "./catalogue";

/** Around a text, and around each value in it. */
export const MARKS = { text: ["⟦", "⟧"], value: ["⟨", "⟩"] } as const;

const ACCENTS = new Map(["aá", "eé", "ií", "oó", "uú", "AÁ", "EÉ", "IÍ", "OÓ", "UÚ"].map(pair));

function pair(both: string): [string, string] {
  return [both[0]!, both[1]!];
}

function marked(text: string): string {
  const parts = text.split(/(\{\w+\})/);
  const inside = parts.map((part, i) =>
    i % 2 === 0
      ? [...part].map((letter) => ACCENTS.get(letter) ?? letter).join("")
      : `${MARKS.value[0]}${part}${MARKS.value[1]}`,
  );
  return `${MARKS.text[0]}${inside.join("")}${MARKS.text[1]}`;
}

const both = (message: Message): Message =>
  typeof message === "string"
    ? marked(message)
    : (Object.fromEntries(
        Object.entries(message).map(([form, text]) => [form, marked(text)]),
      ) as Forms);

type Plain = Record<string, Record<string, Message>>;

const each = <A, B>(record: Record<string, A>, to: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value)]));

/** The catalogue in that language. */
export const pseudo = (words: Words): Words =>
  each(words as Plain, (texts) => each(texts, both)) as Words;
