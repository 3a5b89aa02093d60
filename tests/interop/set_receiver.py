"""A receiver of Security Event Tokens (RFC 8935) for tests: PyJWT verifies them, and nothing of ours.

set_receiver.py PORT CERTIFICATE KEY CLIENT_CA KEYS OUT ISSUER AUDIENCE

KEYS is a JWK Set. Appends one line of JSON for each good token to OUT, on the disk before it answers. The first line of
OUT.script, when there is one, is taken out and says what happens to a token instead: `STATUS [BODY]`, or `drop` to keep
the token and hang up without an answer. A token that is not good gets 400 and the file OUT.bad.
"""

import http.server
import json
import os
import ssl
import sys
import threading

import jwt

port, certificate, key, client_ca, keys, out, issuer, audience = sys.argv[1:9]
with open(keys, encoding="utf-8") as f:
    key_set = {k.key_id: k for k in jwt.PyJWKSet.from_json(f.read()).keys}
lock = threading.Lock()


def next_order():
    """The first line of the script, which then goes."""
    try:
        with open(out + ".script", encoding="utf-8") as f:
            lines = f.read().splitlines()
    except FileNotFoundError:
        return None
    if not lines:
        return None
    with open(out + ".script.new", "w", encoding="utf-8") as f:
        f.write("".join(line + "\n" for line in lines[1:]))
    os.replace(out + ".script.new", out + ".script")
    return lines[0]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        token = self.rfile.read(int(self.headers["Content-Length"])).decode("ascii")
        with lock:
            self.judge(token)

    def judge(self, token):
        assert self.path == "/events" and self.headers["Content-Type"] == "application/secevent+jwt"
        assert self.headers["Accept"] == "application/json"
        order = next_order()
        if order and order != "drop":
            status, _, body = order.partition(" ")
            return self.answer(int(status), body.encode())
        try:
            header = jwt.get_unverified_header(token)
            good = key_set[header["kid"]]
            # SSF 1.0: neither `exp` nor `sub`; explicit typing (RFC 8417, 2.3).
            claims = jwt.decode(
                token,
                good.key,
                algorithms=[good.algorithm_name],
                issuer=issuer,
                audience=audience,
                options={"require": ["iss", "aud", "iat", "jti"]},
            )
            assert header["typ"] == "secevent+jwt" and "exp" not in claims and "sub" not in claims
        except Exception as e:  # whatever it is, the test must see it
            with open(out + ".bad", "a", encoding="utf-8") as f:
                f.write(f"{e!r}\n")
            return self.answer(400, b'{"err":"invalid_request","description":"not good"}')
        shown = self.connection.getpeercert()
        subject = dict(x[0] for x in shown["subject"]) if shown else None
        line = {"claims": claims, "alg": header["alg"], "client": subject, "token": self.headers.get("Authorization")}
        with open(out, "a", encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")
            f.flush()
            os.fsync(f.fileno())
        if order == "drop":
            self.close_connection = True
            return None
        return self.answer(202, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
context.load_verify_locations(client_ca)
context.verify_mode = ssl.CERT_OPTIONAL
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
