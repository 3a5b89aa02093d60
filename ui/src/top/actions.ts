// What the palette offers for the whole page.

import type { Page } from "../desk/page.svelte";
import { openPanel } from "../desk/second";
import { ASK, isOpen } from "../desk/words";
import type { Action } from "../keyboard/actions";
import { keysOf } from "../keyboard/shortcuts";
import { t } from "../language/t";

export type Run = {
  help: () => void;
  keys: () => void;
  group: () => void;
  approval: () => void;
  next: () => void;
  list: () => void;
  dealers: () => void;
  stop: () => void;
};

export function pageActions(page: Page, run: Run): Action[] {
  const requests = page.book.rfqs.map((rfq) => rfq.view);
  const ended = requests.filter((view) => !isOpen(view.state));
  const notTrading = page.trading ? undefined : t("top.notConnected");
  const keys = (command: Parameters<typeof keysOf<"page">>[1]) => keysOf("page", command);
  return [
    ...requests.map((view) => ({
      id: `go-${view.id}`,
      words: t("top.goTo", { ask: ASK[view.ask], quantity: view.quantity, symbol: view.symbol }),
      keys: [],
      run: () => void (page.wanted = view.id),
    })),
    ...requests.map((view) => ({
      id: `second-${view.id}`,
      words: t("top.secondWindow", {
        ask: ASK[view.ask],
        quantity: view.quantity,
        symbol: view.symbol,
      }),
      keys: [],
      run: () => void openPanel(page, view.id),
    })),
    {
      id: "second-blotter",
      words: t("top.secondWindowBlotter"),
      keys: [],
      not: notTrading,
      run: () => void openPanel(page, null),
    },
    {
      id: "stop",
      words: t("top.stopEndEveryOpenRequestAndTake"),
      keys: keys("stop"),
      not: notTrading,
      run: run.stop,
    },
    {
      id: "dismiss-ended",
      words: t("top.dismissEveryEndedRequest"),
      keys: [],
      not: ended.length > 0 ? undefined : t("top.noneHasEnded"),
      run: () =>
        ended.forEach((view) => void page.told(page.commands.dismissRfq(view.id), view.id)),
    },
    {
      id: "list",
      words: t("top.listOfRequestsPasteSendAnd"),
      keys: keys("list"),
      not: notTrading,
      run: run.list,
    },
    {
      id: "dealer-lists",
      words: t("top.listsOfDealersChooseKeepRename"),
      keys: keys("dealerLists"),
      not: notTrading,
      run: run.dealers,
    },
    {
      id: "next-part",
      words: t("top.nextPartOfTheScreen"),
      keys: keys("nextRegion"),
      not: notTrading,
      run: run.next,
    },
    {
      id: "approval",
      words: t("top.goToTheApprovalThatIsWaiting"),
      keys: keys("approval"),
      not: page.book.stepUp ? undefined : t("top.noneIsWaiting"),
      run: run.approval,
    },
    {
      id: "verify",
      words: t("top.verifyNowWithYourSecurityKey"),
      keys: [],
      not: page.online && page.access?.stepUp ? undefined : t("top.notAtThisVenueOrNotOnline"),
      run: () => void page.told(page.commands.verifyNow()),
    },
    {
      id: "group",
      words: t("top.requestsOfYourGroupSeeThemTake"),
      keys: [],
      not: notTrading ?? (page.book.group?.known ? undefined : t("top.thisVenueHasNoGateway")),
      run: run.group,
    },
    { id: "keys", words: t("top.yourSecurityKeys"), keys: [], not: notTrading, run: run.keys },
    {
      id: "close-notice",
      words: t("top.closeTheNotice"),
      keys: keys("closeNotice"),
      run: () => page.book.closeNotice(),
    },
    {
      id: "larger",
      words: t("top.everythingLarger"),
      keys: keys("larger"),
      run: () => page.zoom.larger(),
    },
    {
      id: "smaller",
      words: t("top.everythingSmaller"),
      keys: keys("smaller"),
      run: () => page.zoom.smaller(),
    },
    {
      id: "usual",
      words: t("top.everythingInTheUsualSize"),
      keys: keys("usualSize"),
      run: () => page.zoom.usual(),
    },
    { id: "help", words: t("top.keysThisHelp"), keys: keys("help"), run: run.help },
  ];
}
