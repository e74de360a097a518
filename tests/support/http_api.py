"""A running program's HTTP server, and its answers held against docs/specs/openapi.yaml."""

import http.client
import json
import re
import socket
import threading
import time
import urllib.parse
import zlib
from pathlib import Path

import driver

ROOT = Path(__file__).resolve().parents[2]
PROBLEM = "application/problem+json"


class Contract:
    """The specification; None of it is trusted: every answer is checked by a foreign validator."""

    def __init__(self):
        import jsonschema  # Debian: python3-jsonschema, python3-yaml
        import yaml

        text = (ROOT / "docs/specs/openapi.yaml").read_text(encoding="utf-8")
        self.document = yaml.safe_load(text)
        self.validator_of = lambda schema: jsonschema.Draft202012Validator(
            {**schema, "components": self.document["components"]}
        )

    def _resolved(self, node: dict) -> dict:
        while "$ref" in node:
            name = node["$ref"].removeprefix("#/").split("/")
            node = self.document
            for part in name:
                node = node[part]
        return node

    def operations(self):
        for path, item in self.document["paths"].items():
            for method in item:
                yield method.upper(), path

    def check(self, method: str, path: str, answer: "Answer") -> None:
        """Raises AssertionError when the answer is not what the specification allows."""
        responses = self.document["paths"][path][method.lower()]["responses"]
        response = self._resolved(responses.get(str(answer.status), responses.get("default", {})))
        assert response, f"{method} {path}: the specification knows no status {answer.status}"
        content = response.get("content")
        if not content:
            assert not answer.body, f"{method} {path} {answer.status}: a body where there is none"
            return
        kind = answer.headers.get("content-type", "").split(";")[0]
        assert kind in content, f"{method} {path} {answer.status}: {kind}, not {list(content)}"
        if kind.endswith("json"):
            self.check_object(content[kind]["schema"], answer.json, f"{method} {path}")

    def check_object(self, schema: dict, value, where: str) -> None:
        errors = list(self.validator_of(schema).iter_errors(value))
        assert not errors, f"{where}: {errors[0].json_path}: {errors[0].message[:300]}"

    def check_named(self, name: str, value) -> None:
        self.check_object({"$ref": f"#/components/schemas/{name}"}, value, name)


class Answer:
    def __init__(self, status: int, headers: dict, body: bytes):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:400]!r}"


class Server:
    """`tocsin up` (or another command that serves) until the end of the `with`."""

    def __init__(self, work: driver.Workspace, *arguments, **settings):
        self.process = work.start(*(arguments or ("up",)), **settings)
        self.lines = []
        threading.Thread(target=self._read, daemon=True).start()
        pattern = re.compile(r"(https?)://([^ ]+?):(\d+)\s*$")

        def address():
            found = [match for line in self.lines if (match := pattern.search(line))]
            if self.process.poll() is not None and not found:
                raise AssertionError("the program has ended:\n" + "".join(self.lines))
            return found and found[0]

        found = driver.wait_for(address, what="the address of the server")
        self.scheme, self.host, self.port = found[1], found[2], int(found[3])
        driver.wait_for(lambda: self.get("/readyz").status == 200, what="readiness")

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.decode(errors="replace"))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)
        self.process.stdout.close()
        self.process.stderr.close()

    @property
    def setup_token(self) -> str:
        return re.search(r"set-up token (\S+)", "".join(self.lines))[1]

    def connect(self, timeout=30.0) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method: str, path: str, body=None, headers=None, **query) -> Answer:
        target = path + ("?" + urllib.parse.urlencode(query) if query else "")
        connection = self.connect()
        try:
            connection.request(method, target, body, headers or {})
            got = connection.getresponse()
            return Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        finally:
            connection.close()

    def get(self, path: str, headers=None, **query) -> Answer:
        return self.request("GET", path, None, headers, **query)

    def post(self, path: str, value, headers=None) -> Answer:
        headers = {"Content-Type": "application/json"} | (headers or {})
        return self.request("POST", path, json.dumps(value), headers)

    def ingest(self, body: bytes, headers=None, **query) -> Answer:
        headers = {"Content-Type": "application/x-ndjson"} | (headers or {})
        return self.request("POST", "/api/v1/events", body, headers, **query)

    def raw(self, data: bytes, timeout=20.0) -> bytes:
        """Sends bytes as they are and returns everything until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as link:
            link.sendall(data)
            link.shutdown(socket.SHUT_WR)
            parts = []
            try:
                while part := link.recv(65536):
                    parts.append(part)
            except ConnectionResetError:
                pass
            return b"".join(parts)


class Live:
    """A reader of /api/v1/live."""

    def __init__(self, server: Server, last_id: str = "", timeout=20.0, query: str = "", zipped=False):
        self.connection = server.connect(timeout)
        headers = {"Last-Event-ID": last_id} if last_id else {}
        if zipped:
            headers["Accept-Encoding"] = "gzip"
        self.connection.request("GET", "/api/v1/live" + query, headers=headers)
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.status
        assert (self.response.getheader("content-encoding") == "gzip") == zipped
        self.last_id = ""
        self.unzip = zlib.decompressobj(31) if zipped else None
        self.lines = self._lines()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.connection.close()

    def _lines(self):
        if self.unzip is None:
            yield from iter(self.response.readline, b"")
            return
        text = b""
        while part := self.response.read1():
            *whole, text = (text + self.unzip.decompress(part)).split(b"\n")
            yield from (line + b"\n" for line in whole)

    def frames(self):
        """(event, data) one after the other."""
        event, data = "message", None
        for line in self.lines:
            text = line.decode().rstrip("\n")
            if text.startswith("id: "):
                self.last_id = text[4:]
            elif text.startswith("event: "):
                event = text[7:]
            elif text.startswith("data: "):
                data = json.loads(text[6:])
            elif not text and data is not None:
                yield event, data
                event, data = "message", None

    def wait(self, wanted, seconds=20.0):
        """The data of the first frame of that kind (or for which `wanted(event, data)`)."""
        test = wanted if callable(wanted) else lambda event, _: event == wanted
        deadline = time.monotonic() + seconds
        for event, data in self.frames():
            if test(event, data):
                return data
            assert time.monotonic() < deadline, "the frame did not come"
        raise AssertionError("the stream ended")


def reading(device: str, at: float, temperature=21.0, humidity=50.0, **more) -> dict:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    stamp = f"{whole}.{int(at % 1 * 1e6):06d}Z"
    return {"device_id": device, "timestamp": stamp, "temperature": temperature, "humidity": humidity} | more


def lines(readings) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in readings)
