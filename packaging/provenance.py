#!/usr/bin/env python3
"""Says from what, with what and by whom the files of a release were built.

An in-toto Statement (v1) with a SLSA provenance predicate (v1): provenance.py FOLDER. The checksums cover it, and a
signature covers them.
"""

import datetime
import hashlib
import json
import os
import pathlib
import subprocess
import sys


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(folder):
    folder = pathlib.Path(folder)
    root = pathlib.Path(__file__).resolve().parent.parent
    files = sorted(f for f in folder.iterdir() if f.suffix in (".deb", ".rpm", ".exe", ".msi"))
    commit = said("git", "-C", str(root), "rev-parse", "HEAD")
    changed = said("git", "-C", str(root), "status", "--porcelain", "--untracked-files=no") != ""
    made = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": f.name, "digest": {"sha256": digest(f)}} for f in files],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://signet.invalid/make-package/v1",
                "externalParameters": {"command": "make package"},
                "internalParameters": {"sourceDateEpoch": made.isoformat(), "treeHasChanges": changed},
                "resolvedDependencies": [
                    {"uri": "git+.", "digest": {"gitCommit": commit}},
                    {"uri": "Cargo.lock", "digest": {"sha256": digest(root / "Cargo.lock")}},
                    {"uri": "ui/package-lock.json", "digest": {"sha256": digest(root / "ui/package-lock.json")}},
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
    (folder / "provenance.intoto.json").write_text(json.dumps(statement, indent=1) + "\n")


main(*sys.argv[1:])
