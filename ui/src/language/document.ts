// What the document says about its language.

import { locale } from "./t";

/** The page is laid out from left to right; a language of the other direction needs more than words. */
export function declare(root: HTMLElement) {
  root.lang = locale;
  root.dir = "ltr";
}
