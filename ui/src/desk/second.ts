// Opens the second window.

import { ask } from "./backend";
import type { Page } from "./page.svelte";

/** Shows a request, or with null the blotter, in the second window. */
export async function openPanel(page: Page, rfqId: string | null) {
  const answer = await ask(page.commands.openPanel(rfqId));
  if (answer.status === "ok") return;
  const { code, message, cure } = answer.error;
  const notice = {
    kind: "bad" as const,
    atMs: Date.now(),
    code,
    text: `${message} ${cure}`,
    rfqId,
  };
  page.book.notices.add([notice]);
}
