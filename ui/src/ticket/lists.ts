// What is said of the lists of dealers, and their entries in the palette.

import type { DealerListView, LeftOutReason } from "../bindings";
import type { Action } from "../keyboard/actions";
import { t } from "../language/t";

/** The dealers of a list that are not ticked, with the reason; empty where all of them are. */
export function leftOutWords(list: DealerListView, max: number): string {
  const of = (reason: LeftOutReason) =>
    list.leftOut
      .filter((one) => one.reason === reason)
      .map((one) => one.name)
      .join(", ");
  const [gone, beyond] = [of("notOffered"), of("tooMany")];
  return [
    gone && t("ticket.leftOutAsYouMayNotAskThem", { names: gone }),
    beyond && t("ticket.leftOutAsOneRequestAsksAtMost", { max, names: beyond }),
  ]
    .filter(Boolean)
    .join(" ");
}

/** What a choice of a list comes to, for ears. */
export const chosenWords = (list: DealerListView, max: number) =>
  [
    t("ticket.listNameDealersChosen", { name: list.name, count: list.dealers.length }),
    leftOutWords(list, max),
  ]
    .filter(Boolean)
    .join(" ");

/** The list that has a name already, whatever its letters' case. */
export const named = (lists: DealerListView[], typed: string) =>
  lists.find((one) => one.name.toLowerCase() === typed.trim().toLowerCase());

export const listActions = (
  lists: DealerListView[],
  use: (list: DealerListView) => void,
): Action[] =>
  lists.map((list, n) => ({
    id: `dealers-${n}`,
    words: t("ticket.dealersName", { name: list.name }),
    keys: [],
    not: list.dealers.length > 0 ? undefined : t("ticket.noneOfThemCanBeAskedNow"),
    run: () => use(list),
  }));
