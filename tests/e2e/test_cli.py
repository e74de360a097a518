"""Exit codes, error texts and configuration: what a user and a script meet."""

import json
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import samples
from driver import Workspace, stop, wait_for

COMMANDS = ["up", "generate", "ingest", "process", "deliver", "batch", "topic", "dlq", "config", "doctor",
            "completion", "version"]  # fmt: skip


class CliTest(unittest.TestCase):
    def setUp(self):
        self.work = Workspace()
        self.addCleanup(self.work.__exit__)

    def fails(self, code, *arguments, names=(), **settings):
        done = self.work.run(*arguments, expect=code, **settings)
        for name in names:
            self.assertIn(name, done.stderr.decode())
        return done.stderr.decode()

    def test_help_names_every_command_and_goes_to_stdout(self):
        done = self.work.run("--help")
        for command in COMMANDS:
            self.assertIn(command, done.stdout.decode())
            self.assertIn("--", self.work.run(command, "--help").stdout.decode())
        self.assertEqual(done.stderr, b"")

    def test_wrong_command_lines_are_usage_errors(self):
        for arguments in (["frobnicate"], ["batch", "--no-such-flag"], [], ["topic", "dump"],
                          ["process", "--run-for", "soon"], ["generate", "--rate", "fast"],
                          ["topic", "dump", "iot.raw", "--from", "middle"]):  # fmt: skip
            with self.subTest(arguments=arguments):
                self.assertTrue(self.fails(64, *arguments))

    def test_a_sink_that_is_not_built_in_is_a_usage_error_that_says_so(self):
        for sink in ("mqtt", "carrier-pigeon"):
            self.fails(64, "generate", "--sink", sink, "--max-events", 1, names=[sink])

    def test_wrong_settings_exit_78_naming_key_and_value(self):
        cases = {
            "TEMP_ALERT_THRESHOLD": "hot",
            "STREAMING_BATCH_SIZE": "-1",
            "STREAMING_AUTO_OFFSET": "sometimes",
            "ALERT_MODE": "loud",
            "DEDUP_WINDOW": "5 parsecs",
            "TEMP_RANGE": "55,20",
            "GEN_DEVICE_COUNT": "0",
            "TEMP_MIN": "nan",
            "LOG_LEVEL": "shouting",
            "STREAMING_POLL_TIMEOUT_MS": "1e9x",
        }
        for key, value in cases.items():
            with self.subTest(key=key):
                self.fails(78, "config", "check", names=[key, value], **{key: value})

    def test_a_wrong_setting_stops_every_command_that_uses_settings(self):
        for command in (["process", "--until-caught-up"], ["batch"], ["up", "--run-for", "1s"]):
            self.fails(78, *command, names=["ALERT_MODE", "loud"], ALERT_MODE="loud")

    def test_the_source_of_a_wrong_setting_is_named(self):
        self.work.write(".env", "HUMIDITY_ALERT_THRESHOLD=wet\n")
        self.fails(78, "config", "check", names=["HUMIDITY_ALERT_THRESHOLD", "wet", ".env"])

    def test_min_above_max_is_refused(self):
        self.fails(78, "config", "check", names=["TEMP_MIN", "50", "10"], TEMP_MIN="50", TEMP_MAX="10")

    def test_a_warehouse_that_is_not_built_yet_is_a_configuration_error(self):
        stderr = self.fails(
            78, "process", "--until-caught-up", names=["WAREHOUSE_CONN_STRING"],
            WAREHOUSE_CONN_STRING="postgres://u:topsecret@h/db",
        )  # fmt: skip
        self.assertNotIn("topsecret", stderr)

    def test_unknown_keys_of_the_yaml_file_get_a_suggestion(self):
        self.work.write("tocsin.yaml", "streaming_batch_sise: 5\n")
        self.fails(78, "config", "check", names=["streaming_batch_sise", "streaming_batch_size", "tocsin.yaml"])

    def test_broken_yaml_and_wrong_metrics_are_configuration_errors(self):
        for yaml in ("metrics: [", "metrics: 5\n", "metrics:\n  - {name: 9lives, min: 0, max: 1}\n",
                     "metrics:\n  - {name: temperature, min: 5, max: 1}\n",
                     "metrics:\n  - {name: a, min: 0, max: 1}\n  - {name: a, min: 0, max: 1}\n",
                     "metrics:\n  - {name: severity, min: 0, max: 1}\n",
                     "metrics:\n  - {name: a, min: 0, max: 1, colour: red}\n"):  # fmt: skip
            with self.subTest(yaml=yaml):
                self.work.write("tocsin.yaml", yaml)
                self.fails(78, "config", "check", names=["tocsin.yaml"])

    def test_foreign_keys_of_env_files_are_ignored(self):
        self.work.write(".env", "# comment\n\nPOSTGRES_PASSWORD=x\nexport TEMP_MAX=90\nDOMAIN='a b'\n")
        self.work.run("config", "check")

    def origins(self, *flags, **settings):
        printed = self.work.json("config", "print", "--origin", *flags, **settings)
        if isinstance(printed, dict):
            return printed
        return {item["key"]: item for item in printed}

    def test_flag_beats_environment_beats_env_file_beats_yaml_beats_default(self):
        key = "TEMP_ALERT_THRESHOLD"
        self.assertEqual(float(self.origins()[key]["value"]), 50)
        self.assertEqual(self.origins()[key]["origin"], "default")
        self.work.write("tocsin.yaml", f"{key.lower()}: 41\n")
        self.assertEqual(float(self.origins()[key]["value"]), 41)
        self.assertIn("tocsin.yaml", self.origins()[key]["origin"])
        self.work.write(".env", f"{key}=42\n")
        self.assertEqual(float(self.origins()[key]["value"]), 42)
        self.assertIn(".env", self.origins()[key]["origin"])
        self.assertEqual(float(self.origins(**{key: 43})[key]["value"]), 43)
        self.assertIn("environment", self.origins(**{key: 43})[key]["origin"])

    def test_secrets_are_not_printed(self):
        url = "https://hooks.slack.com/services/T000/B000/deadbeef"
        done = self.work.run("config", "print", "--origin", ALERT_SLACK_WEBHOOK_URL=url)
        self.assertNotIn(b"deadbeef", done.stdout + done.stderr)

    def test_no_webhook_is_set_by_default(self):
        for key in ("ALERT_WEBHOOK_URL", "ALERT_SLACK_WEBHOOK_URL", "WAREHOUSE_CONN_STRING"):
            self.assertIn(self.origins()[key]["value"], ("", None))

    def test_every_setting_of_the_contract_is_known_and_every_old_one_still_works(self):
        names = """KAFKA_BROKER KAFKA_RAW_TOPIC KAFKA_PROCESSED_TOPIC KAFKA_ALERT_TOPIC KAFKA_DLQ_TOPIC
            KAFKA_SECURITY_PROTOCOL GEN_INTERVAL_SECONDS GEN_DEVICE_COUNT TEMP_RANGE HUMIDITY_RANGE
            TEMP_ALERT_THRESHOLD HUMIDITY_ALERT_THRESHOLD RAW_DATA_PATH PROCESSED_DATA_PATH
            BATCH_INPUT_PATH BATCH_AGG_FILENAME BATCH_CLEANSED_FILENAME TEMP_MIN TEMP_MAX HUMIDITY_MIN
            HUMIDITY_MAX STREAMING_GROUP_ID STREAMING_AUTO_OFFSET STREAMING_POLL_TIMEOUT_MS
            STREAMING_BATCH_SIZE ALERT_WEBHOOK_URL ALERT_SLACK_WEBHOOK_URL ALERT_LOG_PATH
            DASHBOARD_CLEANSED_PATH DASHBOARD_AGGREGATES_PATH DASHBOARD_REFRESH_SECONDS
            WAREHOUSE_CONN_STRING ALERT_MODE ALLOWED_LATENESS MAX_CLOCK_SKEW DEDUP_WINDOW RULES_FILE"""
        known = self.origins()
        self.assertEqual([name for name in names.split() if name not in known], [])

    def test_topic_names_and_paths_of_the_settings_are_used(self):
        settings = {"KAFKA_RAW_TOPIC": "in", "KAFKA_PROCESSED_TOPIC": "out", "KAFKA_ALERT_TOPIC": "bells",
                    "KAFKA_DLQ_TOPIC": "dead", "ALERT_LOG_PATH": "bells.log"}  # fmt: skip
        self.work.settings |= settings
        self.work.ingest(samples.event(temperature=60) + b"\nbad\n")
        self.work.process()
        self.work.run("deliver", "--until-caught-up")
        counts = {name: len(self.work.dump(name)) for name in ("in", "out", "bells", "dead")}
        self.assertEqual(counts, {"in": 2, "out": 1, "bells": 1, "dead": 1})
        self.assertEqual(len((self.work.path / "bells.log").read_bytes().splitlines()), 1)

    def test_batch_names_and_paths_of_the_settings_are_used(self):
        self.work.write("raw.jsonl", samples.event())
        self.work.json("batch", BATCH_INPUT_PATH="raw.jsonl", PROCESSED_DATA_PATH="tables",
                       BATCH_CLEANSED_FILENAME="c.parquet", BATCH_AGG_FILENAME="a.parquet")  # fmt: skip
        self.assertTrue((self.work.path / "tables/c.parquet").exists())
        self.assertTrue((self.work.path / "tables/a.parquet").exists())

    def test_range_settings_override_the_declared_range(self):
        self.work.write("in.jsonl", samples.event(temperature=90) + b"\n" + samples.event("d2", humidity=10))
        report = self.work.json("batch", "--input", "in.jsonl", "--output-dir", "o", TEMP_MAX=80, HUMIDITY_MIN=20)
        self.assertEqual(report["rejected"]["out_of_range"], 2)

    def test_a_broker_that_is_not_there_is_a_missing_dependency(self):
        done = self.work.run("process", "--until-caught-up", expect=69, timeout=60,
                             KAFKA_BROKER="127.0.0.1:1", KAFKA_CONNECT_TIMEOUT="2s")  # fmt: skip
        self.assertIn(b"127.0.0.1:1", done.stderr)

    def test_missing_and_unreadable_inputs_exit_1_with_their_name(self):
        for command in (["ingest", "nowhere.jsonl"], ["batch", "--input", "nowhere.jsonl"],
                        ["ingest", "no*thing.jsonl"]):  # fmt: skip
            self.fails(1, *command, names=[command[-1]])
        self.fails(1, "topic", "dump", "no.such.topic", names=["no.such.topic"])

    def test_an_unwritable_place_exits_74_with_its_name(self):
        self.work.write("file", "not a directory")
        self.work.write("in.jsonl", samples.event())
        self.fails(74, "batch", "--input", "in.jsonl", "--output-dir", "file/out", names=["file/out"])
        self.fails(74, "ingest", "in.jsonl", "--data-dir", "file/data", names=["file"])

    def test_a_second_writer_exits_69_naming_the_holder(self):
        first = self.work.start("up", "--data-dir", "d")
        self.addCleanup(first.kill)
        wait_for(lambda: (self.work.path / "d/tocsin.sock").exists(), what="the socket")
        stderr = self.fails(69, "up", "--data-dir", "d", "--run-for", "1s")
        self.assertIn(str(first.pid), stderr)
        stderr = self.fails(69, "process", "--data-dir", "d", "--until-caught-up")
        self.assertIn(str(first.pid), stderr)
        self.assertEqual(stop(first)[0], 0)

    def test_interrupt_commits_and_exits_0_and_leaves_no_socket(self):
        for signal_number in (2, 15):
            process = self.work.start("up", "--demo")
            wait_for(lambda: (self.work.path / "data/tocsin.sock").exists(), what="the socket")
            code, _, stderr = stop(process, signal_number)
            self.assertEqual(code, 0, stderr.decode())
            self.assertFalse((self.work.path / "data/tocsin.sock").exists())

    def test_run_for_ends_by_itself(self):
        report = self.work.json("process", "--run-for", "1s")
        self.assertEqual(report["read"], 0)

    def test_version_and_completion(self):
        self.assertRegex(self.work.run("version").stdout.decode(), r"\d+\.\d+\.\d+")
        self.assertIn("version", self.work.json("version"))
        for shell in ("bash", "zsh", "fish"):
            script = self.work.run("completion", shell).stdout.decode()
            for word in ("tocsin", "batch", "process"):
                self.assertIn(word, script)
        self.fails(64, "completion", "powershell")

    def test_config_schema_is_json(self):
        schema = json.loads(self.work.run("config", "schema").stdout)
        self.assertIn("temp_alert_threshold", schema["properties"])

    def test_doctor_finds_a_healthy_log_and_a_damaged_one(self):
        self.work.ingest(b"\n".join(samples.fleet(5000, seed=30)) + b"\n")
        self.work.process()
        self.work.json("doctor")
        files = sorted((self.work.path / "data/log").rglob("*.log")) + sorted(
            (self.work.path / "data/log").rglob("*.sst")
        )
        biggest = max(files, key=lambda path: path.stat().st_size)
        content = bytearray(biggest.read_bytes())
        middle = len(content) // 3
        content[middle : middle + 64] = os.urandom(64)
        biggest.write_bytes(content)
        done = self.work.run("doctor", "--json", expect=None)
        self.assertNotEqual(done.returncode, 0)

    def test_results_go_to_stdout_and_messages_to_stderr(self):
        done = self.work.run("ingest", "-", "--json", stdin=samples.event() + b"\n")
        self.assertEqual(json.loads(done.stdout)["appended"], 1)
        done = self.work.run("process", "--until-caught-up", "--json")
        self.assertEqual(json.loads(done.stdout)["read"], 1)

    def test_no_color_when_not_on_a_terminal(self):
        for arguments in (["up", "--demo", "--run-for", "1s"], ["batch", "--input", "-", "--output-dir", "o"]):
            done = self.work.run(*arguments, stdin=samples.event())
            self.assertNotIn(b"\x1b[", done.stdout + done.stderr)

    def test_an_explicit_data_directory_carries_the_default_paths(self):
        self.work.run("up", "--demo", "--run-for", "2s", "--data-dir", "elsewhere")
        self.assertTrue((self.work.path / "elsewhere/log").is_dir())
        self.assertTrue((self.work.path / "elsewhere/processed/cleansed.parquet").exists())
        self.assertTrue((self.work.path / "elsewhere/logs/alerts.log").exists())
        self.assertFalse((self.work.path / "data").exists())
        self.assertFalse((self.work.path / "logs").exists())


if __name__ == "__main__":
    unittest.main()
