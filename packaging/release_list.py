#!/usr/bin/env python3
"""Writes the list of releases that desks update by, from built packages.

  release_list.py --serial 12 --version 0.2.0 --days 30 FOLDER >FOLDER/releases.toml
  minisign -S -s update.key -m FOLDER/releases.toml          # where the key is, offline
  signet-desk update verify FOLDER/releases.toml --key update.pub

FOLDER has the packages of the version, and of each version that computers still have: without the
latter they have no way back and refuse. --ring 10@2026-12-01T08:00:00Z lets 10 of 100 computers take
it from then on; --withdrawn VERSION, --halted, --channel beta.
"""

import argparse
import datetime
import hashlib
import pathlib
import re
import sys

# What a package is called (packaging/linux.sh, packaging/windows, packaging/macos), and its target.
FORMS = [
    (r"signet-desk_(?P<v>.+)_amd64\.deb", "linux-x86_64-deb"),
    (r"signet-desk_(?P<v>.+)_arm64\.deb", "linux-aarch64-deb"),
    (r"signet-desk-(?P<v>.+)-\d+\.x86_64\.rpm", "linux-x86_64-rpm"),
    (r"signet-desk-(?P<v>.+)-\d+\.aarch64\.rpm", "linux-aarch64-rpm"),
    (r"signet-desk-(?P<v>.+)-setup\.exe", "windows-x86_64-exe"),
    (r"signet-desk-(?P<v>.+)\.msi", "windows-x86_64-msi"),
    # The app is universal: one package for both.
    (r"signet-desk-(?P<v>.+)\.pkg", "macos-aarch64-pkg"),
    (r"signet-desk-(?P<v>.+)\.pkg", "macos-x86_64-pkg"),
]
VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")


def found(folder):
    """Packages by version: (target, name, size, digest)."""
    releases = {}
    for path in sorted(folder.iterdir()):
        for form, target in FORMS:
            match = re.fullmatch(form, path.name)
            if match and VERSION.fullmatch(match["v"]):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                package = (target, path.name, path.stat().st_size, digest)
                releases.setdefault(match["v"], []).append(package)
    return releases


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--serial", type=int, required=True, help="higher than that of each list before")
    parser.add_argument("--version", required=True, help="the version that computers are to have")
    parser.add_argument("--days", type=int, default=30, help="how long the list counts")
    parser.add_argument("--channel", default="stable")
    parser.add_argument("--ring", action="append", default=[], metavar="PERCENT@TIME")
    parser.add_argument("--withdrawn", action="append", default=[], metavar="VERSION")
    parser.add_argument("--halted", action="store_true", help="nobody installs anything")
    order = parser.parse_args()
    releases = found(order.folder)
    if order.version not in releases:
        sys.exit(f"release_list: {order.folder} has no package of {order.version}")
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    stamp = "%Y-%m-%dT%H:%M:%SZ"
    print("format = 1\nproduct = \"signet-desk\"")
    print(f"serial = {order.serial}\nissued = \"{now.strftime(stamp)}\"")
    print(f"expires = \"{(now + datetime.timedelta(days=order.days)).strftime(stamp)}\"")
    print(f"halted = {'true' if order.halted else 'false'}\n")
    print(f"[[channel]]\nname = \"{order.channel}\"\nversion = \"{order.version}\"")
    print(f"withdrawn = [{', '.join(chr(34) + v + chr(34) for v in order.withdrawn)}]")
    rings = [ring.partition("@") for ring in order.ring]
    print(f"rings = [{', '.join(f'{{ from = {chr(34)}{at}{chr(34)}, percent = {p} }}' for p, _, at in rings)}]")
    for version, packages in sorted(releases.items()):
        print(f"\n[[channel.release]]\nversion = \"{version}\"")
        for target, name, size, digest in packages:
            print(f"[[channel.release.package]]\ntarget = \"{target}\"\nfile = \"{name}\"")
            print(f"size = {size}\nsha256 = \"{digest}\"")


main()
