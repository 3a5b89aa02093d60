// The languages beside English, and the texts that the desk sends.

import { expect, test, vi } from "vitest";
import type { Language, Message } from "../src/language/catalogue";
import { en } from "../src/language/en";

vi.mock("../src/language/t", () => ({
  sent: { "ticket.no_dealer": { message: "Kein Händler.", cure: "Wählen Sie einen." } },
}));
const { said, noticed } = await import("../src/language/said");

const LANGUAGES = import.meta.glob<{ default: Language }>("../src/language/languages/*.ts", {
  eager: true,
});

type Texts = Record<string, Record<string, Message>>;
const formsOf = (message: Message) =>
  typeof message === "string" ? [message] : Object.values(message);
const namesIn = (message: Message) =>
  [...new Set(formsOf(message).flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort();

/** The texts that fill in a name that the English text does not have, or that are empty. */
function faults(texts: Texts): string[] {
  return Object.entries(texts).flatMap(([group, all]) =>
    Object.entries(all).flatMap(([name, message]) => {
      const known = namesIn((en as Texts)[group]![name]!).concat("{count}");
      const wrong = namesIn(message).filter((one) => !known.includes(one));
      const empty = formsOf(message).some((text) => text.trim() === "");
      return wrong.length > 0 || empty ? [`${group}.${name}`] : [];
    }),
  );
}

test("no English text is empty, and every brace is a name", () => {
  expect(faults(en)).toEqual([]);
  const braces = Object.values(en as Texts).flatMap((texts) =>
    Object.values(texts).flatMap((text) =>
      formsOf(text).filter((one) => /[{}]/.test(one.replace(/\{\w+\}/g, ""))),
    ),
  );
  expect(braces).toEqual([]);
});

test("each language fills in only what English does", () => {
  for (const [file, { default: language }] of Object.entries(LANGUAGES))
    expect(faults(language.words as Texts), file).toEqual([]);
});

test("a text of the desk is said in the language by its code, or as it was sent", () => {
  const problem = {
    code: "ticket.no_dealer",
    message: "No dealer.",
    cure: "Tick one.",
    field: null,
  };
  expect(said(problem)).toEqual({
    code: "ticket.no_dealer",
    message: "Kein Händler.",
    cure: "Wählen Sie einen.",
    field: null,
  });
  for (const code of ["ticket.quantity", "constructor", "__proto__"])
    expect(said({ ...problem, code })).toEqual({ ...problem, code });
  expect(noticed({ code: "ticket.no_dealer", text: "No dealer." })).toBe("Kein Händler.");
  expect(noticed({ code: "link.lost", text: "Lost." })).toBe("Lost.");
});
