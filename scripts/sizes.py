#!/usr/bin/env python3
"""Sizes that a reader can hold: fails with the name of a file over 500 lines, a function over 70, or a line over 100
columns, which rustfmt leaves where it cannot fold; or a glob import of our own names.

Production Rust only: test files and everything below `#[cfg(test)]` at the start of a line are left out. Of the
pages: TypeScript, JavaScript and Svelte, but for what is generated.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILE_MAX = 500
FUNCTION_MAX = 70
WIDTH_MAX = 100
# Whoever reads a file sees where its names come from.
GLOB = re.compile(r"^(pub(\([a-z]+\))? )?use (super|crate|signet_\w+)(::\w+)*::\*;")
# What is read better wide: tables in documents, SQL, links.
WIDE = re.compile(r"^\s*//[/!]? \||\b(SELECT|INSERT|CREATE|VALUES|WHERE|JOIN|CONFLICT|NOT NULL)\b|_ms, |https?://")
# The catalogue of texts is a table.
GENERATED = {"ui/src/bindings.ts", "ui/src/language/en.ts"}
# Crates and folders of tests and their helpers that production does not contain.
TESTS = re.compile(r"(^|/)tests?/|(^|_|/)tests?\.rs$|(^|_)tests/|^ui/test/")
FUNCTION = re.compile(r'^(\s*)(?:pub(?:\([a-z: ]+\))? )?(?:(?:async|const|unsafe|extern "C") )*fn (\w+)')


def sources():
    names = subprocess.run(["git", "ls-files", "-z", "*.rs", "ui/*.ts", "ui/*.svelte", "gateway/console/*.js"], cwd=ROOT, capture_output=True, check=True, text=True)
    for name in names.stdout.split("\0"):
        if name and name not in GENERATED and not TESTS.search(name):
            yield name


def functions(lines):
    """(name, length) of each function, from its `fn` to the brace that closes it. rustfmt puts that brace under the `fn`."""
    for at, line in enumerate(lines):
        found = FUNCTION.match(line)
        if not found or line.rstrip().endswith(";"):
            continue
        close = found.group(1) + "}"
        for end in range(at, len(lines)):
            if lines[end].startswith(close):
                yield found.group(2), end - at + 1
                break
            if end > at and lines[end].startswith(found.group(1)) and lines[end].rstrip().endswith(";") and not lines[end].startswith(found.group(1) + " "):
                break


def main():
    faults = []
    for name in sources():
        text = (ROOT / name).read_text()
        if name.endswith(".rs"):
            text = re.split(r"^#\[cfg\((?:all\()?test\b", text, maxsplit=1, flags=re.M)[0]
        lines = text.splitlines()
        if len(lines) > FILE_MAX:
            faults.append(f"{name}: {len(lines)} lines, at most {FILE_MAX}")
        if name.endswith(".rs"):
            faults.extend(f"{name}:{n}: {len(line)} columns, at most {WIDTH_MAX}" for n, line in enumerate(lines, 1)
                          if len(line) > WIDTH_MAX and not WIDE.search(line))
            faults.extend(f"{name}:{n}: a glob import of our own names" for n, line in enumerate(lines, 1) if GLOB.match(line))
            faults.extend(f"{name}: fn {f} has {n} lines, at most {FUNCTION_MAX}" for f, n in functions(lines) if n > FUNCTION_MAX)
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
