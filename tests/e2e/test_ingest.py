"""`ingest`: every line as it is, positions remembered, acknowledged only when durable."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import samples
from compare import is_framed
from driver import Workspace, stop, wait_for


class IngestTest(unittest.TestCase):
    def setUp(self):
        self.work = Workspace()
        self.addCleanup(self.work.__exit__)

    def raw_values(self):
        return sorted(record.value for record in self.work.dump("iot.raw"))

    def test_lines_enter_byte_for_byte_good_or_bad_without_line_ends_and_blanks(self):
        lines = samples.dirty()
        content = b"\n\r\n  \t \n" + b"\r\n".join(lines[:50]) + b"\n" + b"\n".join(lines[50:])
        report = self.work.ingest(content)
        self.assertEqual(self.raw_values(), sorted(lines))
        self.assertEqual(report["blank_lines"], 3)
        self.assertEqual(report["appended"], len(lines))

    def test_good_events_have_their_device_as_key(self):
        self.work.ingest(samples.event("é") + b"\n" + samples.GOOD.replace(b"dev_7", b"d\\u00e9v") + b"\n[]\n")
        keys = {record.key for record in self.work.dump("iot.raw")}
        self.assertEqual(keys, {"é", "dév", None})

    def test_only_one_carriage_return_is_taken_off(self):
        self.work.ingest(b"x\r\r\ny\r\nz\r")
        self.assertEqual(self.raw_values(), [b"x\r", b"y", b"z"])

    def test_a_line_that_is_too_large_goes_to_the_dead_letters_with_its_head(self):
        big = samples.sized(10_000_000)
        report = self.work.ingest(samples.GOOD + b"\n" + big + b"\n" + samples.sized(65536) + b"\n")
        self.assertEqual((report["appended"], report["too_large"]), (2, 1))
        self.assertEqual(len(self.work.dump("iot.raw")), 2)
        (letter,) = self.work.dump("iot.dlq")
        self.assertEqual(letter.value, big[:65536])
        self.assertEqual(letter.headers["tocsin.reason"], "too_large")
        self.assertEqual(letter.headers["tocsin.truncated"], "true")
        self.assertEqual(letter.headers["tocsin.size"], "10000000")
        self.assertTrue(is_framed(letter))

    def test_the_same_command_goes_on_where_it_stopped(self):
        lines = samples.fleet(500, seed=50)
        path = self.work.write("in.jsonl", b"\n".join(lines[:200]) + b"\n")
        self.assertEqual(self.work.json("ingest", "in.jsonl")["appended"], 200)
        self.assertEqual(self.work.json("ingest", "in.jsonl")["appended"], 0)
        with path.open("ab") as file:
            file.write(b"\n".join(lines[200:]) + b"\n")
        self.assertEqual(self.work.json("ingest", "in.jsonl")["appended"], 300)
        self.assertEqual(self.raw_values(), sorted(lines))
        self.assertEqual(self.work.json("ingest", "in.jsonl", "--from-start")["appended"], 500)

    def test_stdin_has_no_memory(self):
        for _ in range(2):
            self.assertEqual(self.work.ingest(samples.event() + b"\n")["appended"], 1)

    def test_several_files_directories_and_globs(self):
        parts = [samples.fleet(50, seed=seed) for seed in (51, 52, 53)]
        for name, lines in zip(("a.jsonl", "dir/b.jsonl", "dir/c.jsonl"), parts):
            self.work.write(name, b"\n".join(lines) + b"\n")
        self.work.json("ingest", "a.jsonl", "dir")
        self.assertEqual(self.raw_values(), sorted(sum(parts, [])))
        self.assertEqual(self.work.json("ingest", "dir/*.jsonl")["appended"], 0)

    def test_acks_name_lines_and_offsets_that_are_in_the_log(self):
        lines = samples.fleet(3000, seed=54)
        self.work.write("in.jsonl", b"\n".join(lines) + b"\n")
        self.work.json("ingest", "in.jsonl", "--acks", "acks.jsonl")
        acks = [json.loads(line) for line in (self.work.path / "acks.jsonl").read_bytes().splitlines()]
        expected_line = 1
        total = 0
        offsets = {}
        for ack in acks:
            self.assertEqual(ack["first_line"], expected_line)
            expected_line = ack["last_line"] + 1
            count = 0
            for part in ack["partitions"]:
                self.assertEqual(part["base_offset"], offsets.get(part["partition"], 0))
                offsets[part["partition"]] = part["base_offset"] + part["count"]
                count += part["count"]
            self.assertEqual(count, ack["last_line"] - ack["first_line"] + 1)
            total += count
        self.assertEqual((total, expected_line), (3000, 3001))

    def test_follow_takes_what_is_appended_later(self):
        path = self.work.write("in.jsonl", samples.event("f", 0) + b"\n")
        follower = self.work.start("ingest", "in.jsonl", "--follow", "--acks", "acks.jsonl", "--json")
        self.addCleanup(follower.kill)
        acks = self.work.path / "acks.jsonl"
        wait_for(lambda: acks.exists() and acks.read_bytes().count(b"\n") >= 1, what="the first ack")
        with path.open("ab") as file:
            file.write(samples.event("f", 1) + b"\n" + samples.event("f", 2)[:20])
        wait_for(lambda: acks.read_bytes().count(b"\n") >= 2, what="the second ack")
        with path.open("ab") as file:
            file.write(samples.event("f", 2)[20:] + b"\n")
        wait_for(lambda: acks.read_bytes().count(b"\n") >= 3, what="the third ack")
        self.assertEqual(stop(follower)[0], 0)
        self.assertEqual(self.raw_values(), sorted(samples.event("f", n) for n in range(3)))


if __name__ == "__main__":
    unittest.main()
