"""Readings in over HTTP: JSON forms, encodings, limits, keys, line protocol; durable on 202."""

import gzip
import json
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from driver import Workspace
from http_api import PROBLEM, Server, lines, reading
from kafka_cluster import free_ports

NOW = time.time() - 60


class IngestTest(unittest.TestCase):
    def setUp(self):
        self.work = Workspace(BATCH_INTERVAL="0")
        self.addCleanup(self.work.__exit__)

    def values(self):
        return sorted(record.value for record in self.work.dump("iot.raw"))

    def test_object_array_and_lines_enter_byte_for_byte(self):
        one = b'{"device_id":"a",  "timestamp":"2025-01-01T00:00:00Z","temperature":20,"humidity":50}'
        pretty = json.dumps(reading("b", NOW), indent=2).encode()
        text = b'{"device_id":"c","note":"a, [b] {c} \\" ]"}'
        with Server(self.work) as server:
            sent = [
                (one, "application/json", 1, 0), (pretty, "application/json", 1, 0),
                (b" [" + one + b" ,\n" + pretty + b", 7, " + text + b"]\n", "application/json", 2, 2),
                (one + b"\r\n\n  \n" + text, "application/x-ndjson", 1, 1), (b"[]", "application/json", 0, 0),
                (one + b"\n" + one + b"\n", "application/json", 2, 0), (b"", "application/json", 0, 0),
            ]  # fmt: skip
            for body, kind, accepted, rejected in sent:
                answer = server.ingest(body, {"Content-Type": kind})
                self.assertEqual(answer.status, 202, (body, answer))
                self.assertEqual((answer.json["accepted"], answer.json["rejected"]), (accepted, rejected), body)
            for body in (b"[", b"[1", b"[" + one, b"[" + one + b"] x", b"[1,]x"):
                answer = server.ingest(body, {"Content-Type": "application/json"})
                self.assertEqual((answer.status, answer.headers["content-type"]), (400, PROBLEM), body)
        joined = pretty.replace(b"\n", b" ")
        self.assertEqual(self.values(), sorted([one] * 5 + [joined] * 2 + [b"7"] + [text] * 2))

    def test_each_bad_line_is_named_and_the_good_ones_are_kept(self):
        body = lines([reading("a", NOW), reading("a", NOW, 400.0)]) + b"{\n" + lines([reading("b", NOW)])
        with Server(self.work) as server:
            answer = server.ingest(body).json
            self.assertEqual((answer["accepted"], answer["rejected"]), (2, 2))
            self.assertEqual([(e["line"], e["reason"]) for e in answer["errors"]],
                             [(2, "out_of_range"), (3, "invalid_json")])  # fmt: skip
            self.assertIn("400", answer["errors"][0]["message"])
            many = server.ingest(b"x\n" * 500).json
            self.assertEqual((many["rejected"], len(many["errors"])), (500, 100))
            huge = server.ingest(b'{"a":"' + b"x" * 70_000 + b'"}').json
            self.assertEqual([error["reason"] for error in huge["errors"]], ["too_large"])

    def test_gzip_and_zstd_within_the_limit(self):
        body = lines([reading(f"d{i}", NOW) for i in range(100)])
        with Server(self.work, HTTP_MAX_BODY="1MiB") as server:
            for encoding, data in (("gzip", gzip.compress(body)), ("gzip", gzip.compress(body) + gzip.compress(body))):
                answer = server.ingest(data, {"Content-Encoding": encoding})
                self.assertEqual(answer.status, 202, answer)
                self.assertEqual(answer.json["accepted"], 100 * len(data) // len(gzip.compress(body)))
            bomb = gzip.compress(b"\n" * (64 << 20))
            self.assertLess(len(bomb), 100_000)
            self.assertEqual(server.ingest(bomb, {"Content-Encoding": "gzip"}).status, 413)
            self.assertEqual(server.ingest(b"no gzip", {"Content-Encoding": "gzip"}).status, 400)
            self.assertEqual(server.ingest(gzip.compress(body)[:-9], {"Content-Encoding": "gzip"}).status, 400)
            self.assertEqual(server.ingest(b"no zstd", {"Content-Encoding": "zstd"}).status, 400)
            self.assertEqual(server.ingest(body, {"Content-Encoding": "br"}).status, 415)
            self.assertEqual(server.ingest(body, {"Content-Type": "image/png"}).status, 415)
            self.assertEqual(server.ingest(b"\n" * (1 << 20) + b"\n").status, 413)
            self.assertEqual(server.get("/healthz").status, 200)

    def test_what_was_acknowledged_survives_a_kill(self):
        server = Server(self.work)
        count = 0
        for number in range(20):
            answer = server.ingest(lines([reading(f"d{number}", NOW + i) for i in range(50)]))
            self.assertEqual(answer.status, 202)
            count += answer.json["accepted"]
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        server.__exit__()
        self.assertEqual(len(self.values()), count)

    def test_an_idempotency_key_appends_once_also_after_a_kill(self):
        body, key = lines([reading("a", NOW), reading("a", NOW, 400.0)]), {"Idempotency-Key": "batch-7"}
        server = Server(self.work)
        first = server.ingest(body, key).json
        self.assertNotIn("repeated", first)
        self.assertEqual(server.ingest(body, key).json, first | {"repeated": True})
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        server.__exit__()
        with Server(self.work) as server:
            self.assertEqual(server.ingest(body, key).json, first | {"repeated": True})
            self.assertNotIn("repeated", server.ingest(body, {"Idempotency-Key": "batch-8"}).json)
            self.assertEqual(server.ingest(body, {"Idempotency-Key": "x" * 129}).status, 400)
        self.assertEqual(len(self.values()), 4)

    def test_while_ingest_is_refused_the_answer_is_429_and_nothing_is_kept(self):
        with Server(self.work, DISK_RESERVE="1000GiB") as server:
            answer = server.ingest(lines([reading("a", NOW)]))
            self.assertEqual((answer.status, answer.headers["content-type"]), (429, PROBLEM))
            self.assertIn("retry-after", answer.headers)
        self.assertEqual(self.values(), [])


class LineProtocolTest(unittest.TestCase):
    def test_points_become_events(self):
        points = {
            b"climate,device=dev_1 temperature=21.5,humidity=40i 1732356930123456789": {
                "device_id": "dev_1", "timestamp": "2024-11-23T10:15:30.123456Z", "temperature": 21.5, "humidity": 40},
            b'c\\,x,host=a\\ b,room=r\\=1 temperature=1,humidity=2u,ok=t,note="say \\"hi\\", ok" 1000': {
                "device_id": "a b", "timestamp": "1970-01-01T00:00:00.000001Z", "temperature": 1, "humidity": 2,
                "ok": True, "note": 'say "hi", ok', "room": "r=1"},
            b"temperature,device_id=d value=3e1,humidity=5 0": {
                "device_id": "d", "timestamp": "1970-01-01T00:00:00.000000Z", "temperature": 30, "humidity": 5},
        }  # fmt: skip
        with Workspace(BATCH_INTERVAL="0") as work:
            with Server(work) as server:
                body = b"# a comment\n\n" + b"\n".join(points) + b"\r\n"
                for path in ("/api/v2/write", "/write"):
                    answer = server.request("POST", path, body)
                    self.assertEqual((answer.status, answer.body), (204, b""), answer)
                answer = server.request("POST", "/write", gzip.compress(b"m temperature=1,humidity=2 7"),
                                        {"Content-Encoding": "gzip"}, precision="s")  # fmt: skip
                self.assertEqual(answer.status, 204)
                self.assertEqual(server.request("POST", "/write", b"m v=1", precision="week").status, 400)
            got = [json.loads(record.value) for record in work.dump("iot.raw")]
        for expected in points.values():
            self.assertEqual(got.count(expected), 2, expected)
        self.assertIn({"device_id": "m", "timestamp": "1970-01-01T00:00:07.000000Z", "temperature": 1, "humidity": 2}, got)

    def test_a_bad_line_is_named_and_the_good_ones_are_kept(self):
        bad = [b"m", b"m v", b"m v=", b"m v=1 x", b"m,t v=1", b",t=1 v=1", b'm v="open', b"m v=1 9999999999999999999",
               b"m v=1 1 1", b"m v=nan", b"m v=1x"]  # fmt: skip
        with Workspace(BATCH_INTERVAL="0") as work:
            with Server(work) as server:
                answer = server.request("POST", "/api/v2/write", b"\n".join([b"m temperature=1,humidity=2 1", *bad]))
                self.assertEqual((answer.status, answer.headers["content-type"]), (400, PROBLEM))
                self.assertEqual(answer.json["accepted"], 1)
                self.assertEqual([error["line"] for error in answer.json["errors"]], list(range(2, 2 + len(bad))))
            self.assertEqual(len(work.dump("iot.raw")), 1)


class GenerateTest(unittest.TestCase):
    GENERATE = ("generate", "--sink", "http", "--rate", 0, "--max-events", 3000, "--seed", 5)

    def setUp(self):
        self.work = Workspace(BATCH_INTERVAL="0")
        self.addCleanup(self.work.__exit__)

    def test_the_same_events_arrive_as_in_a_file(self):
        with Server(self.work) as server:
            report = self.work.json(*self.GENERATE, "--faults", "malformed=0.01", GEN_HTTP_URL=f"http://127.0.0.1:{server.port}")
            self.assertEqual(report["generated"], 3000)
            self.work.run(*self.GENERATE[:2], "file", "--output", "events.jsonl", *self.GENERATE[3:], "--faults", "malformed=0.01")
        lines = (self.work.path / "events.jsonl").read_bytes().splitlines()
        values = sorted(record.value for record in self.work.dump("iot.raw"))
        readings = sorted(line for line in lines if line.startswith(b"{"))
        self.assertEqual(len(lines), 3000)
        self.assertGreater(len(values), 2900)
        self.assertEqual([value for value in values if value.startswith(b"{")], readings)

    def test_a_server_that_comes_later_is_waited_for(self):
        port = free_ports(1)
        process = self.work.start(*self.GENERATE, GEN_HTTP_URL=f"http://127.0.0.1:{port}/")
        self.assertIn(b"waiting", process.stderr.readline())
        with Server(self.work, "up", "--port", port):
            output, _ = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, output)
        self.assertEqual(len(self.work.dump("iot.raw")), 3000)

    def test_refusals_name_the_remedy(self):
        self.work.run("token", "add", "t", "--scopes", "ingest")
        token = self.work.run("token", "add", "sensor", "--scopes", "ingest").stdout.decode().strip()
        for url, remedy in (("ftp://x", b"GEN_HTTP_URL"), ("http://192.0.2.1", b"unencrypted"),
                            ("http://127.example.com", b"unencrypted")):  # fmt: skip
            done = self.work.run(*self.GENERATE, GEN_HTTP_URL=url, GEN_HTTP_TOKEN="secret-5f1d9e", expect=78)
            self.assertIn(remedy, done.stderr)
            self.assertNotIn(b"5f1d9e", done.stderr + done.stdout)
        with Server(self.work, HTTP_AUTH="required") as server:
            url = f"http://127.0.0.1:{server.port}"
            self.assertIn(b"GEN_HTTP_TOKEN", self.work.run(*self.GENERATE, GEN_HTTP_URL=url, expect=78).stderr)
            self.assertIn(b"GEN_HTTP_URL", self.work.run(*self.GENERATE, GEN_HTTP_URL=url + "/x", expect=78).stderr)
            self.work.run(*self.GENERATE, GEN_HTTP_URL=url, GEN_HTTP_TOKEN=token)
        self.assertEqual(len(self.work.dump("iot.raw")), 3000)


if __name__ == "__main__":
    unittest.main()
