"""The example files have every setting that the programs read, no other, and the defaults that the programs have.

A part of scripts/docs.py. The settings of a file are the fields of the Rust types by which it is read, from a root type
on; serde refuses every other. A default is a number or a yes or no in a `Default`, or in the function that `serde(default = ...)` names.
"""

import re

# Each example, the type of the whole file, and where that type and those in it are. Types of the same name in
# different files are why a root has only the sources that it needs.
EXAMPLES = {
    "gateway/signet-gateway.example.toml": ("Config", ["gateway/src/config/", "crates/signet-stepup/src/rules.rs"]),
    "gateway/risk.example.toml": ("RiskSettings", ["gateway/src/config/risk.rs", "crates/signet-policy/src/software.rs"]),
    "gateway/risk-score.toml": ("File", ["crates/signet-policy/src/score/table.rs"]),
    "gateway/keys.example.toml": ("File", ["crates/signet-stepup/src/rp/list.rs"]),
    "gateway/instruments.example.toml": ("File", ["crates/signet-rfq/src/instrument.rs", "crates/signet-rfq/src/instrument_file.rs"]),
    "gateway/entitlements.example.toml": ("File", ["crates/signet-policy/src/entitle/facts.rs"]),
    "packaging/gateway/answers.example.toml": ("Answers", ["gateway/src/init/answers.rs"]),
    "packaging/desk/policy/managed.example.toml": ("File", ["crates/signet-managed/src/policy.rs", "crates/signet-managed/src/settings.rs"]),
    "src-tauri/desk.example.toml": (
        "File",
        ["crates/signet-desk-core/src/venue/config.rs", "crates/signet-desk-core/src/venue/entry.rs", "crates/signet-desk-core/src/venue/direct_settings.rs",
         "crates/signet-desk-core/src/guard.rs", "crates/signet-stepup/src/rules.rs"],
    ),
}
# What the code reads by hand: a section that is a receiver, one provider or several, the rate of a discount margin, and
# tables that are read later.
BY_HAND = """
struct Signals {
    #[serde(flatten)]
    listener: Listed,
    #[serde(flatten)]
    one: ProviderSection,
    transmit: TransmitSection,
}
struct InstrumentTable {
    #[serde(flatten)]
    instrument: Instrument,
    reference_rate: Option<String>,
    reference_point: Option<String>,
}
"""
LATER = {
    ("VenueEntry", "direct"): "Entry", ("Entry", "step_up"): "StepUpEntry", ("StepUpEntry", "when"): "WhenSection",
    ("File", "instrument"): "InstrumentTable",
}
# Explained elsewhere (an entry of several providers has what a single one has), or not allowed there.
ELSEWHERE = {
    "gateway/signet-gateway.example.toml": {"signals.provider", "signals.name"},
    "packaging/desk/policy/managed.example.toml": {"since"},
    "src-tauri/desk.example.toml": {"venue.direct.step_up.when.second_person"},
}
ATTRIBUTE = re.compile(r"#\[(?:[^\[\]]|\[[^\]]*\])*\]")
FIELD = re.compile(r"^    (?:pub(?:\([^)]*\))? )?(\w+): ([^\n]+),$", flags=re.M)


class Types:
    """Structs and enums of some Rust sources, with their defaults."""

    def __init__(self, sources):
        self.fields, self.defaults = {}, {}
        for text in [*sources, BY_HAND]:
            self.read(text)

    def read(self, text):
        """One file: functions of the same name are in several."""
        functions = dict(re.findall(r"^fn (\w+)\(\) -> \w+ \{\n    (\w+)\n\}", text, flags=re.M))
        for head, kind, name, body in re.findall(r"((?:^#\[[^\n]*\]\n)*)^(?:pub(?:\([^)]*\))? )?(struct|enum) (\w+) \{\n(.*?)^\}", text, flags=re.M | re.S):
            if kind == "enum":
                tag = re.search(r"serde\([^)]*tag = \"(\w+)\"", head)
                variants = re.findall(r"^    \w+\((\w+)\),$", body, flags=re.M)
                if tag and variants:
                    self.fields[name] = [(tag.group(1), "String", "")] + [(v, v, "flatten") for v in variants]
                continue
            if "try_from" in head:
                continue
            found, at = [], 0
            for field in FIELD.finditer(body):
                found.append((field.group(1), field.group(2), "".join(ATTRIBUTE.findall(body[at:field.start()]))))
                at = field.end()
            self.fields[name] = found
            for field, of, attributes in found:
                by = re.search(r"default = \"(\w+)\"", attributes)
                if by and by.group(1) in functions:
                    self.defaults[name, field] = plain(functions[by.group(1)])
                elif of == "bool" and "default" in attributes:
                    self.defaults[name, field] = "false"
        for name, body in re.findall(r"^impl Default for (\w+) \{\n.*?^ {8}Self \{(.*?)\}", text, flags=re.M | re.S):
            for field, value in re.findall(r"(\w+): ((?:[\w:]|\([\w, ]*\))+)(?=,|\s*$)", body, flags=re.M):
                call = re.fullmatch(r"(\w+)\(\)", value)
                value = functions.get(call.group(1), value) if call else value
                self.defaults[name, field] = plain(value)

    def settings(self, of, at=""):
        """Every setting of a type, by its place in the file: whether it is a section, and its default."""
        for field, kind, attributes in self.fields[of]:
            if "serde(skip)" in attributes or "skip)" in attributes.replace("skip_serializing_if", ""):
                continue
            inner = re.fullmatch(r"(?:(?:Option|Vec|Box)<)*(?:BTreeMap<String, )?([\w:]+)>*", kind)
            inner = LATER.get((of, field)) or (inner and inner.group(1).rsplit("::", 1)[-1])
            if "flatten" in attributes:
                yield from self.settings(inner, at)
                continue
            place = at + field
            section = inner in self.fields and inner != of
            yield place, section, self.defaults.get((of, field))
            if section:
                yield from self.settings(inner, place + (".*." if kind.startswith("BTreeMap<") else "."))


