import { expect, test } from "vitest";
import { instrument } from "./builders";
import type { FoundInstruments } from "../src/bindings";
import type { Answer, Commands } from "../src/desk/backend";
import { Finder } from "../src/ticket/finder.svelte";

const bund = instrument("DE000BU2Z049", "DBR 2.5 02/35", "Bund");
const pair = instrument("EUR/USD", "EUR/USD", "Euro against US dollar");

/** A desk that answers when the test says so. */
function slow() {
  const asked: { typed: string; answer: (found: FoundInstruments) => Promise<void> }[] = [];
  const findInstruments = (typed: string) =>
    new Promise<Answer<FoundInstruments>>((done) =>
      asked.push({
        typed,
        answer: async (data) => {
          done({ status: "ok", data });
          await new Promise((next) => setTimeout(next));
        },
      }),
    );
  const finder = new Finder(() => ({ findInstruments }) as unknown as Commands);
  return { finder, asked };
}
const of = (...hits: (typeof bund)[]): FoundInstruments => ({ hits, meant: null, several: 0 });

test("the answer to an older text never replaces the answer to a newer one", async () => {
  const { finder, asked } = slow();
  void finder.look("e");
  void finder.look("eurusd");
  await asked[1]!.answer({ hits: [pair], meant: pair, several: 0 });
  await asked[0]!.answer(of(bund));
  expect(finder.text).toBe("eurusd");
  expect([finder.hits, finder.meant]).toEqual([[pair], pair]);
});

test("Enter before the answer chooses the first hit of the text that was typed", async () => {
  const { finder, asked } = slow();
  const taken: string[] = [];
  void finder.look("bund");
  finder.whenThere((hit) => taken.push(hit.id));
  await asked[0]!.answer(of(bund, pair));
  expect(taken).toEqual(["DE000BU2Z049"]);

  // Typed on: nothing is chosen by an Enter that was meant for the text before.
  void finder.look("bun");
  finder.whenThere((hit) => taken.push(hit.id));
  void finder.look("eur");
  await asked[1]!.answer(of(bund));
  await asked[2]!.answer(of(pair));
  expect(taken).toEqual(["DE000BU2Z049"]);

  // Nothing is found: nothing is chosen, now or later.
  void finder.look("zzz");
  finder.whenThere((hit) => taken.push(hit.id));
  await asked[3]!.answer(of());
  void finder.look("eur");
  await asked[4]!.answer(of(pair));
  expect(taken).toEqual(["DE000BU2Z049"]);
});

test("an Enter is not lost when the list of instruments comes before the answer", async () => {
  const { finder, asked } = slow();
  const taken: string[] = [];
  void finder.look("bund");
  finder.whenThere((hit) => taken.push(hit.id));
  // The reference data changed: the same text is asked about again.
  void finder.look("bund");
  await asked[0]!.answer(of(pair));
  expect(taken).toEqual([]);
  await asked[1]!.answer(of(bund));
  expect(taken).toEqual(["DE000BU2Z049"]);
});
