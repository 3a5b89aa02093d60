// Which of the pages about the desk's own records is open.

export class Insight {
  /** The request whose best-execution page is open. */
  rfq: string | null = $state(null);
  /** What was seen of the dealers is open. */
  dealers = $state(false);
  /** The dialog that exports the blotter is open. */
  exporting = $state(false);
  /** The request of the blotter's active row. */
  row: string | null = null;

  /** Opens the page of the request that has the keyboard: its panel, or its row of the blotter. */
  openHere() {
    const panel = document.activeElement?.closest<HTMLElement>("[data-panel]");
    const id = panel?.dataset.testid?.replace(/^rfq-panel-/, "");
    const inBlotter = document.activeElement?.closest("[data-region=blotter]");
    this.rfq = id ?? (inBlotter ? this.row : null) ?? this.rfq;
    return this.rfq !== null;
  }
}
