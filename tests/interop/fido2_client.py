"""A FIDO2 client nobody here wrote (Yubico's python-fido2), over a PC/SC reader.

Reads one order per line from standard input: {"do": "register" | "sign", "origin", "pin", "stepUp",
"options"}, all JSON; writes {"answer": ...} or {"error": ...} per line. `stepUp` goes into the client
data after the standard members, as the desk puts it there.
"""

import json
import sys
import time

from fido2.client import ClientDataCollector, Fido2Client, UserInteraction
from fido2.pcsc import CtapPcscDevice
from fido2.utils import websafe_encode
from fido2.webauthn import CollectedClientData, PublicKeyCredentialCreationOptions, PublicKeyCredentialRequestOptions


class StepUpCollector(ClientDataCollector):
    def __init__(self, order):
        self.order = order

    def collect_client_data(self, options):
        create = isinstance(options, PublicKeyCredentialCreationOptions)
        members = {
            "type": "webauthn.create" if create else "webauthn.get",
            "challenge": websafe_encode(options.challenge),
            "origin": self.order["origin"],
            "crossOrigin": False,
            "stepUp": self.order["stepUp"],
        }
        data = json.dumps(members, separators=(",", ":")).encode()
        return CollectedClientData(data), options.rp.id if create else options.rp_id


class Person(UserInteraction):
    def __init__(self, order):
        self.order = order

    def request_pin(self, permissions, rp_id):
        return self.order["pin"]


def the_key():
    """The one key in a reader; the service may still be looking at it."""
    for _ in range(300):
        devices = list(CtapPcscDevice.list_devices())
        if len(devices) == 1:
            return devices[0]
        time.sleep(0.1)
    raise RuntimeError(f"{len(devices)} keys in readers")


def perform(order):
    device = the_key()
    client = Fido2Client(device, client_data_collector=StepUpCollector(order), user_interaction=Person(order))
    options = order["options"]["publicKey"]
    try:
        if order["do"] == "register":
            return dict(client.make_credential(PublicKeyCredentialCreationOptions.from_dict(options)))
        return dict(client.get_assertion(PublicKeyCredentialRequestOptions.from_dict(options)).get_response(0))
    finally:
        device.close()


for line in sys.stdin:
    try:
        reply = {"answer": perform(json.loads(line))}
    except Exception as error:
        reply = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), flush=True)
