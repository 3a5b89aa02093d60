// The list of requests, as a picture and as something to press: rows are taken as they are pasted.

import type {
  HiddenRows,
  ListIntent,
  ListPage,
  ListPasted,
  ListRepeats,
  ListRow,
  ListSummary,
  ListTake,
  Problem,
} from "../../src/bindings";

/** Rows of the scene `list-long`. */
const MANY = 500;

const problem = (code: string, message: string, cure: string): Problem => ({
  code,
  message,
  cure,
  field: null,
});

const row = (number: number, part: Partial<ListRow>): ListRow => ({
  key: number,
  number,
  cells: {
    side: number % 3 === 0 ? "sell" : "buy",
    instrument: "DE000BU2Z049",
    quantity: `${number % 9}m`,
    settlement: "",
    dealers: "all",
    limit: "99.150",
    note: "",
    priceType: "",
    least: "",
  },
  problems: [],
  warning: null,
  symbol: "DBR 2.5 02/35",
  instrument: "DE000BU2Z049",
  state: "draft",
  rfqId: null,
  price: null,
  dealer: null,
  away: null,
  within: false,
  text: "",
  priceType: "price",
  ...part,
});

const quoted = (number: number, price: string, dealer: string, away: string): ListRow =>
  row(number, {
    state: "quoted",
    rfqId: `L-${number}`,
    price,
    dealer,
    away,
    within: !away.startsWith("+"),
    text: "3 of 4 dealers quote.",
  });

const mixed = (): ListRow[] => [
  row(1, {
    state: "done",
    price: "99.125",
    dealer: "Northbank",
    away: "-5",
    text: "Filled: bought 1,000,000 at 99.125 from Northbank",
  }),
  quoted(2, "99.130", "Northbank, Meridian Securities", "-4"),
  quoted(3, "99.145", "Kestrel Capital Markets", "+1"),
  row(4, { state: "open", text: "0 of 4 dealers quote." }),
  row(5, {
    state: "refused",
    text: "Refused: your firm's rules do not allow this instrument for this desk (rule desk-limits-7).",
  }),
  row(6, { state: "expired", text: "Expired" }),
  row(7, {
    state: "pending",
    text: "Waiting for an open request to end. Since 09:12:03 UTC; not sent after 09:27:03 UTC.",
  }),
  row(8, {
    cells: { ...row(8, {}).cells, quantity: "5x", dealers: "Eastbank" },
    symbol: "",
    problems: [
      {
        field: "quantity",
        problem: problem("quantity.unreadable", "'5x' is not a quantity.", "Type it like 5m."),
      },
      {
        field: "dealers",
        problem: problem(
          "dealers.unknown",
          "Eastbank is not a dealer you may ask.",
          "Type names of your dealers with commas between, or all.",
        ),
      },
    ],
  }),
  row(9, { warning: "Asks for the same as row 2." }),
  row(10, {
    state: "unknown",
    text: "Sent before the restart; what became of it is not known. Ask the dealers before you send it again.",
  }),
];

const draft = (): ListRow[] => [
  row(1, {}),
  row(2, { cells: { ...row(2, {}).cells, settlement: "2w", note: "fund A" } }),
  mixed()[7]!,
];

const long = (): ListRow[] =>
  Array.from({ length: MANY }, (_, i) =>
    i % 7 === 0 ? quoted(i + 1, "99.130", "Northbank", "-4") : row(i + 1, {}),
  );

export class RequestList {
  rows: ListRow[];
  taking: ListTake | null = null;
  repeats: ListRepeats | null = null;
  readonly #hides: boolean;
  #revision = 1;

  constructor(scene: string) {
    this.rows =
      scene === "list-draft"
        ? draft()
        : scene === "list-long"
          ? long()
          : scene.startsWith("list") && !["list-empty", "list-hidden"].includes(scene)
            ? mixed()
            : [];
    if (scene === "list-take") this.take();
    if (scene === "list-repeats") this.ask();
    this.#hides = scene === "list-hidden";
  }

  summary(): ListSummary {
    const n = (is: (row: ListRow) => boolean) => this.rows.filter(is).length;
    const state = (...states: string[]) => n((row) => states.includes(row.state));
    const pending = state("pending");
    return {
      revision: this.#revision,
      id: "L-1",
      run: pending > 0 ? "sending" : "idle",
      rows: this.rows.length,
      wrong: n((row) => row.state === "draft" && row.problems.length > 0),
      ready: n((row) => row.state === "draft" && row.problems.length === 0),
      pending,
      sent: n((row) => row.state !== "draft" && row.state !== "pending"),
      open: state("open", "quoted", "sending", "taking"),
      quoted: state("quoted"),
      within: n((row) => row.within),
      done: state("done"),
      without: state("refused", "expired", "ended", "stopped"),
      unknown: state("unknown"),
      unkept: false,
      taking: 0,
      text: "",
    };
  }

