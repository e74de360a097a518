#!/usr/bin/env python3
"""Every command on a real Kafka: what it writes is read back by kcat and held against the model."""

import json
import re
import subprocess
import sys
import time
import unittest
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import samples
from compare import check_balance, check_equal, check_stream
from driver import Workspace, stop, wait_for
from hashes import partition_of
from kafka_cluster import KafkaCluster, free_ports, why_missing
from kafka_workspace import KafkaWorkspace, committed_history, ends, headers_of
from oracle import BatchModel, Config
from token_server import TokenServer

MISSING = why_missing()
if MISSING:
    print(MISSING, file=sys.stderr)
FAULTS = "spike=0.01,stuck=0.005,offline=0.003,duplicate=0.01,late=0.01,malformed=0.02,clock_skew=0.005"
CANARY = "canary-5f1d9e"  # in every secret of these tests: no output may show it


class OnOneNode(unittest.TestCase):
    """One broker for all tests of a class; each has topics and groups of its own."""

    options: dict = {}

    @classmethod
    def setUpClass(cls):
        cls.kafka = KafkaCluster(**cls.options)
        cls.enterClassContext(cls.kafka)

    def workspace(self, **settings) -> KafkaWorkspace:
        name = re.sub(r"\W+", "-", self._testMethodName.removeprefix("test_"))[:60].strip("-")
        work = KafkaWorkspace(self.kafka, name, **settings)
        self.addCleanup(work.__exit__)
        return work

    def start(self, work: Workspace, *arguments, **more) -> subprocess.Popen:
        process = work.start(*arguments, **more)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def check_no_transaction_hangs(self, work: KafkaWorkspace):
        for topic in ("iot.raw", "iot.processed", "iot.alerts", "iot.dlq"):
            wait_for(lambda: all(end.stable == end.written for end in ends(self.kafka, work.topic(topic)).values()),
                     30, f"a read_committed reader at the end of {topic}")  # fmt: skip


