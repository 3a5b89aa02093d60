// Moves the texts of the page into its catalogue, `src/language/en.ts`.
//
//   node dev/language/extract.js           moves what stands in the code, drops what is not used
//   node dev/language/extract.js --check   changes nothing; fails if it would change something
//   node dev/language/extract.js --list    prints what it would move
//
// A second run finds nothing. Run prettier afterwards (`npm run words` does both).

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Catalogue } from "./catalogue.js";
import { find } from "./find.js";
import { withImport } from "./import.js";
import { groupOf, isRead } from "./place.js";

const UI = join(dirname(fileURLToPath(import.meta.url)), "../..");
const CATALOGUE = join(UI, "src/language/en.ts");
const USE = /\bt\(\s*"(\w+\.\w+)"/g;

const mode = process.argv[2] ?? "";
const before = readFileSync(CATALOGUE, "utf8");
const catalogue = new Catalogue(before);
const had = new Set(catalogue.keys);
const used = new Set();
const faults = [];

nameAll();
for (const file of files(join(UI, "src"))) {
  const name = relative(UI, file);
  const source = readFileSync(file, "utf8");
  let now = source;
  if (isRead(name)) {
    const edits = find(name, source, (message) => catalogue.add(groupOf(name), message));
    for (const { start, words } of edits)
      faults.push(`${name}:${lineOf(source, start)}: outside the catalogue: ${words.trim()}`);
    for (const { start, end, text } of edits.toReversed())
      now = now.slice(0, start) + text + now.slice(end);
    if (edits.length > 0) now = withImport(name, now);
  }
  for (const [, key] of now.matchAll(USE)) used.add(key);
  if (mode === "" && now !== source) writeFileSync(file, now);
}

for (const key of had)
  if (!used.has(key)) {
    faults.push(`src/language/en.ts: nothing uses ${key}`);
    catalogue.drop(key);
  }

if (mode === "") {
  if (faults.length > 0) writeFileSync(CATALOGUE, String(catalogue));
  console.log(`${faults.length} changes; the catalogue has ${catalogue.keys.length} texts`);
} else {
  for (const fault of faults) console.log(fault);
  if (mode === "--check" && faults.length > 0) {
    console.log("`npm run words` moves texts into the catalogue and drops what nothing uses.");
    process.exitCode = 1;
  }
}

/**
 * Gives every new text its key before any is used: whole words first, then those that begin small,
 * whichever file comes first.
 */
function nameAll() {
  const found = [];
  for (const file of files(join(UI, "src"))) {
    const name = relative(UI, file);
    if (!isRead(name)) continue;
    find(name, readFileSync(file, "utf8"), (message) => {
      found.push({ group: groupOf(name), message });
      return "";
    });
  }
  const rank = ({ message }) => {
    const text = typeof message === "string" ? message : message.other;
    return (text.includes("{") ? 2 : 0) + (/^\p{Ll}/u.test(text) ? 1 : 0);
  };
  const order = (a, b) => rank(a) - rank(b) || (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  for (const { group, message } of found.sort(order)) catalogue.add(group, message);
}

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (/\.(svelte|ts)$/.test(entry.name)) yield path;
  }
}

function lineOf(source, offset) {
  return source.slice(0, offset).split("\n").length;
}
