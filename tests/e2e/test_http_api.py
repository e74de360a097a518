"""The HTTP API: every answer against docs/specs/openapi.yaml, live stream, hostile names."""

import json
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from driver import Workspace, stop, wait_for
from http_api import Contract, Live, Server, lines, reading

HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "../../etc/passwd", "a/b?c=d&e#f", "..", "%2e%2e",
    "ünï 😀", "\u202egnp.exe", "a\u0000b", "tab\tline\nend", "'; DROP TABLE x; --", " ", "x" * 256, "{{device_id}}",
    "\u2028\u2029", "-1+cmd|' /C calc'!A0",
]  # fmt: skip


class ApiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            cls.contract = Contract()
        except ImportError as missing:
            raise unittest.SkipTest(f"SKIPPED: {missing} (Debian: python3-jsonschema, python3-yaml)") from missing
        cls.work = Workspace(BATCH_INTERVAL="500ms")
        cls.addClassCleanup(cls.work.__exit__)
        cls.server = Server(cls.work)
        cls.addClassCleanup(cls.server.__exit__)
        cls.begin = time.time() - 600
        cls.readings = [reading(f"dev_{i % 5}", cls.begin + i, 20 + i % 7, 40 + i % 11) for i in range(500)]
        cls.readings += [reading("hot", cls.begin + i, 60 + i) for i in range(3)]
        cls.readings += [reading(name, cls.begin + 10, 22.5) for name in HOSTILE]
        bad = b'{"device_id":"dev_1"}\nno json\n'
        answer = cls.server.ingest(lines(cls.readings) + bad)
        assert answer.status == 202, answer
        expected = len(cls.readings)

        def processed():
            return cls.server.get("/api/v1/summary").json["events"] == expected

        wait_for(processed, what="all readings in the summary")
        wait_for(lambda: cls.server.get("/api/v1/summary").json["alerts"] >= 1, what="the alert")

    def ask(self, path, status=200, **query):
        answer = self.server.get(path, **query)
        self.contract.check("GET", path, answer)
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def test_summary_has_the_four_figures(self):
        summary = self.ask("/api/v1/summary")
        self.assertEqual(summary["events"], len(self.readings))
        self.assertEqual(summary["devices"], 6 + len(HOSTILE))
        self.assertEqual(summary["devices_in_alert"], 1)
        self.assertEqual((summary["alerts"], summary["alerts_firing"]), (1, 1))
        self.assertEqual(summary["dead_letters"], 2)

    def test_meta_names_the_declared_metrics(self):
        meta = self.ask("/api/v1/meta")
        self.assertEqual([metric["name"] for metric in meta["metrics"]], ["temperature", "humidity"])
        self.assertEqual(meta["bands"][0], {"metric": "temperature", "rule": "temperature_high", "op": ">=", "value": 50})

    def test_meta_has_the_thresholds_of_a_rule_file(self):
        rules = ("groups: [{name: g, rules: [{alert: muggy, expr: temperature > 30 and humidity >= 70}, "
                 "{alert: warm, expr: 'avg(temperature, 1m) > 40'}]}]")  # fmt: skip
        with Workspace() as work:
            (work.path / "rules.yaml").write_text(rules)
            with Server(work, "up", RULES_FILE="rules.yaml") as server:
                meta = server.get("/api/v1/meta").json
        self.assertEqual(meta["bands"], [{"metric": "temperature", "rule": "muggy", "op": ">", "value": 30},
                                         {"metric": "humidity", "rule": "muggy", "op": ">=", "value": 70}])  # fmt: skip

    def test_devices_are_searched_sorted_and_paged(self):
        page = self.ask("/api/v1/devices", search="DEV_", sort="temperature", order="desc", limit=2)
        self.assertEqual(page["total"], 5)
        self.assertEqual(len(page["devices"]), 2)
        values = [device["values"][0] for device in self.ask("/api/v1/devices", sort="temperature")["devices"]]
        self.assertEqual(values, sorted(values))
        ids = []
        for offset in range(0, 22, 4):
            ids += [d["id"] for d in self.ask("/api/v1/devices", limit=4, offset=offset)["devices"]]
        self.assertEqual(ids, sorted(ids, key=str.encode))
        self.assertEqual(len(set(ids)), 22)
        alert = self.ask("/api/v1/devices", state="alert")
        self.assertEqual([(d["id"], d["state"], d["reasons"]) for d in alert["devices"]],
                         [("hot", "alert", ["temperature_high"])])  # fmt: skip

    def test_every_hostile_name_comes_back_as_it_is(self):
        listed = {device["id"] for device in self.ask("/api/v1/devices", limit=1000)["devices"]}
        for name in HOSTILE:
            self.assertIn(name, listed)
            self.assertEqual(self.ask("/api/v1/device", id=name)["device"]["id"], name)
            events = self.ask("/api/v1/events", device=name)["events"]
            self.assertEqual([event["event"]["device_id"] for event in events], [name])
            series = self.ask("/api/v1/series", device=name, metric="temperature")
            self.assertEqual(series["v"], [22.5])
            self.assertEqual(self.ask("/api/v1/alerts", device=name)["total"], 0)

    def test_an_unknown_device_or_range_is_an_empty_result(self):
        self.assertIsNone(self.ask("/api/v1/device", id="nobody")["device"])
        self.assertEqual(self.ask("/api/v1/events", device="nobody")["events"], [])
        self.assertEqual(self.ask("/api/v1/series", device="nobody", metric="humidity")["t"], [])
        self.assertEqual(self.ask("/api/v1/series", metric="humidity", **{"from": 0, "to": 1000})["t"], [])
        self.assertEqual(self.ask("/api/v1/aggregates/hourly", device="nobody")["rows"], [])

    def test_a_series_keeps_every_peak_in_two_points_a_bucket(self):
        got = self.ask("/api/v1/series", device="dev_0", metric="temperature", points=5)
        own = [item["temperature"] for item in self.readings if item["device_id"] == "dev_0"]
        self.assertLessEqual(len([v for v in got["v"] if v is not None]), 10)
        self.assertEqual((min(got["v"]), max(got["v"])), (min(own), max(own)))
        self.assertEqual(got["readings"], len(own))
        self.assertEqual(got["t"], sorted(got["t"]))
        whole = self.ask("/api/v1/series", device="dev_0", metric="temperature", points=4000)
        self.assertEqual([v for v in whole["v"] if v is not None], own)

    def test_the_trend_is_the_mean_of_the_fleet(self):
        trend = self.ask("/api/v1/series", metric="temperature")
        own = [item["temperature"] for item in self.readings]
        self.assertEqual(sum(trend["count"]), len(own))
        mean = sum(a * n for a, n in zip(trend["avg"], trend["count"])) / len(own)
        self.assertAlmostEqual(mean, sum(own) / len(own))
        self.assertEqual((min(trend["min"]), max(trend["max"])), (min(own), max(own)))

    def test_the_hourly_table_is_that_of_the_batch_job(self):
        wait_for(lambda: self.ask("/api/v1/aggregates/hourly")["total"] > 0, what="the batch job")
        page = self.ask("/api/v1/aggregates/hourly", limit=1000)
        self.assertEqual(sum(row["event_count"] for row in page["rows"]), len(self.readings))
        hours = [row["hour_ms"] for row in page["rows"]]
        self.assertEqual(hours, sorted(hours, reverse=True))
        hot = self.ask("/api/v1/aggregates/hourly", device="hot")["rows"]
        self.assertEqual(max(row["metrics"]["temperature"]["max"] for row in hot), 62)

    def test_history_and_live_readings_are_one_series_without_repeats(self):
        wait_for(lambda: self.ask("/api/v1/aggregates/hourly")["total"] > 0, what="the batch job")
        got = self.ask("/api/v1/series", device="hot", metric="temperature")
        self.assertEqual(got["v"], [60, 61, 62])

    def test_alerts_are_filtered(self):
        everything = self.ask("/api/v1/alerts")
        self.assertEqual((everything["total"], everything["complete"]), (1, True))
        self.assertEqual(everything["alerts"][0]["device_id"], "hot")
        self.assertEqual(self.ask("/api/v1/alerts", state="resolved")["total"], 0)
        self.assertEqual(self.ask("/api/v1/alerts", rule="humidity_low")["total"], 0)
        self.assertEqual(self.ask("/api/v1/alerts", search="HO")["total"], 1)
        before = int((self.begin - 60) * 1000)
        self.assertEqual(self.ask("/api/v1/alerts", to=before)["total"], 0)

    def test_dead_letters_are_paged_newest_first(self):
        page = self.ask("/api/v1/dead-letters", limit=1)
        self.assertEqual(len(page["letters"]), 1)
        rest = self.ask("/api/v1/dead-letters", limit=10, before=page["next"])
        self.assertEqual(len(rest["letters"]), 1)
        self.assertIsNone(rest["next"])
        values = {letter["value"] for letter in page["letters"] + rest["letters"]}
        self.assertEqual(values, {'{"device_id":"dev_1"}', "no json"})
        only = self.ask("/api/v1/dead-letters", reason="invalid_json")
        self.assertEqual([letter["value"] for letter in only["letters"]], ["no json"])

    def test_pipeline_adds_up(self):
        pipeline = self.ask("/api/v1/pipeline")
        totals = pipeline["totals"]
        self.assertEqual(totals["read"], totals["processed"] + totals["dead_letters"] + totals["duplicates"])
        self.assertEqual(totals["unaccounted"], 0)
        self.assertEqual(pipeline["topics"][0]["records"], len(self.readings) + 2)

    def test_without_channels_the_desk_is_empty_and_says_so(self):
        for path, member in (("deliveries", "deliveries"), ("channels", "channels"), ("silences", "silences")):
            answer = self.ask(f"/api/v1/{path}")
            self.assertEqual((answer["enabled"], answer[member]), (False, []))
        answer = self.server.post("/api/v1/silences", {"matchers": [{"name": "a", "value": "b"}], "duration_seconds": 9})
        self.contract.check("POST", "/api/v1/silences", answer)
        self.assertEqual(answer.status, 409)

    def test_wrong_parameters_are_named(self):
        for path, query in (
            ("/api/v1/devices", {"limit": "many"}), ("/api/v1/devices", {"sort": "colour"}),
            ("/api/v1/series", {"metric": "no_such"}), ("/api/v1/series", {"metric": "humidity", "from": "today"}),
            ("/api/v1/alerts", {"state": "angry"}), ("/api/v1/dead-letters", {"before": "x"}), ("/api/v1/device", {}),
            ("/api/v1/series", {"metric": "humidity", "from": 5, "to": 5}),
        ):  # fmt: skip
            problem = self.ask(path, status=400, **query)
            for name, value in query.items():
                if name not in ("metric",) and path != "/api/v1/series":
                    self.assertIn(name, problem["detail"])
                    self.assertIn(str(value), problem["detail"] + str(value) * (name == "before"))

    def test_every_read_of_the_specification_answers_as_specified(self):
        for method, path in self.contract.operations():
            if method != "GET" or path == "/api/v1/live":
                continue
            with self.subTest(path):
                self.contract.check(method, path, self.server.get(path))

    def test_every_change_refuses_what_is_no_object(self):
        for method, path in self.contract.operations():
            if method != "POST" or path in ("/api/v1/events", "/api/v2/write", "/write"):
                continue
            with self.subTest(path):
                for body in (b"", b"[]", b"{", b'"x"', b"\xff"):
                    answer = self.server.request("POST", path, body, {"Content-Type": "application/json"})
                    self.contract.check("POST", path, answer)
                    self.assertIn(answer.status, (200, 400, 409), answer)
                self.assertEqual(self.server.request("POST", path, b"{}").status, 415)


