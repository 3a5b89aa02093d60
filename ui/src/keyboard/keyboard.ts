// What a page knows of its keyboard. The shell of the dialogs gets it from the context, so that it
// needs to know no page.

import { getContext, setContext } from "svelte";
import { Focus } from "./focus";
import { Typing } from "./typing";

export class Keyboard {
  readonly focus = new Focus();
  readonly typing = new Typing();

  watch(): () => void {
    const ends = [this.focus.watch(), this.typing.watch()];
    return () => ends.forEach((end) => end());
  }
}

const KEY = Symbol("keyboard");

export const provideKeyboard = (keyboard: Keyboard) => setContext(KEY, keyboard);
export const useKeyboard = () => getContext<Keyboard>(KEY);
