"""A load balancer for tests: ends TLS and hands OTLP/HTTP requests to a collector, which has none.

otlp_front.py PORT CERTIFICATE KEY CLIENT_CA COLLECTOR OUT

The file COLLECTOR has the collector's port, and is read at each request. Appends one line of JSON for each request to
OUT, on the disk before it answers: the collector's port, its status (null: it did not answer) and the events' uids.
Without an answer of the collector it answers 502.
"""

import http.client
import http.server
import json
import os
import ssl
import sys
import threading

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

port, certificate, key, client_ca, collector, out = sys.argv[1:7]
# Less than a gateway waits for an answer.
PATIENCE = 15
lock = threading.Lock()


def uids(body):
    scopes = [scope for r in ExportLogsServiceRequest.FromString(body).resource_logs for scope in r.scope_logs]
    attributes = [a for scope in scopes for record in scope.log_records for a in record.attributes]
    return [a.value.string_value for a in attributes if a.key == "log.record.uid"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(collector, encoding="utf-8") as f:
            to = int(f.read())
        answer = self.ask(to, body)
        line = {"collector": to, "status": answer and answer[0], "uids": uids(body)}
        with lock, open(out, "a", encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")
            f.flush()
            os.fsync(f.fileno())
        self.answer(*(answer or (502, "text/plain", b"the collector does not answer")))

    def ask(self, to, body):
        """Status, type and body of the collector's answer; None without one."""
        connection = http.client.HTTPConnection("127.0.0.1", to, timeout=PATIENCE)
        try:
            connection.request("POST", self.path, body, {"Content-Type": self.headers["Content-Type"]})
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
context.load_verify_locations(client_ca)
context.verify_mode = ssl.CERT_REQUIRED
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
