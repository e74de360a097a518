#!/usr/bin/env python3
"""Rule files in the stream against the independent model, on random and on real readings."""

import gzip
import json
import math
import random
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import oracle
import samples
from driver import ROOT, Workspace
from rule_model import Model, Rule

RULES = [
    {"alert": "hot", "expr": "temperature >= 50", "severity": "critical"},
    {"alert": "hot_for_a_while", "expr": "temperature > 45", "for": "20s"},
    {"alert": "dry_and_warm", "expr": "humidity < 30 and not (temperature < 40)", "keep_firing_for": "15s"},
    {"alert": "ladder", "levels": {"info": "temperature > 42", "warning": "temperature > 47",
                                   "critical": "temperature > 52"}, "for": "5s"},
    {"alert": "hysteresis", "expr": "temperature > 48", "clear_expr": "temperature < 43"},
    {"alert": "slow_hysteresis", "expr": "temperature > 48", "clear_expr": "temperature < 45",
     "keep_firing_for": "12s", "for": "3s"},
    {"alert": "average", "expr": "avg(temperature, 30s) > 46 or max(humidity, 1m) - min(humidity, 1m) > 35"},
    {"alert": "spread", "expr": "stddev(temperature, 45s) > 3 unless humidity > 55"},
    {"alert": "middle", "expr": "median(temperature, 40s) > 47 and quantile(humidity, 0.9, 40s) < 50"},
    {"alert": "climbing", "expr": "rate(temperature, 30s) > 0.2 and derivative(temperature, 30s) > 0.1"},
    {"alert": "jump", "expr": "temperature - lag(temperature) > 4 or delta(humidity, 20s) < -20"},
    {"alert": "odd", "expr": "zscore(temperature, 5m) > 1.5 or mad_score(humidity, 5m) < -2"},
    {"alert": "often", "expr": "count_true(temperature > 48, 1m) >= 3"},
    {"alert": "row", "expr": "consecutive(temperature > 46, 3)"},
    {"alert": "smooth", "expr": "ewma(temperature, 30s) > 46.5"},
    {"alert": "silent", "expr": "gap(25s)"},
    {"alert": "moving", "expr": "changes(humidity, 1m) >= 4 and changed(temperature)"},
    {"alert": "named", "expr": "device_id =~ 'dev_[0-2]' and temperature > 49"},
    {"alert": "odd_status", "expr": "status == 'WARN' and count(temperature, 30s, min_samples=2) > 2"},
    {"alert": "arithmetic", "expr": "-temperature * 2 + humidity / 4 % 7 < -90"},
]  # fmt: skip


def rule_file(rules: list) -> str:
    return json.dumps({"groups": [{"name": "g", "rules": rules}]})  # JSON is YAML


def random_lines(rng: random.Random, count: int, devices: int) -> list:
    """Walks of a small fleet with ties, repeats of values, and events that come out of order."""
    heat = [rng.uniform(40, 50) for _ in range(devices)]
    clock = [0.0] * devices
    lines = []
    for _ in range(count):
        at = rng.randrange(devices)
        heat[at] = min(60.0, max(35.0, heat[at] + rng.choice([0, 0, rng.gauss(0, 3)])))
        clock[at] += rng.choice([0, 1, 2, 5, 5, 5, 10, 31])
        second = clock[at] - rng.choice([3, 20]) if rng.random() < 0.06 else clock[at]
        lines.append(samples.event(f"dev_{at}", int(max(0, second)), round(heat[at], 1),
                                   round(rng.uniform(20, 60), 1),
                                   status=rng.choice(["OK", "WARN", None])))  # fmt: skip
    return lines


def same(wanted, got) -> bool:
    if isinstance(wanted, float) and isinstance(got, (int, float)):
        return math.isclose(wanted, got, rel_tol=1e-9, abs_tol=1e-9)
    return wanted == got


class RulesTest(unittest.TestCase):
    def check(self, rules: list, lines: list, run=None, **settings):
        """Runs the stream over the lines and compares reasons and alert records with the model."""
        with Workspace(RULES_FILE="rules.yaml", **settings) as work:
            work.write("rules.yaml", rule_file(rules))
            work.ingest(b"\n".join(lines))
            if run:
                run(work)
            work.run("process", "--until-caught-up")
            return self.compare(work, rules)

    def compare(self, work, rules: list) -> int:
        alerts = work.dump_partitions("iot.alerts")
        compared = 0
        for partition, records in work.dump_partitions("iot.processed").items():
            model = Model([Rule.of(rule) for rule in rules])
            for record in records:
                event = json.loads(record.value)
                names = model.take(event["device_id"], oracle.parse_time(event["timestamp"]),
                                   {name: event.get(name) for name in ("temperature", "humidity")},
                                   event.get("status"))  # fmt: skip
                self.assertEqual(event["reason"], ",".join(names) or None, record.value)
            got = [json.loads(record.value) for record in alerts[partition]]
            for wanted, alert in zip(model.records, got):
                wrong = {key: (value, alert[key]) for key, value in wanted.items()
                         if not same(value, alert[key])}  # fmt: skip
                self.assertFalse(wrong, f"(wanted, got) of {alert}")
            self.assertEqual(len(model.records), len(got))
            compared += len(got)
        return compared

    def test_every_kind_of_rule_on_random_walks(self):
        for seed in range(4):
            rng = random.Random(seed)
            compared = self.check(RULES, random_lines(rng, 900, 5))
            self.assertGreater(compared, 300)

    def test_small_transactions_give_the_same_records(self):
        rng = random.Random(77)
        self.check(RULES, random_lines(rng, 400, 3), STREAMING_BATCH_SIZE=7)

    def test_kills_at_any_time_change_no_record(self):
        rng = random.Random(21)
        killed = []

        def kill_often(work):
            for _ in range(12):
                process = work.start("process")
                time.sleep(rng.uniform(0.05, 0.4))
                killed.append(process.poll() is None)
                process.kill()
                process.communicate()

        compared = self.check(RULES, random_lines(rng, 1500, 5), kill_often, STREAMING_BATCH_SIZE=20)
        self.assertGreater(compared, 300)
        self.assertTrue(any(killed))

    def test_each_rule_alone_on_random_walks(self):
        rng = random.Random(5)
        lines = random_lines(rng, 300, 2)
        for rule in RULES[::3]:
            with self.subTest(rule["alert"]):
                self.check([rule], lines)

    def test_real_readings(self):
        path = ROOT / "examples"
        files = sorted(path.glob("*.jsonl*"))
        if not files:
            self.skipTest("SKIPPED: no example readings")
        opened = gzip.open if files[0].suffix == ".gz" else open
        with opened(files[0], "rb") as file:
            lines = file.read().splitlines()[:1500]
        rules = [
            {"alert": "warm", "expr": "avg(temperature, 10m) > 22", "for": "1m"},
            {"alert": "damp", "levels": {"warning": "humidity > 60", "critical": "humidity > 75"},
             "clear_expr": "humidity < 58"},
            {"alert": "jumpy", "expr": "stddev(temperature, 5m) > 0.5", "keep_firing_for": "2m"},
        ]  # fmt: skip
        self.check(rules, lines)


if __name__ == "__main__":
    unittest.main()
