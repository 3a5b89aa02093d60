// Adds the import of `t` to a file that uses it.

import ts from "typescript";

const LINE = (name) => {
  const depth = name.replace(/^.*\bsrc\//, "").split("/").length - 1;
  return `import { t } from "${depth === 0 ? "./" : "../".repeat(depth)}language/t";`;
};

/** The source of the file with the import; throws where `t` is something else there. */
export function withImport(name, source) {
  const line = LINE(name);
  if (source.includes(line)) return source;
  if (!name.endsWith(".svelte")) return into(name, source, line);
  const open = /<script lang="ts">\n?/.exec(source);
  if (!open) return `<script lang="ts">\n  ${line}\n</script>\n\n${source}`;
  const from = open.index + open[0].length;
  const to = source.indexOf("</script>", from);
  const code = into(name, source.slice(from, to), `  ${line}`);
  return source.slice(0, from) + code + source.slice(to);
}

/** After the last import of the code, or below the comment at its top. */
function into(name, code, line) {
  const file = ts.createSourceFile("code.ts", code, ts.ScriptTarget.Latest, true);
  refuseOther(name, file);
  const last = file.statements.filter(ts.isImportDeclaration).at(-1);
  if (last) return `${code.slice(0, last.getEnd())}\n${line}${code.slice(last.getEnd())}`;
  const [first] = file.statements;
  if (!first) return `${code.trimEnd()}\n${line}\n`;
  return `${code.slice(0, first.getStart())}${line}\n\n${code.slice(first.getStart())}`;
}

function refuseOther(name, file) {
  const visit = (node) => {
    const names =
      ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isFunctionDeclaration(node);
    if (names && node.name && node.name.getText() === "t")
      throw new Error(`${name} has a \`t\` of its own; give it another name`);
    ts.forEachChild(node, visit);
  };
  visit(file);
}
