import { expect, test } from "vitest";
import type { SessionView } from "../src/bindings";
import { affected, backWords, banner, lasting } from "../src/desk/banner";
import { rfq, session } from "./builders";

test("a connection that is simply online has no banner", () => {
  expect(banner(session({ state: "online" }))).toBeNull();
});

test.each<[Partial<SessionView>, string, number, string | null]>([
  [{ state: "reconnecting" }, "Connection lost; reconnecting", 5, null],
  [
    { state: "reconnecting", network: { name: "Hotel", metered: false } },
    "Connection lost; reconnecting",
    5,
    "on Hotel",
  ],
  [
    { state: "connecting", network: { name: "Phone", metered: true } },
    "Connecting",
    5,
    "on Phone (metered)",
  ],
  [
    {
      state: "reconnecting",
      problem: { code: "net.unreachable", message: "", cure: "", field: null },
      network: { name: "Old", metered: false },
    },
    "Waiting for a network",
    5,
    null,
  ],
  [
    { state: "reconnecting", portal: "http://login.example/" },
    "The network asks you to sign in: open http://login.example/",
    5,
    null,
  ],
  [{ state: "restoring" }, "Logged on; bringing the screen up to date", 5, null],
  [{ state: "refused", portal: "http://x/" }, "The connection was refused", 5, null],
  [{ state: "online", doubtfulSinceMs: 9 }, "Checking the connection", 9, null],
])("%o says what is happening", (part, what, sinceMs, network) => {
  expect(banner(session(part))).toMatchObject({ what, sinceMs, network });
});

test("how long it lasts is rounded down and never negative", () => {
  expect(["-5", "0", "999", "3200", "65000"].map((ms) => lasting(Number(ms)))).toEqual([
    "0 s",
    "0 s",
    "0 s",
    "3 s",
    "1:05",
  ]);
});

test("an interruption is summed up without what is none", () => {
  const back = { atMs: 1, afterMs: 3_200, wentOn: 2, ended: 0, notRepeated: 1 };
  expect(backWords(back)).toBe("Back after 3.2 s. 2 RFQs went on; 1 quote was not repeated.");
  expect(backWords({ ...back, wentOn: 0, notRepeated: 0 })).toBe("Back after 3.2 s.");
  expect(backWords({ ...back, afterMs: 65_000, wentOn: 1, ended: 1, notRepeated: 2 })).toBe(
    "Back after 1:05. 1 RFQ went on; 1 RFQ ended; 2 quotes were not repeated.",
  );
});

test("open requests are named, the first three by name", () => {
  const all = ["a", "b", "c", "d"].map((id) => rfq(id));
  const found = affected([rfq("x", { state: "done" }), ...all]);
  expect([found.words, found.named.map((one) => one.id), found.more]).toEqual([
    "4 RFQs wait:",
    ["a", "b", "c"],
    1,
  ]);
  expect(affected([]).words).toBe("");
});
