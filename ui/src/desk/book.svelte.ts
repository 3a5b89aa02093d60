// What the desk has sent to this page: a fold over the frames that the page pulled.
//
// Each RFQ and each line of a dealer has a reactive cell, so that a frame redraws only what it
// names.

import type {
  AccessView,
  EnrolView,
  Frame,
  GroupView,
  KeysView,
  LineView,
  ListSummary,
  PinView,
  RecordView,
  RfqView,
  SessionView,
  StepUpView,
} from "../bindings";
import { Notices } from "./notices.svelte";

export class Line {
  view: LineView = $state.raw(undefined as never);

  constructor(view: LineView) {
    this.view = view;
  }
}

export class Rfq {
  view: RfqView = $state.raw(undefined as never);
  /** In the order in which the dealers were asked; the rank decides where a line is drawn. */
  asked: Line[] = $state.raw([]);
  /** The lines, best first. */
  readonly ranked: LineView[] = $derived(
    this.asked.map((line) => line.view).sort((a, b) => a.rank - b.rank),
  );
  readonly #byDealer = new Map<string, Line>();

  constructor(view: RfqView) {
    this.view = view;
  }

  put(view: LineView) {
    const line = this.#byDealer.get(view.dealer);
    if (line) line.view = view;
    else {
      this.#byDealer.set(view.dealer, new Line(view));
      this.asked = [...this.#byDealer.values()];
    }
  }

  keepOnly(dealers: Set<string>) {
    const before = this.#byDealer.size;
    for (const dealer of this.#byDealer.keys())
      if (!dealers.has(dealer)) this.#byDealer.delete(dealer);
    if (this.#byDealer.size !== before) this.asked = [...this.#byDealer.values()];
  }
}

export class Book {
  seq = 0;
  session: SessionView | null = $state.raw(null);
  enrol: EnrolView | null = $state.raw(null);
  pin: PinView | null = $state.raw(null);
  stepUp: StepUpView | null = $state.raw(null);
  access: AccessView | null = $state.raw(null);
  keys: KeysView | null = $state.raw(null);
  /** Colleagues' open requests. */
  group: GroupView | null = $state.raw(null);
  /** How the dealers did in earlier requests, by CompID. */
  records: Map<string, RecordView> = $state.raw(new Map());
  /** The trader asked to close the window while something is open. */
  closing = $state(false);
  /** Oldest first: a new request never moves a panel that is already on the screen. */
  rfqs: Rfq[] = $state.raw([]);
  readonly notices = new Notices();
  /** The list of requests, in figures. */
  list: ListSummary | null = $state.raw(null);
  referenceRevision = $state(0);
  blotterRevision = $state(0);

  readonly #byId = new Map<string, Rfq>();

  /** Answers how many lines the frame changed. */
  apply(frame: Frame): number {
    if (frame.whole) this.#forget(frame);
    this.seq = frame.seq;
    if (frame.session) this.session = frame.session;
    if (frame.enrol) this.enrol = frame.enrol;
    if (frame.pin) this.pin = frame.pin;
    if (frame.stepUp) this.stepUp = frame.stepUp[0] ?? null;
    if (frame.access) this.access = frame.access;
    if (frame.keys) this.keys = frame.keys;
    if (frame.group) this.group = frame.group;
    if (frame.records) this.records = new Map(frame.records.map((one) => [one.dealer, one]));
    if (frame.list) this.list = frame.list;
    if (frame.closing !== null) this.closing = frame.closing;
    this.#putRfqs(frame);
    this.#putLines(frame.lines);
    if (frame.referenceChanged || frame.whole) this.referenceRevision += 1;
    if (frame.blotterChanged || frame.whole) this.blotterRevision += 1;
    this.notices.add(frame.notices);
    return frame.lines.length;
  }

  find(id: string): Rfq | undefined {
    return this.#byId.get(id);
  }

  /** Closes the notice that is shown, if there was time to read it. */
  closeNotice(nowMs = performance.now()) {
    this.notices.closeFirst(nowMs);
  }

  /** A whole frame names everything that exists. What it names keeps its cell; the rest goes. */
  #forget(frame: Frame) {
    const named = new Set(frame.rfqs.map((rfq) => rfq.id));
    for (const id of this.#byId.keys()) if (!named.has(id)) this.#byId.delete(id);
    const dealers = new Map<string, Set<string>>();
    for (const { rfqId, dealer } of frame.lines) {
      const known = dealers.get(rfqId);
      if (known) known.add(dealer);
      else dealers.set(rfqId, new Set([dealer]));
    }
    for (const [id, rfq] of this.#byId) rfq.keepOnly(dealers.get(id) ?? new Set<string>());
    this.session = null;
  }

  #putRfqs(frame: Frame) {
    for (const id of frame.removed) this.#byId.delete(id);
    for (const view of frame.rfqs) {
      const rfq = this.#byId.get(view.id);
      if (rfq) rfq.view = view;
      else this.#byId.set(view.id, new Rfq(view));
    }
    if (frame.whole || frame.removed.length > 0 || this.#byId.size !== this.rfqs.length) {
      this.rfqs = [...this.#byId.values()].sort((a, b) => a.view.createdMs - b.view.createdMs);
    }
  }

  #putLines(lines: LineView[]) {
    for (const view of lines) this.#byId.get(view.rfqId)?.put(view);
  }
}
