import { expect, test } from "vitest";
import type { Notice, NoticeKind } from "../src/bindings";
import { KEPT_MAX, UNREAD_MS } from "../src/desk/notices.svelte";
import { frame, line, rfq } from "./builders";
import { Book } from "../src/desk/book.svelte";

const ids = (book: Book) => book.rfqs.map((one) => one.view.id);
const dealers = (book: Book, id: string) => book.find(id)?.ranked.map((one) => one.dealer);

test("lines are read in the order of their rank, and keep their places in the document", () => {
  const book = new Book();
  book.apply(
    frame({ rfqs: [rfq("R")], lines: [line("R", "B", { rank: 1 }), line("R", "A", { rank: 0 })] }),
  );
  const places = book.find("R")!.asked;
  expect(dealers(book, "R")).toEqual(["A", "B"]);
  book.apply(frame({ lines: [line("R", "A", { rank: 1 }), line("R", "B", { rank: 0 })] }));
  expect(dealers(book, "R")).toEqual(["B", "A"]);
  expect(book.find("R")!.asked).toBe(places);
});

test("a line that changes keeps its cell, so only that line is drawn again", () => {
  const book = new Book();
  book.apply(frame({ rfqs: [rfq("R")], lines: [line("R", "A"), line("R", "B", { rank: 1 })] }));
  const before = book.find("R")!.asked;
  book.apply(frame({ lines: [line("R", "A", { revision: 2 })] }));
  expect(book.find("R")!.asked).toBe(before);
  expect(before[0]!.view.revision).toBe(2);
});

test("a new request never moves the panels before it", () => {
  const book = new Book();
  book.apply(frame({ rfqs: [rfq("R2", { createdMs: 2 })] }));
  book.apply(frame({ rfqs: [rfq("R3", { createdMs: 3 })] }));
  expect(ids(book)).toEqual(["R2", "R3"]);
});

test("what a frame removes is gone, lines and all", () => {
  const book = new Book();
  book.apply(frame({ rfqs: [rfq("R1"), rfq("R2")], lines: [line("R1", "A")] }));
  book.apply(frame({ removed: ["R1"] }));
  expect(ids(book)).toEqual(["R2"]);
  expect(book.find("R1")).toBeUndefined();
});

test("a whole frame forgets what it does not name", () => {
  const book = new Book();
  book.apply(frame({ rfqs: [rfq("R1"), rfq("R2")] }));
  book.apply(frame({ whole: true, rfqs: [rfq("R2")] }));
  expect(ids(book)).toEqual(["R2"]);
  expect(book.session).toBeNull();
});

test("a whole frame forgets the lines it does not name", () => {
  const book = new Book();
  book.apply(frame({ rfqs: [rfq("R")], lines: [line("R", "A"), line("R", "B", { rank: 1 })] }));
  book.apply(frame({ whole: true, rfqs: [rfq("R")], lines: [line("R", "B")] }));
  expect(dealers(book, "R")).toEqual(["B"]);
});

test("a whole frame is read in so many steps as it has lines, however many requests", () => {
  const names = Array.from({ length: 50 }, (_, i) => `R${i}`);
  let read = 0;
  const lines = names.map((name) => {
    const one = line(name, "A");
    Object.defineProperty(one, "rfqId", { get: () => ((read += 1), name) });
    return one;
  });
  const whole = frame({ whole: true, rfqs: names.map((name) => rfq(name)), lines });
  const book = new Book();
  book.apply(whole);
  read = 0;
  book.apply(whole);
  expect(read).toBeLessThanOrEqual(3 * names.length);
});

test("a line of an unknown request is not drawn", () => {
  const book = new Book();
  expect(() => book.apply(frame({ lines: [line("R", "A")] }))).not.toThrow();
  expect(ids(book)).toEqual([]);
});

const notice = (kind: NoticeKind, text: string, atMs = 0): Notice => ({
  kind,
  atMs,
  code: "x",
  text,
  rfqId: null,
});

test("of each kind only the newest notices are kept, and no plain one pushes a bad one out", () => {
  const book = new Book();
  book.apply(frame({ notices: [notice("bad", "execution mismatch")] }));
  for (let i = 0; i < 500; i++) book.apply(frame({ notices: [notice("plain", "the same")] }));
  expect(book.notices.all).toHaveLength(KEPT_MAX + 1);
  expect(book.notices.first?.text).toBe("execution mismatch");
  expect(new Set(book.notices.all.map((one) => one.key)).size).toBe(KEPT_MAX + 1);
  for (let i = 0; i < 500; i++) book.apply(frame({ notices: [notice("bad", `bad ${i}`, i)] }));
  expect(book.notices.all).toHaveLength(2 * KEPT_MAX);
  expect(book.notices.open).toHaveLength(2 * KEPT_MAX);
});

test("the bad notice is shown first, never closes by itself, and stays in the history", () => {
  const book = new Book();
  book.apply(
    frame({ notices: [notice("bad", "one", 1), notice("bad", "two", 2), notice("good", "three")] }),
  );
  expect(book.notices.first?.text).toBe("two");
  let now = performance.now();
  const close = () => book.closeNotice((now += 2 * UNREAD_MS));
  close();
  expect(book.notices.first?.text).toBe("one");
  close();
  expect(book.notices.first?.text).toBe("three");
  close();
  close();
  expect(book.notices.first).toBeUndefined();
  expect(book.notices.all.map((one) => one.text)).toEqual(["one", "two", "three"]);
});

test("a press that was meant for the notice before closes no bad one that nobody can have read", () => {
  const { notices } = new Book();
  const shown = () => notices.first?.text;
  notices.add([notice("bad", "one", 1)], 0);
  // The key was on its way down as it came.
  notices.add([notice("bad", "two", 2)], 5_000);
  notices.closeFirst(5_000 + UNREAD_MS - 1);
  expect(shown()).toBe("two");
  notices.closeFirst(5_000 + UNREAD_MS);
  expect(shown()).toBe("one");
  // It was behind the other one; its time to be read begins now.
  notices.closeFirst(5_000 + UNREAD_MS + 1);
  expect(shown()).toBe("one");
  notices.closeFirst(5_000 + 2 * UNREAD_MS);
  expect(shown()).toBe(undefined);
  // A good one says nothing that must be read, and closes by itself.
  notices.add([notice("good", "three")], 9_000);
  notices.closeFirst(9_000);
  expect(shown()).toBe(undefined);
});

test("a bad notice that the desk says again to a page that starts over is not a second one", () => {
  const book = new Book();
  book.apply(frame({ notices: [notice("bad", "one", 1)] }));
  book.closeNotice(performance.now() + UNREAD_MS);
  book.apply(frame({ whole: true, notices: [notice("bad", "one", 1)] }));
  expect(book.notices.first).toBeUndefined();
  expect(book.notices.all).toHaveLength(1);
});

test("reference and blotter are asked for again when the desk says so", () => {
  const book = new Book();
  book.apply(frame({}));
  expect([book.referenceRevision, book.blotterRevision]).toEqual([0, 0]);
  book.apply(frame({ referenceChanged: true, blotterChanged: true }));
  expect([book.referenceRevision, book.blotterRevision]).toEqual([1, 1]);
});
