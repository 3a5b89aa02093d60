// What is asked of the trader from outside the page: by the tray, or by another program's link.
// Nothing of it happens before the trader says so.

import type { PageAsk, TicketOffer } from "../bindings";
import { ask, type Backend } from "./backend";

export class Asked {
  /** What another program offers for the ticket. */
  offer: TicketOffer | null = $state.raw(null);
  /** Another offer came before this one, and the trader did not answer it. */
  replaced = $state(false);
  /** Why a link was not followed. */
  refused: string | null = $state(null);
  /** Whether every open request is to end. */
  stop = $state(false);
  /** Whether to disconnect: each time it is asked, one more. */
  disconnect = $state(0);

  /** Hears what is asked from now on, and takes what was asked before the page was there. */
  async listen(backend: Backend) {
    await backend.onAsked?.(() => void this.#take(backend));
    await this.#take(backend);
  }

  async #take(backend: Backend) {
    const got = await ask(backend.commands.takeAsked());
    if (got.status === "ok") for (const one of got.data) this.hear(one);
  }

  hear(asked: PageAsk) {
    switch (asked.kind) {
      case "offer":
        this.replaced = asked.replaced || this.offer !== null;
        this.offer = asked.offer;
        this.refused = null;
        break;
      case "refused":
        this.refused = asked.why;
        break;
      case "disconnect":
        this.disconnect += 1;
        break;
      case "stopAll":
        this.stop = true;
        break;
    }
  }

  /** The trader has seen it. */
  close() {
    this.offer = null;
    this.replaced = false;
    this.refused = null;
  }
}
