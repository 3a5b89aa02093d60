// A simulated desk, to draw the screens without a real one: `npm run dev`, then open `/?fake`.
//
// Only a development server loads this file. `scene` picks what is on the screen (`connect`,
// `enrol`, `keychain`, `pin`, `refused`, `ticket`, `rfqs`, `package`, `package-armed`, `armed`, `far`, `closing`, `disarmed`,
// `outcomes`, `disconnect`, `risk`, `keys`, `help`, `more`, `dealer-lists`, `security`, `settings`, `support`, `lost`, and those of approvals in
// `scenes/access.ts`; `blotter` has 10,000 rows, `best`, `dealers`, `view`, `export` and
// `attention` show what is behind it; `list`, `list-draft`, `list-long`, `list-take`, `list-repeats`, `list-hidden` and
// `list-empty` have the list of requests;
// `attention` show what is behind it; `panel-rfq`, `panel-gone` and `panel-blotter` are the second
// window; `offered`, `unread` and `stop` are asked from outside the page);
// `crowd` has 200 requests of 20 dealers (`scenes/crowd.ts`);
// `practice` shows the band; `live` makes the dealers of the scene quote again every second.

import type {
  ArmIntent,
  Frame,
  KeptTickets,
  LineView,
  Problem,
  RfqView,
  TicketForm,
} from "../src/bindings";
import type { Answer, Backend, Commands } from "../src/desk/backend";
import * as scenes from "./scenes";

const ok = async <T>(data: T): Promise<Answer<T>> => ({ status: "ok", data });
const no = async <T>(error: Problem): Promise<Answer<T>> => ({ status: "error", error });

const READY_MS = 1_200;

/** Scenes that a button opens. */
const PRESSED: Record<string, string> = {
  risk: "risk",
  keys: "keys-open",
  help: "help-button",
  security: "security-open",
  settings: "settings-open",
  list: "list-open",
  "list-draft": "list-open",
  "list-long": "list-open",
  "list-take": "list-open",
  "list-repeats": "list-open",
  "list-hidden": "list-open",
  "list-empty": "list-open",
  support: "settings-open",
  disconnect: "disconnect-button",
  view: "view-open",
  export: "export-open",
  dealers: "dealers-open",
  group: "group-open",
  "group-empty": "group-open",
  "group-confirm": "group-open",
  more: "ticket-more",
  "dealer-lists": "dealers-lists",
};

/** Scenes of the second window. */
const PANELS: Record<string, [name: string, value: string][]> = {
  "panel-rfq": [
    ["panel", "rfq"],
    ["id", "R1"],
  ],
  "panel-gone": [
    ["panel", "rfq"],
    ["id", "R9"],
  ],
  "panel-blotter": [["panel", "blotter"]],
};

