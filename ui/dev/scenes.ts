// The still pictures that `fake.ts` shows.

import type {
  AcceptView,
  BlotterRow,
  BlotterTab,
  InvitationView,
  DeskInfo,
  Frame,
  IdentityView,
  LineView,
  LinkState,
  Problem,
  QuoteSide,
  Reference,
  RfqView,
  RiskView,
  SessionView,
  StepUpView,
  Ticket,
} from "../src/bindings";

export const problems = {
  keyRemoved: {
    code: "key_removed",
    message: "The security key was removed.",
    cure: "Insert the key and start again.",
  },
  invitation: {
    code: "invitation_not_a_link",
    message: "The link does not begin with signet://enrol/.",
    cure: "Copy the whole link again, or ask your administrator for the file instead.",
  },
  noDealer: {
    code: "dealers_none",
    message: "No dealer is chosen.",
    cure: "Choose at least one dealer, or “All”.",
  },
  quantity: {
    code: "quantity_unreadable",
    message: "This is not a quantity.",
    cure: "Type a number, for example 5m, 250k or 1,500,000.",
  },
  requoted: {
    code: "quote_changed",
    message: "Northbank changed its price before you could be shown the terms.",
    cure: "Look at the new price and choose again.",
  },
  link: {
    code: "link_lost",
    message: "The network dropped the connection to the gateway.",
    cure: "Nothing to do: the desk is trying again by itself.",
  },
  issuer: {
    code: "certificate_unknown_issuer",
    message: "The gateway refused your certificate: it does not know the authority that issued it.",
    cure: "Renew your identity, or ask your security desk whether the gateway trusts “Signet Practice CA”.",
  },
} satisfies Record<string, Problem>;

const VENUE = { name: "Practice venue", endpoint: "127.0.0.1:9876" };

export const info = (practice: boolean): DeskInfo => ({
  version: "0.1.0",
  practice,
  simulatedKey: practice ? "The key is simulated: its PIN is 123456." : null,
  venues: [VENUE],
  problem: null,
});

export const identities = (now: number): IdentityView[] => [
  {
    name: "alice",
    compId: "DESK-ALICE",
    issuer: "Signet Practice CA",
    notBeforeMs: now - 864e5,
    notAfterMs: now + 30 * 864e5,
    fingerprint: "3F9A 11C2 77D0 4B5E 90AA 6C1D 2E8F 55B3 0C44 A1D9 7E62 38FB 1190 CD45 E7A2 6B08",
    heldIn: "OS keychain",
    problem: null,
  },
  {
    name: "alice-2025",
    compId: "DESK-ALICE",
    issuer: "Signet Practice CA",
    notBeforeMs: now - 400 * 864e5,
    notAfterMs: now - 35 * 864e5,
    fingerprint: "A0C1 52E7 77D0 4B5E 90AA 6C1D 2E8F 55B3 0C44 A1D9 7E62 38FB 1190 CD45 E7A2 1B77",
    heldIn: "OS keychain",
    problem: {
      code: "certificate_expired",
      message: "This certificate ended 35 days ago.",
      cure: "Use another identity, or renew this one.",
    },
  },
];

const DEALERS = [
  ["NORTHBANK", "Northbank"],
  ["MERIDIAN", "Meridian Securities"],
  ["OSTROVA", "Ostrova"],
  ["KESTREL", "Kestrel Capital Markets"],
] as const;

const instrument = (id: string, symbol: string, name: string, fx = false) => ({
  id,
  symbol,
  name,
  assetClass: fx ? "FX spot" : "Government bond",
  currency: "EUR",
  priceDecimals: fx ? 5 : 3,
  priceUnit: fx ? "USD per EUR" : "% of par",
  tick: fx ? "0.00001" : "0.005",
  lot: "1000",
  minQuantity: "100000",
  maxQuantity: "50000000",
  settlement: fx ? "spot" : "T+2",
});

export const reference: Reference = {
  instruments: [
    instrument("DE000BU2Z049", "DBR 2.5 02/35", "Bundesrepublik Deutschland 2.5% 15 Feb 2035"),
    instrument("DE000BU2Z031", "DBR 2.6 08/34", "Bundesrepublik Deutschland 2.6% 15 Aug 2034"),
    instrument("FR001400X8V5", "FRTR 3.2 05/35", "République française OAT 3.2% 25 May 2035"),
    instrument("EUR/USD", "EUR/USD", "Euro against US dollar", true),
  ],
  dealers: DEALERS.map(([id, name], i) => ({ id, name, online: i !== 3 })),
  maxDealers: 5,
  ttlMinS: 5,
  ttlMaxS: 300,
  ttlDefaultS: 30,
};

function session(state: LinkState, now: number, problem: Problem | null = null): SessionView {
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
  };
}

export const lost = (now: number) => session("reconnecting", now, problems.link);

