"""Looking into the log: `topic` and `dlq`, offline and through a running instance."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import samples
from compare import check_stream, topics
from driver import Workspace, stop, wait_for
from hashes import partition_of
from oracle import Config


class TopicTest(unittest.TestCase):
    def setUp(self):
        self.work = Workspace()
        self.addCleanup(self.work.__exit__)
        self.lines = samples.fleet(400, seed=40)
        self.work.ingest(b"\n".join(self.lines) + b"\nnot json\n\xff\xfe\n")

    def test_dump_prints_values_in_partition_and_offset_order(self):
        done = self.work.run("topic", "dump", "iot.raw")
        records = self.work.dump("iot.raw")
        self.assertEqual([r.value for r in records], done.stdout.split(b"\n")[:-1])
        places = [(r.partition, r.offset) for r in records]
        self.assertEqual(places, sorted(places))
        self.assertEqual(len(records), 402)
        self.assertEqual(sorted(r.value for r in records), sorted(self.lines + [b"not json", b"\xff\xfe"]))

    def test_metadata_is_one_json_object_a_record(self):
        done = self.work.run("topic", "dump", "iot.raw", "--with-metadata")
        offsets = {}
        for line in done.stdout.splitlines():
            item = json.loads(line)
            for name in ("topic", "partition", "offset", "key", "timestamp_ms", "headers"):
                self.assertIn(name, item)
            self.assertEqual(("value" in item) + ("value_base64" in item), 1)
            self.assertEqual(item["offset"], offsets.get(item["partition"], -1) + 1)
            offsets[item["partition"]] = item["offset"]
            if item["key"] is not None:
                self.assertEqual(item["partition"], partition_of(item["key"].encode(), 4))
        (raw,) = [r for r in self.work.dump("iot.raw") if r.value == b"\xff\xfe"]
        self.assertIsNone(raw.key)

    def test_partition_from_and_max_select_records(self):
        everything = self.work.dump_partitions("iot.raw")
        picked = self.work.dump("iot.raw", "--partition", 1, "--from", 5, "--max", 7)
        self.assertEqual(picked, everything[1][5:12])
        self.assertEqual(len(self.work.dump("iot.raw", "--max", 10)), 10)
        self.assertEqual(self.work.dump("iot.raw", "--from", "latest"), [])
        self.assertEqual(self.work.dump("iot.raw", "--from", "earliest"), self.work.dump("iot.raw"))

    def test_ls_lists_every_partition_with_its_offsets(self):
        listed = topics(self.work)
        for item in listed:
            self.assertEqual(set(item) & {"topic", "partition", "earliest", "latest", "bytes"},
                             {"topic", "partition", "earliest", "latest", "bytes"})  # fmt: skip
        raw = [item for item in listed if item["topic"] == "iot.raw"]
        self.assertEqual(sorted(item["partition"] for item in raw), [0, 1, 2, 3])
        self.assertEqual(sum(item["latest"] - item["earliest"] for item in raw), 402)

    def test_a_running_instance_answers_for_its_log(self):
        process = self.work.start("up")
        self.addCleanup(process.kill)
        wait_for(lambda: (self.work.path / "data/tocsin.sock").exists(), what="the socket")
        mode = (self.work.path / "data/tocsin.sock").stat().st_mode & 0o777
        self.assertEqual(mode, 0o600)
        self.work.ingest(b"\n".join(samples.fleet(100, seed=41)) + b"\nbad again\n")
        wait_for(lambda: len(self.work.dump("iot.dlq")) == 3, what="dead letters of the running instance")
        self.assertEqual(len(self.work.dump("iot.raw")), 503)
        self.assertEqual(sum(i["latest"] for i in topics(self.work) if i["topic"] == "iot.dlq"), 3)
        self.assertIn(b"invalid_json", self.work.run("dlq", "ls").stdout)
        self.assertEqual(stop(process)[0], 0)
        check_stream(self.work)

    def test_tail_shows_what_comes(self):
        process = self.work.start("up")
        self.addCleanup(process.kill)
        wait_for(lambda: (self.work.path / "data/tocsin.sock").exists(), what="the socket")
        tail = self.work.start("topic", "tail", "iot.raw", "--max", 2)
        self.addCleanup(tail.kill)
        sent = 0

        def ended():
            nonlocal sent
            self.work.ingest(samples.event("tail", sent) + b"\n")
            sent += 1
            return tail.poll() is not None

        wait_for(ended, 60, "the end of the tail")
        lines = tail.communicate()[0].splitlines()
        self.assertEqual(len(lines), 2)
        self.assertTrue(all(b'"tail"' in line for line in lines))
        stop(process)


class DeadLetterTest(unittest.TestCase):
    def setUp(self):
        self.work = Workspace()
        self.addCleanup(self.work.__exit__)

    def test_ls_counts_by_reason_and_show_prints_the_original_bytes(self):
        bad = [b"nope", samples.event(temperature=500), samples.event(temperature=600), b'{"a":1}']
        self.work.ingest(b"\n".join(bad) + b"\n")
        self.work.process()
        listed = self.work.json("dlq", "ls")
        text = json.dumps(listed)
        for reason in ("invalid_json", "out_of_range", "missing_field"):
            self.assertIn(reason, text)
        shown = self.work.run("dlq", "show", "--reason", "out_of_range").stdout
        self.assertIn(b"500", shown)
        self.assertNotIn(b"nope", shown)

    def test_replay_sends_them_through_again_once_the_cause_is_gone(self):
        lines = [samples.event("hot", n, temperature=130.0 + n) for n in range(20)] + [b"for ever bad"]
        self.work.ingest(b"\n".join(lines) + b"\n")
        self.assertEqual(self.work.process()["dlq"]["out_of_range"], 20)
        self.work.run("dlq", "replay", "--reason", "out_of_range", TEMP_MAX=200)
        report = self.work.process(TEMP_MAX=200)
        self.assertEqual((report["read"], report["processed"]), (20, 20))
        again = [record.value for record in self.work.dump("iot.raw")]
        self.assertEqual(sorted(again), sorted(lines[:20] * 2 + lines[20:]))

    def test_a_poison_record_does_not_stop_the_processor(self):
        lines = [b"\xff{", samples.event("d", 1), b'{"device_id":', samples.event("d", 2), b"[" * 60000]
        self.work.ingest(b"\n".join(lines) + b"\n")
        report = self.work.process()
        self.assertEqual((report["read"], report["processed"]), (5, 2))
        check_stream(self.work, Config())


if __name__ == "__main__":
    unittest.main()
