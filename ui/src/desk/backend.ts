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
