// The focus and the typing of one page. The shell of the dialogs takes them from the context, so
// that it does not depend on the page.

import { getContext, setContext } from "svelte";
import { Actions } from "./actions";
import { Focus } from "./focus";
import { Typing } from "./typing";

export class Keyboard {
  readonly focus = new Focus();
  readonly typing = new Typing();
  readonly actions = new Actions();

  watch(): () => void {
    const ends = [this.focus.watch(), this.typing.watch()];
    return () => ends.forEach((end) => end());
  }
}

const KEY = Symbol("keyboard");

export const provideKeyboard = (keyboard: Keyboard) => setContext(KEY, keyboard);
export const useKeyboard = () => getContext<Keyboard>(KEY);
