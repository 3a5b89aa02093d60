// What Help shows: the shortcuts that have words, grouped by where they apply.

import { helpOf, type Place } from "./shortcuts";
import { t } from "../language/t";

export type HelpGroup = { where: string; keys: { shown: string[]; words: string }[] };

const GROUPS: [where: string, places: Place[]][] = [
  [t("keyboard.everywhere"), ["page"]],
  [t("keyboard.theSecondWindow"), ["panel"]],
  [t("keyboard.connect"), ["connect"]],
  [t("keyboard.ticket"), ["ticket"]],
  [t("keyboard.approvalWithASecurityKey"), ["approval"]],
  [t("keyboard.aRequest"), ["request", "ladder", "confirm", "requests"]],
  [t("keyboard.blotter"), ["tabs", "rows"]],
  [t("keyboard.listOfRequests"), ["cells"]],
  [t("keyboard.everyActionCtrlK"), ["palette"]],
];

export const help: HelpGroup[] = GROUPS.map(([where, places]) => ({
  where,
  keys: places.flatMap(linesOf),
}));

function linesOf(place: Place): HelpGroup["keys"] {
  const lines = new Map<string, string[]>();
  for (const [shown, words] of helpOf(place))
    lines.set(words, [...(lines.get(words) ?? []), ...shown]);
  return [...lines].map(([words, shown]) => ({ shown, words }));
}
