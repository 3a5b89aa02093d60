#!/usr/bin/env python3
"""Fails when a tracked file holds key material or a credential.

Every tracked file is read, tests and sources included. `--self-test` plants one of each kind in a
scratch repository and fails unless every one is found; lint.sh runs it first, so the search cannot
rot into one that finds nothing.
"""

import base64
import os
import re
import subprocess
import sys
import tempfile

# A header alone is a parser's constant or a test of one; with 40 characters of key behind it
# (also where line ends are written as \n in a string) it is a key.
BODY = rb'(?:\s|\\n|\\r|"|,|\+)*(?:Proc-Type[^\n]*\s*DEK-Info[^\n]*\s*)?[A-Za-z0-9+/=]{40,}'
KINDS = [
    ("a private key (PEM)", re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----" + BODY)),
    ("a private key (JWK)", re.compile(rb'"kty"\s*:\s*"(?:EC|RSA|OKP)"[^{}]*"d"\s*:\s*"[A-Za-z0-9_-]{20,}"')),
    ("a private key (PuTTY)", re.compile(rb"PuTTY-User-Key-File-\d")),
    ("an age key", re.compile(rb"AGE-SECRET-KEY-1[0-9A-Z]{50,}")),
    ("an access key of a cloud", re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("an access token", re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20}|npm_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{20,})")),
]
# "-----BEGIN " in base64; what follows is decoded.
WRAPPED = re.compile(rb"LS0tLS1CRUdJTi[A-Za-z0-9+/]{40,60}")
BINARY = [
    # PKCS#8 of a P-256, P-384 or Ed25519 key, and PKCS#12.
    ("a private key (PKCS#8)", re.compile(rb"\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04")),
    ("a private key (PKCS#8)", re.compile(rb"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20")),
    ("a PKCS#12 file", re.compile(rb"\x02\x01\x03\x30.{1,4}\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01", re.S)),
]


def tracked(folder):
    out = subprocess.run(["git", "ls-files", "-z"], cwd=folder, check=True, capture_output=True)
    return [name for name in out.stdout.decode().split("\0") if name]


def found(folder):
    for name in tracked(folder):
        path = os.path.join(folder, name)
        if os.path.islink(path) or not os.path.isfile(path):
            continue
        with open(path, "rb") as f:
            data = f.read()
        matches = [(what, m) for what, pattern in KINDS + BINARY for m in pattern.finditer(data)]
        matches += [("a private key (PEM in base64)", m) for m in WRAPPED.finditer(data) if hides_key(m)]
        for what, match in matches:
            line = data.count(b"\n", 0, match.start()) + 1
            yield f"{name}:{line}: {what}"


def hides_key(match):
    text = match.group()
    return b"PRIVATE KEY" in base64.b64decode(text[: len(text) // 4 * 4])


def planted():
    """One of each kind; put together here so that this file does not find itself."""
    key = base64.b64encode(bytes(range(90))).decode()
    pem = "-----BEGIN {}-----\n" + key + "\n-----END {}-----\n"
    private = "PRIVATE" + " KEY"
    pkcs8 = bytes.fromhex("308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b")
    return {
        "src/lib.rs": f'const KEY: &str = "{pem.format(private, private)}";',
        "tests/key.rs": pem.format("EC " + private, "EC " + private).replace("\n", "\\n"),
        "docs/a.md": pem.format("OPENSSH " + private, "OPENSSH " + private),
        "a.b64": base64.b64encode(pem.format(private, private).encode()).decode(),
        "a.json": '{"kty": "EC", "crv": "P-256", "d": "' + "A" * 43 + '"}',
        "a.ppk": "PuTTY-User-Key" + "-File-3: ecdsa",
        "a.age": "AGE-SECRET" + "-KEY-1" + "Q" * 58,
        "aws.toml": "id = 'AKI" + "A" + "B" * 16 + "'",
        "token.sh": "export T=gh" + "p_" + "a" * 36,
        "key.der": pkcs8,
    }


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
        files = planted()
        for name, content in files.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(content if isinstance(content, bytes) else content.encode())
        subprocess.run(["git", "add", "-f", "."], cwd=folder, check=True)
        missed = set(files) - {line.split(":")[0] for line in found(folder)}
        if missed:
            sys.exit(f"secrets: the search misses what was planted in {', '.join(sorted(missed))}")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    all_found = list(found("."))
    for line in all_found:
        print(f"secrets: {line}", file=sys.stderr)
    if all_found:
        sys.exit("secrets: take it out of the tree, and change the key: it is in the history")


main()
