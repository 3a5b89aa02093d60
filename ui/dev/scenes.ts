// The still pictures that `fake.ts` shows: a frame for each scene.

import type { Frame, SessionView } from "../src/bindings";
import { keys, pin, risk, session, stepUps } from "./scenes/access";
import { group } from "./scenes/group";
import { problems } from "./scenes/problems";
import { packages } from "./scenes/package";
import { records, requests } from "./scenes/requests";

export { lost, stepUp } from "./scenes/access";
export { Crowd } from "./scenes/crowd";
export { askedOf, log, report, security } from "./scenes/around";
export { problems } from "./scenes/problems";
export { DealerLists, hints, kept, notes } from "./scenes/ticket";
export { edited, filled, readPackage } from "./scenes/package";
export { find, identities, info, invitation, reference } from "./scenes/reference";
export { bestExecution, columns, dealers, page } from "./scenes/insight";
export { accept, asked, rows } from "./scenes/requests";
export { RequestList } from "./scenes/requestlist";

export function frame(scene: string, now: number): Frame {
  const links: Record<string, SessionView> = {
    enrol: session("offline", now),
    connect: session("offline", now),
    pin: session("waitingForKeychain", now),
    keychain: session("waitingForKeychain", now),
    refused: session("refused", now, problems.issuer),
    lost: session("online", now),
  };
  const trading = !(scene in links) || scene === "lost";
  const shown = scene.startsWith("package") ? packages : requests;
  const [rfqs, lines] = trading && scene !== "ticket" ? shown(scene, now) : [[], []];
  return {
    seq: 1,
    whole: true,
    withheld: false,
    gatewayNowMs: now,
    enrol: null,
    pin: scene === "pin" ? pin : null,
    stepUp: stepUps(scene, now),
    access: {
      stepUp: trading,
      direct: false,
      leaseUntilMs: now + 13 * 60_000,
      keys: scene === "stepup-key" ? 0 : 2,
      approver: false,
      text: null,
      risk: risk(scene, now),
    },
    keys: keys(now),
    group: group(scene, now),
    session: links[scene] ?? session("online", now),
    closing: scene === "closing",
    records: records(),
    rfqs,
    lines,
    removed: [],
    referenceChanged: true,
    blotterChanged: true,
    list: null,
    notices:
      scene === "rfqs"
        ? [
            {
              kind: "good",
              atMs: now,
              code: "link.connected",
              text: "Connected to the practice venue.",
              rfqId: null,
            },
          ]
        : [],
  };
}

export const quiet: Frame = {
  ...frame("connect", 0),
  whole: false,
  withheld: false,
  enrol: null,
  pin: null,
  stepUp: null,
  access: null,
  keys: null,
  group: null,
  session: null,
  closing: null,
  records: null,
  referenceChanged: false,
  blotterChanged: false,
  list: null,
};
