// Asks the console's server. Whoever must know learns whether it answered, and when the session is
// over.

/** How long an answer may take before the gateway counts as not reachable. */
const PATIENCE_MS = 10_000;
/** A bundle is collected from all of the evidence. */
const PATIENCE_FILE_MS = 120_000;

/** The gateway's refusal, or that it cannot be reached (status 0). */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} words
   */
  constructor(status, code, words) {
    super(words);
    this.status = status;
    this.code = code;
  }
}

/** @type {{ csrf: string, answered: () => void, silent: (why: string) => void, over: () => void }} */
export const link = { csrf: "", answered() {}, silent() {}, over() {} };

/**
 * @param {unknown} e
 * @returns {string}
 */
export function wordsOf(e) {
  return e instanceof Error ? e.message : String(e);
}

/**
 * @param {string} path
 * @param {RequestInit} init
 * @param {number} [patience] milliseconds
 * @returns {Promise<Response>}
 */
async function ask(path, init, patience = PATIENCE_MS) {
  let response;
  try {
    response = await fetch(`/console/api/${path}`, {
      ...init,
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(patience),
    });
  } catch (e) {
    const slow = e instanceof DOMException && e.name === "TimeoutError";
    const why = slow
      ? `It did not answer within ${patience / 1000} seconds.`
      : "The connection failed.";
    link.silent(why);
    throw new Refused(0, "console.not_reached", `The gateway cannot be reached. ${why}`);
  }
  if (response.ok) {
    link.answered();
    return response;
  }
  const refused = await refusal(response);
  if (response.status >= 502) link.silent(`It answered: ${refused.message}`);
  else link.answered();
  if (response.status === 401 && !/^(login|register)\//.test(path)) link.over();
  throw refused;
}

/** @param {Response} response */
async function refusal(response) {
  const { status } = response;
  const unclear = new Refused(status, "console.unclear", `The gateway answered with ${status}.`);
  const body = await response.json().catch(() => null);
  if (body === null || typeof body !== "object") return unclear;
  const { code, words, cure } = /** @type {Record<string, unknown>} */ (body);
  if (typeof words !== "string") return unclear;
  const text = typeof cure === "string" && cure ? `${words} ${cure}` : words;
  return new Refused(status, typeof code === "string" ? code : "", text);
}

/**
 * @param {Response} response
 * @returns {Promise<any>}
 */
async function json(response) {
  try {
    return await response.json();
  } catch {
    throw new Refused(response.status, "console.unclear", "The gateway's answer is not JSON.");
  }
}

/**
 * @param {string} path
 * @param {{ poll?: boolean }} [how] a poll does not prolong the session
 * @returns {Promise<any>}
 */
export async function get(path, { poll = false } = {}) {
  return json(await ask(path, { headers: poll ? { "X-Signet-Poll": "1" } : {} }));
}

/**
 * @param {string} path
 * @param {unknown} body
 * @returns {Promise<any>}
 */
export async function post(path, body) {
  const headers = { "Content-Type": "application/json", "X-Signet-Csrf": link.csrf };
  return json(await ask(path, { method: "POST", headers, body: JSON.stringify(body) }));
}

/**
 * @param {string} path
 * @returns {Promise<Blob>}
 */
export async function file(path) {
  return (await ask(path, {}, PATIENCE_FILE_MS)).blob();
}

/**
 * A path with those fields that are not empty.
 *
 * @param {string} path
 * @param {Record<string, string>} fields
 */
export function query(path, fields) {
  const given = Object.entries(fields).filter(([, value]) => value !== "");
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}
