// What one page holds: the book, the clock, the reference data, and how to reach the desk.

import { getContext, setContext } from "svelte";
import type { DeskInfo, Frame, Problem, Reference } from "../bindings";
import { Keyboard, provideKeyboard } from "../keyboard/keyboard";
import { ask, askInTime, inTime, SILENT, unreachable, type Answer, type Backend } from "./backend";
import { Book } from "./book.svelte";
import { GatewayClock } from "./clock.svelte";
import type { PanelMode } from "./panel";
import { pump } from "./pump";
import { Sending } from "./sending.svelte";
import { Sight } from "./sight";
import { Draft } from "./draft.svelte";
import { Asked } from "./asked.svelte";
import { Insight } from "./insight.svelte";
import { chime } from "./chime";
import { Ear } from "./ear";
import { Looks } from "./look.svelte";
import { Places } from "./places.svelte";
import { t } from "../language/t";

export class Page {
  readonly book = new Book();
  readonly clock = new GatewayClock();
  readonly sight = new Sight();
  readonly keyboard = new Keyboard();
  readonly looks = new Looks();
  readonly zoom = this.looks.zoom;
  readonly places = new Places();
  readonly draft = new Draft();
  /** What was left in the ticket at the last end is in it again, or the trader has begun another. */
  draftTaken = $state(false);
  readonly sending = new Sending({
    commands: () => this.commands,
    late: (answer) =>
      answer.status === "ok" ? this.tell(SENT_LATE, answer.data) : this.tell(answer.error),
  });
  readonly insight = new Insight();
  /** The list of the group's requests is open. */
  group = $state(false);
  /** The trader's lists of dealers are open. */
  dealerLists = $state(false);
  readonly asked = new Asked();
  /** Too many prices change for any of them to flash. */
  busy = $state(false);
  #busyUntil = 0;
  info: DeskInfo | null = $state.raw(null);
  reference: Reference | null = $state.raw(null);
  /** The program behind the window cannot be reached, or has no desk. */
  trouble: Problem | null = $state.raw(null);
  /** The trader is enrolling this laptop. */
  enrolling = $state(false);
  /** The request whose panel gets the keyboard as soon as it is on the screen. */
  wanted: string | null = $state(null);
  #wasOnline = $state(false);
  /** When the interruption ended whose line was closed. */
  #backClosed: number | null = $state(null);

  readonly backend: Backend;
  /** What the second window shows; null in the desk's own. */
  readonly panel: PanelMode | null;

  constructor(backend: Backend, panel: PanelMode | null = null) {
    this.backend = backend;
    this.panel = panel;
    if (panel) this.sight.only = panel.kind === "rfq" ? panel.id : "";
  }

  get commands() {
    return this.backend.commands;
  }

  get enrol() {
    return this.book.enrol;
  }

  get access() {
    return this.book.access;
  }

  // Derived: what depends on one of these does not run again at each measurement of the link.
  readonly link = $derived(this.book.session?.state ?? "offline");
  readonly online = $derived(this.link === "online");
  /** Online, and the screen shows what the desk says now, and nothing older. */
  readonly current = $derived(this.online && this.trouble === null && !this.clock.lost);
  /** And the connection answers: only then can a price be taken. */
  readonly live = $derived(this.current && this.book.session?.doubtfulSinceMs == null);

  /** The line about the latest interruption is to be shown. */
  get backShown() {
    const at = this.book.session?.back?.atMs;
    return at != null && at !== this.#backClosed;
  }

  closeBack() {
    this.#backClosed = this.book.session?.back?.atMs ?? null;
  }