def plain(value):
    """A number, a yes or no, or a rate as TOML has it; `None` for what is neither."""
    rate = re.fullmatch(r"rate\(([\d_]+), ([\d_]+)\)", value)
    if rate:
        return "{{ burst = {}, per_minute = {} }}".format(*(n.replace("_", "") for n in rate.groups()))
    return value.replace("_", "") if re.fullmatch(r"-?[\d_]+|true|false", value) else None


def written(text):
    """What an example has: each key's place, its line, value, comment, and the comment at the head of its section."""
    section, about, found, last = "", "", [], None
    for n, line in enumerate(text.splitlines(), 1):
        head = re.match(r"(?:# ?)?\[+([\w.]+)\]+\s*(?:# ?(.*))?$", line)
        key = re.match(r"(?:# ?)?([a-z_][a-z0-9_]*) = (.*)$", line)
        more = re.match(r"\s{10,}# ?(.*)$|#\s{10,}(?:# ?)?(.*)$", line)
        if head:
            section, about = head.group(1) + ".", head.group(2) or ""
            found.append({"place": section[:-1], "line": n, "value": None, "comment": about, "about": ""})
            last = found[-1]
        elif key:
            value, _, comment = key.group(2).partition(" #")
            last = {"place": section + key.group(1), "line": n, "value": value.strip(), "comment": comment.strip(), "about": about}
            found.append(last)
        elif more and last:
            more = (more.group(1) or more.group(2) or "").strip()
            last["comment"] += " " + more
            if last["value"] is None:
                about = last["comment"]
    return found


def fits(place, wanted):
    """Whether a place in an example is this setting: `person.alice.countries` is `person.*.countries`."""
    return place == wanted or ("*" in wanted and re.fullmatch(re.escape(wanted).replace(r"\*", r"[\w-]+"), place) is not None)


def one_example(example, text, settings):
    """What is wrong with one example."""
    elsewhere = ELSEWHERE.get(example, set())
    lines = written(text)
    for place, (section, default) in settings.items():
        if any(place == e or place.startswith(e + ".") for e in elsewhere):
            continue
        here = [one for one in lines if fits(one["place"], place)]
        # A section that stands in braces on one line, or of which only a part is there.
        inline = any(fits(one["place"], place.rsplit(".", 1)[0].removesuffix(".*")) and one["value"] for one in lines)
        below = [one for one in lines if re.match(re.escape(place).replace(r"\*", r"[\w-]+") + r"\.", one["place"])]
        if not here and not inline and not (section and below):
            yield f"{example}: {place} is a setting, and is not there"
        if default is None or not here:
            continue
        for one in here:
            says = re.search(r"[Dd]efault:? (?:is )?([\w.-]+)", one["comment"])
            if says and re.fullmatch(r"-?\d+|true|false", says.group(1).rstrip(".,")):
                said = says.group(1).rstrip(".,")
            else:
                said = one["value"].rstrip(",")
            if said != default:
                yield f"{example}:{one['line']}: {place}: the default is {default}, not {said}"
        if not any("default" in (one["comment"] + one["about"]).lower() for one in here) and default != "false":
            yield f"{example}:{here[0]['line']}: {place}: does not say that {default} is the default"
    # A table with a free name stands for itself: `person.alice` of `person.*.countries`.
    places = set(settings) | {place.rsplit(".", 1)[0] for place in settings if "*" in place}
    for one in lines:
        known = any(fits(one["place"], place) for place in places)
        # Free names, as those of groups and panels, are below a table that is a setting.
        free = any(fits(one["place"].rsplit(".", 1)[0], place) and not section for place, (section, _) in settings.items())
        if not known and not free:
            yield f"{example}:{one['line']}: {one['place']} is not a setting"


def sources(read, tracked, names):
    """The texts of files, and of those in folders."""
    files = [f for f in tracked for n in names if f == n or (n.endswith("/") and f.startswith(n) and f.endswith(".rs"))]
    return [read(f) for f in files]


class Code:
    """The settings of every example, as the sources have them. `read` gives a tracked file's text."""

    def __init__(self, read, tracked):
        self.read, self.settings, self.bounds = read, {}, {}
        for example, (root, names) in EXAMPLES.items():
            texts = sources(read, tracked, names)
            self.settings[example] = {place: (section, default) for place, section, default in Types(texts).settings(root)}
            self.bounds[example] = re.findall(r"value\((?:key\()?\"([\w.]+)\"\)?,\s*\"([^\"]*\d[^\"]*)\"", "\n".join(texts))

    def faults(self, changed=None):
        """`changed` has texts that stand for those of examples."""
        for example, settings in self.settings.items():
            text = (changed or {}).get(example) or self.read(example)
            yield from one_example(example, text, settings)
            yield from bounds(example, text, self.bounds[example])


def bounds(example, text, code):
    """A setting of which the program says within which numbers it must be says so too."""
    lines = written(text)
    for key, says in code:
        here = [one for one in lines if one["place"] == key or one["place"].endswith("." + key)]
        said = set(re.findall(r"\d+", " ".join(one["comment"] for one in here)))
        for number in re.findall(r"\d+", says):
            # Bounds of several settings at once stand at each of them.
            if here and here[0]["value"] is not None and number not in said:
                yield f"{example}:{here[0]['line']}: {key}: does not say {says!r}"
