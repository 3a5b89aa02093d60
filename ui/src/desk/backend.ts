// The page's only way to the desk. The generated bindings have every command that it may send.

import { listen } from "@tauri-apps/api/event";
import { ASKED, CHANGED, commands, type Problem } from "../bindings";
import { said } from "../language/said";
import { t } from "../language/t";

export type Commands = typeof commands;

export type Backend = {
  commands: Commands;
  /** Calls `wake` whenever a parked page has something new to pull. */
  onChanged(wake: () => void): Promise<unknown>;
  /** Calls `take` whenever the tray or another program asks something of the trader. */
  onAsked?(take: () => void): Promise<unknown>;
};

export type Answer<T> = { status: "ok"; data: T } | { status: "error"; error: Problem };

export const desk: Backend = {
  commands,
  onChanged: (wake) => listen(CHANGED, wake),
  onAsked: (take) => listen(ASKED, take),
};

/** Turns the end of a command, also an exception, into an answer or a problem to show. */
export async function ask<T>(call: Promise<Answer<T>>): Promise<Answer<T>> {
  try {
    const answer = await call;
    if (answer.status === "ok") return answer;
    return isProblem(answer.error)
      ? { status: "error", error: said(answer.error) }
      : unreachable(answer.error);
  } catch (why) {
    return unreachable(why);
  }
}

/** Without an answer after this long, whether a command was done is not known. */
export const ANSWER_MAX_MS = 5_000;

/** What a promise comes to; null where it has not ended in time. */
export async function inTime<T>(work: Promise<T>): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ANSWER_MAX_MS);
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** As `ask`, but one without an answer in time is told too: it may have been done. */
export const askInTime = async <T>(call: Promise<Answer<T>>): Promise<Answer<T>> =>
  (await inTime(ask(call))) ?? UNANSWERED;

const UNANSWERED: { status: "error"; error: Problem } = {
  status: "error",
  error: {
    code: "desk.unanswered",
    message: t("desk.theProgramHasNotAnsweredThis"),
    cure: t("desk.lookAtTheRequestsAndTheBlotter"),
    field: null,
  },
};

/** What the page shows may be old: its program does not answer. */
export const SILENT: { status: "error"; error: Problem } = {
  status: "error",
  error: {
    code: "desk.silent",
    message: t("desk.theWindowsOwnProgramDoesNot"),
    cure: t("desk.doNotTradeOnThemWaitAMomentIf"),
    field: null,
  },
};

function isProblem(error: unknown): error is Problem {
  return typeof error === "object" && error !== null && "code" in error && "message" in error;
}

/** The window could not reach its own program: a fault of this program, not of the trader. */
export function unreachable(why: unknown): { status: "error"; error: Problem } {
  return {
    status: "error",
    error: {
      code: "desk.unreachable",
      message: t("desk.theWindowCouldNotReachItsOwn", { why: String(why) }),
      cure: t("desk.restartSignetDeskIfItHappens"),
      field: null,
    },
  };
}
