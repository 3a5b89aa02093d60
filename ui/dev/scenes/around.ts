// What is around the trading: the security panel, the log and the support report.

import type { PageAsk, SecurityView } from "../../src/bindings";
import { identities, VENUE } from "./reference";

export const security = (now: number): SecurityView => ({
  identity: identities(now)[0] ?? null,
  daysLeft: 1,
  channel: {
    transport: "fixs",
    tls: "TLS 1.3 · X25519MLKEM768 · AES-256-GCM; not QUIC: it did not answer first",
    endpoint: VENUE.endpoint,
    serverName: "rfq.practice.example",
    pins: 1,
    revocationRequired: true,
    hybridOnly: false,
  },
});

export const log = Array.from(
  { length: 60 },
  (_, n) =>
    `2026-11-29T02:${String(n).padStart(2, "0")}:00.000000Z  INFO signet_desk_core::link: the ` +
    `connection to the venue is up again after an interruption of ${n} seconds attempt=${n}`,
);

export const report = [
  "Signet Desk support report",
  "made      2026-11-29T02:00:00Z",
  "version   0.1.0 (practice venue)",
  "system    linux 6.1",
  "",
  "== Identity",
  "serial    4f00a1b2c3d4e5f60718293a4b5c6d7e",
  "",
  "== Connection",
  "state     online since 2026-11-29T01:59:00Z",
  "channel   FIXS, TLS 1.3 · X25519MLKEM768 · AES-256-GCM",
  "",
  "== Last problems",
  "2026-11-29T01:58:00Z link.lost",
].join("\n");

/** What is asked from outside the page in a scene. */
export function askedOf(scene: string): PageAsk[] {
  if (scene === "offered")
    return [
      {
        kind: "offer",
        offer: { instrument: "DE000BU2Z049", ask: "sell", quantity: "2.5m" },
        replaced: true,
      },
    ];
  if (scene === "unread")
    return [
      {
        kind: "refused",
        why: "A link from another program was not followed: it names no instrument. A link for the ticket is written like signet://rfq?isin=DE000BU2Z049&side=buy.",
      },
    ];
  return scene === "stop" ? [{ kind: "stopAll" }] : [];
}
