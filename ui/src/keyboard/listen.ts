// Brings the keys that are pressed in a place to `commandFor` and runs the command it answers.

import type { Attachment } from "svelte/attachments";
import { on } from "svelte/events";
import { commandFor, type Commands, type Place, type Press, type States } from "./shortcuts";
import { isText } from "./typing";

/** Their keys are letters, figures and arrows, which are typed where a field for text has them. */
const TYPED: readonly Place[] = ["request", "requests"];

export type Receiver<P extends Place> = {
  /** Is asked at every key; `target` is the element that has the keyboard. */
  state: (target: EventTarget | null) => States[P];
  /** A command that answers false did nothing, and the browser handles the key. */
  run: { [C in Commands[P]]: (press: Press) => boolean | void };
};

/**
 * Listens until the returned function is called. An inner place hears a key before an outer one.
 */
export function listen<P extends Place>(
  target: EventTarget,
  place: P,
  receiver: Receiver<P>,
): () => void {
  // `on` keeps the order between this and the handlers of components, which Svelte delegates.
  return on(target as HTMLElement, "keydown", (event) => {
    if (event.defaultPrevented || (TYPED.includes(place) && isText(event.target))) return;
    const press = pressOf(event);
    const command = commandFor(place, press, receiver.state(event.target));
    if (command !== null && receiver.run[command](press) !== false) event.preventDefault();
  });
}

/** The same for an element, as long as it is on the page. */
export const shortcuts =
  <P extends Place>(place: P, receiver: Receiver<P>): Attachment<HTMLElement> =>
  (element) =>
    listen(element, place, receiver);

export const stateless = () => ({});

const pressOf = (event: KeyboardEvent): Press => ({
  key: event.key,
  ctrl: event.ctrlKey || event.metaKey,
  alt: event.altKey,
  shift: event.shiftKey,
  repeat: event.repeat,
});