@unittest.skipIf(MISSING, MISSING)
class PipelineTest(OnOneNode):
    def test_generated_events_pass_through_every_command(self):
        work = self.workspace()
        report = work.json("generate", "--sink", "kafka", "--rate", 0, "--max-events", 5000, "--seed", 7, "--devices", 40,
                           "--faults", FAULTS)  # fmt: skip
        self.assertEqual(report["generated"], 5000)
        with self.subTest("topic lag tells what waits, and that nothing does afterwards"):
            time.sleep(1.1)
            waiting = [item for item in work.json("topic", "lag") if item["topic"] == work.topic("iot.raw")]
            self.assertGreaterEqual(sum(item["lag"] for item in waiting), 5000)
            self.assertTrue(all(1 < item["lag_seconds"] < 600 for item in waiting), waiting)
        report = work.process()
        (lag,) = {(item["lag"], item["lag_seconds"]) for item in work.json("topic", "lag")
                  if item["topic"] == work.topic("iot.raw")}  # fmt: skip
        self.assertEqual(lag, (0, 0))
        totals = check_stream(work)
        check_balance(report)
        self.assertEqual((report["read"], report["processed"], report["lag"]), (5000, totals["processed"], 0))
        self.assertEqual({k: n for k, n in report["dlq"].items() if n}, totals["dlq"])
        self.assertGreater(totals["alerts"], 10)
        self.assertGreater(sum(totals["dlq"].values()), 50)

        with self.subTest("deliver writes each alert once, also when it is run again"):
            alerts = Counter(record.value for record in work.dump("iot.alerts"))
            for delivered in (alerts.total(), 0):
                report = work.json("deliver", "--until-caught-up")
                self.assertEqual((report["delivered"], report["lag"]), (delivered, 0))
            check_equal("alert log", sorted(alerts.elements()),
                        sorted((work.path / "logs/alerts.log").read_bytes().splitlines()))  # fmt: skip
        with self.subTest("batch reads the topic"):
            raw = work.dump("iot.raw")
            model = BatchModel(Config())
            for record in raw:
                model.feed(record.value)
            report = work.json("batch", "--input", f"topic:{work.topic('iot.raw')}", "--output-dir", "out")
            self.assertEqual(report["rows_read"], model.rows_read)
            self.assertEqual((report["cleansed"], report["duplicates"]), (len(model.rows), model.duplicates))
            self.assertEqual({k: n for k, n in report["rejected"].items() if n}, dict(model.rejected))
        with self.subTest("topic ls and dump show what is there"):
            rows = [item for item in work.json("topic", "ls") if item["topic"] == work.topic("iot.raw")]
            for item in rows:
                self.assertEqual(item["latest"], ends(self.kafka, item["topic"])[item["partition"]].stable)
            self.assertEqual(len(rows), 4)
            dumped = [json.loads(line) for line in
                      work.run("topic", "dump", work.topic("iot.processed"), "--with-metadata").stdout.splitlines()]  # fmt: skip
            read = work.dump("iot.processed")
            check_equal("dump", [(r.partition, r.offset, r.key, r.value) for r in read],
                        [(r["partition"], r["offset"], r["key"], r["value"].encode()) for r in dumped])  # fmt: skip
            # Records that are read as one batch share its time.
            self.assertLessEqual(max(abs(d["timestamp_ms"] - r.timestamp_ms) for d, r in zip(dumped, read)), 20)
            some = [r.offset for r in read if r.partition == 1][10:13]
            picked = work.run("topic", "dump", work.topic("iot.processed"), "--partition", 1, "--from", some[0], "--max", 3,
                              "--with-metadata").stdout  # fmt: skip
            self.assertEqual([json.loads(line)["offset"] for line in picked.splitlines()], some)
        with self.subTest("Java's consumer reads the same"):
            check_equal("Java", sorted(record.value for record in read),
                        sorted(self.kafka.java_read_committed(work.topic("iot.processed"))))  # fmt: skip
        self.check_no_transaction_hangs(work)

    def test_ingested_lines_get_the_models_verdict(self):
        work = self.workspace(STREAMING_BATCH_SIZE=37)
        lines = samples.fleet(1500, seed=3) + samples.dirty() + samples.mutated(500, seed=4)
        self.assertEqual(work.ingest(b"\n".join(lines) + b"\n")["appended"], len(lines))
        check_equal("raw", sorted(lines), sorted(r.value for r in work.dump("iot.raw")))
        report = work.process()
        totals = check_stream(work)
        self.assertEqual((report["read"], report["lag"]), (len(lines), 0))
        self.assertEqual(report["alerts"]["firing"], totals["firing"])
        with self.subTest("a second run finds nothing to do"):
            self.assertEqual(work.process()["read"], 0)

    def test_the_position_in_a_file_is_kept_on_the_cluster(self):
        work = self.workspace()
        files = {f"in_{n}.jsonl": samples.fleet(100, seed=30 + n) for n in range(6)}
        for name, lines in files.items():
            work.write(name, b"\n".join(lines[:50]) + b"\n")
        for added in (50, 0):
            report = work.json("ingest", *files, "--acks", "acks.jsonl")
            self.assertEqual(report["appended"], added * len(files))
        for name, lines in files.items():
            work.write(name, b"\n".join(lines) + b"\n")
        for added in (50, 0):
            self.assertEqual(work.json("ingest", *files)["appended"], added * len(files))
        check_equal("raw", sorted(sum(files.values(), [])), sorted(r.value for r in work.dump("iot.raw")))

    def test_files_that_are_ingested_at_the_same_time_keep_their_positions(self):
        work = self.workspace()
        files = {f"in_{n}.jsonl": samples.fleet(3000, seed=50 + n) for n in range(4)}
        for name, lines in files.items():
            work.write(name, b"\n".join(lines) + b"\n")
        work.json("topic", "ls")
        # Paced, so that each commits many times while the others do.
        running = [self.start(work, "ingest", name, "--rate", 1000) for name in files]
        for process in running:
            self.assertEqual(process.wait(120), 0)
        self.assertEqual([work.json("ingest", name)["appended"] for name in files], [0] * len(files))
        check_equal("raw", sorted(sum(files.values(), [])), sorted(r.value for r in work.dump("iot.raw")))

    def test_up_on_a_cluster_prints_a_balance_that_adds_up(self):
        work = self.workspace(BATCH_INTERVAL="0")
        report = work.json("up", "--demo", "--rate", 300, "--run-for", "5s")
        check_balance(report)
        self.assertGreater(report["generated"], 500)
        self.assertEqual((report["read"], report["lag"], report["unaccounted"]), (report["generated"], 0, 0))
        self.assertEqual(len(work.dump("iot.raw")), report["generated"])
        check_stream(work)

    def test_installations_on_one_cluster_deliver_each_their_own(self):
        work = self.workspace()
        work.ingest(b"\n".join(samples.event("d", n, 99.0) for n in range(5)) + b"\n")
        work.process()
        alerts = len(work.dump("iot.alerts"))
        for app in ("first", "second"):  # the same topic, an alert log of each
            report = work.json("deliver", "--until-caught-up", KAFKA_APP_ID=f"{work.prefix}-{app}",
                               ALERT_LOG_PATH=f"{app}.log", DATA_DIR=f"data-{app}")  # fmt: skip
            self.assertEqual(report["delivered"], alerts)

    def test_dead_letters_of_more_partitions_than_the_default_are_replayed_once(self):
        work = self.workspace()
        for name in ("raw", "processed", "alerts", "dlq"):
            self.kafka.create_topic(work.topic(name), 7)
        work.ingest(b"\n".join(b"bad %d" % n for n in range(60)) + b"\n")
        work.process()
        self.assertEqual(len({r.partition for r in work.dump("iot.dlq")}), 7)
        for replayed in (60, 0):
            self.assertEqual(work.json("dlq", "replay", "--reason", "invalid_json")["replayed"], replayed)
        self.assertEqual(len(work.dump("iot.raw")), 120)

    def test_state_of_the_devices_goes_on_in_the_next_process(self):
        work = self.workspace(DEDUP_WINDOW="60s")
        lines = samples.fleet(1200, seed=6)
        for number, at in enumerate(range(0, len(lines), 200)):
            # The last ones of the run before come again: only who remembers them drops them.
            work.ingest(b"\n".join(lines[max(0, at - 10) : at + 200]) + b"\n")
            if number % 2:  # without its local copy: the state comes from the changelog alone
                for copy in (work.path / "data/kafka").glob("*/state"):
                    copy.rename(work.path / f"copy_{number}_{copy.parent.name}")
            check_balance(work.process())
        totals = check_stream(work, Config(dedup_window_us=60_000_000))
        self.assertGreater(totals["duplicates"], 30)

    def test_two_processes_share_the_partitions(self):
        work = self.workspace(STREAMING_BATCH_SIZE=200)
        pair = [self.start(work, "process") for _ in range(2)]
        group = work.settings["STREAMING_GROUP_ID"]

        def shared():
            listed = self.kafka.tool("consumer-groups", "--describe", "--group", group, expect=None).decode()
            owners = Counter(line.split()[6] for line in listed.splitlines() if f" {work.topic('iot.raw')} " in line)
            return sorted(owners.values()) == [2, 2]

        wait_for(shared, 60, "two partitions for each process")
        lines = samples.fleet(6000, seed=9)
        for at in range(0, len(lines), 1000):
            work.ingest(b"\n".join(lines[at : at + 1000]) + b"\n")
        wait_for(lambda: self.kafka.count_committed(work.topic("iot.processed")) >= len(lines), 60, "all events")
        read = []
        for process in pair:
            code, stdout, stderr = stop(process)
            self.assertEqual(code, 0, stderr[-2000:])
            read.append(int(re.search(rb"read\s+([\d,]+)", stdout)[1].replace(b",", b"")))
        self.assertEqual(sum(read), len(lines))
        self.assertGreater(min(read), 0)
        check_stream(work)
        self.check_no_transaction_hangs(work)

    def test_of_two_processes_with_one_name_one_ends_and_says_why(self):
        work = self.workspace(STREAMING_BATCH_SIZE=200, KAFKA_INSTANCE_ID="twin")
        pair = [self.start(work, "process") for _ in range(2)]
        wait_for(lambda: any(process.poll() is not None for process in pair), 90, "the end of one of them")
        ended, other = sorted(pair, key=lambda process: process.poll() is None)
        _, stderr = ended.communicate(timeout=30)
        self.assertEqual(ended.returncode, 1, stderr[-2000:])
        self.assertIn(b"as instance twin", stderr)
        self.assertIn(b"KAFKA_INSTANCE_ID", stderr)
        lines = samples.fleet(1000, seed=10)
        work.ingest(b"\n".join(lines) + b"\n")
        wait_for(lambda: self.kafka.count_committed(work.topic("iot.processed")) >= len(lines), 60, "all events")
        self.assertIsNone(other.poll())
        self.assertEqual(stop(other)[0], 0)
        check_stream(work)
        self.check_no_transaction_hangs(work)

    def test_a_device_of_a_java_producer_lies_where_ours_does(self):
        work = self.workspace()
        work.ingest(b"\n".join(samples.fleet(300, seed=5)) + b"\n")
        theirs = [(f"dev_{n % 12}", samples.event(f"dev_{n % 12}", 400 + n, 60.0)) for n in range(300)]
        self.kafka.script("tool", "console-producer", "--topic", work.topic("iot.raw"), "--reader-property",
                          "parse.key=true", "--reader-property", "key.separator=|",
                          stdin=b"".join(key.encode() + b"|" + value + b"\n" for key, value in theirs))  # fmt: skip
        records = work.dump("iot.raw")
        self.assertEqual(len(records), 600)
        places = {}
        for record in records:
            self.assertEqual(places.setdefault(record.key, record.partition), record.partition)
            self.assertEqual(partition_of(record.key.encode(), 4), record.partition)
        self.assertEqual(work.process()["read"], 600)
        check_stream(work)

    def test_records_of_others_become_dead_letters(self):
        work = self.workspace()
        work.ingest(samples.event("ours", 1) + b"\n")
        raw = work.topic("iot.raw")
        good = samples.event("theirs", 2)
        self.kafka.produce(raw, [(b"k", b"not json"), (b"\xff\xfe", b"\x00\x01\xff"), (b"theirs", good), (b"k", b"[" * 900_000)],
                           extra=("-X", "message.max.bytes=2000000"))  # fmt: skip
        self.kafka.kcat("-P", "-t", raw, stdin=b"no key\n" + samples.event("no_key", 3) + b"\n")
        self.kafka.kcat("-P", "-t", raw, "-Z", "-K", "|", stdin=b"tombstone|\n")
        report = work.process()
        self.assertEqual((report["read"], report["processed"]), (8, 3))
        self.assertEqual({k: n for k, n in report["dlq"].items() if n}, {"invalid_json": 3, "invalid_utf8": 1, "too_large": 1})
        letters = self.kafka.read_committed(work.topic("iot.dlq"))
        self.assertEqual(sorted(headers_of(m)["tocsin.reason"] for m in letters),
                         ["invalid_json"] * 3 + ["invalid_utf8", "too_large"])  # fmt: skip
        self.assertEqual({m.value for m in self.kafka.read_committed(work.topic("iot.processed"))},
                         {line[:-1] + b',"is_alert":false,"reason":null}'
                          for line in (samples.event("ours", 1), good, samples.event("no_key", 3))})  # fmt: skip
        self.assertEqual(work.process()["read"], 0)
        with self.subTest("dlq ls, show and replay"):
            self.assertIn("too_large", json.dumps(work.json("dlq", "ls")))
            shown = work.run("dlq", "show", "--reason", "invalid_utf8").stdout
            self.assertIn(b"AAH/", shown)  # the bytes, in base64
            for replayed in (3, 0):  # each at most once
                before = self.kafka.count_committed(raw)
                work.run("dlq", "replay", "--reason", "invalid_json")
                self.assertEqual(self.kafka.count_committed(raw) - before, replayed)

    def test_tail_shows_what_comes(self):
        work = self.workspace()
        work.ingest(samples.event("before", 0) + b"\n")
        tail = self.start(work, "topic", "tail", work.topic("iot.raw"), "--max", 2)
        sent = 0

        def ended():
            nonlocal sent
            work.ingest(samples.event("tail", sent) + b"\n")
            sent += 1
            return tail.poll() is not None

        wait_for(ended, 60, "the end of the tail")
        lines = tail.communicate()[0].splitlines()
        self.assertEqual(len(lines), 2)
        self.assertTrue(all(b'"tail"' in line for line in lines))

    def test_at_least_once_loses_nothing_and_commits_no_transaction(self):
        work = self.workspace(KAFKA_DELIVERY="at_least_once", STREAMING_BATCH_SIZE=100)
        lines = samples.fleet(3000, seed=10)
        work.ingest(b"\n".join(lines) + b"\n")
        process = self.start(work, "process")
        wait_for(lambda: self.kafka.count_committed(work.topic("iot.processed")) > 300, 60, "some events")
        process.kill()
        work.process()
        processed = Counter(r.value for r in work.dump("iot.processed"))
        model = {line[:-1] for line in lines}
        self.assertEqual({value[: value.rindex(b',"is_alert"')] for value in processed}, model)
        # A marker of a transaction takes an offset that no reader sees.
        for partition, end in ends(self.kafka, work.topic("iot.processed")).items():
            seen = sum(m.partition == partition for m in self.kafka.read_committed(work.topic("iot.processed")))
            self.assertEqual(end.written, seen)

    def test_committed_offsets_are_on_the_cluster_for_others_to_see(self):
        work = self.workspace()
        work.ingest(b"\n".join(samples.fleet(500, seed=11)) + b"\n")
        work.process()
        history = committed_history(self.kafka, work.settings["STREAMING_GROUP_ID"])
        last = {}
        for record in work.dump("iot.raw"):
            last[record.topic, record.partition] = record.offset + 1
        self.assertEqual({place: offsets[-1] for place, offsets in history.items() if place in last}, last)


