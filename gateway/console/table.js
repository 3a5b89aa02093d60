// A list that stays where it is while somebody reads it: see rows.js.

import { fill, h, put, say } from "./dom.js";
import { count } from "./format.js";
import { matches, merge } from "./rows.js";

/** Rows that are drawn at once; more on request. */
const PAGE = 250;

/**
 * @template T
 * @typedef {{ title: string, width: string, number?: boolean,
 *   cell: (row: T) => string | Node | (string | Node | null)[] }} Column
 */

/**
 * @template T
 * @typedef {{ label: string, thing: [string, string], columns: Column<T>[], key: (row: T) => string,
 *   name: (row: T) => string, empty: string, text?: (row: T) => string,
 *   detail?: (row: T, gone: boolean) => Node, hint?: string, moreWords?: string, rowClass?: (row: T) => string,
 *   action?: { title: string, width: string, label: (row: T) => string | null,
 *     disabled?: (row: T) => boolean, run: (row: T) => void } }} Options
 */

/**
 * The first column names a row, by a button that selects it where there is something to select.
 *
 * @template T
 */
export class Table {
  /** @param {Options<T>} options */
  constructor(options) {
    this.o = options;
    /** @type {import("./rows.js").Shown<T>[]} */
    this.shown = [];
    /** @type {T[] | null} */
    this.latest = null;
    this.more = false;
    this.waiting = 0;
    this.limit = PAGE;
    this.found = 0;
    this.hovered = false;
    /** @type {string | null} */
    this.selected = null;
    /** @type {Map<string, Drawn>} */
    this.drawn = new Map();
    const o = options;
    this.filter = h("input", {
      type: "search",
      class: "filter",
      placeholder: "Filter",
      "aria-label": `Filter ${o.thing[1]}`,
      spellcheck: false,
      autocomplete: "off",
      oninput: () => {
        this.limit = PAGE;
        this.refresh(false);
      },
    });
    this.fresh = h("button", {
      type: "button",
      class: "fresh",
      onclick: () => {
        this.refresh(false);
        scroll.focus();
      },
    });
    this.fresh.title = "Shows what came since the list was held still";
    this.fresh.hidden = true;
    this.total = h("span", { class: "total" });
    this.body = h("tbody");
    const heads = o.columns.map((c) =>
      h("th", { scope: "col", class: c.number ? "number" : null }, c.title),
    );
    if (o.action) heads.push(h("th", { scope: "col", class: "act" }, o.action.title));
    const widths = [...o.columns.map((c) => c.width), ...(o.action ? [o.action.width] : [])];
    const cols = widths.map((width) => {
      const col = h("col");
      col.style.width = width;
      return col;
    });
    const caption = h("caption", { class: "unseen" }, o.label);
    const table = h(
      "table",
      {},
      caption,
      h("colgroup", {}, cols),
      h("thead", {}, h("tr", {}, heads)),
    );
    table.append(this.body);
    this.none = h("p", { class: "none" });
    this.rest = h("button", { type: "button", class: "rest", onclick: () => this.showMore() });
    this.rest.hidden = true;
    const scroll = h(
      "div",
      { class: "scroll", role: "region", "aria-label": o.label, tabIndex: 0 },
      table,
      this.none,
      this.rest,
    );
    this.body.addEventListener("pointerenter", () => (this.hovered = true));
    this.body.addEventListener("pointerleave", () => {
      this.hovered = false;
      this.refresh(this.held());
    });
    this.body.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => this.click(event));
    const tools = h("div", { class: "tools" }, this.filter, this.fresh, this.total);
    const list = h("div", { class: "list" }, tools, scroll);
    this.panel = o.detail
      ? h("section", { class: "panel", "aria-label": `Details of the selected ${o.thing[0]}` })
      : null;
    this.node = h("div", { class: o.detail ? "split" : "whole" }, list, this.panel);
    this.details();
  }

  held() {
    return this.hovered || this.selected !== null || this.body.contains(document.activeElement);
  }

  /**
   * What the gateway answered.
   *
   * @param {T[]} rows
   * @param {boolean} more whether it left some out
   */
  update(rows, more = false) {
    this.latest = rows;
    this.more = more;
    this.refresh(this.held());
  }

  /** @param {boolean} held */
  refresh(held) {
    if (this.latest === null) return;
    const filter = this.filter.value.trim();
    const text = this.o.text ?? ((row) => JSON.stringify(row));
    const all = filter ? this.latest.filter((row) => matches(filter, text(row))) : this.latest;
    const merged = merge(this.shown, all, held, this.o.key);
    this.shown = merged.rows;
    this.waiting = merged.waiting;
    const gone = this.selected !== null && !this.shown.some((s) => s.key === this.selected);
    if (gone) this.selected = null;
    this.found = all.length;
    this.draw();
    this.details();
  }

  /** Takes every row away until the next answer. */
  clear() {
    this.latest = null;
    this.more = false;
    this.shown = [];
    this.waiting = 0;
    this.limit = PAGE;
    this.found = 0;
    this.selected = null;
    this.draw();
    say(this.total, "");
    this.none.hidden = true;
    this.details();
  }

  draw() {
    const { o, shown, found } = this;
    const page = shown.slice(0, this.limit);
    const keep = new Set(page.map((s) => s.key));
    for (const [key, d] of this.drawn) {
      if (keep.has(key)) continue;
      d.tr.remove();
      this.drawn.delete(key);
    }
    /** @type {Element | null} */
    let at = this.body.firstElementChild;
    for (const s of page) {
      let d = this.drawn.get(s.key);
      if (!d) {
        d = this.row(s.key);
        this.drawn.set(s.key, d);
      }
      this.write(d, s);
      if (d.tr === at) at = at.nextElementSibling;
      else this.body.insertBefore(d.tr, at);
    }
    this.rove();
    /** @type {T[]} */
    const latest = this.latest ?? [];
    const things = count(latest.length, o.thing[0], o.thing[1]);
    const parts = [
      found === latest.length ? things : `${count(found, "match", "matches")} of ${things}`,
    ];
    if (this.more) parts.push(o.moreWords ?? "the gateway left out more");
    say(this.total, parts.join(" · "));
    this.none.hidden = shown.length > 0;
    say(this.none, latest.length > 0 ? `No ${o.thing[0]} matches the filter.` : o.empty);
    this.rest.hidden = shown.length <= this.limit;
    say(this.rest, `Show ${PAGE} more of ${shown.length - this.limit}`);
    this.fresh.hidden = this.waiting === 0;
    say(this.fresh, `${this.waiting} new`);
  }

  /**
   * @param {string} key
   * @returns {Drawn}
   */
  row(key) {
    const { o } = this;
    const cells = o.columns.map((c) => h("td", { class: c.number ? "number" : null }));
    const tr = h("tr", { "data-key": key }, cells);
    /** @type {HTMLElement} */
    let name;
    if (o.detail) {
      name = h("button", { type: "button", class: "name", tabIndex: -1 });
    } else {
      name = h("span", { class: "name" });
    }
    const first = /** @type {HTMLElement} */ (cells[0]);
    const beside = h("span", { class: "beside" });
    // It lies over the cell, so that no row becomes higher.
    const tag = h("span", { class: "tag" }, "ended");
    tag.hidden = true;
    first.append(name, beside, tag);
    cells[0] = /** @type {any} */ (beside);
    let act = null;
    if (o.action) {
      act = h("button", { type: "button", "data-act": "1" });
      tr.append(h("td", { class: "act" }, act));
    }
    return { tr, name, tag, cells, act, says: "" };
  }

  /**
   * @param {Drawn} d
   * @param {import("./rows.js").Shown<T>} s
   */
  write(d, s) {
    const { o } = this;
    // A row that says the same is left alone: there may be thousands. Its times are written by the
    // day on which they are read.
    const today = Math.floor(Date.now() / 86_400_000);
    const says = JSON.stringify([s.row, s.gone, s.key === this.selected, today]);
    if (d.says === says) return;
    d.says = says;
    const cls = `${s.gone ? "gone" : ""} ${o.rowClass?.(s.row) ?? ""}`.trim();
    if (d.tr.className !== cls) d.tr.className = cls;
    say(d.name, o.name(s.row));
    d.tag.hidden = !s.gone;
    if (o.detail) {
      const on = s.key === this.selected;
      d.name.setAttribute("aria-pressed", String(on));
      d.tr.toggleAttribute("data-selected", on);
    }
    o.columns.forEach((c, n) => {
      const content = c.cell(s.row);
      const list = Array.isArray(content) ? content : [content];
      const cell = /** @type {HTMLElement} */ (d.cells[n]);
      const fresh = cell.cloneNode(false);
      put(fresh, list);
      if (!cell.isEqualNode(fresh)) cell.replaceChildren(...fresh.childNodes);
    });
    if (!d.act || !o.action) return;
    const act = s.gone ? null : o.action.label(s.row);
    d.act.hidden = act === null;
    d.act.disabled = o.action.disabled?.(s.row) ?? false;
    say(d.act, act ?? "");
    d.act.setAttribute("aria-label", `${act ?? ""} ${o.name(s.row)}`.trim());
  }

  /** One row is in the order of Tab; arrows lead to the others. */
  rove() {
    if (!this.o.detail) return;
    const all = [...this.drawn.values()];
    const current =
      all.find((d) => d.name === document.activeElement) ??
      (this.selected === null ? undefined : this.drawn.get(this.selected)) ??
      this.drawn.get(this.shown[0]?.key ?? "");
    for (const d of all) {
      const at = d === current ? 0 : -1;
      if (d.name.tabIndex !== at) d.name.tabIndex = at;
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.key === "Escape" && this.selected !== null) {
      this.select(null);
      event.preventDefault();
      return;
    }
    const steps = /** @type {Record<string, number>} */ ({
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: 10,
      PageUp: -10,
      Home: -Infinity,
      End: Infinity,
    });
    const step = steps[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const selector = target.dataset["act"] ? "[data-act]" : ".name";
    const rows = [...this.body.rows];
    const at = rows.findIndex((tr) => tr.contains(target));
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
    const button = next?.querySelector(`button${selector}`);
    if (!(button instanceof HTMLElement)) return;
    event.preventDefault();
    button.focus();
    this.rove();
    if (this.selected !== null && !target.dataset["act"]) this.select(next?.dataset["key"] ?? null);
  }

  /** @param {MouseEvent} event */
  click(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const tr = target.closest("tr");
    const key = tr?.dataset["key"];
    const found = this.shown.find((s) => s.key === key);
    if (!found || key === undefined) return;
    if (target.closest("[data-act]")) {
      this.o.action?.run(found.row);
      return;
    }
    // Whoever marks text to copy it does not select the row.
    if (!this.o.detail || document.getSelection()?.type === "Range") return;
    this.select(this.selected === key ? null : key);
    this.drawn.get(key)?.name.focus();
  }

  /** @param {string | null} key */
  select(key) {
    this.selected = key;
    for (const s of this.shown) {
      const d = this.drawn.get(s.key);
      if (d) this.write(d, s);
    }
    this.rove();
    this.details();
  }

  details() {
    const { o, panel } = this;
    if (!panel || !o.detail) return;
    const found = this.shown.find((s) => s.key === this.selected);
    // What is redrawn loses the focus and a selection of text: only when it says something else.
    const says = found ? JSON.stringify([found.row, found.gone]) : "";
    if (panel.dataset["says"] === says) return;
    panel.dataset["says"] = says;
    const had = panel.contains(document.activeElement) ? document.activeElement?.id : "";
    fill(
      panel,
      found
        ? o.detail(found.row, found.gone)
        : h("p", { class: "hint" }, o.hint ?? "Select a row."),
    );
    if (had) document.getElementById(had)?.focus();
  }

  showMore() {
    this.limit += PAGE;
    this.draw();
  }
}

/**
 * @typedef {{ tr: HTMLTableRowElement, name: HTMLElement, tag: HTMLElement, cells: HTMLElement[],
 *   act: HTMLButtonElement | null, says: string }} Drawn
 */
