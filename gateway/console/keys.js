// Security keys: what the browser does with the gateway's options.

import { Refused } from "./api.js";

/**
 * What went wrong, with a cure.
 *
 * @param {unknown} e
 * @returns {Error}
 */
function explained(e) {
  if (!(e instanceof DOMException)) return e instanceof Error ? e : new Error(String(e));
  const text =
    {
      NotAllowedError:
        "No key answered: it was not touched in time, the request was cancelled, or the key is not registered for this. Try again.",
      InvalidStateError: "This key is registered already. Use another one.",
      SecurityError:
        "The browser does not use security keys at this address. Open the console at the address of its certificate.",
      AbortError: "Cancelled.",
    }[e.name] ?? `The browser could not use the key: ${e.message}`;
  return new Refused(0, `key.${e.name}`, text);
}

function usable() {
  if (!("PublicKeyCredential" in window) || !PublicKeyCredential.parseRequestOptionsFromJSON) {
    const words = "This browser cannot use security keys here. Use a newer one, over https.";
    throw new Refused(0, "key.no_browser", words);
  }
}

/**
 * @param {PublicKeyCredentialRequestOptionsJSON} options
 * @param {AbortSignal} signal
 * @returns {Promise<unknown>}
 */
export async function assertion(options, signal) {
  usable();
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const made = await navigator.credentials.get({ publicKey, signal });
    return /** @type {PublicKeyCredential} */ (made).toJSON();
  } catch (e) {
    throw explained(e);
  }
}

/**
 * @param {PublicKeyCredentialCreationOptionsJSON} options
 * @param {AbortSignal} signal
 * @returns {Promise<unknown>}
 */
export async function registration(options, signal) {
  usable();
  try {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    const made = await navigator.credentials.create({ publicKey, signal });
    return /** @type {PublicKeyCredential} */ (made).toJSON();
  } catch (e) {
    throw explained(e);
  }
}
