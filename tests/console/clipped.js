// The body of a function that returns every text of the page which a person cannot read whole, one
// line each. A text is cut when its own box is too small for it, or when a part of it lies outside
// a box that hides what overflows, or under another text. What can be scrolled to is not cut.

const CLIPS = /hidden|clip/;
// What is meant to lie over the page.
const LAYER = "dialog, [data-over], [role=listbox]";
const SLACK = 1.5; // fractions of a pixel, and slanted or hinted glyphs

const shown = (element) =>
  element.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true }) &&
  !element.closest(".unseen, [inert], svg, option");
const path = (element) => {
  const name = (e) =>
    e.tagName.toLowerCase() +
    (e.dataset.testid ? `[${e.dataset.testid}]` : "") +
    (typeof e.className === "string" && e.className ? `.${e.className.trim().split(/\s+/)[0]}` : "");
  const names = [];
  for (let e = element; e && e !== document.body && names.length < 4; e = e.parentElement)
    names.unshift(name(e));
  return names.join(" > ");
};
const found = new Map();
const tell = (element, text, why) => {
  const line = `${path(element)}: "${text.trim().slice(0, 60)}" ${why}`;
  found.set(line, element);
};

/** The sides on which the text leaves a box that hides it. */
function outside(element, rects) {
  let sides = { x: true, y: true };
  for (let box = element; box; box = box.parentElement) {
    const style = getComputedStyle(box);
    const edge = box.getBoundingClientRect();
    if (style.display !== "inline") {
      for (const rect of rects) {
        if (sides.x && CLIPS.test(style.overflowX))
          if (rect.right > edge.right + SLACK || rect.left < edge.left - SLACK)
            return `is cut at a side by ${path(box)}`;
        if (sides.y && CLIPS.test(style.overflowY))
          if (rect.bottom > edge.bottom + SLACK + 2 || rect.top < edge.top - SLACK - 2)
            return `is cut above or below by ${path(box)}`;
      }
      // What lies outside a box that scrolls can be scrolled to.
      if (/auto|scroll/.test(style.overflowX)) sides = { ...sides, x: false };
      if (/auto|scroll/.test(style.overflowY)) sides = { ...sides, y: false };
    }
    if (style.position === "fixed") break;
  }
  for (const rect of rects) {
    if (sides.x && (rect.right > innerWidth + SLACK || rect.left < -SLACK))
      return "leaves the window at a side";
    if (sides.y && (rect.bottom > innerHeight + SLACK || rect.top < -SLACK))
      return "leaves the window above or below";
  }
  return null;
}

/** Another text of the same layer that lies on this one. */
function covered(element, rects) {
  const layer = element.closest(LAYER) ?? document.body;
  for (const rect of rects)
    for (const x of [rect.left + 2, (rect.left + rect.right) / 2, rect.right - 2]) {
      const hit = document.elementFromPoint(x, (rect.top + rect.bottom) / 2);
      if (!hit || hit.contains(element) || element.contains(hit)) continue;
      const text = [...hit.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
      if (text && (hit.closest(LAYER) ?? document.body) === layer && scrolled(element, rect, x))
        return `lies under ${path(hit)}`;
    }
  return null;
}

/** The point is inside every box around the element that scrolls: it is on the screen. */
function scrolled(element, rect, x) {
  const y = (rect.top + rect.bottom) / 2;
  for (let box = element.parentElement; box; box = box.parentElement) {
    if (getComputedStyle(box).overflow === "visible") continue;
    const edge = box.getBoundingClientRect();
    if (x < edge.left || x > edge.right || y < edge.top || y > edge.bottom) return false;
  }
  return true;
}

/**
 * A name or a reason that a peer chose may be longer than any field: it may end in dots where
 * `title` has it whole. Our own words and every figure may not.
 */
function excused(element, text) {
  if (!element.closest("bdi")) return false;
  for (let box = element; box; box = box.parentElement) {
    const style = getComputedStyle(box);
    if (style.display === "inline") continue;
    const dots = style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none";
    return dots && Boolean(box.closest("[title]")?.title.includes(text));
  }
  return false;
}

const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const node = walk.currentNode;
  const element = node.parentElement;
  if (!node.data.trim() || !element || !shown(element)) continue;
  if (excused(element, node.data.trim())) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  const rects = [...range.getClientRects()].filter((r) => r.width > 0 && r.height > 0);
  const why = outside(element, rects) ?? covered(element, rects);
  if (why) tell(element, node.data, why);
  // An ellipsis or a clamp: the glyphs are gone and their boxes with them.
  for (let box = element; box && box !== document.body; box = box.parentElement) {
    const style = getComputedStyle(box);
    if (style.display === "inline") continue;
    const dots = style.textOverflow === "ellipsis" && CLIPS.test(style.overflowX);
    const clamp = style.webkitLineClamp !== "none" && CLIPS.test(style.overflowY);
    if (dots && box.scrollWidth > box.clientWidth + SLACK)
      tell(box, box.textContent, `ends in dots: ${box.scrollWidth} > ${box.clientWidth}`);
    if (clamp && box.scrollHeight > box.clientHeight + SLACK + 2)
      tell(box, box.textContent, `has more lines: ${box.scrollHeight} > ${box.clientHeight}`);
    if (dots || clamp || style.position === "fixed") break;
  }
}
for (const input of document.querySelectorAll("input:not([type=checkbox], [type=radio]), textarea")) {
  if (!shown(input)) continue;
  const text = input.value || input.placeholder;
  // The width of a placeholder is not in `scrollWidth`.
  const style = getComputedStyle(input);
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = style.font;
  const room = input.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const width = input.tagName === "TEXTAREA" ? 0 : pen.measureText(text).width;
  if (width > room + SLACK && input.type !== "file" && input.type !== "password")
    tell(input, text, `does not fit its field: ${Math.round(width)} > ${Math.round(room)}`);
}
return [...found.keys()];
