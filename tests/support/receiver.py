"""A webhook receiver that keeps every request and fails on demand."""

import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    path: str
    headers: dict  # names in lower case
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers.get("webhook-id", "")


class Receiver:
    """Listens on a free port of the loopback address; use as a context.

    `answer(request, number)` says what the request number `number` (from 0) gets: a status, a tuple
    (status, headers) or (status, headers, body), or one of the words reset, hang, garbage.
    """

    def __init__(self, answer=lambda request, number: 200):
        self.answer = answer
        self.requests = []
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.take(self, Request(self.path, headers, body))

            do_PUT = do_GET = do_POST

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def take(self, handler, request: Request):
        with self._lock:
            number = len(self.requests)
            self.requests.append(request)
            self._arrived.notify_all()
        reply = self.answer(request, number)
        if reply == "hang":
            self._closing.wait(60)
            return
        if reply == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
            return
        if reply == "garbage":
            handler.wfile.write(b"\x00\xffthis is no HTTP\r\n\r\n")
            handler.close_connection = True
            return
        status, headers, body = (reply, {}, b"") if isinstance(reply, int) else (*reply, b"")[:3]
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def wait_for(self, count: int, seconds: float = 30) -> list:
        """The requests as soon as there are `count` of them."""
        deadline = time.monotonic() + seconds
        with self._lock:
            while len(self.requests) < count:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{len(self.requests)} requests came, wanted {count}")
                self._arrived.wait(left)
            return list(self.requests)

    def ids(self) -> list:
        with self._lock:
            return [request.id for request in self.requests]
