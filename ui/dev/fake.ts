// A pretended desk for drawing the screens without one: `npm run dev`, then open `/?fake`.
//
// Only a development server ever loads this file. `scene` picks what is on the screen
// (`connect`, `keychain`, `refused`, `ticket`, `rfqs`, `armed`, `disarmed`, `outcomes`, `lost`);
// `practice` shows the band.

import type { BlotterRow, Frame, Problem } from "../src/bindings";
import type { Answer, Backend, Commands } from "../src/desk/backend";
import * as scenes from "./scenes";

const ok = async <T>(data: T): Promise<Answer<T>> => ({ status: "ok", data });
const no = async <T>(error: Problem): Promise<Answer<T>> => ({ status: "error", error });

export function fake(asked: URLSearchParams): Backend {
  const scene = asked.get("scene") ?? "rfqs";
  const now = Date.now();
  let frame: Frame = scenes.frame(scene, now);
  let seq = 0;

  const commands: Commands = {
    info: () => ok(scenes.info(asked.has("practice"))),
    identities: () => (scene === "keychain" ? new Promise(() => {}) : ok(scenes.identities(now))),
    connect: () => {
      frame = scenes.frame("rfqs", Date.now());
      seq = 0;
      return ok(null);
    },
    disconnect: () => ok(null),
    reference: () => ok(scenes.reference),
    readQuantity: (_, text) => readQuantity(text),
    sendRfq: () => no(scenes.problems.noDealer),
    cancelRfq: () => ok(null),
    dismissRfq: () => ok(null),
    arm: () => no(scenes.problems.requoted),
    disarm: () => ok(null),
    accept: () => ok(null),
    pull: async (since) => {
      if (since === 0) seq = 1;
      const quiet = { rfqs: [], lines: [], session: null, notices: [], referenceChanged: false, blotterChanged: false };
      const base = since === 0 ? frame : { ...frame, ...quiet, whole: false };
      return ok({ ...base, seq, gatewayNowMs: Date.now() });
    },
    park: () => ok(null),
    blotter: ({ tab, text }) => {
      const rows: BlotterRow[] = scenes.rows(tab, now).filter((row) => JSON.stringify(row).toLowerCase().includes(text.toLowerCase()));
      return ok({ rows, total: rows.length });
    },
  };
  return { commands, onChanged: async () => {} };
}

function readQuantity(text: string) {
  const match = /^([\d.,]+)\s*([km]?)$/i.exec(text);
  const scale = { "": 1, k: 1e3, m: 1e6 }[(match?.[2] ?? "").toLowerCase()] ?? 1;
  const value = match ? Number((match[1] ?? "").replaceAll(",", "")) * scale : Number.NaN;
  if (!(value > 0)) return no<never>(scenes.problems.quantity);
  return ok({ value: String(value), text: value.toLocaleString("en-US") });
}
