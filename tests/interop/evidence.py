"""Verifies evidence that `signet-gateway evidence export` wrote, with Yubico's python-fido2 and hashlib:
nothing of Signet and not the library its relying party uses.

    evidence.py FILE [--chain] [--root ROOT.pem]...

One line for each record: its number and `good`, or `refused: why`. With `--chain`, FILE is a whole
export and the rows must follow each other from the first. With `--root`, the key's attestation must
chain to one of these certificates; without, only its signature is checked. Exit code 1 when anything
was refused.
"""

import argparse
import base64
import hashlib
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fido2 import cbor
from fido2.attestation import Attestation, AttestationVerifier
from fido2.server import Fido2Server
from fido2.webauthn import PublicKeyCredentialRpEntity


class Refused(Exception):
    pass


def need(good, why):
    if not good:
        raise Refused(why)


def raw(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Roots(AttestationVerifier):
    """Asks for a chain to one of the given roots."""

    def __init__(self, roots):
        super().__init__()
        self.roots = roots

    def ca_lookup(self, attestation_result, auth_data):
        last = x509.load_der_x509_certificate(attestation_result.trust_path[-1])
        return next((r.public_bytes(Encoding.DER) for r in self.roots if r.subject == last.issuer), None)


def statement_only(attestation_object, client_data_hash):
    made = Attestation.for_type(attestation_object.fmt)()
    result = made.verify(attestation_object.att_stmt, attestation_object.auth_data, client_data_hash)
    need(result.trust_path, "the key attested itself")


def register(server, e):
    """The key, as python-fido2 reads it out of its registration."""
    response = {
        "id": e["credential_id"],
        "rawId": e["credential_id"],
        "type": "public-key",
        "response": {"clientDataJSON": e["registration_client_data_json"], "attestationObject": e["attestation_object"]},
        "clientExtensionResults": {},
    }
    # Which challenge it was registered with is of no matter any more.
    challenge = json.loads(raw(e["registration_client_data_json"]))["challenge"]
    data = server.register_complete({"challenge": challenge, "user_verification": "required"}, response)
    key = data.credential_data
    need(key.credential_id == raw(e["credential_id"]), "another credential was registered")
    need(cbor.encode(key.public_key) == raw(e["public_key"]), "another public key was registered")
    need(str(key.aaguid) == e["aaguid"], "another model was registered")
    need((data.extensions or {}).get("credProtect") == 3, "the key does not insist on its PIN")
    return key


def verify(row, roots):
    e = json.loads(row["record"])
    need(e["v"] == 1, "unknown form")
    need((row["user"], row["at_ms"]) == (e["user"], e["at_ms"]), "the record is about something else")
    verify_attestation = Roots(roots) if roots else statement_only
    rp = PublicKeyCredentialRpEntity(id=e["rp_id"], name="any")
    server = Fido2Server(rp, attestation="direct", verify_origin=lambda o: o == e["origin"], verify_attestation=verify_attestation)
    key = register(server, e)
    response = {
        "id": e["credential_id"],
        "rawId": e["credential_id"],
        "type": "public-key",
        "response": {"clientDataJSON": e["client_data_json"], "authenticatorData": e["authenticator_data"], "signature": e["signature"]},
        "clientExtensionResults": {},
    }
    server.authenticate_complete({"challenge": e["challenge"], "user_verification": "required"}, [key], response)
    # What python-fido2 does not know of: what was approved, and on which connection.
    signed = json.loads(raw(e["client_data_json"]))["stepUp"]
    digest = hashlib.sha256(e["approval"].encode()).digest()
    need(signed["v"] == 1 and signed["txn"] == text(digest), "something else was approved")
    need(row["approval"] == digest.hex(), "the row is about another approval")
    need(signed["tlsExporter"] == e["tls_exporter"], "it was approved on another connection")
    need(f"\napprover={e['approver']}\n" in e["approval"], "it was approved at another desk")
    need(e["at_ms"] <= e["deadline_ms"], "it was judged after its deadline")


def row_hash(row):
    fields = [str(row["seq"]), str(row["at_ms"]), row["user"], row["approval"], row["record"], row["prev"]]
    data = b"".join(len(f.encode()).to_bytes(8, "big") + f.encode() for f in fields)
    return hashlib.sha256(data).hexdigest()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("file")
    arguments.add_argument("--chain", action="store_true")
    arguments.add_argument("--root", action="append", default=[])
    a = arguments.parse_args()
    roots = [x509.load_pem_x509_certificate(open(f, "rb").read()) for f in a.root]
    seq, prev, bad = 0, "", False
    for line in open(a.file, encoding="utf-8"):
        row = json.loads(line)
        seq += 1
        try:
            need(row_hash(row) == row["hash"], "the row was changed")
            need(not a.chain or (row["seq"], row["prev"]) == (seq, prev), "it does not follow the one before")
            verify(row, roots)
            print(row["seq"], "good")
        except Exception as e:  # whatever python-fido2 says counts as no
            bad = True
            print(row["seq"], "refused:", e or type(e).__name__)
        prev = row["hash"]
    sys.exit(1 if bad else 0)


main()
