// What the palette offers for the whole page.

import { ask } from "../desk/backend";
import type { Page } from "../desk/page.svelte";
import { openPanel } from "../desk/second";
import { ASK, isOpen } from "../desk/words";
import type { Action } from "../keyboard/actions";
import { keysOf } from "../keyboard/shortcuts";

export type Run = {
  help: () => void;
  keys: () => void;
  group: () => void;
  approval: () => void;
  next: () => void;
  list: () => void;
  stop: () => void;
};

export function pageActions(page: Page, run: Run): Action[] {
  const requests = page.book.rfqs.map((rfq) => rfq.view);
  const ended = requests.filter((view) => !isOpen(view.state));
  const notTrading = page.trading ? undefined : "not connected";
  const keys = (command: Parameters<typeof keysOf<"page">>[1]) => keysOf("page", command);
  return [
    ...requests.map((view) => ({
      id: `go-${view.id}`,
      words: `Go to ${ASK[view.ask]} ${view.quantity} ${view.symbol}`,
      keys: [],
      run: () => void (page.wanted = view.id),
    })),
    ...requests.map((view) => ({
      id: `second-${view.id}`,
      words: `Second window: ${ASK[view.ask]} ${view.quantity} ${view.symbol}`,
      keys: [],
      run: () => void openPanel(page, view.id),
    })),
    {
      id: "second-blotter",
      words: "Second window: blotter",
      keys: [],
      not: notTrading,
      run: () => void openPanel(page, null),
    },
    {
      id: "stop",
      words: "Stop: end every open request and take back what is armed",
      keys: keys("stop"),
      not: notTrading,
      run: run.stop,
    },
    {
      id: "dismiss-ended",
      words: "Dismiss every ended request",
      keys: [],
      not: ended.length > 0 ? undefined : "none has ended",
      run: () => ended.forEach((view) => void ask(page.commands.dismissRfq(view.id))),
    },
    {
      id: "list",
      words: "List of requests: paste, send and accept many",
      keys: keys("list"),
      not: notTrading,
      run: run.list,
    },
    {
      id: "next-part",
      words: "Next part of the screen",
      keys: keys("nextRegion"),
      not: notTrading,
      run: run.next,
    },
    {
      id: "approval",
      words: "Go to the approval that is waiting",
      keys: keys("approval"),
      not: page.book.stepUp ? undefined : "none is waiting",
      run: run.approval,
    },
    {
      id: "verify",
      words: "Verify now with your security key",
      keys: [],
      not: page.online && page.access?.stepUp ? undefined : "not at this venue, or not online",
      run: () => void ask(page.commands.verifyNow()),
    },
    {
      id: "group",
      words: "Requests of your group: see them, take one over",
      keys: [],
      not: notTrading ?? (page.book.group?.known ? undefined : "this venue has no gateway"),
      run: run.group,
    },
    { id: "keys", words: "Your security keys", keys: [], not: notTrading, run: run.keys },
    {
      id: "close-notice",
      words: "Close the notice",
      keys: keys("closeNotice"),
      run: () => page.book.closeNotice(),
    },
    {
      id: "larger",
      words: "Everything larger",
      keys: keys("larger"),
      run: () => page.zoom.larger(),
    },
    {
      id: "smaller",
      words: "Everything smaller",
      keys: keys("smaller"),
      run: () => page.zoom.smaller(),
    },
    {
      id: "usual",
      words: "Everything in the usual size",
      keys: keys("usualSize"),
      run: () => page.zoom.usual(),
    },
    { id: "help", words: "Keys: this help", keys: keys("help"), run: run.help },
  ];
}