  /** The trading screen stays while the link is lost; it goes when the trader disconnects. */
  readonly trading = $derived(this.online || (this.#wasOnline && this.link !== "offline"));

  async start(painted?: (seq: number, changed: number) => void) {
    void this.looks.load(this.backend);
    if (!this.panel)
      this.asked.listen(this.backend).catch((why: unknown) => this.tell(unreachable(why).error));
    await this.#loadInfo();
    const onChanged = (wake: () => void) => {
      this.clock.onlost = wake;
      return this.backend.onChanged(wake);
    };
    await pump(
      { ...this.backend, onChanged },
      {
        seq: () => this.book.seq,
        sight: this.sight,
        trouble: (problem) => (this.trouble = problem),
        take: (frame) => {
          // Without it there is no screen before trading; the first question may have failed.
          if (this.info === null) void this.#loadInfo();
          this.clock.set(frame.gatewayNowMs);
          const changed = this.book.apply(frame);
          this.sight.know(frame);
          this.#calmOrBusy(changed);
          // One window tells: the desk's own.
          if (!this.panel) this.#hear(frame);
          if (this.online || this.link === "restoring") this.#wasOnline = true;
          if (this.link === "offline") this.#wasOnline = false;
          if (changed > 0 || frame.stepUp) painted?.(frame.seq, changed);
        },
      },
    );
  }

  readonly #ear = new Ear();

  /** Sounds that the trader chose, and an alert of the system while another program is in front. */
  #hear(frame: Frame) {
    if (frame.session) this.places.note(frame.session, Date.now());
    const heard = this.#ear.hear(frame);
    for (const sound of heard) if (this.looks.view.sounds.includes(sound)) chime(sound);
    const wanted = heard.find((sound) => sound !== "quote");
    if (wanted && !document.hasFocus()) void ask(this.commands.alert(wanted));
  }

  /**
   * New prices flash while there is time to look at each. When many arrive at once the flashes say
   * nothing, and drawing them would make every price late.
   */
  #calmOrBusy(changed: number) {
    const now = performance.now();
    if (changed > MANY_LINES) this.#busyUntil = now + BUSY_MS;
    const busy = now < this.#busyUntil;
    if (busy !== this.busy) this.busy = busy;
  }

  /** Returns to the connect screen, whose list then has the new identity. */
  async enrolled() {
    await this.#loadInfo();
    this.enrolling = false;
  }

  #infoAsked = false;

  async #loadInfo() {
    if (this.#infoAsked) return;
    this.#infoAsked = true;
    // Without an answer the frames are pulled all the same, and it is asked for again.
    const info = (await inTime(ask(this.commands.info()))) ?? SILENT;
    this.#infoAsked = false;
    if (info.status === "ok") this.info = info.data;
    // Prices that come all the same are not old for it.
    else if (!this.online) this.trouble = info.error;
  }

  #referenceAsked = 0;

  async loadReference() {
    const mine = (this.#referenceAsked += 1);
    const got = await ask(this.commands.reference());
    // An answer that is late never replaces that to a later question.
    if (mine !== this.#referenceAsked) return;
    if (got.status === "ok") this.reference = got.data;
    else this.tell(got.error);
  }

  /** Says in a notice why something was not done. */
  tell({ code, message, cure }: Problem, rfqId: string | null = null) {
    const text = `${message} ${cure}`;
    this.book.notices.add([{ kind: "bad", atMs: Date.now(), code, text, rfqId }]);
  }

  /** Ends every open request, and asks nothing. A missing answer is told, too. */
  async stopAll() {
    const answer = await askInTime(this.commands.stopAll());
    if (answer.status === "error") this.tell(answer.error);
  }

  /** Waits for a command whose failure nothing else on the screen shows: a notice tells it. */
  async told<T>(call: Promise<Answer<T>>, rfqId: string | null = null) {
    const answer = await ask(call);
    if (answer.status === "error") this.tell(answer.error, rfqId);
  }
}

const SENT_LATE: Problem = {
  code: "desk.sent_late",
  message: t("desk.theRequestWasSentAfterAll"),
  cure: t("desk.itIsAmongTheRequestsDoNotSend"),
  field: null,
};

/** Lines that change in one frame before flashing stops, and for how long it then stops. */
const MANY_LINES = 3;
const BUSY_MS = 1_000;

const KEY = Symbol("page");

export function providePage(page: Page) {
  provideKeyboard(page.keyboard);
  setContext(KEY, page);
}
export const usePage = () => getContext<Page>(KEY);
