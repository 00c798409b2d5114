"""A Lambda handler, unchanged, behind an endpoint: python3 shim.py FILE [PORT]

FILE defines `lambda_handler(event, context)`. With TRIGGER_SECRET in the environment, callers must send it as a bearer.
Listens on this machine alone.
"""

import hmac
import json
import os
import runpy
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

handler = runpy.run_path(sys.argv[1])["lambda_handler"]
secret = os.environ.get("TRIGGER_SECRET")


class Shim(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        told = self.headers.get("authorization", "").encode()
        if secret and not hmac.compare_digest(told, f"Bearer {secret}".encode()):
            return self.answer(401, b"")
        try:
            self.answer(200, json.dumps(handler(json.loads(body), None)).encode())
        except Exception as error:
            told = {"errorMessage": str(error), "errorType": type(error).__name__}
            self.answer(200, json.dumps(told).encode(), ("x-amz-function-error", "Unhandled"))

    def answer(self, status, body, *headers):
        self.send_response(status)
        for name, value in (("content-length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 8080), Shim).serve_forever()
