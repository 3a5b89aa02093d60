// The content of the ticket. It outlives the ticket on the screen: after a reconnect the trader
// finds it unchanged.

import type { Ask, DealerView, InstrumentView } from "../bindings";

export class Draft {
  /** The text of the instrument field. */
  typed = $state("");
  /** The instrument that was chosen from the list; the text is only its name. */
  chosen: InstrumentView | null = $state.raw(null);
  side: Ask = $state("buy");
  quantity = $state("");
  ttl = $state(0);
  /** The day chosen instead of the usual one. */
  settles: string | null = $state(null);
  #ticked: ReadonlySet<string> = $state.raw(new Set());

  /** The dealers that will be asked: ticked, and on the list that the trader sees. */
  dealers(offered: DealerView[]): string[] {
    return offered.map((dealer) => dealer.id).filter((id) => this.#ticked.has(id));
  }

  tick(id: string, on: boolean) {
    const ticked = new Set(this.#ticked);
    if (on) ticked.add(id);
    else ticked.delete(id);
    this.#ticked = ticked;
  }

  tickOnly(ids: string[]) {
    this.#ticked = new Set(ids);
  }
}