@unittest.skipIf(MISSING, MISSING)
class RefusalTest(OnOneNode):
    def test_outputs_with_fewer_partitions_than_the_input_are_refused(self):
        work = self.workspace()
        for name, partitions in (("raw", 4), ("processed", 4), ("alerts", 2), ("dlq", 4)):
            self.kafka.create_topic(work.topic(name), partitions)
        done = work.run("process", "--until-caught-up", expect=78)
        message = done.stderr.decode()
        for word in (work.topic("alerts"), "2 partitions", work.topic("raw"), "4"):
            self.assertIn(word, message)

    def test_topics_with_more_partitions_than_the_input_are_used_as_they_are(self):
        work = self.workspace()
        for name, partitions in (("raw", 3), ("processed", 5), ("alerts", 3), ("dlq", 4)):
            self.kafka.create_topic(work.topic(name), partitions)
        work.ingest(b"\n".join(samples.fleet(500, seed=12) + [b"bad"]) + b"\n")
        work.process()
        check_stream(work)
        self.assertEqual({r.partition for r in work.dump("iot.processed")}, {0, 1, 2})

    def test_another_number_of_input_partitions_under_live_state_is_refused(self):
        work = self.workspace()
        work.ingest(b"\n".join(samples.fleet(200, seed=13)) + b"\n")
        work.process()
        for name in ("raw", "processed", "alerts", "dlq"):
            self.kafka.tool("topics", "--alter", "--topic", work.topic(name), "--partitions", 6)
        done = work.run("process", "--until-caught-up", expect=None)
        self.assertIn(done.returncode, (1, 78))
        message = done.stderr.decode()
        for word in ("4 partitions", "6", "KAFKA_APP_ID"):  # what it was, what it is, and the remedy
            self.assertIn(word, message)
        with self.subTest("the remedy works: another application begins with an empty state"):
            self.assertEqual(work.process(KAFKA_APP_ID=f"{work.prefix}-2")["read"], 0)

    def test_an_application_id_that_topics_cannot_have_is_refused(self):
        done = self.workspace().run("process", "--until-caught-up", KAFKA_APP_ID="not a topic", expect=78)
        self.assertIn(b"KAFKA_APP_ID", done.stderr)