function rfq(id: string, now: number, part: Partial<RfqView>): RfqView {
  return {
    id,
    instrument: "DE000BU2Z049",
    symbol: "DBR 2.5 02/35",
    name: "Bundesrepublik Deutschland 2.5% 15 Feb 2035",
    ask: "buy",
    quantity: "5,000,000",
    currency: "EUR",
    settlementDate: "2026-11-24",
    priceDecimals: 3,
    priceUnit: "% of par",
    state: "open",
    createdMs: now - 12_000,
    expiresMs: now + 48_000,
    accept: null,
    problem: null,
    text: "3 of 4 dealers have answered",
    ...part,
  };
}

const q = (price: string, size = "5,000,000", partial = false): QuoteSide => ({
  price,
  size,
  partial,
});

function line(rfqId: string, dealer: number, now: number, part: Partial<LineView>): LineView {
  const [id, name] = DEALERS[dealer] ?? ["X", "X"];
  const quoted = (part.state ?? "quoted") === "quoted";
  return {
    rfqId,
    dealer: id,
    dealerName: name,
    state: "quoted",
    reason: null,
    quoteId: quoted ? `Q-${rfqId}-${id}` : null,
    bid: null,
    offer: null,
    validUntilMs: quoted ? now + 8_000 + dealer * 3_000 : null,
    bestBid: false,
    bestOffer: false,
    canHit: quoted && part.bid != null,
    canLift: quoted && part.offer != null,
    indicative: false,
    revision: 2,
    rank: dealer,
    ...part,
  };
}

const buyLines = (id: string, now: number): LineView[] => [
  line(id, 0, now, { offer: q("99.125"), bestOffer: true }),
  line(id, 1, now, { offer: q("99.130", "2,000,000", true), validUntilMs: now + 2_500 }),
  line(id, 2, now, { state: "asked" }),
  line(id, 3, now, { state: "passed", reason: "no axe in this line today" }),
];

export const accept = (now: number, part: Partial<AcceptView>): AcceptView => ({
  state: "armed",
  id: "A1",
  dealer: "NORTHBANK",
  dealerName: "Northbank",
  quoteId: "Q1",
  side: "buy",
  price: "99.125",
  quantity: "5,000,000",
  settlementDate: "2026-11-24",
  validUntilMs: now + 8_000,
  text: "",
  sinceMs: now,
  ...part,
});

function requests(scene: string, now: number): [RfqView[], LineView[]] {
  const one = rfq("R1", now, {});
  const two = rfq("R2", now, {
    instrument: "EUR/USD",
    symbol: "EUR/USD",
    ask: "twoWay",
    quantity: "10,000,000",
    priceUnit: "USD per EUR",
    createdMs: now - 55_000,
    expiresMs: now + 4_200,
    text: "All 3 dealers have answered",
  });
  const three = rfq("R3", now, {
    symbol: "FRTR 3.2 05/35",
    instrument: "FR001400X8V5",
    ask: "sell",
    quantity: "1,500,000",
    createdMs: now - 2_000,
    text: "No dealer has answered yet",
  });
  const lines = [
    ...buyLines("R1", now),
    line("R2", 0, now, {
      bid: q("1.08412", "10,000,000"),
      offer: q("1.08431", "10,000,000"),
      bestBid: true,
    }),
    line("R2", 1, now, {
      bid: q("1.08410", "10,000,000"),
      offer: q("1.08429", "10,000,000"),
      bestOffer: true,
    }),
    line("R2", 2, now, {
      bid: q("1.08405", "10,000,000"),
      offer: q("1.08440", "10,000,000"),
      state: "withdrawn",
      canHit: false,
      canLift: false,
      indicative: false,
    }),
    ...[0, 1, 2].map((dealer) => line("R3", dealer, now, { state: "asked" })),
    line("R3", 3, now, { state: "rejected", reason: "not connected to the gateway" }),
  ];
  if (scene === "armed") one.accept = accept(now, {});
  if (scene === "disarmed")
    one.accept = accept(now, {
      state: "disarmed",
      text: "Northbank changed its price to 99.135. Nothing was sent.",
    });
  if (scene !== "outcomes") return [[one, two, three], lines];

  const outcome = (id: string, part: Partial<AcceptView>, more: Partial<RfqView>) =>
    rfq(id, now, { accept: accept(now, { id, ...part }), ...more });
  const four = [
    outcome(
      "R1",
      { state: "filled", text: "Northbank sold you 5,000,000." },
      { state: "done", text: "Filled at 99.125 with Northbank" },
    ),
    outcome(
      "R2",
      { state: "declined", text: "Declined by Northbank: last look, price moved." },
      {},
    ),
    outcome(
      "R3",
      {
        state: "unknown",
        text: "The link was lost before the answer came. Asking the gateway what became of it.",
      },
      {},
    ),
    outcome("R4", { state: "lastLook", text: "Northbank has it and is taking its last look." }, {}),
  ];
  return [four, four.flatMap((view) => buyLines(view.id, now))];
}

