"""An HTTP(S) receiver with programmable faults, and certificates made for it."""

import json
import socket
import ssl
import struct
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def make_certificate(directory: Path, name: str, *, address="127.0.0.1", days=2) -> Path:
    """A self-signed certificate with its key in one file; `days` below zero is expired."""
    path = directory / f"{name}.pem"
    key = directory / f"{name}.key"
    dates = ["-days", str(days)]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{address}",
               "-keyout", str(key), "-out", str(path)]  # fmt: skip
    if days < 0:
        request = directory / f"{name}.csr"
        extensions = directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName=IP:{address}\n")
        subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(request)],
                       check=True, capture_output=True)  # fmt: skip
        database = directory / f"{name}.index"
        database.write_text("")
        (directory / f"{name}.serial").write_text("01\n")
        config = directory / f"{name}.cnf"
        config.write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={database}\nserial={directory / (name + '.serial')}\n"
            f"new_certs_dir={directory}\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
        )
        subprocess.run(["openssl", "ca", "-batch", "-config", str(config), "-selfsign", "-keyfile", str(key),
                        "-in", str(request), "-out", str(path), "-notext", "-extfile", str(extensions),
                        "-startdate", "20200101000000Z", "-enddate", "20200102000000Z"],
                       check=True, capture_output=True)  # fmt: skip
    else:
        subprocess.run(command + dates, check=True, capture_output=True)
    (directory / f"{name}.both").write_text(path.read_text() + key.read_text())
    return path


class FaultServer:
    """Answers as `self.answer` says: {status, headers, body, fault}; keeps the requests.

    fault: hang (no answer), reset (RST in the middle of the body), slow (the body byte by byte).
    """

    def __init__(self, certificate: Path | None = None):
        self.answer = {"status": 200, "body": "ok"}
        self.requests = []
        self.closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.requests.append((self.path, dict(self.headers.items()), body))
                outer.give(self)

            def log_message(self, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def give(self, handler):
        answer = self.answer
        fault = answer.get("fault")
        body = answer.get("body", "").encode()
        if fault == "hang":
            self.closing.wait(30)
            handler.close_connection = True
            return
        handler.send_response(answer.get("status", 200))
        for name, value in answer.get("headers", {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if fault == "reset":
            handler.wfile.write(body[: len(body) // 2])
            handler.wfile.flush()
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.close_connection = True
            handler.connection.close()
            return
        if fault == "slow":
            for byte in body:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                if self.closing.wait(0.1):
                    return
            return
        handler.wfile.write(body)

    def json(self, index=-1):
        return json.loads(self.requests[index][2])
