"""The stream processor against the model: every byte of every partition of every output topic."""

import gzip
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import config_files
import samples
from compare import check_balance, check_stream
from driver import ROOT, Workspace
from oracle import Config

FAULTS = "spike=0.01,stuck=0.005,drift=0.005,offline=0.003,duplicate=0.01,late=0.01,malformed=0.02,clock_skew=0.005"


class StreamTest(unittest.TestCase):
    def check(self, lines, config=Config(), yaml=None, **settings):
        """Ingests, processes, compares; the report's figures must be the model's."""
        with Workspace(**settings) as work:
            if yaml:
                work.write("tocsin.yaml", yaml)
            work.ingest(b"\n".join(lines) + b"\n")
            report = work.process()
            totals = check_stream(work, config)
            check_balance(report)
            self.assertEqual(report["read"], totals["read"])
            self.assertEqual(report["processed"], totals["processed"])
            self.assertEqual({k: n for k, n in report["dlq"].items() if n}, totals["dlq"])
            self.assertEqual(report["duplicates"], totals["duplicates"])
            if config.alert_mode == "transitions":
                self.assertEqual(report["alerts"]["firing"], totals["firing"])
                self.assertEqual(report["alerts"]["resolved"], totals["resolved"])
            self.assertEqual(report["lag"], 0)
            return totals

    def test_generated_events_with_every_fault_end_as_the_model_says(self):
        with Workspace() as work:
            work.run("generate", "--sink", "log", "--rate", "0", "--max-events", "20000", "--seed", "7",
                     "--devices", "40", "--faults", FAULTS)  # fmt: skip
            work.process()
            totals = check_stream(work)
            self.assertGreater(totals["alerts"], 10)
            self.assertGreater(sum(totals["dlq"].values()), 50)

    def test_every_kind_of_dirty_line_gets_the_models_verdict(self):
        totals = self.check(samples.dirty())
        self.assertGreater(len(totals["dlq"]), 6)

    def test_mutated_lines_get_the_models_verdict(self):
        self.check(samples.mutated(4000, seed=20250101))

    def test_alerts_come_and_go_as_in_the_model(self):
        totals = self.check(samples.fleet(5000, seed=3))
        self.assertGreater(totals["alerts"], 200)

    def test_a_bad_line_never_disturbs_its_neighbours(self):
        good = samples.fleet(600, seed=4)
        dirty = samples.dirty()
        mixed = [line for pair in zip(good, dirty * 3) for line in pair]
        totals = self.check(mixed)
        self.assertGreaterEqual(totals["processed"], len(mixed) // 2)

    def test_a_day_of_real_readings_with_seven_declared_metrics(self):
        content = gzip.decompress((ROOT / "examples/iot_telemetry_day.jsonl.gz").read_bytes())
        yaml = (ROOT / "examples/tocsin.yaml").read_text()
        totals = self.check(content.splitlines(), config_files.REAL_DATA, yaml)
        self.assertEqual(totals["read"], 50270)
        self.assertEqual(totals["processed"], 50270)
        self.assertGreater(totals["alerts"], 0)

    def test_a_fleet_without_temperature_and_humidity(self):
        lines = [
            samples.event(f"lamp_{n % 7}", n, temperature=None, humidity=None, light=n * 37 % 110000,
                          voltage=round(1.4 + n % 25 / 10, 1), open=[True, False, None, 1, "yes"][n % 5])
            for n in range(2000)
        ]  # fmt: skip
        totals = self.check(lines, config_files.LIGHT, config_files.LIGHT_YAML)
        self.assertEqual(totals["alerts"], 0)
        self.assertEqual(set(totals["dlq"]), {"out_of_range", "wrong_type"})

    def test_an_absent_optional_metric_does_not_alert_and_ends_a_firing_alert(self):
        lines = [
            samples.event("d", n, temperature=[60, None, 70, 10][n % 4], humidity=[None, 10][n // 5 % 2],
                          co2=400 if n % 3 else None)
            for n in range(400)
        ]  # fmt: skip
        totals = self.check(lines, config_files.OPTIONAL, config_files.OPTIONAL_YAML)
        self.assertGreater(totals["firing"], 50)

    def test_every_event_mode_writes_one_record_for_each_alerting_event(self):
        totals = self.check(
            samples.fleet(3000, seed=5), Config(alert_mode="every_event"), ALERT_MODE="every_event"
        )
        self.assertGreater(totals["alerts"], 500)

    def test_repeats_within_the_dedup_window_are_dropped_and_counted(self):
        lines = []
        for n in range(500):
            line = samples.event(f"d{n % 3}", n, temperature=20 + n % 40)
            lines += [line, line] if n % 5 == 0 else [line]
            if n > 200 and n % 50 == 0:
                lines.append(samples.event(f"d{(n - 180) % 3}", n - 180))  # beyond the window: kept
        totals = self.check(lines, Config(dedup_window_us=60_000_000), DEDUP_WINDOW="60s")
        self.assertEqual(totals["duplicates"], 100)

    def test_repeats_pass_when_the_dedup_window_is_off(self):
        self.assertEqual(self.check([samples.event()] * 10)["duplicates"], 0)

    def test_rejected_rows_take_no_part_in_dedup(self):
        lines = [samples.event(temperature=500), samples.event(), samples.event(temperature=500)]
        totals = self.check(lines, Config(dedup_window_us=60_000_000), DEDUP_WINDOW="1m")
        self.assertEqual((totals["duplicates"], totals["processed"]), (0, 1))

    def test_events_beyond_the_allowed_lateness_become_dead_letters(self):
        lines = [samples.event("d", n if n % 10 else n - 30 - n % 3 * 40) for n in range(100, 400)]
        totals = self.check(lines, Config(allowed_lateness_us=60_000_000), ALLOWED_LATENESS="60s")
        self.assertGreater(totals["dlq"]["late"], 5)

    def test_a_clock_too_far_ahead_is_a_future_timestamp_and_can_be_allowed(self):
        future = samples.event(timestamp="2999-01-01T00:00:00Z")
        self.assertEqual(self.check([samples.event(), future])["dlq"], {"future_timestamp": 1})
        config = Config(max_clock_skew_us=0)
        self.assertEqual(self.check([samples.event(), future], config, MAX_CLOCK_SKEW="0")["dlq"], {})

    def test_a_wrong_clock_moves_only_its_own_device(self):
        lines = [samples.event("ahead", 80000, 60.0)]
        lines += [samples.event(("ahead", "right")[n % 2], n, 60.0) for n in range(20)]
        totals = self.check(lines, Config(allowed_lateness_us=1_000_000), ALLOWED_LATENESS="1s")
        self.assertEqual(totals["dlq"], {"late": 10})
        self.assertEqual(totals["firing"], 2)

    def test_thresholds_of_the_settings_hold_and_include_their_own_value(self):
        config = Config(temp_alert_threshold=30.5, humidity_alert_threshold=40)
        lines = [samples.event("d", n, 30.3 + n % 4 / 10, 39.9 + n % 3 / 10) for n in range(50)]
        self.check(lines, config, TEMP_ALERT_THRESHOLD="30.5", HUMIDITY_ALERT_THRESHOLD="40")

    def test_many_small_runs_give_what_one_run_gives(self):
        lines = samples.fleet(1200, seed=6) + samples.dirty()
        with Workspace(STREAMING_BATCH_SIZE=13) as work:
            read = 0
            for at in range(0, len(lines), 211):
                work.ingest(b"\n".join(lines[at : at + 211]) + b"\n")
                report = work.process()
                check_balance(report)
                read += report["read"]
            totals = check_stream(work)
            self.assertEqual(read, totals["read"])
            self.assertEqual(work.process()["read"], 0)

    def test_fields_that_are_not_declared_stay_byte_for_byte(self):
        line = samples.GOOD[:-1] + b',  "x" : [1e400, {"deep":[ ]}],"y":"\\u00e9\xc3\xa9" , "z":1E+5 }'
        with Workspace() as work:
            work.ingest(b"  " + line + b"\r\n")
            work.process()
            (record,) = work.dump("iot.processed")
            self.assertEqual(record.value, line[:-1] + b',"is_alert":false,"reason":null}')
            self.assertEqual(record.key, "dev_7")

    def test_one_devices_events_keep_their_order_in_one_partition(self):
        with Workspace() as work:
            work.ingest(b"\n".join(samples.fleet(3000, seed=8)) + b"\n")
            work.process()
            where = {}
            for record in work.dump("iot.processed"):
                self.assertEqual(where.setdefault(record.key, record.partition), record.partition)
            self.assertGreater(len(set(where.values())), 1)
            check_stream(work)


if __name__ == "__main__":
    unittest.main()
