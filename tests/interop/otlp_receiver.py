"""An OTLP/HTTP receiver for tests: decodes requests with OpenTelemetry's own messages for Python.

otlp_receiver.py PORT CERTIFICATE KEY CLIENT_CA OUT [BUSY]

Appends one line of JSON for each log record to OUT, on the disk before it answers. The first BUSY requests get 503.
CERTIFICATE `-` is plain HTTP, for a collector on the same machine. A request with an event whose name stands in
OUT.refuse gets 400, and nothing of it is kept.
"""

import gzip
import http.server
import json
import os
import ssl
import sys
import threading

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

port, certificate, key, client_ca, out = sys.argv[1:6]
busy = int(sys.argv[6]) if len(sys.argv) > 6 else 0
# A collector sends several requests at once, and their lines must not get into each other.
lock = threading.Lock()


def cut_unfinished():
    """Cuts off a line that a kill left: its request was not answered, and comes again."""
    if os.path.exists(out):
        with open(out, "r+b") as f:
            f.truncate(f.read().rfind(b"\n") + 1)


def value(v):
    return getattr(v, v.WhichOneof("value"))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        with lock:
            self.take(body)

    def take(self, body):
        global busy
        if busy:
            busy -= 1
            return self.answer(503, b"busy")
        assert self.path == "/v1/logs" and self.headers["Content-Type"] == "application/x-protobuf"
        request = ExportLogsServiceRequest.FromString(body)
        if os.path.exists(out + ".refuse"):
            with open(out + ".refuse", encoding="utf-8") as f:
                refused = f.read().split()
            scopes = [scope for resource in request.resource_logs for scope in resource.scope_logs]
            if any(r.event_name in refused for scope in scopes for r in scope.log_records):
                return self.answer(400, b"no")
        with open(out, "a", encoding="utf-8") as f:
            for resource in request.resource_logs:
                about = {a.key: value(a.value) for a in resource.resource.attributes}
                for scope in resource.scope_logs:
                    for r in scope.log_records:
                        line = {
                            "resource": about,
                            "scope": scope.scope.name,
                            "time": r.time_unix_nano,
                            "severity": r.severity_number,
                            "severity_text": r.severity_text,
                            "event_name": r.event_name,
                            "attributes": {a.key: value(a.value) for a in r.attributes},
                            "body": json.loads(value(r.body)),
                            "token": self.headers.get("Authorization"),
                        }
                        f.write(json.dumps(line) + "\n")
            f.flush()
            os.fsync(f.fileno())
        self.answer(200, ExportLogsServiceResponse().SerializeToString())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


cut_unfinished()
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
if certificate != "-":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(client_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
