// Texts that the desk sends, in the language of the page where that has them.

import type { Sent } from "./catalogue";
import { sent } from "./t";

type Problem = { code: string; message: string; cure: string };

/** An error in the language of the page by its code, or as it was sent. */
export const said = <P extends Problem>(problem: P): P => ({ ...problem, ...of(problem.code) });

/** A notice in the language of the page by its code, or as it was sent. */
export const noticed = (notice: { code: string; text: string }): string =>
  of(notice.code)?.message ?? notice.text;

const of = (code: string): Sent | undefined => (Object.hasOwn(sent, code) ? sent[code] : undefined);
