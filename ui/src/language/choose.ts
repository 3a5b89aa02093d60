// Which language the page speaks.

/**
 * The first of the wanted languages that there is: by its whole tag, or else by the language alone.
 * Null means English, which is always there; so does English before any other that there is.
 */
export function choose(available: string[], wanted: readonly string[]): string | null {
  const alone = (tag: string) => tag.toLowerCase().split("-")[0]!;
  for (const tag of wanted) {
    const whole = available.find((one) => one.toLowerCase() === tag.toLowerCase());
    const same = whole ?? available.find((one) => one.toLowerCase() === alone(tag));
    if (same !== undefined) return same;
    if (alone(tag) === "en") return null;
  }
  return null;
}
