"""An OIDC token endpoint for tests: client credentials in, a signed token out.

The brokers of `KafkaCluster(oauth=True)` accept tokens signed with its `token_key`.
"""

import base64
import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed_token(key: Path, **claims) -> str:
    """RS256, with the key id that the brokers know."""
    head = {"alg": "RS256", "typ": "JWT", "kid": "tocsin"}
    text = ".".join(base64url(json.dumps(part).encode()) for part in (head, claims))
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(key)], input=text.encode(),
                               capture_output=True, check=True).stdout  # fmt: skip
    return f"{text}.{base64url(signature)}"


class TokenServer:
    """`url` takes POSTs with HTTP basic authentication; every other client gets 401.

    `seconds` is how long the next tokens live, `audience` whom they are for; `granted` counts them.
    """

    def __init__(self, key: Path, client_id="tocsin", secret="token-secret"):
        self.key, self.client_id, self.secret = key, client_id, secret
        self.seconds, self.audience, self.granted = 300, "kafka", 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                wanted = base64.b64encode(f"{outer.client_id}:{outer.secret}".encode()).decode()
                good = self.headers.get("Authorization") == f"Basic {wanted}"
                answer = outer.grant() if good else {"error": "invalid_client"}
                body = json.dumps(answer).encode()
                self.send_response(200 if good else 401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()

    def grant(self) -> dict:
        now = int(time.time())
        token = signed_token(self.key, sub=self.client_id, aud=self.audience, iat=now, exp=now + self.seconds)
        self.granted += 1
        return {"access_token": token, "token_type": "Bearer", "expires_in": self.seconds}