@unittest.skipIf(MISSING, MISSING)
class AbsentBrokerTest(unittest.TestCase):
    def test_a_broker_that_is_not_there_is_waited_for_and_used_when_it_comes(self):
        with KafkaCluster() as kafka:
            kafka.stop()
            with KafkaWorkspace(kafka, "absent") as work:
                with self.subTest("KAFKA_CONNECT_TIMEOUT limits the wait: exit 69, naming the broker"):
                    for words in (["process", "--until-caught-up"], ["ingest", "-"], ["topic", "ls"], ["dlq", "ls"],
                                  ["deliver", "--until-caught-up"], ["generate", "--sink", "kafka", "--max-events", 1]):  # fmt: skip
                        began = time.monotonic()
                        done = work.run(*words, stdin=b"{}\n", KAFKA_CONNECT_TIMEOUT="1s", expect=69)
                        self.assertLess(time.monotonic() - began, 20)
                        self.assertIn(kafka.direct.encode(), done.stderr)
                waiting = work.start("process")
                self.addCleanup(waiting.communicate)
                self.addCleanup(waiting.kill)
                stopped = work.start("process")
                self.addCleanup(stopped.kill)
                time.sleep(7)
                with self.subTest("a signal ends the wait"):
                    code, _, stderr = stop(stopped, seconds=20)
                    self.assertEqual(code, 130)
                    self.assertIn(b"waiting for Kafka", stderr)
                self.assertIsNone(waiting.poll())
                kafka.start()
                work.ingest(samples.event("d", 1) + b"\n")
                wait_for(lambda: kafka.count_committed(work.topic("iot.processed")) == 1, 60, "the event")
                code, _, stderr = stop(waiting)
                self.assertEqual(code, 0)
                self.assertGreaterEqual(stderr.count(b"waiting for Kafka"), 1)


    def test_events_that_come_while_the_broker_is_away_are_taken_and_follow_each_once(self):
        lines = samples.fleet(1000, seed=60)
        with KafkaCluster() as kafka, KafkaWorkspace(kafka, "spool", KAFKA_TRANSACTION_TIMEOUT="5s") as work:
            acks = work.path / "acks.jsonl"

            def acknowledged() -> int:
                return json.loads(acks.read_bytes().splitlines()[-1])["last_line"] if acks.exists() and acks.stat().st_size else 0

            ingest = work.start("ingest", "-", "--acks", acks.name, stdin=subprocess.PIPE)
            self.addCleanup(ingest.communicate)
            self.addCleanup(ingest.kill)

            def send(first, end):
                for at in range(first, end, 50):
                    ingest.stdin.write(b"".join(line + b"\n" for line in lines[at : at + 50]))
                    ingest.stdin.flush()
                    time.sleep(0.06)  # several transactions

            send(0, 200)
            wait_for(lambda: acknowledged() == 200, 60, "acknowledgements of the cluster")
            # A commit is answered before its markers are written, and an only node that is killed in
            # between never writes them: docs/guarantees.md.
            time.sleep(2)
            kafka.kill_node(1)
            send(200, 700)
            wait_for(lambda: acknowledged() == 700, 60, "acknowledgements of what waits on the disk")
            self.assertIn(b'"base_offset":-1', acks.read_bytes().splitlines()[-1])
            with self.subTest("a process that dies leaves them to the next one"):
                ingest.kill()
                ingest.wait()
                kafka.restart_node(1)
                report = work.ingest(b"\n".join(lines[700:]) + b"\n")
                self.assertEqual(report["appended"], 300)
                self.assertEqual(report["metrics"]["tocsin_spool_bytes"], 0)
            records = work.dump("iot.raw")
            self.assertEqual(Counter(r.value for r in records), Counter(lines))
            for key in {r.key for r in records}:
                self.assertEqual([r.value for r in records if r.key == key],
                                 [line for line in lines if json.loads(line)["device_id"] == key])  # fmt: skip


