// Dialogs. The browser keeps Tab inside a modal dialog and makes the page behind it inert; the focus
// goes back to where it was, or to the page's heading when that element has gone.

import { wordsOf } from "./api.js";
import { fill, h } from "./dom.js";

let serial = 0;

/** @param {Element | null} node */
function usable(node) {
  return node instanceof HTMLElement && node !== document.body && node.checkVisibility()
    ? node
    : null;
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {{ onclose?: () => void }} [how]
 */
export function open(dialog, { onclose } = {}) {
  const before = document.activeElement;
  document.body.append(dialog);
  const closed = () => {
    dialog.remove();
    onclose?.();
    const back = usable(before) ?? usable(document.getElementById(before?.id ?? ""));
    const heading = /** @type {HTMLElement | null} */ (document.querySelector("h1"));
    // Another dialog may be open over the page.
    const top = [...document.querySelectorAll("dialog[open]")].at(-1);
    const to = back ?? heading;
    if (to && (!top || top.contains(to))) to.focus();
  };
  dialog.addEventListener("close", closed, { once: true });
  dialog.showModal();
}

/**
 * Asks before something is done, and does it while the dialog is open: a refusal is read where the
 * question was asked, and what was typed is still there.
 *
 * @param {{ title: string, words: string, button: string, danger?: boolean, reason?: string,
 *   act: (reason: string) => Promise<void> }} q with `reason`, its label; then a reason is required
 */
export function ask(q) {
  const id = `dialog-${(serial += 1)}`;
  const fault = h("p", { class: "fault", role: "alert" });
  const reason = h("input", {
    type: "text",
    id: `${id}-reason`,
    required: true,
    maxLength: 200,
    autocomplete: "off",
  });
  const go = h("button", { type: "submit", class: q.danger ? "danger" : "main" }, q.button);
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: `${id}-title` }, q.title),
    h("p", { id: `${id}-words` }, q.words),
    q.reason && h("label", { for: reason.id }, q.reason),
    q.reason && reason,
    fault,
    h("div", { class: "buttons" }, cancel, go),
  );
  const dialog = h(
    "dialog",
    { "aria-labelledby": `${id}-title`, "aria-describedby": `${id}-words` },
    form,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (go.disabled) return;
    fill(fault);
    go.disabled = true;
    try {
      await q.act(reason.value.trim());
      dialog.close();
    } catch (e) {
      // Whoever closed it meanwhile is told where they are.
      if (!dialog.open) {
        tell(`${q.title} It was not done. ${wordsOf(e)}`);
        return;
      }
      fill(fault, wordsOf(e));
      go.disabled = false;
      (q.reason ? reason : go).focus();
    }
  });
  open(dialog);
  (q.reason ? reason : cancel).focus();
}

/** Takes away what was said of another view. */
export function forget() {
  if (told) fill(told);
}

/** @type {HTMLElement | null} */
let told = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let untell;

/**
 * Says for a while what was done, where nothing has to move for it.
 *
 * @param {string} words
 */
export function tell(words) {
  if (!told) {
    told = h("div", { class: "told", role: "status" });
    document.body.append(told);
  }
  fill(told, h("p", {}, words));
  clearTimeout(untell);
  untell = setTimeout(() => told && fill(told), 8000);
}