export const invitation = (now: number): InvitationView => ({
  venue: "Example Bank RFQ",
  user: "alice",
  enrolAt: "enrol.bank.example:8443",
  tradeAt: "fix.bank.example:9443",
  fingerprint:
    "4F1A 09C2 77DE 5B30 A8E4 13F9 C06D 2E81 9B57 F0A3 6C48 D21E 85B4 3A7F E690 1CD5".split(" "),
  holders: ["keychain", "token"],
  codeExpiresMs: now + 50 * 3_600_000,
  expired: false,
  device: "alice-laptop",
});

export function stepUp(
  kind: StepUpView["kind"],
  now: number,
  part: Partial<StepUpView> = {},
): StepUpView {
  const terms = {
    ask: "buy" as const,
    quantity: "5,000,000",
    currency: "EUR",
    symbol: "DBR 2.5 02/35",
    instrument: "DE000BU2Z049",
    price: kind === "request" ? null : "99.125",
    priceUnit: "% of par",
    dealers: kind === "request" ? ["Northbank", "Eastbrook", "Southgate"] : ["Northbank"],
    settlementDate: "2026-11-24",
  };
  return {
    id: "C-1",
    kind,
    phase: "pin",
    reason: "Accepts of this size need a touch of your key.",
    terms: kind === "accept" || kind === "request" ? terms : null,
    keyName: kind === "newKey" || kind === "registerKey" ? "Blue key on my ring" : null,
    askedBy: null,
    deadlineMs: now + 27_000,
    pinWrong: false,
    pinLeft: null,
    problem: null,
    rfqId: "R1",
    behind: 0,
    ...part,
  };
}

/** Scenes `stepup-pin`, `-touch`, `-insert`, `-failed`, `-second`, `-key`, `-lost`. */
function stepUps(scene: string, now: number): StepUpView[] {
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

export function frame(scene: string, now: number): Frame {
  const links: Record<string, SessionView> = {
    enrol: session("offline", now),
    connect: session("offline", now),
    keychain: session("waitingForKeychain", now),
    refused: session("refused", now, problems.issuer),
    lost: session("online", now),
  };
  const trading = !(scene in links) || scene === "lost";
  const [rfqs, lines] = trading && scene !== "ticket" ? requests(scene, now) : [[], []];
  return {
    seq: 1,
    whole: true,
    withheld: false,
    gatewayNowMs: now,
    enrol: null,
    pin: null,
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
    keys: {
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
    },
    session: links[scene] ?? session("online", now),
    rfqs,
    lines,
    removed: [],
    referenceChanged: true,
    blotterChanged: true,
    notices:
      scene === "rfqs"
        ? [
            {
              kind: "good",
              atMs: now,
              code: "connected",
              text: "Connected to the practice venue.",
              rfqId: null,
            },
          ]
        : [],
  };
}

function risk(scene: string, now: number): RiskView {
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
          "Somebody has let the laptop into a building of the firm.",
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

export const quiet: Frame = {
  ...frame("connect", 0),
  whole: false,
  withheld: false,
  enrol: null,
  pin: null,
  stepUp: null,
  access: null,
  keys: null,
  session: null,
  referenceChanged: false,
  blotterChanged: false,
};

/** A request as sent from the ticket, every dealer quoting at once. */
export function asked(id: string, ticket: Ticket, now: number): [RfqView, LineView[]] {
  const instrument = reference.instruments.find((one) => one.id === ticket.instrument);
  const view = rfq(id, now, {
    ask: ticket.ask,
    symbol: instrument?.symbol ?? ticket.instrument,
    instrument: ticket.instrument,
    createdMs: now,
    expiresMs: now + ticket.ttlS * 1000,
    text: "Every dealer has answered",
  });
  const lines = DEALERS.flatMap(([dealer], i) =>
    ticket.dealers.includes(dealer)
      ? [
          line(id, i, now, {
            bid: q(`99.1${9 - i}0`),
            offer: q(`99.2${i}5`),
            bestBid: dealer === ticket.dealers[0],
            bestOffer: dealer === ticket.dealers[0],
          }),
        ]
      : [],
  );
  return [view, lines];
}

export function rows(tab: BlotterTab, now: number): BlotterRow[] {
  const row = (n: number, part: Partial<BlotterRow>): BlotterRow => ({
    id: `${tab}-${n}`,
    rfqId: `R${n}`,
    atMs: now - n * 97_000,
    symbol: "DBR 2.5 02/35",
    instrument: "DE000BU2Z049",
    side: "Buy",
    quantity: "5,000,000",
    currency: "EUR",
    price: "99.125",
    dealer: tab === "trades" ? "Northbank" : "Northbank, Meridian Securities, Ostrova",
    status: "Filled",
    cover: "99.130",
    settlementDate: "2026-11-24",
    execId: tab === "trades" ? `NB-20261121-00${n}` : null,
    ...part,
  });
  return [
    row(1, {}),
    row(2, {
      side: "Sell",
      symbol: "EUR/USD",
      instrument: "EUR/USD",
      quantity: "10,000,000",
      price: "1.08412",
      cover: "1.08410",
    }),
    row(
      3,
      tab === "trades" ? {} : { side: "Two-way", status: "Expired", price: null, cover: null },
    ),
  ];
}
