"""The batch job against the model: balance, rejects, both tables, value by value."""

import csv
import gzip
import json
import math
import resource
import signal
import subprocess
import sys
import unittest
from base64 import b64decode
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import config_files
import samples
from driver import ROOT, Workspace
from oracle import REASONS, BatchModel, Config, format_time

sys.path.insert(0, str(ROOT / "build/deps/arrow"))
try:
    import pyarrow.parquet as parquet

    NO_PARQUET = None
except ImportError as error:
    NO_PARQUET = f"SKIPPED LOUDLY: pyarrow of build/deps/arrow does not load: {error}"
    print(NO_PARQUET, file=sys.stderr)

TIMES = ("timestamp", "hour_bucket")


def read_parquet(path) -> list:
    table = parquet.read_table(path)
    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if name in TIMES:
            if str(column.type) != "timestamp[us, tz=UTC]":
                raise AssertionError(f"{name} is {column.type}")
            column = column.cast("int64")
        columns[name] = column.to_pylist()
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


class BatchTest(unittest.TestCase):
    def model(self, content: bytes, config=Config()) -> BatchModel:
        model = BatchModel(config)
        model.feed_file(content)
        return model

    def check_report(self, report, model):
        self.assertEqual(report["rows_read"], model.rows_read)
        self.assertEqual(report["blank_lines"], model.blank_lines)
        self.assertEqual(report["cleansed"], len(model.rows))
        self.assertEqual(report["duplicates"], model.duplicates)
        self.assertEqual(sorted(report["rejected"]), sorted(REASONS))
        self.assertEqual({k: n for k, n in report["rejected"].items() if n}, dict(model.rejected))
        self.assertEqual(report["devices"], len({device for device, _ in model.rows}))
        self.assertEqual(report["hours"], len(model.aggregates()))
        self.assertEqual(
            report["rows_read"],
            report["cleansed"] + report["duplicates"] + sum(report["rejected"].values()),
        )

    def check_tables(self, directory: Path, model):
        if NO_PARQUET:
            self.skipTest(NO_PARQUET)
        cleansed = read_parquet(directory / "cleansed.parquet")
        wanted = model.cleansed()
        self.assertEqual(len(cleansed), len(wanted))
        for got, want in zip(cleansed, wanted):
            self.assertEqual(list(got), list(want))
            for name, value in want.items():
                same = got[name] == value or (isinstance(value, float) and float(got[name]) == value)
                self.assertTrue(same, f"{name}: {got} is not {want}")
        aggregates = read_parquet(directory / "aggregates.parquet")
        wanted = model.aggregates()
        self.assertEqual(len(aggregates), len(wanted))
        for got, want in zip(aggregates, wanted):
            self.assertEqual(list(got), list(want))
            for name, value in want.items():
                if name.endswith("_avg") and value is not None:
                    self.assertTrue(math.isclose(got[name], value, rel_tol=1e-12, abs_tol=1e-9), (got, want))
                else:
                    self.assertEqual(got[name], value, (name, got, want))

    def check_rejects(self, path: Path, model):
        got = []
        for line in path.read_bytes().splitlines():
            item = json.loads(line)
            value = b64decode(item["value_base64"]) if "value_base64" in item else item["value"].encode()
            self.assertTrue(item["message"])
            got.append((item["line"], item["reason"], value))
        wanted = [
            (line, reason, value) for line, reason, value in model.rejects
        ]
        self.assertEqual(len(got), len(wanted))
        for one, other in zip(sorted(got), sorted(wanted)):
            if other[1] == "too_large" and len(other[2]) > 65536:
                self.assertEqual(one[:2], other[:2])
            else:
                self.assertEqual(one, other)

    def run_and_check(self, content: bytes, config=Config(), yaml=None, flags=(), **settings):
        with Workspace(**settings) as work:
            if yaml:
                work.write("tocsin.yaml", yaml)
            work.write("in.jsonl", content)
            report = work.json("batch", "--input", "in.jsonl", "--output-dir", "out", *flags)
            model = self.model(content, config)
            self.check_report(report, model)
            self.check_rejects(work.path / "out/rejects.jsonl", model)
            self.check_tables(work.path / "out", model)
            left = sorted(path.name for path in (work.path / "out").iterdir())
            self.assertEqual(left, ["aggregates.parquet", "cleansed.parquet", "rejects.jsonl"])
            return report

    def test_dirty_mutated_and_repeated_lines(self):
        lines = samples.dirty() + samples.mutated(2000, seed=11) + samples.fleet(3000, seed=12) * 2
        content = b"\n\n  \n" + b"\r\n".join(lines) + b"\n \t\r\nlast line is torn"
        report = self.run_and_check(content)
        self.assertEqual(report["blank_lines"], 4)
        self.assertGreater(report["duplicates"], 3000)

    def test_generated_events_with_every_fault(self):
        with Workspace() as work:
            work.run("generate", "--sink", "file", "--output", "g.jsonl", "--rate", "0", "--seed", "5",
                     "--max-events", "30000", "--devices", "25", "--faults",
                     "spike=0.01,duplicate=0.02,late=0.02,malformed=0.02,clock_skew=0.01,stuck=0.01")  # fmt: skip
            content = (work.path / "g.jsonl").read_bytes()
        report = self.run_and_check(content)
        self.assertGreater(report["duplicates"], 10)
        self.assertGreater(report["rejected"]["invalid_json"] + report["rejected"]["missing_field"], 10)

    def test_a_day_of_real_readings(self):
        content = gzip.decompress((ROOT / "examples/iot_telemetry_day.jsonl.gz").read_bytes())
        yaml = (ROOT / "examples/tocsin.yaml").read_text()
        report = self.run_and_check(content, config_files.REAL_DATA, yaml)
        self.assertEqual((report["rows_read"], report["cleansed"], report["duplicates"]), (50270, 50269, 1))

    def test_rows_that_spill_to_disk_give_the_same_tables(self):
        content = b"\n".join(samples.fleet(150000, seed=13, devices=300)) + b"\n"
        self.run_and_check(content, flags=("--memory-limit", "16MiB"))

    def test_several_threads_give_the_same_tables(self):
        content = b"\n".join(samples.fleet(20000, seed=14, devices=100) + samples.dirty()) + b"\n"
        self.run_and_check(content, flags=("--threads", "2"))

    def test_other_metrics_have_their_own_columns(self):
        lines = [
            samples.event(f"lamp_{n % 5}", n * 60, temperature=None, humidity=None, light=n,
                          voltage=2.5 if n % 3 else None, open=bool(n % 2))
            for n in range(900)
        ]  # fmt: skip
        self.run_and_check(b"\n".join(lines), config_files.LIGHT, config_files.LIGHT_YAML)

    def test_optional_metrics_are_null_in_rows_and_left_out_of_averages(self):
        lines = [
            samples.event(f"d{n % 3}", n * 100, temperature=None if n % 2 else 10.5, humidity=None,
                          co2=500 + n if n > 300 else None)
            for n in range(600)
        ]  # fmt: skip
        self.run_and_check(b"\n".join(lines), config_files.OPTIONAL, config_files.OPTIONAL_YAML)

    def test_sub_microsecond_repeats_are_one_instant_and_other_zones_too(self):
        times = ["2025-01-01T00:00:00.123456Z", "2025-01-01T00:00:00.123456999Z",
                 "2025-01-01T01:00:00.123456+01:00", "2025-01-01T00:00:00.123457Z"]  # fmt: skip
        report = self.run_and_check(b"\n".join(samples.event(timestamp=text) for text in times))
        self.assertEqual((report["cleansed"], report["duplicates"]), (2, 2))

    def test_dedup_is_by_device_and_time_not_by_all_columns(self):
        content = samples.event(temperature=20.0) + b"\n" + samples.event(temperature=21.0) + b"\n"
        report = self.run_and_check(content)
        self.assertEqual((report["cleansed"], report["duplicates"]), (1, 1))

    def test_an_hour_keeps_its_last_microsecond(self):
        times = ["2025-01-01T00:59:59.999999Z", "2025-01-01T01:00:00Z", "2025-01-01T00:59:59.9999999Z"]
        report = self.run_and_check(b"\n".join(samples.event(timestamp=text) for text in times))
        self.assertEqual(report["hours"], 2)

    def test_an_empty_input_gives_tables_without_rows(self):
        report = self.run_and_check(b"")
        self.assertEqual(report["rows_read"], 0)

    def test_the_flags_of_batch_are_those_of_the_stream(self):
        lines = samples.fleet(4000, seed=15)
        unique = {}
        for line in lines:
            event = json.loads(line)
            unique.setdefault((event["device_id"], event["timestamp"]), line)
        with Workspace() as work:
            work.ingest(b"\n".join(unique.values()) + b"\n")
            work.process()
            live = {}
            for record in work.dump("iot.processed"):
                event = json.loads(record.value)
                live[event["device_id"], event["timestamp"]] = event["is_alert"]
            if NO_PARQUET:
                self.skipTest(NO_PARQUET)
            report = work.json("batch", "--input", "topic:iot.raw", "--output-dir", "out")
            self.assertEqual(report["cleansed"], len(unique))
            rows = read_parquet(work.path / "out/cleansed.parquet")
            flags = {(r["device_id"], format_time(r["timestamp"]).replace(".000000", "")): r["is_alert"]
                     for r in rows}  # fmt: skip
            self.assertEqual(flags, live)

    def test_a_topic_as_input_gives_the_tables_of_the_same_lines(self):
        lines = samples.fleet(3000, seed=16) + samples.mutated(300, seed=17)
        with Workspace() as work:
            work.ingest(b"\n".join(lines) + b"\n")
            raw = [record.value for record in work.dump("iot.raw")]
            report = work.json("batch", "--input", "topic:iot.raw", "--output-dir", "out")
            model = BatchModel(Config())
            for value in raw:
                model.feed(value)
            self.check_report(report, model)
            self.check_tables(work.path / "out", model)

    def test_files_directories_globs_compression_and_stdin_are_one_input(self):
        parts = [b"\n".join(samples.fleet(300, seed=seed)) + b"\n" for seed in (20, 21, 22, 23)]
        with Workspace() as work:
            work.write("a.jsonl", parts[0])
            work.write("b.jsonl.gz", gzip.compress(parts[1]))
            work.write("dir/c.jsonl", parts[2])
            work.write("dir/d.jsonl", parts[3])
            model = self.model(b"".join(parts))
            report = work.json("batch", "--input", "a.jsonl", "b.jsonl.gz", "dir", "--output-dir", "o1")
            self.check_report(report, model)
            self.check_tables(work.path / "o1", model)
            report = work.json("batch", "--input", "a.jsonl", "b.*", "dir/*.jsonl", "--output-dir", "o2")
            self.check_report(report, model)
            report = work.json("batch", "--input", "-", "--output-dir", "o3", stdin=b"".join(parts))
            self.check_report(report, model)
            self.check_tables(work.path / "o3", model)

    def test_zstd_input(self):
        content = b"\n".join(samples.fleet(500, seed=24)) + b"\n"
        try:
            packed = subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout
        except FileNotFoundError:
            if NO_PARQUET:
                self.skipTest("SKIPPED LOUDLY: neither zstd nor pyarrow to make a .zst file")
            import pyarrow

            packed = pyarrow.compress(content, codec="zstd", asbytes=True)
        with Workspace() as work:
            work.write("in.jsonl.zst", packed)
            report = work.json("batch", "--input", "in.jsonl.zst", "--output-dir", "out")
            self.check_report(report, self.model(content))

    def test_csv_tables_follow_rfc_4180(self):
        device = 'comma, "quote"'
        lines = [samples.event(device, n, 20 + n * 10, 50, status=None if n % 2 else "a,b") for n in range(6)]
        with Workspace() as work:
            work.write("in.jsonl", b"\n".join(lines))
            work.json("batch", "--input", "in.jsonl", "--output-dir", "out", "--output-format", "csv")
            model = self.model(b"\n".join(lines))
            with open(work.path / "out/cleansed.csv", newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file, strict=True))
            self.assertEqual(len(rows), 6)
            for got, want in zip(rows, model.cleansed()):
                self.assertEqual(list(got), list(want))
                self.assertEqual(got["device_id"], device)
                self.assertEqual(got["timestamp"], format_time(want["timestamp"]))
                self.assertEqual(float(got["temperature"]), want["temperature"])
                self.assertEqual(got["status"], want["status"] or "")
                self.assertEqual(got["is_alert"], "true" if want["is_alert"] else "false")
            with open(work.path / "out/aggregates.csv", newline="", encoding="utf-8") as file:
                (row,) = csv.DictReader(file, strict=True)
            self.assertEqual(row["hour_bucket"], "2025-01-01T00:00:00.000000Z")
            self.assertEqual(int(row["event_count"]), 6)

    def test_skip_export_and_preview_write_nothing(self):
        with Workspace() as work:
            work.write("in.jsonl", b"\n".join(samples.fleet(50, seed=25)))
            work.json("batch", "--input", "in.jsonl", "--output-dir", "out", "--skip-export")
            self.assertFalse((work.path / "out/cleansed.parquet").exists())
            done = work.run("batch", "--input", "in.jsonl", "--output-dir", "out", "--skip-export", "--preview")
            self.assertIn(b"dev_", done.stdout)
            self.assertIn(b"hour_bucket", done.stdout)

    def test_report_and_rejects_files_go_where_they_are_told(self):
        with Workspace() as work:
            work.write("in.jsonl", b"\n".join(samples.dirty()))
            report = work.json("batch", "--input", "in.jsonl", "--output-dir", "out", "--report",
                               "report.json", "--rejects", "bad.jsonl")  # fmt: skip
            saved = json.loads((work.path / "report.json").read_text())
            self.assertEqual(saved["rejected"], report["rejected"])
            self.assertEqual(
                len((work.path / "bad.jsonl").read_bytes().splitlines()), sum(report["rejected"].values())
            )

    def test_a_killed_or_failing_batch_leaves_the_old_outputs(self):
        with Workspace() as work:
            work.write("in.jsonl", b"\n".join(samples.fleet(100, seed=26)))
            work.json("batch", "--input", "in.jsonl", "--output-dir", "out")
            before = {p.name: p.read_bytes() for p in (work.path / "out").iterdir()}
            work.write("big.jsonl", b"\n".join(samples.fleet(60000, seed=27)))
            for delay in (0.05, 0.15, 0.3):
                process = work.start("batch", "--input", "big.jsonl", "--output-dir", "out")
                try:
                    process.communicate(timeout=delay)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    after = {p.name: p.read_bytes() for p in (work.path / "out").iterdir()}
                    self.assertTrue(set(before) <= set(after))
                    for name, content in before.items():
                        whole = after[name] == content or name == "rejects.jsonl" or after[name][-4:] == b"PAR1"
                        self.assertTrue(whole, f"{name} is torn")
                else:
                    break
            missing = work.run("batch", "--input", "nowhere.jsonl", "--output-dir", "out", expect=1)
            self.assertIn(b"nowhere.jsonl", missing.stderr)

    def test_a_disk_that_is_full_is_74_and_the_old_outputs_stand(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write beyond the limit fails with EFBIG
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

        with Workspace() as work:
            work.write("in.jsonl", b"\n".join(samples.fleet(100, seed=28)))
            work.json("batch", "--input", "in.jsonl", "--output-dir", "out")
            before = {p.name: p.read_bytes() for p in (work.path / "out").iterdir()}
            work.write("big.jsonl", b"\n".join(samples.fleet(150000, seed=29)))
            for flags in ((), ("--memory-limit", "1MiB", "--spill-dir", "spill")):
                done = work.run("batch", "--input", "big.jsonl", "--output-dir", "out", *flags, expect=74,
                                preexec_fn=small_files)  # fmt: skip
                self.assertIn(b"spill" if flags else b"out", done.stderr)
                self.assertEqual({p.name: p.read_bytes() for p in (work.path / "out").iterdir()}, before)
            self.assertEqual(list((work.path / "spill").iterdir()), [])

    def test_since_last_adds_what_was_appended(self):
        lines = samples.fleet(3000, seed=30, devices=20) + samples.dirty()
        with Workspace() as work:
            for part in range(3):
                with open(work.path / "in.jsonl", "ab") as file:
                    file.write(b"\n".join(lines[part::3]) + b"\n")
                step = work.json("batch", "--since-last", "--input", "in.jsonl", "--output-dir", "out")
                whole = work.json("batch", "--input", "in.jsonl", "--output-dir", "whole")
                self.assertEqual({**step, "seconds": 0, "outputs": 0}, {**whole, "seconds": 0, "outputs": 0})
                for name in ("cleansed.parquet", "aggregates.parquet"):
                    if NO_PARQUET is None:
                        self.assertEqual(read_parquet(work.path / "out" / name), read_parquet(work.path / "whole" / name))
                self.assertEqual(
                    (work.path / "out/rejects.jsonl").read_bytes(), (work.path / "whole/rejects.jsonl").read_bytes()
                )
            refused = work.run("batch", "--since-last", "--input", "-", "--output-dir", "out", expect=64)
            self.assertIn(b"--since-last", refused.stderr)

    def test_a_truncated_gzip_is_1_unless_that_is_accepted(self):
        lines = samples.fleet(2000, seed=31)
        with Workspace() as work:
            work.write("in.jsonl.gz", gzip.compress(b"\n".join(lines) + b"\n")[:-500])
            done = work.run("batch", "--input", "in.jsonl.gz", "--output-dir", "out", expect=1)
            self.assertIn(b"--accept-truncated", done.stderr)
            self.assertFalse((work.path / "out/cleansed.parquet").exists())
            report = work.json("batch", "--input", "in.jsonl.gz", "--output-dir", "out", "--accept-truncated")
            self.assertTrue(1000 < report["rows_read"] <= 2000, report)

    def test_the_report_is_a_page_or_json_with_the_quality(self):
        with Workspace() as work:
            work.write("in.jsonl", b"\n".join(samples.fleet(500, seed=32) + samples.dirty()))
            report = work.json("batch", "--input", "in.jsonl", "--output-dir", "out", "--report", "report.json")
            saved = json.loads((work.path / "report.json").read_text())
            self.assertEqual(sum(saved["metrics"][0]["bins"]), report["cleansed"])
            self.assertLessEqual(len(saved["longest_gaps"]), 20)
            work.json("batch", "--input", "in.jsonl", "--output-dir", "out", "--report", "report.html")
            page = (work.path / "report.html").read_text()
            self.assertIn("<svg", page)
            self.assertNotIn("http", page.replace("http-equiv", ""))


if __name__ == "__main__":
    unittest.main()
