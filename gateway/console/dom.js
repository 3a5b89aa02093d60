// Elements by createElement and text alone: what peers send never becomes markup.

/** @typedef {Node | string | number | null | undefined | false} Child */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Properties that begin with `on` are listeners; `class`, `data-*`, `aria-*`, `role`
 * and the like are attributes; all others are properties of the element.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (name.startsWith("on") && typeof value === "function") {
      node.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (name === "class" || name === "role" || name === "for" || name.includes("-")) {
      node.setAttribute(name, String(value));
    } else {
      /** @type {any} */ (node)[name] = value;
    }
  }
  put(node, ...children);
  return node;
}

/**
 * Appends; an absent child is left out.
 *
 * @param {Node} node
 * @param {...(Child | Child[])} children
 */
export function put(node, ...children) {
  for (const child of children.flat()) {
    if (child == null || child === false) continue;
    node.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/**
 * Replaces what a node contains.
 *
 * @param {Node} node
 * @param {...(Child | Child[])} children
 */
export function fill(node, ...children) {
  node.textContent = "";
  put(node, ...children);
}

/**
 * Sets a text only when it differs, so that a selection in it survives.
 *
 * @param {Node} node
 * @param {string} text
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * A button is disabled while it works. Then it has the keyboard again, unless that went elsewhere;
 * one that is not there then leaves it to the page's heading.
 *
 * @param {HTMLButtonElement} button
 * @param {() => Promise<void>} work
 */
export async function whileDisabled(button, work) {
  if (button.disabled) return;
  const had = document.activeElement === button;
  button.disabled = true;
  try {
    await work();
  } finally {
    button.disabled = false;
    const active = document.activeElement;
    const lost = active === null || active === document.body || active === button;
    const there = button.isConnected && button.checkVisibility();
    const to = there ? button : document.querySelector("h1");
    if (had && lost) /** @type {HTMLElement | null} */ (to)?.focus();
  }
}

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...SVGElement} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes, ...children) {
  const node = /** @type {SVGElement} */ (document.createElementNS(SVG, tag));
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A shape for each severity, so that colour is not all that tells them apart. */
const SHAPES = /** @type {Record<string, [string, Record<string, string>]>} */ ({
  critical: ["path", { d: "M5 1h6l4 4v6l-4 4H5l-4-4V5z" }],
  high: ["path", { d: "M8 1l7.5 14H.5z" }],
  medium: ["path", { d: "M8 .5L15.5 8 8 15.5.5 8z" }],
  low: ["circle", { cx: "8", cy: "8", r: "6" }],
  informational: ["path", { d: "M2 6.5h12v3H2z" }],
  good: ["path", { d: "M2 8l4.5 5L14 3", class: "stroke" }],
  off: ["path", { d: "M3 3l10 10M13 3L3 13", class: "stroke" }],
  wait: ["path", { d: "M8 2a6 6 0 1 0 6 6", class: "stroke" }],
});

/**
 * A shape and a word.
 *
 * @param {string} kind a key of the shapes; another one gets a bar
 * @param {string} words
 */
export function mark(kind, words) {
  const [tag, attributes] = SHAPES[kind] ?? /** @type {any} */ (SHAPES.informational);
  const shape = svg(
    "svg",
    { viewBox: "0 0 16 16", class: "shape", "aria-hidden": "true", focusable: "false" },
    svg(tag, attributes),
  );
  return h("span", { class: `mark mark-${SHAPES[kind] ? kind : "informational"}` }, shape, words);
}
