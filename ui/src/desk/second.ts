// Opens the second window.

import type { Page } from "./page.svelte";

/** Shows a request, or with null the blotter, in the second window. */
export const openPanel = (page: Page, rfqId: string | null) =>
  page.told(page.commands.openPanel(rfqId), rfqId);
