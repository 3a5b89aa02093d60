"""Verifies what Signet signs (FIX tags 93/89) with Python's cryptography and OpenSSL, and nothing of Signet's.

    signatures.py vectors FILE            the published test vectors
    signatures.py export FILE [CA.pem]    an export of `signet-gateway signed export`; with a CA, certificates must be issued by it

Exit code 1, and a word about the first thing that is wrong.
"""

import base64
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

SOH = b"\x01"


class Refused(Exception):
    pass


def need(good, why):
    if not good:
        raise Refused(why)


def fields(frame):
    """(tag, value, where it begins) of each field; a data field has the length the field before it says."""
    at, length, found = 0, None, []
    while at < len(frame):
        equals = frame.index(b"=", at)
        tag = int(frame[at:equals])
        end = equals + 1 + length if tag in (89, 96, 355, 91) and length is not None else frame.index(SOH, equals)
        need(frame[end : end + 1] == SOH, f"tag {tag} does not end where it should")
        value = frame[equals + 1 : end]
        length = int(value) if tag in (93, 95, 354, 90) else None
        found.append((tag, value, at))
        at = end + 1
    return found


def parts(frame):
    """What the signature covers, and r and s."""
    try:
        f = fields(frame)
    except ValueError as e:
        raise Refused(f"unreadable: {e}") from e
    tags = [tag for tag, _, _ in f]
    need(93 in tags or 89 in tags, "not signed")
    need(tags.count(93) == tags.count(89) == 1 and tags[-3:] == [93, 89, 10], "the signature is not at the end")
    need(f[-3][1] == b"88" and len(f[-2][1]) == 88, "the signature is not of 88 characters")
    raw = base64.b64decode(f[-2][1], validate=True)
    need(len(raw) == 64, "the signature is not of 64 bytes")
    return frame[: f[-3][2]], raw


def der(raw):
    return utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


def verify(key, covered, signature):
    need(isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1), "not a P-256 key")
    try:
        key.verify(signature, covered, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as e:
        raise Refused("the signature is not good") from e


def openssl(key, covered, signature):
    """The same question to another program."""
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        (here / "key.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        (here / "covered").write_bytes(covered)
        (here / "signature").write_bytes(signature)
        command = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "covered"]
        return subprocess.run(command, cwd=here, capture_output=True).returncode == 0


def intact(frame):
    f = fields(frame)
    body = frame[f[2][2] : f[-1][2]]
    return int(f[1][1]) == len(body) and int(f[-1][1]) == sum(frame[: f[-1][2]]) % 256


def vectors(path):
    doc = json.loads(path.read_text())
    key = load_pem_public_key(doc["publicKey"].encode())
    for v in doc["messages"]:
        frame = v["frame"].replace("|", "\x01").encode()
        try:
            covered, raw = parts(frame)
            need(hashlib.sha256(covered).hexdigest() == v["coveredSha256"], f"{v['name']}: other bytes are covered")
            verify(key, covered, der(raw))
            good = True
        except Refused as e:
            need("covered" not in str(e), str(e))
            good = False
        need(good == v["good"], f"{v['name']}: {good}")
        if good:
            need(openssl(key, covered, der(raw)), f"{v['name']}: OpenSSL says no")
        need(intact(frame) == v["intact"], f"{v['name']}: length or sum")
    return len(doc["messages"])


def check_line(line, authorities):
    e = json.loads(line)
    frame = base64.b64decode(e["frame"], validate=True)
    certificate = x509.load_der_x509_certificate(base64.b64decode(e["certificate"], validate=True))
    covered, raw = parts(frame)
    verify(certificate.public_key(), covered, der(raw))
    need(base64.b64decode(e["signature_der"]) == der(raw), "signature_der is another signature")
    need(e["covered_bytes"] == len(covered), "covered_bytes is wrong")
    need(openssl(certificate.public_key(), frame[: e["covered_bytes"]], base64.b64decode(e["signature_der"])), "OpenSSL says no")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uri = names.get_values_for_type(x509.UniformResourceIdentifier)[0]
    _, role, comp_id, *_ = uri.removeprefix("spiffe://").split("/")
    need((role, comp_id) == (e["party"], e["id"]), "the certificate is somebody else's")
    need(dict((tag, value) for tag, value, _ in fields(frame))[49].decode() == e["id"], "the message names another sender")
    need(int(e["serial"], 16) == certificate.serial_number, "another serial number")
    need(e["verified"] == "good", "the gateway itself found it wrong")
    if authorities:
        issuers = [a for a in authorities if a.subject == certificate.issuer]
        need(issuers, "issued by somebody unknown")
        certificate.verify_directly_issued_by(issuers[0])


def export(path, ca):
    authorities = x509.load_pem_x509_certificates(pathlib.Path(ca).read_bytes()) if ca else []
    count = 0
    with path.open(encoding="utf-8") as lines:
        for count, line in enumerate(lines, 1):
            try:
                check_line(line, authorities)
            except (Refused, ValueError, KeyError, InvalidSignature) as e:
                raise Refused(f"line {count}: {e}") from e
    return count


def main(what, path, ca=None):
    path = pathlib.Path(path)
    count = vectors(path) if what == "vectors" else export(path, ca)
    print(f"{count} good" if what == "export" else f"{count} vectors as published")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Refused as e:
        print(e, file=sys.stderr)
        sys.exit(1)
