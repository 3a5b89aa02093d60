#!/usr/bin/env python3
"""Every file, setting and name that a document puts into a code span exists, and every link leads somewhere.

- A span that looks like a path must be the end of a tracked file's or folder's path. A span that looks like a
  name of the code or of the configuration (`Router::proposal`, `[limits]`, `view_max_age_s = 2`) must occur as a
  word in the tracked sources. A name with dots (`journal.unwritable`, `limits.journal_mib`) that begins like a code of the
  sources or a section of the configuration is such a code or a setting, and so is a section with a setting (`[limits] journal_mib`).
- A link leads to a file, and its anchor to a heading of it.
- docs/SUMMARY.md, from which the book is made, has every page of docs once, and no other.
- In a table with a column `test` (or `tests`) every span of that column is a test that runs by
  default or a tracked file. Where the table has a column `state`, that is one of STATES, and what is met, wholly or partly, has a test.
- docs/dependencies.md has every package that a crate names, and docs/risk.md the points of the risk table.
- Each code of docs/events.md is in code that ships, beside the catalogue from which the page is made.
- docs/conformance.md has each requirement of ASVS 5.0.0 once.
- docs/runbook.md has every alert of docs/grafana/alerts.yml, and every event of high or critical severity.
- The examples of configuration have every setting, no other, with its default and bounds (docs_settings.py), and
  docs/traders.md has every key of the desk (docs_keys.py).
- Words and options of `signet-desk` are in its usage, and those of its usage in its man page and completions. Commands of the gateway and targets of make are checked by
  a test that asks the program (gateway/tests/identity/docs.rs).

Prints what is wrong and exits with 1. `--self-test` breaks a document in each of these ways and sees it found.
"""

import itertools
import pathlib
import re
import subprocess
import sys

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, that of Ubuntu 22.04
    import tomli as tomllib

# A lint leaves nothing in the tree.
sys.dont_write_bytecode = True
import docs_keys
import docs_settings

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = {".rs", ".toml", ".py", ".sh", ".ts", ".svelte", ".json", ".cedar", ".cpp", ".h", ".xml", ".css", ".js", ".cnf"}
PATH = re.compile(r"[\w.{},*-]+(/[\w.{},*-]+)*/?")
ENDS = re.compile(r"\.(rs|md|toml|yml|py|sh|ts|svelte|json|cedar|cpp|h|xml|css|js|admx|mobileconfig|pem|crl|db|jsonl|log|mmdb)$")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)+")
# Files that the programs make, or that an administrator chooses the name of.
MADE = re.compile(r"\.(pem|crl|db|jsonl|log|mmdb)$|^(answers\.toml|risk\.toml|line\.json)$")
# Names of other people's programs, and of their formats.
OTHERS = {
    "getpwuid_r", "CKA_VALUE", "net.core.somaxconn", "actor.user.name", "user.name", "event.severity",
    "signet.asc", "signet.sources", "signet.repo",
}
# Of OCSF, of a browser, and operations that `make instructions` counts.
NO_AREAS = {"metadata", "window", "decide"}
VARIABLE = re.compile(r"(?<![\w$-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w*])")
DOTTED = re.compile(r"([a-z][a-z_0-9]*(?:\.[a-z_0-9]+)+)(?: = .*)?")
SETTING = re.compile(r"\[+([a-z_.]+)\]+(?: ([a-z_0-9]+))?(?: = .*)?")
# Of a clause in docs/conformance.md. The last two need no test: they claim nothing.
STATES = ("met", "partly", "not", "n/a")
TEST = re.compile(r"#\[(?:tokio::)?test\b[^\]]*\]\s*(?://[^\n]*\s*|#\[[^\]]*\]\s*)*(?:async )?fn (\w+)")
IGNORED = re.compile(r"#\[ignore\b[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:async )?fn (\w+)")
TITLE = re.compile(r"\b(?:it|test)(?:\.each\([^)]*\))?\(\s*\"([^\"]+)\"")
USAGE = "src-tauri/main.rs"
PAGES = [f"packaging/desk/pages/{name}" for name in ("signet-desk.1", "signet-desk.bash", "_signet-desk", "signet-desk.fish")]
# OWASP ASVS 5.0.0: how many requirements each section of a chapter has. V10 (OAuth), V17 (WebRTC), 4.3 (GraphQL) and 4.4
# (WebSocket) are about what Signet does not have.
ASVS = {
    1: (2, 10, 12, 3, 3), 2: (3, 3, 5, 2), 3: (1, 3, 5, 8, 8, 1, 5), 4: (5, 5), 5: (1, 6, 3, 3),
    6: (3, 12, 8, 6, 8, 4, 2, 4), 7: (3, 4, 2, 5, 3, 2), 8: (4, 4, 3, 2), 9: (3, 4), 11: (4, 5, 5, 4, 2, 2, 2),
    12: (5, 2, 5), 13: (4, 6, 4, 7), 14: (2, 8, 3), 15: (5, 5, 7, 4), 16: (1, 5, 4, 3, 4),
}


