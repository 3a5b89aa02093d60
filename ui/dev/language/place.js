// Which files have texts, and the group of the catalogue in which a file's texts are.

/** Files without a text for a person: generated, or measuring. */
const NO_TEXTS = /(^|\/)src\/(bindings\.ts|measure\.ts|language\/.*)$/;

/** `name` is a path that ends with the one inside `ui`. */
export const isRead = (name) => /(^|\/)src\//.test(name) && !NO_TEXTS.test(name);

/** The folder in `src`; what stands in none puts the page together. */
export function groupOf(name) {
  const [folder, file] = name.replace(/^.*\bsrc\//, "").split("/");
  return file === undefined ? "page" : folder;
}
