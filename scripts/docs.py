#!/usr/bin/env python3
"""Every file, setting and name that a document puts into a code span exists, and every link leads somewhere.

A span that looks like a path must be the end of a tracked file's or folder's path. A span that looks like a
name of the code or of the configuration (`Router::proposal`, `[limits]`, `view_max_age_s = 2`) must occur as a
word in the tracked sources. Commands are run by tests (gateway/tests/identity/docs.rs). Prints what is wrong
and exits with 1.
"""

import itertools
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = {".rs", ".toml", ".py", ".sh", ".ts", ".svelte", ".json", ".cedar", ".cpp", ".h", ".xml", ".css", ".js", ".cnf"}
PATH = re.compile(r"[\w.{},*-]+(/[\w.{},*-]+)*/?")
ENDS = re.compile(r"\.(rs|md|toml|py|sh|ts|svelte|json|cedar|cpp|h|xml|css|js|pem|crl|db|jsonl|log|mmdb)$")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)+")
# Files that the programs make, or that an administrator chooses the name of.
MADE = re.compile(r"\.(pem|crl|db|jsonl|log|mmdb)$|^(risk\.toml|line\.json)$")
# Names of other people's programs.
OTHERS = {"getpwuid_r"}


def tracked():
    out = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [p for p in out.decode().split("\0") if p]


def braces(span):
    """`a/{b,c}.rs` stands for two."""
    parts = re.split(r"\{([^{}]*)\}", span)
    choices = [p.split(",") if n % 2 else [p] for n, p in enumerate(parts)]
    return ["".join(c) for c in itertools.product(*choices)]


def main():
    files = tracked()
    known = set()
    for f in files:
        parts = f.split("/")
        for end in range(1, len(parts) + 1):
            for begin in range(end):
                known.add("/".join(parts[begin:end]))
    words = {pathlib.PurePosixPath(f).stem for f in files} | OTHERS
    for f in files:
        path = ROOT / f
        if (path.suffix in SOURCES or path.name == "Makefile") and path.is_file():
            source = path.read_text(errors="replace")
            words.update(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", source))
            # The desk spells the codes of refusals with an underscore.
            words.update(code.replace(".", "_") for code in re.findall(r"\"([a-z]+\.[a-z_]+)\"", source))
    documents = [f for f in files if f.endswith(".md") and not f.startswith("ui/node_modules")]
    faults = []
    for document in documents:
        path = ROOT / document
        if not path.is_file():
            continue
        text = path.read_text()
        for n, line in enumerate(text.splitlines(), 1):
            for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", line):
                if not re.match(r"[a-z]+:", link) and not (path.parent / link).exists():
                    faults.append(f"{document}:{n}: the link {link} leads nowhere")
            for span in re.findall(r"`([^`]+)`", line):
                faults.extend(f"{document}:{n}: `{span}`: {why}" for why in judge(span, known, words))
    print("\n".join(faults))
    if faults:
        print(f"docs: {len(faults)} names in documents do not exist", file=sys.stderr)
    return 1 if faults else 0


def judge(span, known, words):
    if re.fullmatch(r"\.[a-z]+", span):
        return
    if PATH.fullmatch(span) and (ENDS.search(span) or span.endswith("/")):
        if MADE.search(span):
            return
        for one in braces(span):
            pattern = one.strip("/")
            if "*" in pattern:
                found = any(re.fullmatch(re.escape(pattern).replace(r"\*", "[^/]*"), k) for k in known)
            else:
                found = pattern in known or pattern.removeprefix("./") in known
            if not found:
                yield f"no tracked file or folder ends with {one}"
        return
    if "/" in span or " " in span.split("=")[0].strip():
        return
    for name in re.findall(r"[A-Za-z][A-Za-z0-9_]*(?:::[A-Za-z][A-Za-z0-9_]*)+", span):
        for part in name.split("::"):
            if part not in words:
                yield f"{part} is in no source"
    if re.fullmatch(r"\[+[a-z_.]+\]+.*", span) or re.fullmatch(r"[a-z_.]+( = .*)?", span):
        key = span.split("=")[0]
        for name in NAME.finditer(key):
            if name.group(0) not in words:
                yield f"{name.group(0)} is in no source"


if __name__ == "__main__":
    sys.exit(main())