class LiveTest(unittest.TestCase):
    def setUp(self):
        try:
            self.contract = Contract()
        except ImportError as missing:
            self.skipTest(f"SKIPPED: {missing} (Debian: python3-jsonschema, python3-yaml)")
        self.work = Workspace(BATCH_INTERVAL="0")
        self.addCleanup(self.work.__exit__)

    def test_hello_ticks_changes_and_alerts_come(self):
        with Server(self.work) as server, Live(server) as live:
            self.contract.check_named("Hello", live.wait("hello"))
            self.contract.check_named("Tick", live.wait("tick"))
            server.ingest(lines([reading("press", time.time(), 70.0), reading("<b>", time.time())]))
            alert = live.wait("alert")
            self.contract.check_named("Alert", alert)
            self.assertEqual((alert["device_id"], alert["state"]), ("press", "firing"))
            seen = set()

            def both(event, data):
                if event == "devices":
                    self.contract.check_named("DeviceChanges", data)
                    seen.update(device["id"] for device in data["devices"])
                return seen >= {"press", "<b>"}

            live.wait(both)
            live.wait(lambda event, data: event == "tick" and data["summary"]["devices"] == 2)

    def test_the_stream_comes_compressed_and_without_devices_for_who_asks(self):
        with Server(self.work) as server, Live(server, zipped=True) as zipped, Live(server, query="?devices=none") as few:
            server.ingest(lines([reading("press", time.time(), 70.0)]))
            seen = {id(zipped): [], id(few): []}
            for live in (zipped, few):
                done = lambda event, data: event == "tick" and data["summary"]["alerts"] == 1
                live.wait(lambda event, data: seen[id(live)].append(event) or done(event, data))
                live.wait(lambda event, data: seen[id(live)].append(event) or event == "tick")
            self.assertEqual(set(seen[id(zipped)]), {"hello", "tick", "devices", "alert"})
            self.assertEqual(set(seen[id(few)]), {"hello", "tick", "alert"})
            self.assertEqual(server.get("/api/v1/live", devices="some").status, 400)

    def test_a_reconnect_gets_what_it_missed_and_nothing_twice(self):
        with Server(self.work) as server:
            with Live(server) as live:
                live.wait("tick")
                server.ingest(lines([reading("one", time.time(), 70.0)]))
                live.wait("alert")
                place = live.last_id
            server.ingest(lines([reading("two", time.time(), 70.0)]))
            wait_for(lambda: server.get("/api/v1/summary").json["alerts"] == 2, what="the second alert")
            with Live(server, place) as live:
                self.assertEqual(live.wait("alert")["device_id"], "two")
            with Live(server, "no such place") as live:
                live.wait("reset")

    def test_after_a_restart_the_place_is_still_good(self):
        with Server(self.work) as server:
            server.ingest(lines([reading("one", time.time(), 70.0)]))
            wait_for(lambda: server.get("/api/v1/summary").json["alerts"] == 1, what="the alert")
            with Live(server) as live:
                live.wait("hello")
                place = live.last_id
        with Server(self.work) as server:
            summary = server.get("/api/v1/summary").json
            self.assertEqual((summary["alerts"], summary["devices"], summary["events"]), (1, 1, 1))
            server.ingest(lines([reading("two", time.time(), 70.0)]))
            wait_for(lambda: server.get("/api/v1/summary").json["alerts"] == 2, what="the second alert")
            with Live(server, place) as live:
                self.assertEqual(live.wait("alert")["device_id"], "two")

    def test_the_dashboard_beside_a_running_up_shows_the_same(self):
        with Server(self.work) as server:
            server.ingest(lines([reading(f"d{i}", time.time()) for i in range(20)]))
            with Server(self.work, "dashboard") as beside:
                wait_for(lambda: beside.get("/api/v1/summary").json["devices"] == 20, what="the devices")
                self.assertEqual(beside.ingest(lines([reading("d20", time.time())])).status, 202)
                wait_for(lambda: server.get("/api/v1/summary").json["devices"] == 21, what="the device")

    def test_a_stop_ends_the_streams_at_once(self):
        server = Server(self.work)
        with Live(server) as live:
            live.wait("tick")
            begun = time.monotonic()
            server.process.terminate()
            self.assertEqual(list(live.frames())[-1:][0:0], [])
            self.assertEqual(server.process.wait(timeout=60), 0)
            self.assertLess(time.monotonic() - begun, 30)
        server.__exit__()