@unittest.skipIf(MISSING, MISSING)
class MigrateTest(OnOneNode):
    def test_an_embedded_log_moves_to_kafka_and_back_and_the_work_goes_on(self):
        work = self.workspace(DEDUP_WINDOW="60s")
        embedded = Workspace(**{name: value for name, value in work.settings.items() if name != "KAFKA_BROKER"})
        self.addCleanup(embedded.__exit__)
        lines = samples.fleet(2000, seed=70) + samples.dirty()
        embedded.write("in.jsonl", b"\n".join(lines[:900]) + b"\n")
        embedded.json("ingest", "in.jsonl")
        embedded.process()
        embedded.ingest(b"\n".join(lines[900:1200]) + b"\n")  # not processed yet
        embedded.json("deliver", "--until-caught-up")
        broker = {"KAFKA_BROKER": self.kafka.direct}
        there = embedded.json("migrate", "--to", "kafka", **broker)
        self.assertEqual({topic["topic"]: topic["records"] for topic in there["topics"]}[work.topic("iot.raw")], 1200)
        self.assertIn("process", {state["store"] for state in there["states"]})
        with self.subTest("a target that is in use is refused"):
            self.assertIn(b"holds records", embedded.run("migrate", "--to", "kafka", expect=1, **broker).stderr)
        with self.subTest("the position in a file has come along"):
            self.assertEqual(embedded.json("ingest", "in.jsonl", **broker)["appended"], 0)
        with self.subTest("back into another data directory: the same bytes"):
            back = embedded.json("migrate", "--to", "embedded", DATA_DIR="back", **broker)
            self.assertEqual(back["topics"], there["topics"])
            self.assertEqual([state for state in back["states"] if state["store"] != "spool"],
                             [state for state in there["states"] if state["store"] != "spool"])  # fmt: skip
            self.assertEqual(embedded.process(DATA_DIR="back")["read"], 300)
        with self.subTest("the processor goes on where it was"):
            self.assertEqual(work.process()["read"], 300)
            # The last ones come again: only who remembers them drops them.
            work.ingest(b"\n".join(lines[1190:]) + b"\n")
            work.process()
            totals = check_stream(work, Config(dedup_window_us=60_000_000))
            self.assertGreaterEqual(totals["duplicates"], 10)
        with self.subTest("the alert log goes on where it was"):
            self.assertGreater(embedded.json("deliver", "--until-caught-up", **broker)["delivered"], 0)
            lines = Counter((embedded.path / "logs/alerts.log").read_bytes().splitlines())
            self.assertEqual(lines, Counter(record.value for record in work.dump("iot.alerts")))


