import { expect, test } from "vitest";
import { CATCH_UP_MS, Sight } from "../src/desk/sight";

test("a request in sight is not mentioned", () => {
  const sight = new Sight();
  sight.set("A", true, 1);
  expect(sight.behind(1_000)).toEqual([]);
});

test("a request out of sight catches up a few times a second, from the frame it has", () => {
  const sight = new Sight();
  sight.set("A", false, 7);
  const first = sight.behind(1_000);
  expect(first).toEqual([{ rfqId: "A", since: 7, send: true }]);
  sight.answered(first, 9);
  const early = sight.behind(1_000 + CATCH_UP_MS - 1);
  expect(early).toEqual([{ rfqId: "A", since: 9, send: false }]);
  sight.answered(early, 12);
  expect(sight.behind(1_000 + CATCH_UP_MS)).toEqual([{ rfqId: "A", since: 9, send: true }]);
});

test("a request that comes into sight catches up with the very next pull and then keeps up", () => {
  const sight = new Sight();
  sight.set("A", false, 7);
  sight.answered(sight.behind(1_000), 8);
  sight.set("A", true, 20);
  const pull = sight.behind(1_001);
  expect(pull).toEqual([{ rfqId: "A", since: 8, send: true }]);
  sight.answered(pull, 21);
  expect(sight.behind(1_002)).toEqual([]);
});

test("a pull that was under way when the panel came into sight does not count as its catching up", () => {
  const sight = new Sight();
  sight.set("A", false, 7);
  sight.answered(sight.behind(1_000), 8);
  const underWay = sight.behind(1_001);
  sight.set("A", true, 8);
  sight.answered(underWay, 15);
  expect(sight.behind(1_002)).toEqual([{ rfqId: "A", since: 8, send: true }]);
});

test("with many out of sight they take turns one at a time, and none waits for ever", () => {
  const sight = new Sight();
  for (let i = 0; i < 20; i++) sight.set(`R${i}`, false, 1);
  const seen: string[] = [];
  for (let ms = 0; ms < 1_000; ms += 10) {
    const sent = sight.behind(1_000 + ms).filter(({ send }) => send);
    expect(sent.length).toBeLessThanOrEqual(1);
    seen.push(...sent.map(({ rfqId }) => rfqId));
  }
  expect(new Set(seen).size).toBe(20);
  // No more a second than six within CATCH_UP_MS, however many there are.
  expect(seen.length).toBeLessThanOrEqual(24);
});

test("one that comes into sight takes no turn of another", () => {
  const sight = new Sight();
  sight.set("A", false, 1);
  sight.set("B", false, 1);
  sight.set("A", true, 2);
  expect(sight.behind(1_000).map(({ rfqId, send }) => [rfqId, send])).toEqual([
    ["A", true],
    ["B", true],
  ]);
});
