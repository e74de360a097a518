#!/usr/bin/env python3
"""Prometheus' configuration and rules and Grafana's dashboards: valid, and about metrics that there are."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from driver import ROOT

PROMETHEUS = ROOT / "deploy/prometheus"
GRAFANA = ROOT / "deploy/grafana"
METRIC = re.compile(r"\btocsin_[a-z0-9_]+")
NO_PROMTOOL = "" if shutil.which("promtool") else "SKIPPED LOUDLY: promtool is not installed"
if NO_PROMTOOL:
    print(NO_PROMTOOL, file=sys.stderr)


def known_metrics() -> dict:
    """The metrics of the reference page, each with its labels."""
    rows = re.findall(r"(?m)^\| `(tocsin_\w+)` \| \w+ \| ([^|]*) \|", (ROOT / "docs/reference/metrics.md").read_text())
    return {name: set(re.findall(r"`(\w+)`:", labels)) for name, labels in rows}


def expressions() -> list:
    rules = re.findall(r"(?ms)^        expr: (?:\|\n)?(.*?)^        (?:for|labels):", (PROMETHEUS / "tocsin.rules.yml").read_text())
    panels = [
        target["expr"]
        for path in sorted((GRAFANA / "dashboards").glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
        for target in panel.get("targets", [])
    ]
    return rules + panels


class MetricsTest(unittest.TestCase):
    def test_every_metric_and_label_of_rules_and_dashboards_exists(self):
        known = known_metrics()
        self.assertGreater(len(known), 30)
        self.assertGreater(len(expressions()), 40)
        for expression in expressions():
            for name in METRIC.findall(expression):
                self.assertIn(name, known, expression)
            allowed = {"instance", "job", "status"}.union(*(known[name] for name in METRIC.findall(expression)), set())
            for group in re.findall(r"(?:by|without) \(([^)]*)\)", expression):
                self.assertLessEqual(set(re.findall(r"\w+", group)), allowed, expression)


@unittest.skipIf(NO_PROMTOOL, NO_PROMTOOL)
class PromtoolTest(unittest.TestCase):
    def check(self, *words):
        done = subprocess.run(["promtool", *words], cwd=PROMETHEUS, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_configuration_is_valid(self):
        self.check("check", "config", "--syntax-only", "prometheus.yml")
        self.check("check", "rules", "tocsin.rules.yml")

    def test_each_alert_fires_when_it_should_and_not_on_a_healthy_instance(self):
        self.check("test", "rules", "tocsin.rules_test.yml")
        alerts = re.findall(r"- alert: (\w+)", (PROMETHEUS / "tocsin.rules.yml").read_text())
        tested = (PROMETHEUS / "tocsin.rules_test.yml").read_text()
        for alert in alerts:
            self.assertRegex(tested, rf"alertname: {alert}\n\s+exp_alerts:\n", alert)

    def test_queries_of_the_dashboards_are_promql(self):
        rules = {"groups": [{"name": "g", "rules": [
            {"record": f"r{i}", "expr": re.sub(r"\$__rate_interval|\$__range", "5m", expression).replace("$instance", "x")}
            for i, expression in enumerate(expressions())
        ]}]}  # fmt: skip
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(rules, file)
            file.flush()
            self.check("check", "rules", file.name)


class DashboardsTest(unittest.TestCase):
    def test_they_are_those_of_the_code(self):
        done = subprocess.run([sys.executable, str(GRAFANA / "make_dashboards.py"), "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_panels_do_not_overlap_and_have_their_own_numbers(self):
        for path in (GRAFANA / "dashboards").glob("*.json"):
            panels = json.loads(path.read_text())["panels"]
            self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
            taken = set()
            for panel in panels:
                place = panel["gridPos"]
                cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
                self.assertFalse(cells & taken, panel["title"])
                taken |= cells


if __name__ == "__main__":
    unittest.main()
