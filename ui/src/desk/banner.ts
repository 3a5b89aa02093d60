// The words of the banner about the connection: what is happening, since when, on which network and
// to which requests. The desk decides what is so; here are only the words.

import type { BackView, LinkState, RfqView, SessionView } from "../bindings";
import { number } from "../language/formats";
import type { Tone } from "../parts/mark";
import { isOpen } from "./words";
import { t } from "../language/t";

export type Banner = {
  tone: Tone;
  /** What is happening, in one sentence without a full stop. */
  what: string;
  /** Since when, milliseconds on the laptop's clock; null when that does not matter. */
  sinceMs: number | null;
  /** The network, in words. */
  network: string | null;
};

/** How long the words about an interruption that is over stay. */
export const BACK_MS = 8_000;
/** So many requests are named; the others are counted. */
export const NAMED = 3;

/** What is happening to a connection that is not simply online; null if nothing is. */
export function banner(session: SessionView): Banner | null {
  const { state, portal, doubtfulSinceMs } = session;
  const network = networkWords(session);
  const since = session.sinceMs;
  if (state === "online") {
    if (doubtfulSinceMs === null) return null;
    return {
      tone: "warn",
      what: t("desk.checkingTheConnection"),
      sinceMs: doubtfulSinceMs,
      network,
    };
  }
  if (state !== "refused" && portal !== null) {
    return { tone: "warn", what: portalWords(portal), sinceMs: since, network };
  }
  if (state === "reconnecting" && session.problem?.code === "net.unreachable")
    return { tone: "warn", what: t("desk.waitingForANetwork"), sinceMs: since, network: null };
  const tone = state === "refused" ? "bad" : "warn";
  return { tone, what: WHAT[state], sinceMs: since, network };
}

/** Where the network wants the trader to sign in. */
export const portalWords = (portal: string) => t("desk.theNetworkAsksYouToSignInOpen", { portal });

const WHAT: Record<Exclude<LinkState, "online">, string> = {
  offline: t("desk.notConnected"),
  waitingForKeychain: t("desk.waitingForTheKeychain"),
  connecting: t("desk.connecting"),
  loggingOn: t("desk.connectionMadeLoggingOn"),
  restoring: t("desk.loggedOnBringingTheScreenUpTo"),
  reconnecting: t("desk.connectionLostReconnecting"),
  refused: t("desk.theConnectionWasRefused"),
};

function networkWords({ network }: SessionView): string | null {
  if (network === null) return null;
  return network.metered
    ? t("desk.onMetered", { name: network.name })
    : t("desk.onName", { name: network.name });
}

/** `3.2 s`, `12 s`, `1:05`: how long something lasts already. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return t("desk.secondsS", { seconds });
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** `Back after 3.2 s. 2 RFQs went on; 1 quote was not repeated.` */
export function backWords(back: BackView): string {
  const after =
    back.afterMs < 60_000
      ? t("desk.valueS", { value: number(back.afterMs / 1000, 1) })
      : lasting(back.afterMs);
  const parts = [
    back.wentOn > 0 && t("desk.rFQsWentOn", { count: back.wentOn }),
    back.ended > 0 && t("desk.rFQsEnded", { count: back.ended }),
    back.notRepeated > 0 && t("desk.quotesWereNotRepeated", { count: back.notRepeated }),
  ].filter((part) => part !== false);
  return parts.length > 0
    ? t("desk.backAfter", { after, parts: parts.join("; ") })
    : t("desk.backAfterAfter", { after });
}

/** The requests that the trader cannot act on meanwhile; the first few are named. */
export function affected(all: RfqView[]): { words: string; named: RfqView[]; more: number } {
  const open = all.filter((rfq) => isOpen(rfq.state));
  const count = open.length;
  const words = count === 0 ? "" : t("desk.rFQsWait", { count });
  return { words, named: open.slice(0, NAMED), more: Math.max(0, open.length - NAMED) };
}
