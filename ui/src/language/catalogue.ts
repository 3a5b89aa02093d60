// What a catalogue of texts looks like.

import type { en } from "./en";

type En = typeof en;
type Group = keyof En;

/** A text by plural, as `Intl.PluralRules` names the forms; `{count}` is the number it goes by. */
export type Forms = { readonly [form in Intl.LDMLPluralRule]?: string } & {
  readonly other: string;
};
export type Message = string | Forms;

/** `ticket.sendRequest`: the group, and the name in it. */
export type Key = { [G in Group]: `${G}.${keyof En[G] & string}` }[Group];

/** The English text of a key. */
export type English<K extends Key> = K extends `${infer G extends Group}.${infer N}`
  ? N extends keyof En[G]
    ? En[G][N]
    : never
  : never;

/** The names in braces in a text. */
type Names<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;

/** What a text needs to be filled in. */
export type NamesOf<M> = M extends string ? Names<M> : "count" | Names<M[keyof M]>;

/** All texts, in some language. A text into which a number is filled may have forms by plural there,
 * though it has none in English. */
export type Words = {
  readonly [G in Group]: {
    readonly [N in keyof En[G]]: En[G][N] extends string ? Message : Forms;
  };
};

/** What the desk sends in English, in another language. */
export type Sent = { message: string; cure: string };

/** A language: a file of `languages/`, whose name is its tag (`de.ts`, `pt-BR.ts`). */
export type Language = {
  words: Words;
  /** Texts of the desk by their code: errors, and notices (which have no cure). A text that says a
   * name or a figure has no translation here, because it would lose them. */
  sent?: { readonly [code: string]: Sent };
};