@unittest.skipIf(MISSING, MISSING)
class SecurityTest(OnOneNode):
    options = {"tls": True, "scram": True, "oauth": True}

    def secure(self, protocol: str, **settings) -> KafkaWorkspace:
        listener = {"SSL": self.kafka.ssl, "SASL_PLAINTEXT": self.kafka.sasl_plaintext, "SASL_SSL": self.kafka.sasl_ssl}
        return self.workspace(**{"KAFKA_BROKER": listener[protocol], "KAFKA_SECURITY_PROTOCOL": protocol} | settings)

    def check_run(self, work: KafkaWorkspace):
        work.ingest(b"\n".join(samples.fleet(300, seed=20)) + b"\n")
        self.assertEqual(work.process()["read"], 300)
        check_stream(work)
        self.assertEqual(work.json("deliver", "--until-caught-up")["lag"], 0)

    def test_sasl_ssl_with_scram_and_the_password_from_a_file(self):
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            with self.subTest(mechanism):
                work = self.secure("SASL_SSL", KAFKA_SASL_MECHANISM=mechanism, KAFKA_SASL_USERNAME=self.kafka.user,
                                   KAFKA_SASL_PASSWORD_FILE=self.kafka.password_file, KAFKA_SSL_CA_FILE=self.kafka.ca)  # fmt: skip
                work.json("topic", "ls")
                if mechanism == "SCRAM-SHA-512":
                    self.check_run(work)

    def test_sasl_plaintext_with_plain(self):
        self.check_run(self.secure("SASL_PLAINTEXT", KAFKA_SASL_MECHANISM="PLAIN", KAFKA_SASL_USERNAME=self.kafka.user,
                                   KAFKA_SASL_PASSWORD=self.kafka.password))  # fmt: skip

    def test_oauthbearer_with_tokens_of_an_oidc_server(self):
        secret = f"{CANARY}-token-secret"
        settings = {"KAFKA_SASL_MECHANISM": "OAUTHBEARER", "KAFKA_SSL_CA_FILE": self.kafka.ca, "KAFKA_OAUTH_CLIENT_ID": "tocsin"}
        with TokenServer(self.kafka.token_key, secret=secret) as tokens:
            tokens.seconds = 5  # so that one must be fetched anew while `process` runs
            work = self.secure("SASL_SSL", KAFKA_OAUTH_TOKEN_URL=tokens.url, KAFKA_OAUTH_CLIENT_SECRET=secret, **settings)
            self.check_run(work)
            process = self.start(work, "process")
            before = tokens.granted
            wait_for(lambda: tokens.granted >= before + 4, 60, "tokens fetched anew")
            work.ingest(b"\n".join(samples.fleet(50, seed=21)) + b"\n")
            wait_for(lambda: self.kafka.count_committed(work.topic("iot.processed")) == 350, 60, "events after that")
            code, _, stderr = stop(process)
            self.assertEqual(code, 0)
            self.assertNotIn(CANARY.encode(), stderr)
            with self.subTest("a secret that the server refuses: exit 69 naming mechanism and client, not the secret"):
                wrong = self.secure("SASL_SSL", KAFKA_OAUTH_TOKEN_URL=tokens.url, KAFKA_CONNECT_TIMEOUT="5s",
                                    KAFKA_OAUTH_CLIENT_SECRET=f"{CANARY}-wrong", **settings)  # fmt: skip
                done = wrong.run("topic", "ls", "--log-level", "debug", expect=69, timeout=60)
                self.assertIn(b"OAUTHBEARER", done.stderr)
                self.assertNotIn(CANARY.encode(), done.stderr + done.stdout)

    def test_mutual_tls(self):
        self.check_run(self.secure("SSL", KAFKA_SSL_CA_FILE=self.kafka.ca, KAFKA_SSL_CERTIFICATE_FILE=self.kafka.certificate,
                                   KAFKA_SSL_KEY_FILE=self.kafka.key))  # fmt: skip

    def test_refused_clients_end_with_69_and_never_show_a_secret(self):
        wrong = f"{CANARY}-wrong"
        sasl = {"KAFKA_SASL_USERNAME": "somebody", "KAFKA_SASL_PASSWORD": wrong}
        cases = [
            ("SASL_SSL", sasl | {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "KAFKA_SSL_CA_FILE": self.kafka.ca},
             ["SCRAM-SHA-512", "somebody"]),
            ("SASL_SSL", sasl | {"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SSL_CA_FILE": self.kafka.ca}, ["PLAIN", "somebody"]),
            ("SASL_PLAINTEXT", sasl | {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"}, ["SCRAM-SHA-256", "somebody"]),
            ("SSL", {"KAFKA_SSL_CA_FILE": self.kafka.ca}, ["SSL"]),  # without a certificate of its own
            ("SASL_SSL", sasl | {"KAFKA_SASL_MECHANISM": "PLAIN"}, ["SASL_SSL"]),  # an authority that it does not know
        ]  # fmt: skip
        for protocol, settings, words in cases:
            with self.subTest(protocol=protocol, mechanism=settings.get("KAFKA_SASL_MECHANISM")):
                work = self.secure(protocol, **settings)
                began = time.monotonic()
                # Debug, so that everything that could be said is said.
                done = work.run("process", "--until-caught-up", "--log-level", "debug", expect=69, timeout=60)
                self.assertLess(time.monotonic() - began, 30)
                for word in words:
                    self.assertIn(word.encode(), done.stderr)
                self.assertNotIn(CANARY.encode(), done.stderr + done.stdout)

    def test_a_secret_is_shown_nowhere_when_all_goes_well(self):
        (path,) = [self.kafka.password_file]
        secret = self.kafka.password.encode()
        self.assertGreater(len(secret), 8)
        work = self.secure("SASL_SSL", KAFKA_SASL_MECHANISM="SCRAM-SHA-512", KAFKA_SASL_USERNAME=self.kafka.user,
                           KAFKA_SASL_PASSWORD=path.read_text().strip(), KAFKA_SSL_CA_FILE=self.kafka.ca)  # fmt: skip
        for words in (["config", "print"], ["config", "print", "--json"], ["topic", "ls", "--log-level", "debug"],
                      ["process", "--until-caught-up", "--log-level", "debug"], ["doctor", "--json"]):  # fmt: skip
            done = work.run(*words, expect=None)
            self.assertNotIn(secret, done.stdout + done.stderr)
        for path in work.path.rglob("*"):
            if path.is_file():
                self.assertNotIn(secret, path.read_bytes(), path)

    def test_settings_that_do_not_fit_together_are_told_before_any_connection(self):
        free = free_ports(1)
        for settings, word in (
            ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "KAFKA_SASL_MECHANISM"),
            ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "PLAIN"}, "KAFKA_SASL_USERNAME"),
            ({"KAFKA_SASL_MECHANISM": "PLAIN"}, "KAFKA_SECURITY_PROTOCOL"),
            ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "OAUTHBEARER"}, "KAFKA_OAUTH_TOKEN_URL"),
            ({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CA_FILE": "/nonexistent/ca.pem"}, "/nonexistent/ca.pem"),
        ):  # fmt: skip
            with self.subTest(word), Workspace(KAFKA_BROKER=f"127.0.0.1:{free}", **settings) as work:
                done = work.run("topic", "ls", expect=78, timeout=30)
                self.assertIn(word.encode(), done.stderr)


if __name__ == "__main__":
    unittest.main()
