// Which folder of `src` may use which, no circle of files, and no file too long to read.

import { expect, test } from "vitest";

const files = import.meta.glob<string>("../{src,dev}/**/*.{ts,svelte,css}", {
  query: "?raw",
  import: "default",
  eager: true,
});
const names = Object.keys(files).map((file) => file.slice("../".length));
const sources = names.filter((name) => name.startsWith("src/") && !name.endsWith(".css"));

/** Generated, or a table of texts. */
const TABLES = ["src/bindings.ts", "src/language/en.ts"];
const LINES_MAX = 500;

/** What every folder may use: the texts. */
const EVERYBODY = ["language"];

/** What each folder may use beside itself. A file directly in `src` puts the page together. */
const MAY_USE: Record<string, string[]> = {
  language: [],
  keyboard: [],
  parts: ["keyboard"],
  desk: ["bindings", "keyboard", "parts"],
  notices: ["bindings", "desk", "parts"],
  blotter: ["bindings", "desk", "keyboard", "notices", "parts"],
  insight: ["bindings", "desk", "parts"],
  group: ["bindings", "desk", "keyboard", "parts"],
  connect: ["bindings", "desk", "keyboard", "parts"],
  enrol: ["bindings", "desk", "keyboard", "parts"],
  list: ["bindings", "blotter", "desk", "keyboard", "parts"],
  rfq: ["bindings", "desk", "keyboard", "parts"],
  security: ["bindings", "desk", "keyboard", "parts"],
  support: ["bindings", "desk", "keyboard", "parts"],
  stepup: ["bindings", "desk", "keyboard", "parts"],
  ticket: ["bindings", "desk", "keyboard", "parts"],
  top: ["bindings", "desk", "keyboard", "parts"],
};

const folderOf = (name: string) => name.split("/")[1]!.replace(/\.\w+$/, "");

/** The files of `src` that a file names in an import, types included. */
function used(name: string): string[] {
  const found = files[`../${name}`]!.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"?]+)"/g);
  return [...found].flatMap(([, path]) => {
    const parts = name.split("/").slice(0, -1);
    for (const part of path!.split("/")) {
      if (part === "..") parts.pop();
      else if (part !== ".") parts.push(part);
    }
    const target = parts.join("/");
    const file = names.find((one) => one === target || one === `${target}.ts`);
    if (!file && !target.startsWith("dev/"))
      throw new Error(`${name} imports ${path}, which is no file`);
    return file && !file.endsWith(".css") && file.startsWith("src/") ? [file] : [];
  });
}

const arrows = new Map(sources.map((name) => [name, used(name)]));

test("a folder uses only the folders it may use", () => {
  const faults = [...arrows].flatMap(([from, to]) => {
    const own = folderOf(from);
    if (from.split("/").length === 2) return [];
    const may = MAY_USE[own];
    if (!may) return [`${own} is not in the table`];
    return to
      .filter((name) => ![own, ...EVERYBODY, ...may].includes(folderOf(name)))
      .map((name) => `${from} -> ${name}`);
  });
  expect(faults).toEqual([]);
  expect([...arrows.values()].flat().length).toBeGreaterThan(100);
});

test("no file is in a circle", () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (name: string, path: string[]) => {
    if (path.includes(name)) circles.push([...path.slice(path.indexOf(name)), name].join(" -> "));
    if (path.includes(name) || done.has(name)) return;
    for (const next of arrows.get(name) ?? []) visit(next, [...path, name]);
    done.add(name);
  };
  for (const name of sources) visit(name, []);
  expect(circles).toEqual([]);
});

test("no file has more than 500 lines", () => {
  const long = names.filter(
    (name) => !TABLES.includes(name) && files[`../${name}`]!.split("\n").length > LINES_MAX,
  );
  expect(long).toEqual([]);
});

// The bench reads when a key arrives and acts on none.
test("a key is read in the keyboard's folder, the list of instruments and the bench only", () => {
  const readers = sources.filter((name) =>
    /KeyboardEvent|onkeydown|event\.key\b/.test(files[`../${name}`]!),
  );
  expect(readers.filter((name) => folderOf(name) !== "keyboard")).toEqual([
    "src/measure.ts",
    "src/ticket/InstrumentBox.svelte",
  ]);
});
