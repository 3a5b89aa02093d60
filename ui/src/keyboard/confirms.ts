// A button that agrees to what is shown. A held Enter, which may have opened what is shown, does not
// press it, nor does a second click on the spot where another button was.

import type { Attachment } from "svelte/attachments";
import type { Keyboard } from "./keyboard";
import { shortcuts } from "./listen";

export const confirms =
  (keyboard: Keyboard, onconfirm: () => unknown): Attachment<HTMLButtonElement> =>
  (button) => {
    const { typing } = keyboard;
    button.dataset.confirms = "";
    const click = (event: MouseEvent) => {
      if (event.detail <= 1 && !typing.clickRepeats) onconfirm();
    };
    button.addEventListener("click", click);
    const keys = shortcuts("confirm", {
      state: () => ({ enterIsFresh: typing.enterIsFresh, limited: false }),
      run: { ignore: () => {}, farther: () => false, nearer: () => false },
    })(button);
    return () => {
      button.removeEventListener("click", click);
      keys?.();
    };
  };
