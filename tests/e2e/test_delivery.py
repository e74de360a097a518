#!/usr/bin/env python3
"""Alerts to real receivers: retries, order, kills, signatures, silences, the desk."""

import base64
import json
import sys
import time
import unittest
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import samples
from driver import Workspace
from receiver import Receiver

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
LOCAL = {"ALERT_ALLOW_HTTP": "true", "ALERT_ALLOW_NETWORKS": "127.0.0.0/8"}


def crossing(devices: int, second=0, temperature=60.0) -> bytes:
    """One reading of each device."""
    return b"\n".join(samples.event(f"dev_{i}", second, temperature) for i in range(devices))


def alert_ids(request) -> list:
    return [(alert["id"], alert["state"]) for alert in request.json["data"]["alerts"]]


class DeliveryTest(unittest.TestCase):
    def deliver(self, work, *arguments, **more):
        return work.json("deliver", "--until-caught-up", *arguments, **more)

    def fill(self, work, devices=3, **options):
        work.ingest(crossing(devices, **options))
        work.run("process", "--until-caught-up")

    def test_each_alert_is_posted_once_and_resolved_once(self):
        with Receiver() as receiver, Workspace(ALERT_WEBHOOK_URL=receiver.url, **LOCAL) as work:
            self.fill(work, 5)
            self.deliver(work)
            self.fill(work, 5, second=10, temperature=20.0)
            self.deliver(work)
            got = Counter(pair for request in receiver.requests for pair in alert_ids(request))
            written = Counter()
            for record in work.dump("iot.alerts"):
                alert = json.loads(record.value)
                written[alert["id"], alert["state"]] += 1
            self.assertEqual(got, written)
            self.assertEqual(len(got), 10)
            self.assertEqual(len(set(receiver.ids())), len(receiver.requests))

    def test_private_addresses_and_plain_http_are_refused_by_default(self):
        with Receiver() as receiver:
            with Workspace(ALERT_WEBHOOK_URL=receiver.url) as work:
                done = work.run("deliver", "--until-caught-up", expect=78)
                self.assertIn(b"ALERT_ALLOW_HTTP", done.stderr)
            with Workspace(ALERT_WEBHOOK_URL=receiver.url, ALERT_ALLOW_HTTP="true") as work:
                done = work.run("deliver", "--until-caught-up", expect=78)
                self.assertIn(b"ALERT_ALLOW_NETWORKS", done.stderr)
            self.assertEqual(receiver.requests, [])

    def test_errors_are_retried_with_the_same_id_and_body(self):
        for fault in (503, 429, 408, "reset", "garbage"):
            answer = lambda request, number: fault if number == 0 else 200  # noqa: B023, E731
            with self.subTest(fault), Receiver(answer) as receiver:
                with Workspace(ALERT_WEBHOOK_URL=receiver.url, **LOCAL) as work:
                    self.fill(work, 1)
                    process = work.start("deliver")
                    first, second = receiver.wait_for(2)[:2]
                    process.terminate()
                    process.communicate(timeout=60)
                    self.assertEqual(process.returncode, 0)
                    self.assertEqual((first.id, first.body), (second.id, second.body))

    def test_retry_after_is_honoured(self):
        answer = lambda request, number: (429, {"Retry-After": "3"}) if number == 0 else 200  # noqa: E731
        with Receiver(answer) as receiver, Workspace(ALERT_WEBHOOK_URL=receiver.url, **LOCAL) as work:
            self.fill(work, 1)
            process = work.start("deliver")
            first, second = receiver.wait_for(2)[:2]
            process.terminate()
            process.communicate(timeout=60)
            self.assertGreaterEqual(second.at - first.at, 2.9)

    def test_a_client_error_is_a_dead_letter_that_can_be_redelivered(self):
        broken = [True]
        with Receiver(lambda request, number: 400 if broken[0] else 200) as receiver:
            with Workspace(ALERT_WEBHOOK_URL=receiver.url, **LOCAL) as work:
                self.fill(work, 1)
                self.deliver(work)
                rows = work.json("deliveries", "ls")
                dead = [row for row in rows if row["state"] == "dead"]
                self.assertEqual(len(dead), 1, rows)
                self.assertEqual(len(receiver.requests), 1)
                self.assertIn("400", dead[0]["last_error"])
                head, line = work.run("deliveries", "ls").stdout.decode().splitlines()
                self.assertTrue(head.endswith("last error"), head)
                self.assertTrue(line.endswith(dead[0]["last_error"]), line)
                broken[0] = False
                work.run("deliveries", "redeliver", dead[0]["id"])
                self.deliver(work)
                self.assertEqual(len(receiver.requests), 2)
                self.assertEqual(len(set(receiver.ids())), 1)
                self.assertEqual([row["state"] for row in work.json("deliveries", "ls")], ["done"])

    def test_a_dead_channel_delays_no_other(self):
        with Receiver(lambda *_: "hang") as dead, Receiver(lambda *_: (200, {}, b"ok")) as slack:
            with Workspace(ALERT_WEBHOOK_URL=dead.url, ALERT_SLACK_WEBHOOK_URL=slack.url, **LOCAL) as work:
                self.fill(work, 5)
                process = work.start("deliver")
                started = time.monotonic()
                requests = slack.wait_for(5, 20)
                self.assertLess(max(request.at for request in requests) - started, 15)
                process.kill()
                process.communicate()

    def test_signatures_hold_against_the_reference_verifier(self):
        try:
            from standardwebhooks import Webhook
        except ImportError:
            self.skipTest("SKIPPED: the Python package standardwebhooks is not installed")
        settings = {"ALERT_WEBHOOK_SECRET": SECRET} | LOCAL
        with Receiver() as receiver, Workspace(ALERT_WEBHOOK_URL=receiver.url, **settings) as work:
            self.fill(work, 2)
            self.deliver(work)
            self.assertEqual(len(receiver.requests), 2)
            for request in receiver.requests:
                self.assertEqual(Webhook(SECRET).verify(request.body, request.headers), request.json)
                with self.assertRaises(Exception):
                    Webhook(SECRET).verify(request.body + b" ", request.headers)

    def test_a_silence_holds_until_it_is_expired(self):
        with Receiver() as receiver, Workspace(ALERT_WEBHOOK_URL=receiver.url, **LOCAL) as work:
            self.fill(work, 2)
            work.run("silence", "add", 'device_id="dev_0"', "--duration", "1h", "--comment", "test")
            self.deliver(work)
            told = {alert["device_id"] for request in receiver.requests for alert in request.json["data"]["alerts"]}
            self.assertEqual(told, {"dev_1"})
            (silence,) = work.json("silence", "ls")
            work.run("silence", "expire", silence["id"])
            process = work.start("deliver")
            receiver.wait_for(2, 60)
            process.terminate()
            process.communicate(timeout=60)
            told = {alert["device_id"] for request in receiver.requests for alert in request.json["data"]["alerts"]}
            self.assertEqual(told, {"dev_0", "dev_1"})

    def test_kills_repeat_at_most_what_was_under_way_and_lose_nothing(self):
        devices = 300
        with Receiver() as receiver, Workspace(ALERT_WEBHOOK_URL=receiver.url, **LOCAL) as work:
            self.fill(work, devices)
            kills, in_flight = 0, 8
            for pause in (0.15, 0.25, 0.35, 0.5, 0.2, 0.3):
                process = work.start("deliver")
                time.sleep(pause)
                kills += process.poll() is None
                process.kill()
                process.communicate()
            self.deliver(work, timeout=240)
            told = Counter(pair for request in receiver.requests for pair in alert_ids(request))
            written = {(alert["id"], alert["state"]) for alert in
                       (json.loads(record.value) for record in work.dump("iot.alerts"))}  # fmt: skip
            self.assertEqual(set(told), written)
            bodies = {}
            for request in receiver.requests:
                self.assertEqual(bodies.setdefault(request.id, request.body), request.body)
            repeats = len(receiver.requests) - len(bodies)
            self.assertLessEqual(repeats, kills * in_flight)
            self.assertEqual(sum(len(json.loads(body)["data"]["alerts"]) for body in bodies.values()),
                             len(written))  # fmt: skip

    def test_an_alertmanager_configuration_groups_and_routes(self):
        routes = """
route:
  receiver: everyone
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  routes:
    - matchers: [alertname="humidity_low"]
      receiver: dry
receivers:
  - name: everyone
    webhook_configs: [{url: "URL/everyone"}]
  - name: dry
    webhook_configs: [{url: "URL/dry", send_resolved: false}]
"""
        with Receiver() as receiver:
            with Workspace(ALERT_ROUTES_FILE="routes.yaml", **LOCAL) as work:
                work.write("routes.yaml", routes.replace("URL", receiver.url))
                lines = [samples.event(f"dev_{i}", 0, 60.0, 10.0) for i in range(20)]
                work.ingest(b"\n".join(lines))
                work.run("process", "--until-caught-up")
                self.deliver(work)
                told = Counter()
                for request in receiver.requests:
                    body = request.json
                    self.assertEqual(body["version"], "4")
                    self.assertEqual(body["receiver"], request.path.rsplit("/", 1)[1])
                    for alert in body["alerts"]:
                        told[body["receiver"], alert["labels"]["alertname"]] += 1
                self.assertEqual(told, {("everyone", "temperature_high"): 20, ("dry", "humidity_low"): 20})
                self.assertLess(len(receiver.requests), 10)

    def test_templates_of_files_write_the_messages(self):
        routes = """
route: {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 1s}
templates: ['templates/*.tmpl']
receivers:
  - name: ops
    slack_configs: [{api_url: "URL", title: "none", text: '{{ template "ops.text" . }}'}]
"""
        text = """{{ define "ops.row" }}{{ .Labels.device_id }} {{ .Value | printf "%.1f" }} since {{ .StartsAt.Format "15:04:05" }};{{ end }}
{{ define "ops.text" }}{{ $n := len .Alerts.Firing }}{{ $n }} hot: {{ range .Alerts }}{{ template "ops.row" . }}{{ end }}{{ end }}
"""
        with Receiver(lambda *_: (200, {}, b"ok")) as receiver:
            with Workspace(ALERT_ROUTES_FILE="routes.yaml", **LOCAL) as work:
                work.write("routes.yaml", routes.replace("URL", receiver.url))
                work.write("templates/ops.tmpl", text)
                work.run("config", "check")
                self.fill(work, 1)
                self.deliver(work)
                (request,) = receiver.requests
                self.assertRegex(request.body.decode(), r"1 hot: dev_0 60\.0 since \d\d:\d\d:\d\d;")
                work.write("templates/ops.tmpl", text.replace("{{ end }}\n{{ define", "\n{{ define", 1))
                done = work.run("config", "check", expect=78)
                self.assertIn(b"template file templates/ops.tmpl, line 2, column 1", done.stderr)

    def test_a_wrong_routes_file_names_every_mistake(self):
        with Workspace(ALERT_ROUTES_FILE="routes.yaml") as work:
            work.write("routes.yaml", "route:\n  receiver: nobody\n  group_wiat: 1s\nreceivers:\n  - name: x\n")
            done = work.run("deliver", "--until-caught-up", expect=78)
            self.assertIn(b"routes.yaml:3:3", done.stderr)
            self.assertIn(b"group_wait", done.stderr)
            self.assertIn(b"nobody", done.stderr)

    def test_a_storm_becomes_digests(self):
        devices = 20_000
        with Receiver() as receiver, Workspace(ALERT_WEBHOOK_URL=receiver.url, **LOCAL) as work:
            self.fill(work, devices)
            self.deliver(work, timeout=240)
            counted = sum(request.json["data"]["firing_count"] for request in receiver.requests)
            self.assertEqual(counted, devices)
            self.assertLess(len(receiver.requests), devices / 2)
            digests = [request.json["data"] for request in receiver.requests if request.json["data"]["digest"]]
            self.assertTrue(digests and digests[-1]["top_devices"])


if __name__ == "__main__":
    unittest.main()
