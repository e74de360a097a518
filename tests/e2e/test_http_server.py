"""The HTTP server under bad and many clients: limits, headers, users, tokens, TLS, live readers."""

import http.client
import json
import resource
import select
import socket
import ssl
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from driver import Workspace, wait_for
from http_api import PROBLEM, Server, lines, reading

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


class LimitsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = Workspace(BATCH_INTERVAL="0", HTTP_TIMEOUT="1s", HTTP_MAX_BODY="64KiB", HTTP_MAX_CONNECTIONS="200")
        cls.addClassCleanup(cls.work.__exit__)
        cls.server = Server(cls.work)
        cls.addClassCleanup(cls.server.__exit__)

    def tearDown(self):
        self.assertEqual(self.server.get("/healthz").body, b"ok\n")

    def metric(self, name: str) -> int:
        return int(self.server.get("/metrics").body.decode().split(f"\n{name} ")[1].split("\n")[0])

    def test_malformed_requests_get_4xx(self):
        host = b"Host: localhost\r\n"
        for data, status in (
            (b"GARBAGE\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET /a%zz HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET http://x/ HTTP/1.1\r\n" + host + b"\r\n", 400), (b"GET / HTTP/1.1\r\n" + host * 2 + b"\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + host + b"a: " + b"x" * 20_000 + b"\r\n\r\n", 431),
            (b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\n" + host + b"\r\n", 414),
            (b"TRACE / HTTP/1.1\r\n" + host + b"\r\n", 405), (b"DELETE /api/v1/devices HTTP/1.1\r\n" + host + b"\r\n", 405),
            (b"GET /api/v1/nothing HTTP/1.1\r\n" + host + b"\r\n", 404), (b"GET /x.js HTTP/1.1\r\n" + host + b"\r\n", 404),
            (b"POST /write HTTP/1.1\r\n" + host + b"Content-Length: 99999999\r\n\r\n", 413),
            (b"POST /write HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n", 400),
            (b"POST /write HTTP/1.1\r\n" + host + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            (b"POST /write HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
            (b"POST /write HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n" + b"fff0\r\n" + b"#" * 0xFFF0
             + b"\r\n" + b"fff0\r\n" + b"#" * 0xFFF0 + b"\r\n0\r\n\r\n", 413),
        ):  # fmt: skip
            answer = self.server.raw(data)
            self.assertEqual(status_of(answer), status, (data[:80], answer[:300]))
            self.assertIn(PROBLEM.encode(), answer)

    def test_every_answer_carries_the_security_headers(self):
        for path in ("/healthz", "/api/v1/summary", "/no.such", "/"):
            headers = self.server.get(path).headers
            policy = headers["content-security-policy"]
            self.assertIn("default-src 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["referrer-policy"], "no-referrer")
            self.assertNotIn("access-control-allow-origin", headers)
            self.assertNotIn("server", headers)

    def test_a_foreign_host_name_is_refused(self):
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.nip.io:80", "[::2]", ""):
            status = self.server.get("/api/v1/summary", {"Host": host}).status
            self.assertEqual(status, 421, host)
        for host in ("localhost", "localhost:99", "127.0.0.1", "[::1]:8501"):
            self.assertEqual(self.server.get("/api/v1/summary", {"Host": host}).status, 200, host)

    def test_a_foreign_page_cannot_change_anything(self):
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
            self.assertEqual(self.server.ingest(lines([reading("a", time.time())]), headers).status, 403)
            self.assertEqual(self.server.post("/api/v1/dead-letters/replay", {}, headers).status, 403)
        own = {"Origin": f"http://127.0.0.1:{self.server.port}", "Sec-Fetch-Site": "same-origin"}
        self.assertEqual(self.server.post("/api/v1/dead-letters/replay", {}, own).status, 200)

    def test_slow_headers_and_bodies_are_cut_off(self):
        begun = time.monotonic()
        slow = []
        for start in (b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"POST /write HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"):
            for _ in range(15):
                link = socket.create_connection(("127.0.0.1", self.server.port))
                link.sendall(start)
                slow.append(link)
        open_links = set(slow)
        while open_links and time.monotonic() - begun < 40:
            for link in list(open_links):
                try:
                    link.sendall(b"a")
                    link.setblocking(False)
                    if link.recv(4096) == b"":
                        open_links.discard(link)
                except BlockingIOError:
                    pass
                except OSError:
                    open_links.discard(link)
                link.setblocking(True)
            self.assertEqual(self.server.get("/healthz").status, 200)  # others are served meanwhile
            time.sleep(0.2)
        self.assertEqual(len(open_links), 0)
        for link in slow:
            link.close()

    def test_connections_beyond_the_limit_are_closed_and_later_ones_served(self):
        before = self.metric("tocsin_http_refused_total")
        links = [socket.create_connection(("127.0.0.1", self.server.port)) for _ in range(260)]
        wait_for(lambda: len(select.select(links, [], [], 0.1)[0]) >= 60, what="the refusals")
        for link in links:
            link.close()
        wait_for(lambda: status_of(self.server.raw(GET)) == 200, what="room again")
        self.assertGreaterEqual(self.metric("tocsin_http_refused_total") - before, 60)

    def test_requests_in_one_connection_are_answered_in_order(self):
        data = b"".join(b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path for path in (b"healthz", b"nope.x", b"readyz"))
        answer = self.server.raw(data)
        self.assertEqual([int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]], [200, 404, 200])
        head = self.server.raw(b"HEAD /api/v1/summary HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertTrue(head.endswith(b"\r\n\r\n"))
        expect = b"POST /write HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n#"
        self.assertIn(b"100 Continue", self.server.raw(expect))

    def test_metrics_are_in_prometheus_format_without_device_names(self):
        self.server.ingest(lines([reading("press_from_metrics", time.time())]))
        answer = self.server.get("/metrics")
        self.assertEqual(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        text = answer.body.decode()
        self.assertIn("# TYPE tocsin_http_requests_total counter\n", text)
        self.assertIn('tocsin_http_requests_total{status="2xx"} ', text)
        self.assertNotIn("press_from_metrics", text)


class ManyReadersTest(unittest.TestCase):
    READERS = 1000

    def setUp(self):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def test_a_thousand_live_readers_of_whom_ten_do_not_read(self):
        with Workspace(BATCH_INTERVAL="0", HTTP_TIMEOUT="2s") as work, Server(work) as server:
            everybody = lambda: server.ingest(lines([reading(f"d{i}", time.time()) for i in range(50)]))
            everybody()
            request = b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
            readers, stalled = [], []
            for number in range(self.READERS):
                link = socket.socket()
                if number % 100 == 0:
                    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    stalled.append(link)
                else:
                    readers.append(link)
                link.connect(("127.0.0.1", server.port))
                link.sendall(request)
            self.addCleanup(lambda: [link.close() for link in readers + stalled])
            received = {link: bytearray() for link in readers}
            sent, deadline, alerted = 0, time.monotonic() + 90, False

            def complete(data):
                return data.count(b"event: tick\n") >= 3 and data.count(b"event: alert\n") >= 1

            poll = select.poll()
            by_number = {link.fileno(): link for link in readers}
            for link in readers:
                poll.register(link, select.POLLIN)
            while time.monotonic() < deadline and not all(complete(data) for data in received.values()):
                for number, _ in poll.poll(200):
                    part = by_number[number].recv(1 << 16)
                    self.assertTrue(part, "a reader that reads was dropped")
                    received[by_number[number]] += part
                if not alerted and all(b"event: tick\n" in data for data in received.values()):
                    alerted = True
                    server.ingest(lines([reading("hot", time.time(), 99.0)]))
                if time.monotonic() > sent + 0.5:  # keeps every device changing: whole frames
                    sent = time.monotonic()
                    everybody()
            missing = sum(not complete(data) for data in received.values())
            self.assertEqual(missing, 0, f"{missing} of {len(readers)} readers did not get everything")
            whole = bytes(received[readers[0]]).split(b"\r\n\r\n", 1)[1]
            for block in whole.split(b"\n\n")[1:-1]:
                for line in block.split(b"\n"):
                    if line.startswith(b"data: "):
                        json.loads(line[6:])
            # The others wait in small buffers, and are dropped in the end; nobody else noticed.
            self.assertEqual(server.get("/api/v1/summary").status, 200)

            def dropped():
                text = server.get("/metrics").body.decode()
                return int(text.split("\ntocsin_http_live_dropped_clients_total ")[1].split("\n")[0]) == len(stalled)

            def drain():
                for number, _ in poll.poll(50):
                    by_number[number].recv(1 << 16)
                if time.monotonic() > self.sent + 0.5:
                    self.sent = time.monotonic()
                    everybody()
                return dropped()

            self.sent = 0
            wait_for(drain, seconds=120, what="the end of the stalled readers")


class UsersTest(unittest.TestCase):
    def setUp(self):
        self.work = Workspace(BATCH_INTERVAL="0")
        self.addCleanup(self.work.__exit__)

    def test_a_server_for_others_without_tls_does_not_start(self):
        for bind in ("0.0.0.0", "::", "192.0.2.1"):
            done = self.work.run("up", "--run-for", "1s", "--bind", bind, expect=78)
            self.assertIn(b"HTTP_TLS_CERTIFICATE_FILE", done.stderr)
        done = self.work.run("up", "--run-for", "1s", expect=78, HTTP_TLS_CERTIFICATE_FILE="x")
        self.assertIn(b"HTTP_TLS_KEY_FILE", done.stderr)

    def test_set_up_log_in_and_out(self):
        with Server(self.work, HTTP_AUTH="required") as server:
            self.assertEqual(server.get("/api/v1/summary").status, 401)
            self.assertEqual(server.get("/metrics").status, 401)
            self.assertEqual(server.ingest(b"{}").status, 401)
            self.assertEqual(server.get("/healthz").status, 200)
            self.assertTrue(server.get("/api/v1/session").json["setup"])
            password = "correct horse battery"
            wish = {"token": "wrong", "user": "ann", "password": password}
            self.assertEqual(server.post("/api/v1/session/setup", wish).status, 401)
            wish["token"] = server.setup_token
            self.assertEqual(server.post("/api/v1/session/setup", wish | {"password": "short"}).status, 400)
            made = server.post("/api/v1/session/setup", wish)
            self.assertEqual(made.status, 200, made)
            cookie = made.headers["set-cookie"]
            self.assertRegex(cookie, r"^__Host-tocsin=[\w-]{43}; Path=/; Secure; HttpOnly; SameSite=Strict$")
            session = {"Cookie": cookie.split(";")[0]}
            csrf = session | {"X-Tocsin-CSRF": made.json["csrf"]}
            self.assertEqual(server.post("/api/v1/session/setup", wish).status, 409)
            self.assertEqual(server.get("/api/v1/summary", session).status, 200)
            self.assertEqual(server.post("/api/v1/dead-letters/replay", {}, session).status, 403)
            self.assertEqual(server.post("/api/v1/dead-letters/replay", {}, csrf).status, 200)
            self.assertEqual(server.post("/api/v1/session/logout", {}, csrf).status, 200)
            self.assertEqual(server.get("/api/v1/summary", session).status, 401)
            again = server.post("/api/v1/session/login", {"user": "ann", "password": password})
            self.assertEqual(again.status, 200)
            self.assertNotEqual(again.headers["set-cookie"], cookie)
            stored = (self.work.path / "data/access.json").read_text()
            self.assertNotIn(password, stored)
            self.assertEqual((self.work.path / "data/access.json").stat().st_mode & 0o777, 0o600)
            answers = [server.post("/api/v1/session/login", {"user": name, "password": "not this one at all"})
                       for name in ("ann", "nobody")]  # fmt: skip
            self.assertEqual(answers[0].body, answers[1].body)
            statuses = [server.post("/api/v1/session/login", {"user": "ann", "password": "no"}).status for _ in range(6)]
            self.assertEqual(statuses[-1], 429)
            self.assertNotIn(password, "".join(server.lines))

    def test_tokens_have_scopes_and_end_when_removed(self):
        make = lambda name, scopes: self.work.run("token", "add", name, "--scopes", scopes).stdout.decode().strip()
        sensor, viewer = make("sensor", "ingest"), make("viewer", "read")
        self.assertNotIn(sensor, (self.work.path / "data/access.json").read_text())
        with Server(self.work, HTTP_AUTH="required") as server:
            body = lines([reading("a", time.time())])
            bearer = lambda token: {"Authorization": f"Bearer {token}"}
            self.assertEqual(server.ingest(body, bearer(sensor)).status, 202)
            self.assertEqual(server.ingest(body, {"Authorization": f"Token {sensor}"}).status, 202)
            self.assertEqual(server.get("/api/v1/summary", bearer(sensor)).status, 403)
            self.assertEqual(server.get("/api/v1/summary", bearer(viewer)).status, 200)
            self.assertEqual(server.ingest(body, bearer(viewer)).status, 403)
            self.assertEqual(server.post("/api/v1/dead-letters/replay", {}, bearer(viewer)).status, 403)
            self.assertEqual(server.get("/api/v1/summary", bearer(viewer[:-1] + "x")).status, 401)
            connection = server.connect()
            connection.request("GET", "/api/v1/live", headers=bearer(viewer))
            stream = connection.getresponse()
            self.assertEqual(stream.status, 200)
            self.work.run("token", "remove", "viewer")
            self.assertEqual(server.get("/api/v1/summary", bearer(viewer)).status, 401)
            while stream.readline():
                pass  # ends, because the token is gone
            connection.close()

    def test_a_list_of_users_that_others_may_read_lets_nobody_in(self):
        token = self.work.run("token", "add", "t", "--scopes", "read").stdout.decode().strip()
        path = self.work.path / "data/access.json"
        with Server(self.work, HTTP_AUTH="required") as server:
            headers = {"Authorization": f"Bearer {token}"}
            self.assertEqual(server.get("/api/v1/summary", headers).status, 200)
            content = path.read_text()
            for spoil in (lambda: path.write_text("{"), lambda: (path.unlink(), path.write_text(content), path.chmod(0o644))):
                spoil()
                self.assertEqual(server.get("/api/v1/summary", headers).status, 503)

    def make_certificate(self, names: str) -> None:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", f"subjectAltName={names}"],
                       cwd=self.work.path, check=True, capture_output=True)  # fmt: skip

    def start_with_tls(self, bind: str, **settings) -> tuple[subprocess.Popen, int]:
        """The process and its port."""
        process = self.work.start("up", "--bind", bind, HTTP_TLS_CERTIFICATE_FILE="cert.pem", HTTP_TLS_KEY_FILE="key.pem",
                                  **settings)  # fmt: skip
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        for line in process.stderr:
            if b"https://" in line and b"dashboard" in line:
                return process, int(line.rsplit(b":", 1)[1])
        raise AssertionError("the program ended")

    def test_one_address_does_not_take_the_server_from_the_others(self):
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.connect(("192.0.2.1", 9))  # sends nothing
                address = probe.getsockname()[0]
        except OSError:
            self.skipTest("SKIPPED LOUDLY: this machine has no address but its own loopback")
        self.make_certificate(f"IP:{address}")
        _, port = self.start_with_tls("0.0.0.0", HTTP_MAX_CONNECTIONS_PER_ADDRESS=4, HTTP_MAX_REQUESTS_PER_ADDRESS=10)
        trust = ssl.create_default_context(cafile=self.work.path / "cert.pem")

        def connection():
            made = http.client.HTTPSConnection(address, port, context=trust, timeout=30)
            self.addCleanup(made.close)
            made.connect()
            return made

        def status(connection):
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.getheader("retry-after")

        held = [connection() for _ in range(4)]
        with self.assertRaises(OSError):
            connection()
        answers = [status(held[0]) for _ in range(10)]
        self.assertEqual(answers, [(200, None)] * 10)
        self.assertEqual(status(held[1]), (429, "1"))
        wait_for(lambda: status(held[2])[0] == 200, seconds=30, what="the next second's requests")
        local = socket.create_connection(("127.0.0.1", port), timeout=30)
        local.close()
        for each in held:
            each.close()
        wait_for(lambda: self.can(connection), seconds=30, what="room for another connection")

    @staticmethod
    def can(act) -> bool:
        try:
            act()
            return True
        except OSError:
            return False

    def test_tls_serves_and_plain_http_does_not(self):
        self.make_certificate("DNS:localhost")
        process, port = self.start_with_tls("127.0.0.1")
        trust = ssl.create_default_context(cafile=self.work.path / "cert.pem")
        connection = http.client.HTTPSConnection("localhost", port, context=trust, timeout=30)
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.read()), (200, b"ok\n"))
        self.assertIn("max-age", answer.getheader("strict-transport-security"))
        connection.request("GET", "/api/v1/live")
        stream = connection.getresponse()
        seen = b""
        while b"event: tick" not in seen:
            seen += stream.readline()
        connection.close()
        plain = socket.create_connection(("127.0.0.1", port), timeout=30)
        plain.sendall(GET)
        self.assertFalse(plain.recv(100).startswith(b"HTTP"))
        plain.close()
        process.terminate()
        process.communicate(timeout=60)


if __name__ == "__main__":
    unittest.main()
