#!/usr/bin/env python3
"""The same rule file and test file for promtool and for `tocsin rules test`: both must agree."""

import json
import random
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from driver import Workspace
from rule_model import Model, Rule

MINUTE_US = 60_000_000
RULES = [
    {"alert": "at_once", "expr": "temperature > 30", "labels": {"severity": "warning"}},
    {"alert": "held", "expr": "temperature > 30", "for": "3m", "labels": {"severity": "critical"}},
    {"alert": "kept", "expr": "temperature > 30", "keep_firing_for": "4m", "labels": {"severity": "info"}},
    {"alert": "both", "expr": "temperature > 30", "for": "2m", "keep_firing_for": "3m",
     "labels": {"severity": "warning"}},
]  # fmt: skip


def firing_by_minute(series: dict, minutes: int) -> dict:
    """(rule, minute) -> devices that fire then, by the independent model."""
    rules = [dict(rule, severity=rule["labels"]["severity"]) for rule in RULES]
    model = Model([Rule.of(rule) for rule in rules])
    firing = {}
    for minute in range(minutes):
        for device, values in series.items():
            model.take(device, minute * MINUTE_US, {"temperature": values[minute], "humidity": 50.0})
        for rule in rules:
            firing[rule["alert"], minute] = [
                device for device in series
                if model.instances[rule["alert"], device].phase in ("firing", "recovering")
            ]  # fmt: skip
    return firing


def test_file(series: dict, minutes: int, firing: dict) -> dict:
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in RULES}
    return {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": [
                {"series": f'temperature{{device_id="{device}"}}', "values": " ".join(map(str, values))}
                for device, values in series.items()
            ],
            "alert_rule_test": [
                {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": [
                    {"exp_labels": {"device_id": device, "severity": severities[name]}} for device in devices
                ]}
                for (name, minute), devices in firing.items()
            ],
        }],
    }  # fmt: skip


class PromtoolTest(unittest.TestCase):
    def outcome(self, work, name: str, content: dict):
        """(promtool says ok, tocsin says ok)"""
        work.write("rules.yaml", json.dumps({"groups": [{"name": "g", "rules": RULES}]}))
        work.write(name, json.dumps(content))
        theirs = subprocess.run(["promtool", "test", "rules", name], cwd=work.path, capture_output=True)
        ours = work.run("rules", "test", name, expect=None)
        self.assertIn(ours.returncode, (0, 1), ours.stderr)
        return theirs.returncode == 0, ours.returncode == 0

    def test_both_accept_and_both_refuse(self):
        if not shutil.which("promtool"):
            self.skipTest("SKIPPED: promtool is not installed (Debian: prometheus)")
        minutes = 40
        for seed in range(3):
            rng = random.Random(seed)
            series = {f"dev_{i}": [rng.choice([20, 29, 31, 40]) if rng.random() < 0.4 else 35 for _ in range(minutes)]
                      for i in range(3)}  # fmt: skip
            firing = firing_by_minute(series, minutes)
            with Workspace() as work:
                good = test_file(series, minutes, firing)
                self.assertEqual(self.outcome(work, "good.yaml", good), (True, True))
                # One wrong expectation: both must see it.
                checks = good["tests"][0]["alert_rule_test"]
                wrong = next(check for check in checks if check["exp_alerts"])
                wrong["exp_alerts"].pop()
                self.assertEqual(self.outcome(work, "bad.yaml", good), (False, False))


if __name__ == "__main__":
    unittest.main()