  page(offset: number, limit: number): ListPage {
    const rows = this.rows.slice(offset, offset + limit);
    return { summary: this.summary(), offset, rows, take: this.taking, repeats: this.repeats };
  }

  paste(text: string) {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    const from = this.rows.length;
    const added = lines.map((line, i) => {
      const [side = "", instrument = "", quantity = ""] = line.split(/[\t,;]/).map((c) => c.trim());
      const one = row(from + i + 1, {});
      return { ...one, cells: { ...one.cells, side, instrument, quantity } };
    });
    this.rows = [...this.rows, ...added];
    this.#revision += 1;
    return { added: added.length, ignored: [], hidden: 0, asks: false };
  }

  /** A workbook; in one scene three rows of it are hidden. */
  workbook(hidden: HiddenRows | null): ListPasted {
    if (!this.#hides) return this.paste("buy,DE000BU2Z049,5m");
    if (hidden === null) return { added: 0, ignored: [], hidden: 3, asks: true };
    const rows = Array(hidden === "in" ? 5 : 2).fill("buy,DE000BU2Z049,5m");
    return { ...this.paste(rows.join("\n")), hidden: 3 };
  }

  /** Rows that were sent before. */
  ask() {
    this.#revision += 1;
    const before = [
      "Sent at 08:02:11 UTC as row 2 of list L26112908-4f2a: Filled.",
      "Sent at 07:40:00 UTC as row 9 of list L26112907-4f2a: Expired.",
    ];
    const one = (number: number, quantity: string, told: string[]) => ({
      key: number,
      number,
      ask: number % 2 === 0 ? ("sell" as const) : ("buy" as const),
      quantity,
      symbol: "DBR 2.5 02/35",
      before: told,
    });
    this.repeats = {
      rows: [one(2, "2,000,000", before), one(9, "9,000,000", before.slice(1))],
      all: 12,
      afterMs: 700,
    };
  }

  act(intent: ListIntent) {
    this.#revision += 1;
    const edit = (key: number, change: (row: ListRow) => ListRow) =>
      (this.rows = this.rows.map((one) => (one.key === key ? change(one) : one)));
    if (intent.kind === "clear") this.rows = [];
    if (intent.kind === "remove") this.rows = this.rows.filter((one) => one.key !== intent.key);
    if (intent.kind === "leave") [this.taking, this.repeats] = [null, null];
    if (intent.kind === "sendAgain") this.repeats = null;
    if (intent.kind === "again") edit(intent.key, (one) => ({ ...one, state: "draft", text: "" }));
    if (intent.kind === "edit")
      edit(intent.key, (one) => ({
        ...one,
        cells: { ...one.cells, [intent.field]: intent.text },
        problems: one.problems.filter((p) => p.field !== intent.field),
      }));
    if (intent.kind === "send")
      this.rows = this.rows.map((one) =>
        one.state === "draft" ? quoted(one.number, "99.130", "Northbank", "-4") : one,
      );
  }

  take() {
    this.#revision += 1;
    const within = this.rows.filter((one) => one.within).slice(0, 40);
    const lines = (
      within.length > 1 ? within : [within[0]!, { ...within[0]!, key: 99, number: 11 }]
    )
      .filter(Boolean)
      .map((one, i) => ({
        key: one.key,
        number: one.number,
        side: "buy" as const,
        quantity: "2,000,000",
        currency: "EUR",
        symbol: one.symbol,
        instrument: one.instrument,
        dealer: one.dealer ?? "",
        price: one.price,
        limit: "99.150",
        settlementDate: "2026-12-01",
        warning: i === 1 ? "Far from the market: confirm a second time." : null,
      }));
    this.taking = {
      lines,
      left: [
        { number: 3, symbol: "DBR 2.5 02/35", why: "The best price is beyond its limit." },
        { number: 10, symbol: "EUR/USD", why: "It has no limit." },
      ],
      totals: [{ currency: "EUR", side: "buy", rows: lines.length, quantity: "4,000,000" }],
      afterMs: 700,
      seen: false,
    };
  }

  confirm() {
    this.#revision += 1;
    const keys = new Set(this.taking?.lines.map((line) => line.key));
    this.rows = this.rows.map((one) =>
      keys.has(one.key)
        ? { ...one, state: "done", within: false, text: `Filled at ${one.price}` }
        : one,
    );
    this.taking = null;
  }
}
