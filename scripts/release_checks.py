#!/usr/bin/env python3
"""Checks a program that ships: release_checks.py NAME BINARY [--debug]

No part of the demonstration, no development authority, no virtual key, no door for a debugger of the page; refused
options; hardening; no path of the machine that built it. `--debug` leaves out what only a release build has.
"""

import os
import pathlib
import re
import subprocess
import sys

# Never in what ships: what it is, and the bytes that tell.
FORBIDDEN = {
    "the practice venue": [b"Practice venue", b"SIGNET_PRACTICE"],
    "the virtual key": [b"Signet virtual keys", b"fido-authenticator"],
    "the development authority": [b"signet-devca", b"devca/src"],
    "a test's settings": [b"SIGNET_TEST_", b"SIGNET_SHOTS", b"SIGNET_BENCH_"],
}
# Options that a browser, a web driver or an older build would understand.
REFUSED = ["--practice", "--remote-debugging-port=9222", "--inspect", "--no-sandbox", "--insecure"]


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def forbidden(data):
    for what, texts in FORBIDDEN.items():
        for text in texts:
            if text in data:
                yield f"{what} is in it ({text.decode()})"


def paths(data):
    """Folders of the machine that built it."""
    for folder in {os.path.expanduser("~"), str(pathlib.Path(__file__).resolve().parent.parent)}:
        if folder not in ("/", "") and re.search(re.escape(folder.encode()) + rb"/[\w.-]", data):
            yield f"a path of the machine that built it is in it ({folder})"


def hardening(binary):
    header, dynamic, segments = said("readelf", "-hW", binary), said("readelf", "-dW", binary), said("readelf", "-lW", binary)
    if "DYN" not in header or "PIE" not in dynamic:
        yield "it is no position-independent program (PIE)"
    if "GNU_RELRO" not in segments or not re.search(r"BIND_NOW|NOW", dynamic):
        yield "its relocations can be written (full RELRO is missing)"
    if re.search(r"GNU_STACK\s.*RWE", segments):
        yield "its stack can be executed"
    if re.search(r"\((RPATH|RUNPATH)\)", dynamic):
        yield "it looks for libraries in a folder of its own (RPATH)"
    if "__stack_chk_fail" not in said("readelf", "-W", "--dyn-syms", binary):
        yield "its C and C++ have no stack protector"


def page(binary, data):
    """The desk's page: what Tauri embeds, and what it may do in the web view."""
    if b"'unsafe-eval'" in data:
        yield "a page may evaluate text (unsafe-eval)"
    # wry always links the setting; what opens the inspector, with the feature alone.
    if "webkit_web_inspector_show" in said("readelf", "-W", "--dyn-syms", binary):
        yield "the web view's inspector can be opened (devtools)"


def refused(binary):
    for option in REFUSED:
        home = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
        try:
            code = subprocess.run([binary, option], env=home, capture_output=True, timeout=20).returncode
        except subprocess.TimeoutExpired:
            code = None
        if code != 2:
            yield f"it does not refuse {option} (exit status {code})"


def main(name, binary, debug=False):
    data = pathlib.Path(binary).read_bytes()
    problems = [*hardening(binary), *refused(binary)]
    if not debug:
        problems += [*forbidden(data), *paths(data)]
        if name == "signet-desk":
            problems += page(binary, data)
    for problem in problems:
        print(f"release: {name}: {problem}", file=sys.stderr)
    notes = said("readelf", "-nW", binary)
    marks = [m for m in ("IBT", "SHSTK") if m in notes]
    print(f"release: {name}: {len(data):,} bytes; PIE, full RELRO, no executable stack; CET: {', '.join(marks) or 'not marked (Rust does not)'}")
    sys.exit(1 if problems else 0)


main(sys.argv[1], sys.argv[2], "--debug" in sys.argv)