def tracked():
    out = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [p for p in out.decode().split("\0") if p]


def braces(span):
    """`a/{b,c}.rs` stands for two."""
    parts = re.split(r"\{([^{}]*)\}", span)
    choices = [p.split(",") if n % 2 else [p] for n, p in enumerate(parts)]
    return ["".join(c) for c in itertools.product(*choices)]


def read(file):
    return (ROOT / file).read_text()


class Tree:
    """What the documents are held against."""

    def __init__(self, files):
        self.files = files
        self.paths = set()
        for f in files:
            parts = f.split("/")
            for end in range(1, len(parts) + 1):
                for begin in range(end):
                    self.paths.add("/".join(parts[begin:end]))
        self.words = {pathlib.PurePosixPath(f).stem for f in files} | OTHERS
        self.tests = set()
        self.codes, self.told = set(OTHERS), set()
        self.examples = docs_settings.Code(read, [f for f in files if (ROOT / f).is_file()])
        self.settings = {place for settings in self.examples.settings.values() for place in settings}
        for f in files:
            path = ROOT / f
            if (path.suffix in SOURCES or path.name == "Makefile") and path.is_file():
                source = path.read_text(errors="replace")
                self.words.update(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", source))
                self.codes.update(re.findall(r"[\"\[]([a-z_0-9]+(?:\.[a-z_0-9]+)+)[\"\]]", source))
                if path.suffix == ".rs" and not re.match(r"crates/signet-events/|tests/", f):
                    # Tests name codes as well.
                    shipped = "" if re.search(r"(^|[/_])tests?(/|\.rs$)", f) else source.partition("#[cfg(test)]\nmod ")[0]
                    self.told.update(re.findall(r"\b[a-z0-9_]+(?:\.[a-z0-9_]+)+\b", shipped))
                # The desk spells the codes of refusals with an underscore.
                self.words.update(code.replace(".", "_") for code in re.findall(r"\"([a-z]+\.[a-z_]+)\"", source))
                self.tests.update((TEST if path.suffix == ".rs" else TITLE).findall(source))
                # `make test` does not run these.
                self.tests.difference_update(IGNORED.findall(source))
        self.usage = (ROOT / USAGE).read_text()
        self.areas = {name.split(".")[0] for name in self.codes | self.settings} - NO_AREAS

    def setting(self, place):
        return any(docs_settings.fits(place, one) for one in self.settings)


def main():
    files = tracked()
    tree = Tree(files)
    documents = {f: read(f) for f in files if f.endswith(".md") and (ROOT / f).is_file()}
    if "--self-test" in sys.argv:
        return self_test(tree, documents)
    faults = list(all_faults(tree, documents))
    print("\n".join(faults))
    if faults:
        print(f"docs: {len(faults)} faults in documents", file=sys.stderr)
    return 1 if faults else 0


def all_faults(tree, documents, examples=None):
    """`examples` has texts that stand for those of example files."""
    documents = {f: text for f, text in documents.items() if f.endswith(".md")}
    anchors = {f: headings(text) for f, text in documents.items()}
    for document, text in documents.items():
        yield from links(document, text, anchors)
        yield from tables(document, text, tree)
        yield from desk_commands(document, text, tree.usage)
        for n, line in enumerate(text.splitlines(), 1):
            for span in re.findall(r"`([^`]+)`", line):
                yield from (f"{document}:{n}: `{span}`: {why}" for why in judge(span, tree))
    yield from tree.examples.faults(examples)
    yield from docs_keys.faults(read, documents)
    yield from desk_pages(tree.usage, examples)
    yield from summary(documents)
    yield from runbook(documents)
    yield from events(documents, tree)
    yield from dependencies(documents, tree)
    yield from risk_table(documents)
    yield from asvs(documents)


def headings(text):
    """The anchors of a page, as GitHub and mdBook make them."""
    found = set()
    body = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    for title in re.findall(r"^#{1,6} (.+)$", body, flags=re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").strip().lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        count = next(n for n in itertools.count() if (f"{name}-{n}" if n else name) not in found)
        found.add(f"{name}-{count}" if count else name)
    return found


def links(document, text, anchors):
    folder = (ROOT / document).parent
    for n, line in enumerate(text.splitlines(), 1):
        for link, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", line):
            if re.match(r"[a-z]+:", link):
                continue
            if link and not (folder / link).exists():
                yield f"{document}:{n}: the link {link} leads nowhere"
                continue
            target = (folder / link).resolve().relative_to(ROOT).as_posix() if link else document
            if anchor and anchor not in anchors.get(target, ()):
                yield f"{document}:{n}: {target} has no heading #{anchor}"


def tables(document, text, tree):
    """Tables with a column of tests."""
    columns = []
    for n, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|"):
            columns = []
            continue
        cells = [c.strip() for c in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if not columns:
            columns = cells
            continue
        row = dict(zip(columns, cells))
        named = row.get("tests", row.get("test"))
        if named is None or set(line) <= set("|-: "):
            continue
        spans = re.findall(r"`([^`]+)`", named)
        for span in spans:
            if span not in tree.tests and span not in tree.files:
                yield f"{document}:{n}: `{span}` is neither a test that runs nor a tracked file"
        state = row.get("state")
        if state is not None and state not in STATES:
            yield f"{document}:{n}: the state {state!r} is none of {', '.join(STATES)}"
        elif state in ("met", "partly") and not spans:
            yield f"{document}:{n}: {state} without a test or a file that shows it"


def desk_commands(document, text, usage):
    """`signet-desk` in spans and blocks: its subcommands and options are in the usage that it prints."""
    spans = re.findall(r"`(signet-desk [^`]+)`", text)
    lines = re.findall(r"^(?: {4})?(signet-desk .+)$", text, flags=re.M)
    for command in spans + lines:
        for word in command.replace("[", " ").replace("]", " ").split()[1:]:
            bare = word.split("=")[0]
            plain = re.fullmatch(r"[a-z]+", bare) and command.split()[1] == bare
            if (plain or bare.startswith("--")) and not re.search(rf"(?<![\w-]){re.escape(bare)}(?![\w-])", usage):
                yield f"{document}: `{' '.join(command.split())}`: {bare} is not in the usage of {USAGE}"


def desk_pages(usage, changed=None):
    """The man page and the completions of `signet-desk` have the commands and options of its usage, and no others."""
    help_text = re.search(r"const HELP: &str = \"(.*?)\";", usage, flags=re.S).group(1)
    options = set(re.findall(r"--[a-z]+", help_text))
    words = {w for line in re.findall(r"signet-desk ([a-z][^\[\n]*)", help_text) for w in re.findall(r"(?<![-\w])[a-z]+\b", line)}
    for page in PAGES:
        text = (changed or {}).get(page) or read(page)
        plain = re.sub(r"\\f[BIR]", "", text).replace("\\-", "-")
        there = set(re.findall(r"(?<![\w-])--[a-z]+", plain)) | {"--" + o for o in re.findall(r" -l ([a-z]+)", plain)}
        yield from (f"{page}: {o} is missing" for o in sorted(options - there))
        yield from (f"{page}: {o} is not in the usage of {USAGE}" for o in sorted(there - options))
        yield from (f"{page}: {w} is missing" for w in sorted(words) if not re.search(rf"(?<![\w-]){w}\b", plain))


def summary(documents):
    pages = {f.removeprefix("docs/") for f in documents if f.startswith("docs/")} - {"SUMMARY.md"}
    listed = re.findall(r"\]\(([^)]+)\)", documents.get("docs/SUMMARY.md", ""))
    for page in sorted(pages - set(listed)):
        yield f"docs/SUMMARY.md: {page} is missing"
    for page in sorted({p for p in listed if listed.count(p) > 1 or p not in pages}):
        yield f"docs/SUMMARY.md: {page} is there twice, or is not a page"


def runbook(documents):
    """What calls an operator has an entry in the runbook."""
    text = documents.get("docs/runbook.md", "")
    spans = set(re.findall(r"`([^`]+)`", text))
    alerts = re.findall(r"- alert: (\w+)", (ROOT / "docs/grafana/alerts.yml").read_text())
    events = re.findall(r"^\| `([^`]+)` \| (?:High|Critical) \|", documents["docs/events.md"], flags=re.M)
    for name in alerts + events:
        if name not in spans:
            yield f"docs/runbook.md: {name} is missing"
    catalogue = set(re.findall(r"^\| `([^`]+)` \|", documents["docs/events.md"], flags=re.M))
    for table in re.findall(r"^\| event \|.*\n((?:\|.*\n)+)", text, flags=re.M):
        for row in table.splitlines():
            for code in re.findall(r"`([^`]+)`", row.split("|")[1]):
                if code not in catalogue:
                    yield f"docs/runbook.md: {code} is not in docs/events.md"


def events(documents, tree):
    """Something besides the catalogue has each code of it, or it would never be seen."""
    for code in re.findall(r"^\| `([a-z0-9_.]+)` \| (?:[A-Z])", documents["docs/events.md"], flags=re.M):
        if code not in tree.told and code != "event.unknown":
            yield f"docs/events.md: nothing tells {code}"


def dependencies(documents, tree):
    """Each package of others that a crate names, and that the page contains, has its reason in docs/dependencies.md."""
    named = set(re.findall(r"[\w@/-]+", documents["docs/dependencies.md"]))
    for row in re.findall(r"^\|.*\|$", documents["docs/dependencies.md"], flags=re.M):
        spans = re.findall(r"`([\w@/.-]+)`", row)
        # `sqlx` (`-postgres`), or `ironfix-core`, `-engine`.
        named.update(spans, (whole.split("-")[0] + part for part in spans if part.startswith("-") for whole in spans))
    for manifest in (f for f in tree.files if pathlib.PurePosixPath(f).name == "Cargo.toml" and (ROOT / f).is_file()):
        whole = tomllib.loads(read(manifest))
        tables = [whole, *whole.get("target", {}).values()]
        kinds = ("dependencies", "build-dependencies", "dev-dependencies")
        for name, how in (one for table in tables for kind in kinds for one in table.get(kind, {}).items()):
            package = how.get("package", name) if isinstance(how, dict) else name
            if package not in named and not package.startswith("signet-") and not (isinstance(how, dict) and "path" in how):
                yield f"docs/dependencies.md: {package} of {manifest} is missing"


def risk_table(documents):
    """The points of docs/risk.md are those of gateway/risk-score.toml."""
    rows = tomllib.loads(read("gateway/risk-score.toml"))["row"]
    points = {(row["attribute"], row["condition"]): row["points"] for row in rows}
    attribute, said = "", {}
    for first, condition, number in re.findall(r"^\| ([\w ]*?) ?\| ([\w, ]+) \| (\d+) \|", documents["docs/risk.md"], flags=re.M):
        attribute = first or attribute
        said[attribute, condition] = int(number)
    for row in sorted(set(points.items()) ^ set(said.items())):
        yield f"docs/risk.md: {row} is only there or only in gateway/risk-score.toml"


def asvs(documents):
    """Each requirement once, alone, in a list (`1.4.1, 1.4.3`) or in a range (`1.2.5 to 1.2.9`)."""
    text = documents.get("docs/conformance.md", "").partition("## OWASP ASVS")[2]
    found = []
    for clauses in re.findall(r"^\| (\d+\.\d+\.\d+[^|]*) \|", text, flags=re.M):
        for one in clauses.split(", "):
            first, _, last = one.partition(" to ")
            section, begin = first.rsplit(".", 1)
            found += [f"{section}.{n}" for n in range(int(begin), int((last or first).rsplit(".", 1)[1]) + 1)]
    wanted = {f"{c}.{s}.{n}" for c, sections in ASVS.items() for s, count in enumerate(sections, 1) for n in range(1, count + 1)}
    for clause in sorted(wanted.symmetric_difference(found)) + sorted({f for f in found if found.count(f) > 1}):
        yield f"docs/conformance.md: {clause} of ASVS is missing, unknown or there twice"


BREAKS = {
    "leads nowhere": ("docs/risk.md", "[a](not-there.md)"),
    "has no heading": ("docs/risk.md", "[a](admins.md#not-there)"),
    "`not_a_test_of_ours` is neither": ("docs/risk.md", "\n| claim | tests |\n| --- | --- |\n| a | `not_a_test_of_ours` |"),
    "`hundreds_of_kills` is neither": ("docs/risk.md", "\n| claim | tests |\n| --- | --- |\n| a | `hundreds_of_kills` |"),
    "is none of": ("docs/risk.md", "\n| clause | state | tests |\n| --- | --- | --- |\n| a | good | |"),
    "without a test": ("docs/risk.md", "\n| clause | state | tests |\n| --- | --- | --- |\n| a | met | |"),
    "is not in the usage": ("docs/risk.md", "`signet-desk doctor --everything`"),
    "is there twice": ("docs/SUMMARY.md", "- [a](not-a-page.md)"),
    "of ASVS is": ("docs/conformance.md", "| 1.1.1 to 1.1.2 | a | n/a | | |"),
    "no tracked file": ("docs/risk.md", "`scripts/not-there.sh`"),
    # In two parts, because this file is a source as well.
    "is in no source": ("docs/risk.md", "`not_a_name" + "_of_ours`"),
    "not.an_event is not in": ("docs/runbook.md", "\n| event | do |\n| --- | --- |\n| `not.an_event` | nothing |"),
    "nothing tells journal.not_a_code": ("docs/events.md", "\n| `journal.not" + "_a_code` | Low | a | | a | a |"),
    "NOT_A_VARIABLE" + "_OF_OURS is in no source": ("docs/risk.md", "`NOT_A_VARIABLE" + "_OF_OURS=1`"),
    "neither a code of the sources": ("docs/risk.md", "`journal.not" + "_a_code`"),
    "is not a setting": ("docs/risk.md", "`[limits] not" + "_a_setting = 1`"),
    "Ctrl+Shift+Q is not a key": ("docs/risk.md", "Press Ctrl+Shift+Q."),
    "not.an_alert is missing": ("docs/events.md", "\n| `not.an_alert` | High | a | | a | a |"),
}


# The same for an example and for the table of keys: what is there, and what stands there instead.
EXAMPLE = "gateway/signet-gateway.example.toml"
CHANGES = {
    "limits.journal_mib is a setting": (EXAMPLE, "\njournal_mib = 128 ", "\n"),
    "limits.journal_gib is not a setting": (EXAMPLE, "\njournal_mib = 128 ", "\njournal_gib = 1\njournal_mib = 128 "),
    "the default is 128, not 64": (EXAMPLE, "\njournal_mib = 128 ", "\njournal_mib = 64 "),
    "the default is 24, not 12": (EXAMPLE, "default 24,", "default 12,"),
    "does not say that 24 is": (EXAMPLE, "default 24,", "hours,"),
    "crl_hours: does not say '1 to 720'": (EXAMPLE, "1 to 720", "1 to 7200"),
    "signet-desk.fish: --identity is missing": (PAGES[3], "-l identity", "-l name"),
    "signet-desk.fish: --name is not": (PAGES[3], "-l identity", "-l name"),
    "signet-desk.1: doctor is missing": (PAGES[0], "doctor", "docter"),
    "dependencies.md: semver of": ("docs/dependencies.md", "`semver`", "`semver-is-missing`"),
    "'unmanaged'), 25) is only": ("docs/risk.md", "| unmanaged | 25 |", "| unmanaged | 20 |"),
    "its keys lack | Everywhere | F8 |": (docs_keys.PAGE, "| Everywhere | F8 |", "| Everywhere | F7 |"),
    "Help has not | Everywhere | F7 |": (docs_keys.PAGE, "| Everywhere | F8 |", "| Everywhere | F7 |"),
}


def self_test(tree, documents):
    missed = []
    for says, (file, old, new) in CHANGES.items():
        text = read(file)
        broken = {file: text.replace(old, new, 1 if file == EXAMPLE else -1)}
        if old not in text or not any(says in fault for fault in all_faults(tree, documents | broken, broken)):
            missed.append(says)
    for says, (document, more) in BREAKS.items():
        broken = dict(documents, **{document: documents[document] + more + "\n"})
        if not any(says in fault for fault in all_faults(tree, broken)):
            missed.append(says)
    if missed:
        print(f"docs: not found: {missed}", file=sys.stderr)
    return 1 if missed else 0


def judge(span, tree):
    known, words = tree.paths, tree.words
    yield from (f"{name} is in no source" for name in VARIABLE.findall(span) if name not in words)
    dotted, setting = DOTTED.fullmatch(span), SETTING.fullmatch(span)
    if dotted and dotted.group(1).split(".")[0] in tree.areas and not ENDS.search(span):
        if dotted.group(1) not in tree.codes and not tree.setting(dotted.group(1)):
            yield "neither a code of the sources nor a setting"
    if setting and not tree.setting(".".join(part for part in setting.groups() if part)):
        yield "is not a setting"
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
