// Brings the keys that are pressed in a place to `commandFor` and runs the command it answers.

import type { Attachment } from "svelte/attachments";
import { on } from "svelte/events";
import { commandFor, type Commands, type Place, type Press, type States } from "./shortcuts";
import { isText } from "./typing";

/** Their keys are letters, figures and arrows, which fields for text and lists of choices take. */
const TYPED: readonly Place[] = ["request", "requests"];
const takesTyped = (target: EventTarget | null) =>
  isText(target) || target instanceof HTMLSelectElement;

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
    if (event.defaultPrevented || isComposing(event)) return;
    if (TYPED.includes(place) && takesTyped(event.target)) return;
    const state = receiver.state(event.target);
    for (const press of pressesOf(event)) {
      const command = commandFor(place, press, state);
      if (command === null) continue;
      if (receiver.run[command](press) !== false) event.preventDefault();
      return;
    }
  });
}

/**
 * The key goes to an input method, which makes a character of several: the Enter that ends one
 * chooses nothing. WebKit reports that Enter as no longer composing, but with this code.
 */
export const isComposing = (event: KeyboardEvent): boolean =>
  event.isComposing || event.keyCode === 229;

/** The same for an element, as long as it is on the page. */
export const shortcuts =
  <P extends Place>(place: P, receiver: Receiver<P>): Attachment<HTMLElement> =>
  (element) =>
    listen(element, place, receiver);

export const stateless = () => ({});

/** The press by what the key writes, and then by where it lies. */
function pressesOf(event: KeyboardEvent): Press[] {
  const press = {
    key: event.key,
    ctrl: event.ctrlKey || event.metaKey,
    alt: event.altKey,
    shift: event.shiftKey,
    repeat: event.repeat,
  };
  const placed = placeOf(event);
  return placed === null ? [press] : [press, { ...press, key: placed }];
}

/**
 * What the key at this place writes on a Latin keyboard: the letter where the alphabet is another
 * one (Greek, Cyrillic), the figure where figures need Shift (French, Czech). Null elsewhere, and
 * with AltGr, which writes third signs.
 */
function placeOf(event: KeyboardEvent): string | null {
  if (event.altKey || event.getModifierState("AltGraph") || event.key.length !== 1) return null;
  const found = /^(?:Key([A-Z])|Digit(\d))$/.exec(event.code);
  if (found === null) return null;
  const [, letter, figure] = found;
  if (letter !== undefined) return event.key > "\u007f" ? letter.toLowerCase() : null;
  if (figure === undefined || event.shiftKey || /\d/.test(event.key)) return null;
  return figure;
}
