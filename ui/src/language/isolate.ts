// Keeps a value that is filled into a text from turning round what stands beside it: a name in
// Hebrew or Arabic letters moves a number after it to its other side. `<bdi>` does this for what has
// an element of its own; a label that is read aloud, or a text on a button, has none.

/** FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE (Unicode Standard Annex #9). */
const [FIRST_STRONG, POP] = ["\u2068", "\u2069"];

/** Letters that are written from right to left, and the controls of direction. */
const TURNS =
  /[\u0590-\u08ff\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

export const isolated = (value: string): string =>
  TURNS.test(value) ? `${FIRST_STRONG}${closed(value)}${POP}` : value;

/** Without controls of isolation that have no partner: they would end the one around it too soon. */
function closed(value: string): string {
  const letters = [...value];
  const open: number[] = [];
  letters.forEach((letter, n) => {
    if (letter >= "\u2066" && letter <= FIRST_STRONG) open.push(n);
    else if (letter === POP && open.pop() === undefined) letters[n] = "";
  });
  for (const n of open) letters[n] = "";
  return letters.join("");
}
