#!/usr/bin/env python3
"""Which part may use which: fails with the name of an arrow that must not be.

Reads `cargo metadata` for the arrows between crates and the `crate::`, `super::` and `self::` paths in the sources
for those between the modules of a crate. A module is a file or a folder directly under `src`; a path to something
that the crate's root re-exports counts as an arrow to the module that defines it.

Circles of modules that are still there stand in `scripts/arrows.known`, one arrow a line. A new arrow in a circle fails,
and so does a line of that file that is no longer needed: the list can only become shorter. `--write` writes it.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What ships never contains what stands in for the world outside.
SHIPPED = {"signet-desk", "signet-desk-core", "signet-events", "signet-gateway", "signet-fix", "signet-history", "signet-identity", "signet-journal",
           "signet-keystore", "signet-managed", "signet-net", "signet-policy", "signet-quic", "signet-registry", "signet-rfq", "signet-router", "signet-signals",
           "signet-stepup", "signet-tlog", "signet-update"}
DOUBLES = {"signet-dealer", "signet-practice", "signet-softkey", "signet-bench", "signet-test-mmdb", "signet-vkey",
           "signet-hostile", "signet-kill", "signet-roam", "signet-devca", "signet-sim"}
KNOWN = ROOT / "scripts/arrows.known"

# What of ours a crate may use.
MAY_USE = {
    "signet-rfq": set(),
    "signet-events": set(),
    "signet-signals": set(),
    "signet-policy": set(),
    "signet-managed": {"signet-identity"},
    "signet-journal": set(),
    "signet-tlog": set(),
    "signet-identity": set(),
    "signet-net": {"signet-identity"},
    "signet-quic": {"signet-identity"},
    "signet-keystore": {"signet-identity", "signet-net"},
    "signet-fix": {"signet-rfq", "signet-journal", "signet-identity"},
    "signet-history": {"signet-rfq", "signet-identity", "signet-fix", "signet-tlog"},
    "signet-stepup": {"signet-rfq", "signet-identity", "signet-fix"},
    "signet-router": {"signet-rfq", "signet-fix", "signet-identity", "signet-journal", "signet-stepup"},
    "signet-registry": {"signet-rfq", "signet-identity", "signet-policy", "signet-stepup"},
}
# What of others a crate must not use.
MUST_NOT_USE = {
    "signet-rfq": {"tokio", "rustls", "hyper", "sqlx"},
    "signet-policy": {"tokio", "rustls", "hyper", "sqlx"},
    "signet-managed": {"tokio", "rustls", "hyper", "sqlx"},
    "signet-tlog": {"tokio", "rustls", "hyper", "sqlx"},
    "signet-signals": {"tokio", "rustls", "hyper", "sqlx"},
    "signet-history": {"tokio", "rustls", "hyper", "sqlx"},
    "signet-router": {"tokio", "rustls", "hyper", "sqlx"},
    "signet-registry": {"hyper", "hyper-util"},
    # A server links no desktop keychain; scripts/lint.sh looks at all that it links.
    "signet-gateway": {"tauri", "wry", "keyring-core"},
    # It says who is at the other end; it does not call them, and holds no key.
    "signet-identity": {"tokio", "tokio-rustls", "hyper", "keyring-core", "cryptoki"},
    "signet-net": {"keyring-core", "cryptoki"},
}
# Arrows between modules that must not be.
NEVER = {
    "signet-gateway": [("config", "enrol")],
    "signet-desk-core": [("book", "link"), ("venue", "direct")],
}


def packages():
    command = ["cargo", "metadata", "--locked", "--offline", "--format-version", "1", "--no-deps"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return json.loads(out)["packages"]


def crate_faults(package):
    name = package["name"]
    # An optional dependency is behind a feature; the lint looks with `cargo tree` that no release has those of the demonstration.
    normal = {d["name"] for d in package["dependencies"] if d["kind"] is None and not d["optional"]}
    ours = {d for d in normal if d.startswith("signet-")}
    for used in sorted(ours - MAY_USE.get(name, ours)):
        yield f"{name} -> {used}: may use {', '.join(sorted(MAY_USE[name])) or 'nothing of ours'}"
    # What a crate must not use it must not use behind a feature either.
    behind_features = {d["name"] for d in package["dependencies"] if d["kind"] is None and d["optional"]}
    for used in sorted((normal | behind_features) & MUST_NOT_USE.get(name, set())):
        yield f"{name} -> {used}: must not use it"
    if name in SHIPPED:
        for used in sorted(normal & DOUBLES):
            yield f"{name} -> {used}: what ships contains no test double"
    yield from silent_tests(package)


def silent_tests(package):
    """A target that says `test = false`, which spares a program that is linked for nothing, and has tests."""
    for target in package["targets"]:
        if target["test"] or {"test", "bench", "example", "custom-build"} & set(target["kind"]):
            continue
        source = pathlib.Path(target["src_path"])
        files = [source] if "bin" in target["kind"] else source.parent.rglob("*.rs")
        for path in files:
            if re.search(r"#\[(\w+::)?test\b|\bproptest! ?\{", path.read_text()):
                yield f"{path.relative_to(ROOT)}: has tests, and {target['name']} says test = false"


def without_tests(text):
    """Test modules use whatever they need."""
    return re.split(r"^#\[cfg\(test\)\]", text, maxsplit=1, flags=re.M)[0]


def module_of(path):
    """The module directly under the root that a file belongs to; "" for the root itself."""
    first = path.parts[0]
    return "" if first in ("lib.rs", "main.rs") else first.removesuffix(".rs")


def module_arrows(src):
    """(from, to) -> one place where it is."""
    files = [p for p in src.rglob("*.rs") if not re.search(r"(^|_)tests?\.rs$", p.name) and "tests" not in p.parts]
    modules = {module_of(p.relative_to(src)) for p in files} - {""}
    root = src / "lib.rs"
    exported = {}
    if root.exists():
        for module, names in re.findall(r"^pub(?:\([a-z]+\))? use (?:crate::|self::)?([a-z_]+)::([^;]+);", root.read_text(), re.M):
            for n in re.findall(r"[A-Za-z_][A-Za-z0-9_]*", names):
                exported[n] = module
    arrows = {}
    for path in files:
        own = module_of(path.relative_to(src))
        if not own:
            continue
        text = without_tests(path.read_text())
        for n, line in enumerate(text.splitlines(), 1):
            if line.lstrip().startswith("//"):
                continue
            for target in re.findall(r"\bcrate::([A-Za-z_][A-Za-z0-9_]*)", line):
                to = target if target in modules else exported.get(target)
                if to and to != own and to in modules:
                    arrows.setdefault((own, to), f"{path.relative_to(ROOT)}:{n}")
        for block in re.finditer(r"use crate::\{(.*?)\};", text, re.S):
            for item in top_level(block.group(1)):
                first = re.match(r"[A-Za-z_][A-Za-z0-9_]*", item)
                if first:
                    to = first.group(0) if first.group(0) in modules else exported.get(first.group(0))
                    if to and to != own and to in modules:
                        n = text[: block.start()].count("\n") + 1
                        arrows.setdefault((own, to), f"{path.relative_to(ROOT)}:{n}")
    return arrows


def top_level(items):
    out, depth, item = [], 0, ""
    for c in items:
        depth += (c == "{") - (c == "}")
        if c == "," and depth == 0:
            out.append(item.strip())
            item = ""
        else:
            item += c
    return [i for i in [*out, item.strip()] if i]


def circles(arrows):
    """Groups of modules that use each other (Tarjan's strongly connected components)."""
    edges = {}
    for a, b in arrows:
        edges.setdefault(a, []).append(b)
    index, low, stack, found = {}, {}, [], []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in edges.get(v, []):
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in stack:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            group = stack[stack.index(v):]
            del stack[stack.index(v):]
            if len(group) > 1:
                found.append(sorted(group))

    for v in sorted(edges):
        if v not in index:
            visit(v)
    return found


def main():
    faults, found = [], {}
    for package in packages():
        faults.extend(crate_faults(package))
        src = pathlib.Path(package["manifest_path"]).parent / "src"
        name = package["name"]
        if name not in SHIPPED or not src.is_dir():
            continue
        arrows = module_arrows(src)
        for a, b in NEVER.get(name, []):
            if (a, b) in arrows:
                found[f"{name}: {a} -> {b}, never"] = arrows[(a, b)]
        for group in circles(arrows):
            for (a, b), where in arrows.items():
                if a in group and b in group:
                    found[f"{name}: {a} -> {b}"] = where
    if "--write" in sys.argv[1:]:
        KNOWN.write_text("".join(f"{arrow}\n" for arrow in sorted(found)))
    known = set(KNOWN.read_text().splitlines()) if KNOWN.exists() else set()
    faults.extend(f"{arrow} ({where}): closes a circle, or is forbidden" for arrow, where in sorted(found.items()) if arrow not in known)
    faults.extend(f"{arrow}: is gone; take it out of scripts/arrows.known" for arrow in sorted(known - set(found)))
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
