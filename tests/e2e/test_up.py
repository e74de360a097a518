"""`up`: the whole pipeline in one process, its balance, its files, its socket."""

import json
import sys
import socket
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import samples
from compare import check_balance, check_stream
from driver import Workspace, stop, wait_for
from oracle import Config


class UpTest(unittest.TestCase):
    def setUp(self):
        self.work = Workspace()
        self.addCleanup(self.work.__exit__)

    def alert_log(self) -> list:
        return (self.work.path / "logs/alerts.log").read_bytes().splitlines()

    def test_the_demo_ends_with_a_balance_and_every_output(self):
        report = self.work.json("up", "--demo", "--run-for", "3s")
        check_balance(report)
        self.assertGreater(report["generated"], 20)
        self.assertEqual(report["generated"], report["read"])
        self.assertEqual(report["lag"], 0)
        totals = check_stream(self.work)
        self.assertEqual(totals["read"], report["generated"])
        for name in ("cleansed.parquet", "aggregates.parquet"):
            self.assertEqual((self.work.path / "data/processed" / name).read_bytes()[:4], b"PAR1")
        self.assertEqual(sorted(self.alert_log()), sorted(r.value for r in self.work.dump("iot.alerts")))

    def test_events_sent_through_the_socket_come_out_as_the_model_says(self):
        process = self.work.start("up", "--json")
        self.addCleanup(process.kill)
        wait_for(lambda: (self.work.path / "data/tocsin.sock").exists(), what="the socket")
        lines = samples.fleet(3000, seed=60) + samples.dirty()
        self.work.ingest(b"\n".join(lines) + b"\n")
        self.work.run("generate", "--sink", "log", "--rate", 0, "--max-events", 1000, "--seed", 9)
        code, stdout, stderr = stop(process)
        self.assertEqual(code, 0, stderr.decode())
        report = json.loads(stdout)
        check_balance(report)
        self.assertEqual(report["read"], len(lines) + 1000)
        totals = check_stream(self.work)
        self.assertEqual(totals["read"], report["read"])
        self.assertEqual(sorted(self.alert_log()), sorted(r.value for r in self.work.dump("iot.alerts")))

    def test_alert_log_lines_are_json_and_each_alert_is_there_once(self):
        for round_number in range(3):
            self.work.ingest(b"\n".join(samples.fleet(500, seed=61 + round_number)) + b"\n")
            self.work.run("up", "--run-for", "1s")
        lines = self.alert_log()
        self.assertGreater(len(lines), 50)
        for line in lines:
            self.assertIn(json.loads(line)["state"], ("firing", "resolved"))
        self.assertEqual(sorted(lines), sorted(r.value for r in self.work.dump("iot.alerts")))
        check_stream(self.work, Config())

    def test_deliver_alone_writes_what_up_would_write(self):
        self.work.ingest(b"\n".join(samples.fleet(800, seed=65)) + b"\n")
        self.work.process()
        for _ in range(2):
            self.work.run("deliver", "--until-caught-up")
        self.assertEqual(sorted(self.alert_log()), sorted(r.value for r in self.work.dump("iot.alerts")))

    def test_the_start_tells_the_address_of_the_page(self):
        done = self.work.run("up", "--run-for", "1s")
        self.assertRegex(done.stderr, rb"dashboard +http://127\.0\.0\.1:[1-9][0-9]*\n")

    def test_a_port_that_is_taken_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = self.work.run("up", "--run-for", "1s", "--port", port, expect=69)
        self.assertIn(str(port).encode(), done.stderr)

    def test_a_second_up_on_another_directory_runs_beside_the_first(self):
        first = self.work.start("up", "--data-dir", "one")
        self.addCleanup(first.kill)
        wait_for(lambda: (self.work.path / "one/tocsin.sock").exists(), what="the socket")
        self.work.run("up", "--data-dir", "two", "--run-for", "1s")
        self.assertEqual(stop(first)[0], 0)


if __name__ == "__main__":
    unittest.main()