export function fake(asked: URLSearchParams): Backend {
  const scene = asked.get("scene") ?? "rfqs";
  for (const [name, value] of PANELS[scene] ?? []) asked.set(name, value);
  const now = Date.now();
  let frame = scenes.frame(scene, now);
  let seq = 1;
  let wake = () => {};
  const crowd = scene === "crowd" ? new scenes.Crowd(now, Number(asked.get("rate") ?? 0)) : null;
  if (crowd) frame = { ...frame, rfqs: crowd.rfqs, lines: crowd.pull(0, []).lines ?? [] };
  const pressed = PRESSED[scene];
  if (pressed)
    setTimeout(() => document.querySelector<HTMLElement>(`[data-testid=${pressed}]`)?.click(), 500);

  /** Every change is a whole frame; the simulated desk works out no differences. */
  function change(edit: (frame: Frame) => Frame) {
    frame = edit({ ...frame, notices: [] });
    seq += 1;
    wake();
  }
  const editRfq = (id: string, part: Partial<RfqView>) =>
    change((f) => ({
      ...f,
      rfqs: f.rfqs.map((rfq) => (rfq.id === id ? { ...rfq, ...part } : rfq)),
    }));

  function arm(intent: ArmIntent) {
    const line = frame.lines.find(
      (one) => one.rfqId === intent.rfqId && one.dealer === intent.dealer,
    );
    if (line?.quoteId !== intent.quoteId) return no<never>(scenes.problems.requoted);
    const accept = scenes.accept(Date.now(), {
      id: `A-${seq}`,
      side: intent.side,
      price: intent.price,
      limit: intent.price,
      dealer: intent.dealer,
      dealerName: line.dealerName,
    });
    editRfq(intent.rfqId, { accept });
    return ok(accept);
  }

  function accept(rfqId: string) {
    const armed = frame.rfqs.find((rfq) => rfq.id === rfqId)?.accept;
    if (!armed) return no<never>(scenes.problems.requoted);
    editRfq(rfqId, { accept: { ...armed, state: "sent", text: "Waiting for the dealer." } });
    setTimeout(() => {
      const text = `Filled at ${armed.price} with ${armed.dealerName}`;
      editRfq(rfqId, { state: "done", text, accept: { ...armed, state: "filled", text } });
    }, 700);
    return ok(null);
  }

  const kept: KeptTickets = scenes.kept(now);
  const favourites = new Set(["NORTHBANK"]);
  const lists = new scenes.DealerLists();

  function sendRfq(ticket: TicketForm) {
    if (ticket.dealers.length === 0) return no<never>(scenes.problems.noDealer);
    const [rfq, lines] = scenes.asked(`N${seq}`, ticket, Date.now());
    change((f) => ({ ...f, rfqs: [...f.rfqs, rfq], lines: [...f.lines, ...lines] }));
    kept.asked.unshift({ rfqId: rfq.id, atMs: Date.now(), form: ticket });
    return ok(rfq.id);
  }

  const drop = (id: string) =>
    change((f) => ({
      ...f,
      rfqs: f.rfqs.filter((rfq) => rfq.id !== id),
      lines: f.lines.filter((line) => line.rfqId !== id),
    }));

  let columns = scenes.columns;
  let given = false;
  const list = new scenes.RequestList(scene);
  const listed = <T>(data: T) => (change((f) => ({ ...f, list: list.summary() })), ok(data));
  const openRow = () => {
    const row = document.querySelector("[data-testid=blotter-row]");
    if (row) row.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
    else setTimeout(openRow, 200);
  };
  if (scene === "best") setTimeout(openRow, 700);
  if (scene === "attention")
    setTimeout(() => document.getElementById("tab-attention")?.click(), 500);
  if (scene === "group-confirm")
    setTimeout(
      () => document.querySelector<HTMLElement>("[data-testid=group-take]")?.click(),
      1_000,
    );
  if (scene === "support")
    setTimeout(
      () => document.querySelector<HTMLElement>("[data-testid=support-open]")?.click(),
      800,
    );
  // Whatever a scene presses and types is done by then.
  if (asked.has("fake"))
    setTimeout(() => (document.documentElement.dataset.scene = "ready"), READY_MS);
  if (scene === "enrol") setTimeout(fillInvitation, 400);
  if (scene === "ticket") setTimeout(fillTicket, 500);
  // As what the trader left in the ticket.
  if (scene.startsWith("package"))
    kept.draft = { ...kept.templates[0]!.form, allOrNone: false, package: scenes.filled };
  if (asked.has("live"))
    setInterval(() => change((f) => ({ ...f, lines: f.lines.map(requote) })), 1_000);

  if (scene === "lost")
    setTimeout(() => change((f) => ({ ...f, session: scenes.lost(Date.now()) })), 500);

  const commands: Commands = {
    info: () => ok(scenes.info(asked.has("practice"), asked.get("managed"))),
    identities: () => (scene === "keychain" ? new Promise(() => {}) : ok(scenes.identities(now))),
    readInvitation: (text) =>
      text.length > 12 ? ok(scenes.invitation(now)) : no<never>(scenes.problems.invitation),
    enrol: () => {
      change((f) => ({
        ...f,
        enrol: { phase: "asking", identity: null, venue: null, problem: null },
      }));
      setTimeout(
        () =>
          change((f) => ({
            ...f,
            enrol: { phase: "done", identity: "ALICE1", venue: "Example Bank RFQ", problem: null },
          })),
        900,
      );
      return ok(null);
    },
    givePin: () => (change((f) => ({ ...f, pin: f.pin && { ...f.pin, open: false } })), ok(null)),
    connect: () => (change(() => scenes.frame("rfqs", Date.now())), ok(null)),
    disconnect: () => (change(() => scenes.frame("connect", Date.now())), ok(null)),
    reference: () => ok(scenes.reference),
    findInstruments: (typed) => ok(scenes.find(typed)),
    readQuantity: (_, text) => readQuantity(text),
    settlementDates: () =>
      ok({ dates: ["2026-12-01", "2026-12-02", "2026-12-03"], convention: "T+2", note: "" }),
    readSettlement: (_, text) =>
      text === "3m"
        ? ok({ date: "2027-02-24", text: "Wed 24 Feb 2027" })
        : no<never>(scenes.problems.closed),
    readPackage: (form) => ok(scenes.readPackage(form)),
    editPackage: (form, edit) => ok(scenes.edited(form, edit)),
    checkTicket: (form) => ok({ refused: null, notes: scenes.notes(form) }),
    dealerHints: () => ok(scenes.hints(favourites)),
    dealerLists: () => ok(lists.all),
    keepDealerList: (name, dealers) => (lists.keep(name, dealers), ok(null)),
    renameDealerList: (name, to) =>
      lists.rename(name, to) ? ok(null) : no<never>(scenes.problems.listTaken),
    dropDealerList: (name) => (lists.drop(name), ok(null)),
    keptTickets: () => ok({ ...kept }),
    ticketOf: (id) => ok(kept.asked.find((one) => one.rfqId === id)?.form ?? null),
    keepDraft: (draft) => ((kept.draft = draft), ok(null)),
    keepTemplate: (template) => ((kept.templates = [...kept.templates, template]), ok(null)),
    dropTemplate: (name) => (
      (kept.templates = kept.templates.filter((one) => one.name !== name)),
      ok(null)
    ),
    favourDealer: (id, on) => (on ? favourites.add(id) : favourites.delete(id), ok(null)),
    sendRfq,
    endRfq: (id, reason) => (
      editRfq(id, { state: "cancelled", text: `Ended without a trade: ${reason}` }),
      ok(null)
    ),
    counterDealer: ({ rfqId, dealer, side, price }) => {
      const asked = { side, price, untilMs: Date.now() + 4_000, text: null };
      const put = (part: (one: LineView) => Partial<LineView>) =>
        change((f) => ({
          ...f,
          lines: f.lines.map((one) =>
            one.rfqId === rfqId && one.dealer === dealer ? { ...one, ...part(one) } : one,
          ),
        }));
      const before = frame.lines.find((one) => one.rfqId === rfqId && one.dealer === dealer);
      const quoted = (side === "buy" ? before?.offer?.price : before?.bid?.price) ?? price;
      put(() => ({
        state: "countered" as const,
        canCounter: false,
        counter: { ...asked, quoted, state: "sent" as const },
      }));
      setTimeout(
        () =>
          put((one) => ({
            state: "quoted" as const,
            canCounter: true,
            quoteId: `${one.quoteId}-2`,
            counter: { ...asked, quoted, state: "heldFirm" as const },
          })),
        4_000,
      );
      return ok(null);
    },
    passDealer: (id, dealer, reason) => (
      change((f) => ({
        ...f,
        lines: f.lines.map((one) =>
          one.rfqId === id && one.dealer === dealer
            ? {
                ...one,
                state: "turnedDown" as const,
                reason,
                canPass: false,
                bid: null,
                offer: null,
              }
            : one,
        ),
      })),
      ok(null)
    ),
    stopAll: () => {
      const open = frame.rfqs.filter((rfq) => rfq.state === "open");
      for (const { id } of open) editRfq(id, { state: "cancelled", accept: null, text: "Ended" });
      return ok({ ended: open.length, takenBack: 0, rows: 0, left: [] });
    },
    stayOpen: () => (change((f) => ({ ...f, closing: false })), ok(null)),
    closeWindow: () => ok(null),
    cancelRfq: (id) => (editRfq(id, { state: "cancelled", text: "Ended by you" }), ok(null)),
    dismissRfq: (id) => (drop(id), ok(null)),
    beginStepUp: () => (
      change((f) => ({
        ...f,
        stepUp: (f.stepUp ?? []).map((s) => ({ ...s, phase: "touch", problem: null })),
      })),
      ok(null)
    ),
    giveKeyPin: (_id, _question, pin) => {
      const wrong = pin === "0000";
      change((f) => ({
        ...f,
        stepUp: (f.stepUp ?? []).map((s) => ({
          ...s,
          phase: wrong ? "pin" : "touch",
          pinWrong: wrong,
          pinLeft: wrong ? 7 : null,
          pinQuestion: s.pinQuestion + 1,
        })),
      }));
      return ok(null);
    },
    stopStepUp: () => ok(null),
    refuseStepUp: () => (change((f) => ({ ...f, stepUp: [] })), ok(null)),
    verifyNow: () => (
      change((f) => ({ ...f, stepUp: [scenes.stepUp("session", Date.now())] })),
      ok(null)
    ),
    registerKey: () => (
      change((f) => ({ ...f, stepUp: [scenes.stepUp("newKey", Date.now())] })),
      ok(null)
    ),
    security: () => ok(scenes.security(now)),
    look: () => ok({ colours: "system", zoom: 100, sounds: [], alerts: true }),
    keepLook: () => ok(null),
    logLines: (text) => ok(scenes.log.filter((line) => line.includes(text))),
    supportReport: () => ok(scenes.report),
    alert: () => ok(null),
    touchSimulatedKey: () => (change((f) => ({ ...f, stepUp: [] })), ok(null)),
    arm,
    setLimit: (id, ticks) => {
      const armed = frame.rfqs.find((rfq) => rfq.id === id)?.accept;
      if (!armed) return no<null>(scenes.problems.requoted);
      const way = (armed.side === "buy" ? 1 : -1) * ticks * 0.005;
      editRfq(id, {
        accept: { ...armed, limit: (Number(armed.price) + way).toFixed(3), limitTicks: ticks },
      });
      return ok(null);
    },
    takeQuantity: (id, quantity) => {
      const armed = frame.rfqs.find((rfq) => rfq.id === id)?.accept;
      if (!armed) return no<null>(scenes.problems.requoted);
      const whole = armed.quotedQuantity ?? armed.quantity;
      const part = quantity === "" ? whole : quantity.replace(/m$/, ",000,000");
      const quotedQuantity = part === whole ? null : whole;
      const again = `${armed.id}+`;
      editRfq(id, { accept: { ...armed, id: again, quantity: part, quotedQuantity } });
      return ok(null);
    },
    approveAhead: (id, side) => {
      editRfq(id, { ahead: { side, limit: "99.135", approved: false } });
      change((f) => ({ ...f, stepUp: [scenes.stepUp("ahead", Date.now())] }));
      return ok(null);
    },
    disarm: (id) => (editRfq(id, { accept: null }), ok(null)),
    accept,
    pull: (since, behind) => {
      const gatewayNowMs = Date.now();
      if (crowd && since > 0)
        return ok({ ...scenes.quiet, ...crowd.pull(since, behind), gatewayNowMs });
      return ok({ ...(since === seq ? scenes.quiet : frame), seq, gatewayNowMs });
    },
    park: () => ok(null),
    blotterRows: (query) => ok(scenes.page(query, now, scene === "blotter")),
    blotterColumns: () => ok(columns),
    keepBlotterColumns: (kept) => (
      (columns = columns.map((one) => (one.tab === kept.tab ? kept : one))),
      ok(null)
    ),
    exportBlotter: (_, __, format) =>
      ok({
        path: `/home/alice/Downloads/signet-trades.${format === "csv" ? "csv" : "xlsx"}`,
        rows: 3,
      }),
    giveReason: () => ((given = true), change((f) => ({ ...f, blotterChanged: true })), ok(null)),
    attend: () => ok(null),
    bestExecution: (id) => {
      const view = scenes.bestExecution(id, now);
      return ok(given ? { ...view, owesReason: null } : view);
    },
    saveBestExecution: () =>
      ok({ path: "/home/alice/Downloads/signet-best-execution.html", rows: 1 }),
    saveProof: () => ok({ path: "/home/alice/Downloads/signet-proof.zip", rows: 1 }),
    printPage: () => (window.print(), ok(null)),
    dealerInsights: () => ok(scenes.dealers),
    listPaste: (text) => listed(list.paste(text)),
    listWorkbook: (_, hidden) => listed(list.workbook(hidden)),
    listAct: (intent) => (list.act(intent), listed(null)),
    listPage: (offset, limit) => ok(list.page(offset, limit)),
    listTake: () => (list.take(), listed(null)),
    listConfirm: () => (list.confirm(), listed(null)),
    askGroup: () => ok(null),
    takeOver: (key) => {
      change((f) => ({ ...f, group: f.group && { ...f.group, taking: key } }));
      return ok(null);
    },
    openPanel: () => ok(null),
    leavePanel: () => ok(null),
    takeAsked: () => ok(scenes.askedOf(scene)),
  };
  return { commands, onChanged: async (to) => (wake = to) };
}