class DeskTest(unittest.TestCase):
    def test_alerts_are_acknowledged_and_silenced_over_http(self):
        from receiver import Receiver

        contract = Contract()
        with Receiver(lambda request, number: 200) as receiver, Workspace(
            BATCH_INTERVAL="0", ALERT_WEBHOOK_URL=receiver.url, ALERT_ALLOW_HTTP="true",
            ALERT_ALLOW_NETWORKS="127.0.0.0/8",
        ) as work, Server(work) as server:  # fmt: skip

            def ask(path, **query):
                answer = server.get(path, **query)
                contract.check("GET", path, answer)
                return answer.json

            def tell(path, value, status):
                answer = server.post(path, value)
                contract.check("POST", path, answer)
                self.assertEqual(answer.status, status, answer)
                return answer.json

            server.ingest(lines([reading("press", time.time(), 70.0)]))
            wait_for(lambda: ask("/api/v1/deliveries", state="done")["deliveries"], what="the delivery")
            delivery = ask("/api/v1/deliveries")["deliveries"][0]
            self.assertEqual(ask("/api/v1/delivery", id=delivery["id"])["delivery"]["log"][0]["outcome"], "delivered")
            self.assertIsNone(ask("/api/v1/delivery", id="nope")["delivery"])
            self.assertTrue(ask("/api/v1/channels")["channels"])
            fingerprint = ask("/api/v1/alerts")["alerts"][0]["fingerprint"]
            made = tell("/api/v1/alerts/acknowledge", {"fingerprint": fingerprint, "comment": "mine"}, 201)
            tell("/api/v1/alerts/acknowledge", {"fingerprint": "0" * 16}, 404)
            silence = {"matchers": [{"name": "device_id", "value": "x"}], "duration_seconds": 60}
            other = tell("/api/v1/silences", silence, 201)
            kinds = {item["id"]: (item["kind"], item["active"]) for item in ask("/api/v1/silences")["silences"]}
            self.assertEqual(kinds, {made["id"]: ("acknowledge", True), other["id"]: ("silence", True)})
            tell("/api/v1/silences/expire", {"id": other["id"]}, 200)
            active = {item["id"]: item["active"] for item in ask("/api/v1/silences")["silences"]}
            self.assertFalse(active[other["id"]])
            for wrong in ({"matchers": [], "duration_seconds": 60}, {"matchers": 7, "duration_seconds": 60},
                          silence | {"duration_seconds": 0}, silence | {"kind": 5}):  # fmt: skip
                tell("/api/v1/silences", wrong, 400)
            tell("/api/v1/deliveries/redeliver", {"id": delivery["id"]}, 200)
            tell("/api/v1/deliveries/redeliver", {"id": "nope"}, 404)

    def test_dead_letters_are_replayed_each_once(self):
        with Workspace(BATCH_INTERVAL="0") as work, Server(work) as server:
            server.ingest(lines([reading("a", time.time(), 500.0)]) + b"no json\n")
            wait_for(lambda: server.get("/api/v1/summary").json["dead_letters"] == 2, what="the dead letters")
            report = server.post("/api/v1/dead-letters/replay", {"reason": "out_of_range"}).json
            self.assertEqual(report, {"replayed": 1, "replayed_before": 0, "truncated": 0})
            wait_for(lambda: server.get("/api/v1/summary").json["dead_letters"] == 3, what="its return")
            self.assertEqual(json.loads(server.post("/api/v1/dead-letters/replay", {}).body)["replayed_before"], 1)


if __name__ == "__main__":
    unittest.main()
