// The access of the trader: session, risk, security keys and approvals.

import type {
  KeysView,
  PinView,
  LinkState,
  Problem,
  RiskView,
  SessionView,
  StepUpView,
} from "../../src/bindings";
import { problems } from "./problems";
import { VENUE } from "./reference";

export function session(
  state: LinkState,
  now: number,
  problem: Problem | null = null,
): SessionView {
  const up = state === "online" || state === "reconnecting";
  return {
    state,
    venue: state === "offline" ? null : VENUE,
    identity: state === "offline" ? null : "alice",
    compId: state === "offline" ? null : "DESK-ALICE",
    tls: up ? "TLS 1.3 · X25519MLKEM768 · AES-256-GCM" : null,
    clockOffsetMs: up ? -1240 : null,
    roundTripMs: state === "online" ? 12.4 : null,
    sinceMs: now,
    attempt: state === "reconnecting" ? 3 : 0,
    problem,
    doubtfulSinceMs: null,
    network: state === "offline" ? null : { name: "Hotel Wi-Fi", metered: false },
    portal: null,
    back: null,
  };
}

export const lost = (now: number) => session("reconnecting", now, problems.link);

export function stepUp(
  kind: StepUpView["kind"],
  now: number,
  part: Partial<StepUpView> = {},
): StepUpView {
  const terms = {
    ask: "buy" as const,
    quantity: "5,000,000",
    minQuantity: kind === "request" ? "2,000,000" : null,
    currency: "EUR",
    symbol: "DBR 2.5 02/35",
    instrument: "DE000BU2Z049",
    legs: [],
    price: kind === "request" ? null : "99.125",
    priceUnit: kind === "request" ? "" : "% of par",
    priceType: "price" as const,
    dealers: kind === "request" ? ["Northbank", "Eastbrook", "Southgate"] : ["Northbank"],
    settlementDate: "2026-11-24",
    limit: kind === "accept" || kind === "ahead" ? "99.135" : null,
  };
  return {
    id: "C-1",
    kind,
    phase: "pin",
    reason: "Accepts of this size need a touch of your key.",
    terms: kind === "accept" || kind === "request" || kind === "ahead" ? terms : null,
    keyName: kind === "newKey" || kind === "registerKey" ? "Blue key on my ring" : null,
    askedBy: null,
    deadlineMs: now + 27_000,
    pinWrong: false,
    pinLeft: null,
    pinQuestion: 1,
    problem: null,
    rfqId: "R1",
    behind: 0,
    ...part,
  };
}

/** Scenes `stepup-pin`, `-touch`, `-insert`, `-failed`, `-second`, `-key`, `-lost`. */
export function stepUps(scene: string, now: number): StepUpView[] {
  const all: Record<string, StepUpView> = {
    "stepup-pin": stepUp("accept", now, { pinWrong: true, pinLeft: 7, behind: 1 }),
    "stepup-touch": stepUp("accept", now, { phase: "touch" }),
    "stepup-insert": stepUp("request", now, {
      phase: "insert",
      reason: "RFQs of this size need a touch of your key.",
    }),
    "stepup-failed": stepUp("accept", now, { phase: "failed", problem: problems.keyRemoved }),
    "stepup-second": stepUp("accept", now, {
      phase: "ready",
      askedBy: "ALICE1",
      reason: "Accepts of this size need two people. ALICE1 asks you.",
    }),
    "stepup-key": stepUp("newKey", now, {
      phase: "touch",
      reason: "This key is registered for you: your firm checks its make.",
    }),
    "stepup-lost": stepUp("accept", now, { phase: "linkLost" }),
  };
  return all[scene] ? [all[scene]] : [];
}

export function risk(scene: string, now: number): RiskView {
  const asked = scene === "risk";
  const factor = (attribute: string, condition: string, points: number, rationale: string) => ({
    attribute,
    condition,
    points,
    rationale,
  });
  const factors = [
    factor("user identity", "standard user", 0, "May trade within their own entitlements only."),
    factor(
      "authentication",
      "MFA, software token",
      5,
      "The key is in the laptop's keychain: whoever controls the laptop can use it.",
    ),
    factor("device health", "managed, compliant", 0, "The firm keeps it patched and encrypted."),
    asked
      ? factor(
          "network location",
          "unknown or dynamic IP",
          15,
          "Home, hotel, train: a weak signal, and expected of somebody who travels.",
        )
      : factor(
          "network location",
          "known corporate network",
          0,
          "The laptop is on one of the networks of the firm.",
        ),
    factor("geographic location", "expected country", 0, "Where this person works."),
  ];
  const score = asked ? 20 : 5;
  const text = asked
    ? "Risk 20 (MFA, software token +5, unknown or dynamic IP +15): a touch of your security key is wanted."
    : "Risk 5 (MFA, software token +5): allowed.";
  const cure = asked
    ? "Connect from a network of your firm. Touch your security key at logon."
    : null;
  return {
    verdict: asked ? "stepUp" : "allow",
    score,
    text,
    cure,
    factors,
    policy: "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    atMs: now,
  };
}

export const pin: PinView = {
  open: true,
  question: 1,
  token: "Signet token",
  charsMin: 4,
  charsMax: 8,
  wrong: true,
  tries: "low",
  onReader: false,
};

export const keys = (now: number): KeysView => ({
  keys: [
    {
      id: "0a1b2c3d4e5f6071",
      name: "Blue key on my ring",
      model: "Example Key 5",
      good: true,
      registeredMs: now - 9e8,
      lastUsedMs: now - 6e5,
    },
    {
      id: "1a1b2c3d4e5f6071",
      name: "In the safe",
      model: "Example Key 5 Nano",
      good: false,
      registeredMs: now - 9e8,
      lastUsedMs: 0,
    },
  ],
  phase: "idle",
  problem: null,
});
