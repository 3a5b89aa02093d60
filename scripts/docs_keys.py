"""The keys of the desk: its Help, its traders' page, and what any page says of keys are one.

A part of scripts/docs.py. `ui/src/keyboard/shortcuts.ts` is the table of the keys, from which Help is made
(`ui/test/shortcuts.test.ts` tests what each does), `ui/src/keyboard/help.ts` its groups. docs/traders.md has a table with the same
groups, keys and words.
"""

import itertools
import re

TABLE = "ui/src/keyboard/shortcuts.ts"
GROUPS = "ui/src/keyboard/help.ts"
WORDS = "ui/src/language/en.ts"
PAGE = "docs/traders.md"
HEAD = "| where | keys | what |"


def text_of(words, key):
    """The English text under a key of the catalogue."""
    group, name = key.split(".")
    part = re.search(rf"^  {group}: {{\n(.*?)^  }},", words, flags=re.M | re.S)
    found = part and re.search(rf"^    {name}:\s*\"((?:[^\"\\]|\\.)*)\"", part.group(1), flags=re.M)
    return found and found.group(1)


def help_rows(read):
    """What Help shows, row by row: the group, its keys, their words."""
    table, words = read(TABLE), read(WORDS)
    places = {}
    for place, body in re.findall(r"^  (\w+): \[\n(.*?)^  \],", table.partition("const TABLE")[2], flags=re.M | re.S):
        places[place] = re.findall(r"help: \[\[([^\]]*)\],\s*t\(\"([\w.]+)\"\)\]", body)
    rows = []
    for where, of in re.findall(r"\[t\(\"([\w.]+)\"\), \[([^\]]*)\]\]", read(GROUPS)):
        lines = {}
        for place in re.findall(r"\"(\w+)\"", of):
            for shown, what in places.get(place, []):
                lines.setdefault(what, []).append(keys_of(re.findall(r"\"([^\"]+)\"", shown)))
        rows += [(text_of(words, where), " or ".join(keys), text_of(words, what)) for what, keys in lines.items()]
    return rows


def keys_of(shown):
    """Ctrl+Shift+X for keys that are held; others one after the other. Signs stand in spans."""
    held = [key for key in shown if key in ("Ctrl", "Shift")]
    spelled = [f"`{key}`" if key in ("+", "-", "?") else key for key in shown]
    return ("+" if held else " ").join(spelled)


def faults(read, documents):
    """The rows of the page's table, then every key with Ctrl and every F key that any page names."""
    rows = help_rows(read)
    if len(rows) < 40 or any(None in row for row in rows):
        yield f"{TABLE}: its table is not read"
        return
    wanted = [f"| {where} | {keys} | {what} |" for where, keys, what in rows]
    below = documents[PAGE].partition(HEAD + "\n")[2].splitlines()[1:]
    have = list(itertools.takewhile(lambda line: line.startswith("|"), below))
    yield from (f"{PAGE}: its keys lack {row}" for row in wanted if row not in have)
    yield from (f"{PAGE}: Help has not {row}" for row in have if row not in wanted)
    known = {key.replace("`", "") for _, keys, _ in rows for key in re.split(r" or | ", keys)}
    for document, text in documents.items():
        for n, line in enumerate(text.splitlines(), 1):
            for key in re.findall(r"\bCtrl\+(?:Shift\+)?\w+|(?<![\w+-])F\d{1,2}(?!\w)", line):
                if key not in known:
                    yield f"{document}:{n}: {key} is not a key of the desk"