function requote(line: LineView): LineView {
  if (line.state !== "quoted" || !line.offer) return line;
  const step = line.offer.price.split(".")[1]?.length ?? 0;
  const price = (Number(line.offer.price) + (Math.random() - 0.5) * 0.02).toFixed(step);
  const revision = line.revision + 1;
  const quoteId = `Q-${line.rfqId}-${line.dealer}-${revision}`;
  return {
    ...line,
    revision,
    quoteId,
    offer: { ...line.offer, price },
    validUntilMs: Date.now() + 9_000,
  };
}

function fillInvitation() {
  document.querySelector<HTMLElement>("[data-testid=enrol-open]")?.click();
  setTimeout(() => {
    const input = document.querySelector<HTMLInputElement>("[data-testid=enrol-invitation]")!;
    input.value = "signet://enrol/dmVyc2lvbiA9IDE";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    setTimeout(
      () => document.querySelector<HTMLElement>("[data-testid=enrol-compared]")?.click(),
      100,
    );
  }, 100);
}

function fillTicket() {
  for (const [id, text] of [
    ["instrument", "DBR 2.5 02/35"],
    ["quantity", "5x"],
  ] as const) {
    const input = document.getElementById(id) as HTMLInputElement;
    input.focus();
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.blur();
  }
  setTimeout(() => document.querySelector<HTMLElement>("[data-testid=ticket-send]")?.click(), 300);
}

function readQuantity(text: string) {
  const match = /^([\d.,]+)\s*([km]?)$/i.exec(text);
  const scale = { "": 1, k: 1e3, m: 1e6 }[(match?.[2] ?? "").toLowerCase()] ?? 1;
  const value = match ? Number((match[1] ?? "").replaceAll(",", "")) * scale : Number.NaN;
  if (!(value > 0)) return no<never>(scenes.problems.quantity);
  return ok({ value: String(value), text: value.toLocaleString("en-US") });
}
