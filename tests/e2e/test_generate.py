"""The generator: byte-identical runs, ground truth for every fault, the sinks."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from driver import Workspace
from oracle import Config, Event, judge, parse_time

FAULTS = ["spike", "stuck", "drift", "offline", "duplicate", "late", "malformed", "clock_skew"]


class GenerateTest(unittest.TestCase):
    def setUp(self):
        self.work = Workspace()
        self.addCleanup(self.work.__exit__)

    def lines(self, *flags, **settings):
        done = self.work.run("generate", "--sink", "stdout", "--rate", 0, *flags, **settings)
        return done.stdout.splitlines()

    def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(self):
        faults = ",".join(f"{name}=0.01" for name in FAULTS)
        flags = ["--max-events", 3000, "--faults", faults]
        first = self.lines(*flags, "--seed", 1)
        self.assertEqual(first, self.lines(*flags, "--seed", 1))
        self.assertNotEqual(first, self.lines(*flags, "--seed", 2))

    def test_every_sink_gets_the_same_events(self):
        flags = ["--rate", 0, "--max-events", 500, "--seed", 3]
        done = self.work.run("generate", "--sink", "file,log,stdout", "--output", "f.jsonl", *flags)
        printed = done.stdout.splitlines()
        self.assertEqual(len(printed), 500)
        self.assertEqual((self.work.path / "f.jsonl").read_bytes().splitlines(), printed)
        self.assertEqual(sorted(r.value for r in self.work.dump("iot.raw")), sorted(printed))

    def test_without_faults_every_event_is_good_in_range_and_in_turn(self):
        events = [judge(line, Config()) for line in self.lines("--max-events", 1000, "--seed", 4, "--devices", 5)]
        self.assertTrue(all(isinstance(event, Event) for event in events))
        self.assertEqual(len({event.device for event in events}), 5)
        self.assertEqual([e.device for e in events[:5]], [e.device for e in events[5:10]])
        self.assertTrue(all(15 <= e.values[0] <= 60 and 0 <= e.values[1] <= 100 for e in events))

    def test_a_seed_alone_starts_in_2025_and_a_start_starts_there(self):
        first = json.loads(self.lines("--max-events", 1, "--seed", 1)[0])
        self.assertTrue(first["timestamp"].startswith("2025-01-01T00:00:00"))
        lines = self.lines("--max-events", 3, "--seed", 1, "--start", "2024-06-01T12:00:00Z")
        times = [parse_time(json.loads(line)["timestamp"]) for line in lines]
        self.assertEqual(times[0], parse_time("2024-06-01T12:00:00Z"))
        self.assertEqual([b - a for a, b in zip(times, times[1:])], [1000, 1000])

    def test_readings_are_not_white_noise(self):
        events = [judge(line, Config()) for line in self.lines(
            "--max-events", 2000, "--seed", 5, "--devices", 1, "--start", "2025-01-01T00:00:00Z")]  # fmt: skip
        steps = [abs(b.values[0] - a.values[0]) for a, b in zip(events, events[1:])]
        spread = max(e.values[0] for e in events) - min(e.values[0] for e in events)
        self.assertLess(sorted(steps)[len(steps) // 2], max(spread, 1) / 2)

    def test_labels_are_the_ground_truth_of_every_fault(self):
        faults = ",".join(f"{name}=0.002" for name in FAULTS)
        self.work.run("generate", "--sink", "file", "--output", "g.jsonl", "--rate", 0, "--max-events",
                      20000, "--seed", 6, "--faults", faults, "--labels-out", "labels.jsonl")  # fmt: skip
        labels = [json.loads(line) for line in (self.work.path / "labels.jsonl").read_bytes().splitlines()]
        self.assertEqual({label["fault"] for label in labels}, set(FAULTS))
        for label in labels:
            self.assertTrue({"device_id", "fault", "metric", "start", "end", "events"} <= set(label))
        lines = (self.work.path / "g.jsonl").read_bytes().splitlines()
        rejected = sum(isinstance(judge(line, Config()), str) for line in lines)
        malformed = sum(len(label["events"]) for label in labels if label["fault"] == "malformed")
        self.assertGreater(malformed, 10)
        self.assertGreaterEqual(rejected, malformed * 0.5)

    def test_an_unknown_fault_is_a_usage_error_with_a_suggestion(self):
        done = self.work.run("generate", "--sink", "stdout", "--faults", "spyke=0.1", "--max-events", 1, expect=64)
        self.assertIn(b"spike", done.stderr)

    def test_the_generator_writes_no_alerts_itself(self):
        self.work.run("generate", "--sink", "log", "--rate", 0, "--max-events", 2000, "--seed", 7)
        self.assertEqual(self.work.dump("iot.alerts"), [])
        self.assertEqual([p for p in self.work.path.rglob("alerts.log") if p.stat().st_size], [])


if __name__ == "__main__":
    unittest.main()
