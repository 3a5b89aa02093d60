// Login with a name and a key, and the registration of a key by a one-time code.

import { get, link, post, wordsOf } from "./api.js";
import { open } from "./dialog.js";
import { fill, h } from "./dom.js";
import { assertion, registration } from "./keys.js";

/** @typedef {import("./contract.js").Me} Me */

/**
 * A form that waits for a key: its button, a line that says what to do, and a way to stop.
 *
 * @param {string} button
 * @param {(signal: AbortSignal) => Promise<Me>} act
 * @param {(me: Me) => void} done
 * @param {...(import("./dom.js").Child)} fields
 */
function form(button, act, done, ...fields) {
  const fault = h("p", { class: "fault", role: "alert" });
  const doing = h("p", { class: "doing", role: "status" });
  const go = h("button", { type: "submit", class: "main" }, button);
  const stop = h("button", { type: "button" }, "Cancel");
  stop.hidden = true;
  const node = h(
    "form",
    { method: "dialog" },
    fields,
    doing,
    fault,
    h("div", { class: "buttons" }, stop, go),
  );
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (go.disabled) return;
    const stopper = new AbortController();
    stop.onclick = () => stopper.abort();
    fill(fault);
    fill(doing, "Touch your security key, and enter its PIN when the browser asks.");
    go.disabled = true;
    stop.hidden = false;
    try {
      const me = await act(stopper.signal);
      link.csrf = me.csrf;
      done(me);
    } catch (e) {
      fill(fault, wordsOf(e));
    } finally {
      fill(doing);
      go.disabled = false;
      // Its button, or the one that stopped it, had the keyboard.
      const active = document.activeElement;
      const lost = active === null || active === document.body || active === go || active === stop;
      stop.hidden = true;
      if (lost && go.isConnected) go.focus();
    }
  });
  return node;
}

/**
 * @param {string} name
 * @param {AbortSignal} signal
 * @returns {Promise<Me>}
 */
async function login(name, signal) {
  const { publicKey } = await post("login/start", { name });
  return post("login/finish", { credential: await assertion(publicKey, signal) });
}

/**
 * @param {string} code
 * @param {string} label
 * @param {AbortSignal} signal
 * @returns {Promise<Me>}
 */
async function register(code, label, signal) {
  const { publicKey } = await post("register/start", { code });
  return post("register/finish", { credential: await registration(publicKey, signal), label });
}

/**
 * The page before anybody has logged in.
 *
 * @param {HTMLElement} app
 * @param {(me: Me) => void} done
 */
export function loginPage(app, done) {
  const name = h("input", {
    type: "text",
    id: "name",
    required: true,
    maxLength: 64,
    autocomplete: "username",
    spellcheck: false,
  });
  name.setAttribute("autocapitalize", "none");
  const code = h("input", {
    type: "text",
    id: "code",
    required: true,
    maxLength: 128,
    autocomplete: "off",
    spellcheck: false,
  });
  const label = h("input", {
    type: "text",
    id: "label",
    required: true,
    maxLength: 40,
    autocomplete: "off",
    placeholder: "blue key",
  });
  const first = form(
    "Log in with your key",
    (signal) => login(name.value.trim(), signal),
    done,
    h("label", { for: "name" }, "Name"),
    name,
  );
  const second = form(
    "Register this key",
    (signal) => register(code.value.trim(), label.value.trim(), signal),
    done,
    h("label", { for: "code" }, "One-time code"),
    code,
    h("p", { class: "help" }, "From signet-gateway console invite NAME; valid for an hour."),
    h("label", { for: "label" }, "What you call the key"),
    label,
  );
  const summary = h("summary", {}, "Register a key with a one-time code");
  fill(
    app,
    h(
      "main",
      { class: "login" },
      h("h1", { tabIndex: -1 }, "Signet Gateway"),
      h("p", { class: "help" }, "Console for administrators"),
      h("div", { class: "card" }, first),
      h("details", { class: "card" }, summary, second),
    ),
  );
  name.focus();
}

/**
 * The session is over: whoever had it logs in again, over the page, which is as it was left. The
 * page cannot be read meanwhile.
 *
 * @param {string} name
 * @param {(me: Me) => void} done
 */
export function loginAgain(name, done) {
  const node = form("Log in with your key", (signal) => login(name, signal), finish);
  const leave = h(
    "button",
    { type: "button", class: "link", onclick: () => location.reload() },
    `You are not ${name}? Leave this page; what is not saved is lost.`,
  );
  const dialog = h(
    "dialog",
    { class: "again", "aria-labelledby": "again-title", "aria-describedby": "again-words" },
    h("h2", { id: "again-title" }, "Your session is over"),
    h(
      "p",
      { id: "again-words" },
      `Log in again as ${name}. The page is as you left it, with everything that you typed.`,
    ),
    node,
    leave,
  );
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  /** @param {Me} me */
  function finish(me) {
    if (me.name !== name) {
      location.reload();
      return;
    }
    finished = true;
    dialog.close();
    done(me);
  }
  let finished = false;
  // A browser lets nobody prevent a second Escape: then it is there again.
  const show = () => open(dialog, { onclose: () => void (finished || show()) });
  show();
  /** @type {HTMLElement | null} */ (node.querySelector("button.main"))?.focus();
  return dialog;
}

/** @returns {Promise<Me>} */
export async function whoAmI(poll = false) {
  const me = /** @type {Me} */ (await get("me", { poll }));
  link.csrf = me.csrf;
  return me;
}
