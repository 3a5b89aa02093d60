#!/usr/bin/env python3
"""Says from what, with what and by whom packages were built, at the end of the build that made them.

  provenance.py FOLDER NAME COMMIT COMMAND    writes FOLDER/NAME.intoto.json about the files in FOLDER
  provenance.py --check FOLDER                names the packages that no statement in FOLDER is about

An in-toto Statement (v1) with a SLSA provenance predicate (v1). COMMIT is what was there when the build began: a tree
that has another one at its end was changed meanwhile, and nothing is said of it. packaging/sign.sh puts the statement
under the signed checksums.
"""

import datetime
import hashlib
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = (".deb", ".rpm", ".exe", ".msi", ".pkg", ".dmg")


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(folder, name, commit, command):
    files = sorted(f for f in folder.iterdir() if f.suffix in (*PACKAGES, ".json"))
    if not any(f.suffix in PACKAGES for f in files):
        sys.exit(f"provenance: {folder} has no package")
    if said("git", "rev-parse", "HEAD") != commit:
        sys.exit(f"provenance: the build began at {commit}, and the tree has another commit now; build again")
    # New files count as well: Cargo takes a .cargo/config.toml that nobody committed.
    changed = said("git", "status", "--porcelain") != ""
    made = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": f.name, "digest": {"sha256": digest(f)}} for f in files],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://signet.invalid/make-package/v1",
                "externalParameters": {"command": command},
                "internalParameters": {"sourceDateEpoch": made.isoformat(), "treeHasChanges": changed},
                "resolvedDependencies": [
                    {"uri": "git+.", "digest": {"gitCommit": commit}},
                    {"uri": "Cargo.lock", "digest": {"sha256": digest(ROOT / "Cargo.lock")}},
                    {"uri": "ui/package-lock.json", "digest": {"sha256": digest(ROOT / "ui/package-lock.json")}},
                ],
            },
            "runDetails": {
                "builder": {
                    "id": os.environ.get("SIGNET_BUILDER", "https://signet.invalid/local-build"),
                    "version": {"rustc": said("rustc", "--version"), "node": said("node", "--version")},
                },
            },
        },
    }
    (folder / f"{name}.intoto.json").write_text(json.dumps(statement, indent=1) + "\n")


def check(folder):
    known = set()
    for path in folder.glob("*.intoto.json"):
        known.update(s["digest"]["sha256"] for s in json.loads(path.read_text())["subject"])
    for path in sorted(folder.iterdir()):
        if path.suffix in PACKAGES and digest(path) not in known:
            print(f"provenance: nothing says how {path.name} was built")


if sys.argv[1:2] == ["--check"]:
    check(pathlib.Path(sys.argv[2]))
else:
    write(pathlib.Path(sys.argv[1]), *sys.argv[2:5])
