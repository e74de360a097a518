#!/usr/bin/env python3
"""`tocsin process` on Kafka beside the floor: a bare librdkafka loop that copies, on the same broker and backlog.

  bench/kafka/run.py --binary build/release/tocsin [--loops build/release/bin] backlog [--events 4000000] [--rounds 3]
  bench/kafka/run.py … light [--seconds 20] [--rate 1000]
  bench/kafka/run.py … restore [--devices 1000000]
  bench/kafka/run.py … devices

Starts a broker of its own (scripts/kafka) on the same processors. Processor time and memory are those of the
client process alone, from its wait4(). Prints one JSON object a line and a summary at the end.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
PARTITIONS = 4


def measured(command, *, cwd, env=None) -> dict:
    """Runs to the end: seconds, processor seconds, most memory resident, and what it printed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        out.seek(0), err.seek(0)
        if status:
            sys.exit(f"{command}: exit {process.returncode}\n{err.read()[-3000:].decode()}")
        return {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "max_rss_mb": usage.ru_maxrss / 1024,
                "out": out.read(), "err": err.read()}  # fmt: skip


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> dict:
    text = Path(f"/proc/{pid}/status").read_text()
    return {name: int(re.search(rf"{field}:\s+(\d+)", text)[1]) // 1024
            for name, field in (("resident_mb", "VmRSS"), ("anonymous_mb", "RssAnon"))}  # fmt: skip


WINDOW_RULES = """groups:
  - name: minutes
    rules:
      - {alert: warm_minute, expr: "tumbling_avg(temperature, 1m) > 35"}
      - {alert: hot_minute, expr: "tumbling_max(temperature, 1m) > 54"}
      - {alert: cold_minute, expr: "tumbling_min(temperature, 1m) < 11"}
      - {alert: busy_minute, expr: "tumbling_count(temperature, 1m) > 1000"}
"""


class Bench:
    def __init__(self, kafka, options):
        from kafka_workspace import KafkaWorkspace

        self.kafka, self.options = kafka, options
        self.workspace = lambda name, **settings: KafkaWorkspace(kafka, name, **settings)

    def say(self, **what):
        print(json.dumps({key: round(value, 3) if isinstance(value, float) else value for key, value in what.items()}),
              flush=True)  # fmt: skip

    def fill(self, work, events: int, devices: int):
        for topic in ("raw", "processed", "alerts", "dlq"):
            self.kafka.create_topic(work.topic(topic), PARTITIONS)
        work.run("generate", "--sink", "kafka", "--rate", 0, "--max-events", events, "--devices", devices, "--seed", 7,
                 timeout=500)  # fmt: skip

    def outputs_of(self, work, name: str) -> dict:
        """Settings of another reader of the same raw topic with outputs, group and state of its own."""
        topics = {f"KAFKA_{key}_TOPIC": f"{name}.{topic}" for key, topic in
                  (("PROCESSED", "processed"), ("ALERT", "alerts"), ("DLQ", "dlq"))}  # fmt: skip
        for topic in topics.values():
            self.kafka.create_topic(topic, PARTITIONS)
        return topics | {"KAFKA_APP_ID": name, "STREAMING_GROUP_ID": f"{name}-processor"}

    def process(self, work, name: str, *, perf=None, **settings) -> dict:
        chosen = self.outputs_of(work, name) | settings
        if self.options.preload:
            chosen["LD_PRELOAD"] = self.options.preload
        profile = ["perf", "record", "-q", "-F", "997", "-o", perf] if perf else []
        run = measured(profile + work.command("process", "--until-caught-up", "--json"), cwd=work.path,
                       env=work.environment(**chosen))  # fmt: skip
        report = json.loads(run.pop("out"))
        run.pop("err")
        assert report["unaccounted"] == 0 if "unaccounted" in report else True, report
        return run | {"records": report["read"]}

    def copy(self, work, name: str, interval_ms=100) -> dict:
        self.kafka.create_topic(name, PARTITIONS)
        run = measured([self.options.loops / "kafka_copy_loop", self.kafka.direct, work.topic("raw"), name,
                        str(PARTITIONS), str(interval_ms)], cwd=work.path)  # fmt: skip
        run.pop("err")
        return run | {"records": json.loads(run.pop("out"))["records"]}

    # What is measured ---------------------------------------------------------------------------------------

    def backlog(self):
        options = self.options
        with self.workspace("backlog") as work:
            self.fill(work, options.events, options.devices)
            rows = {"copy": [], "exactly_once": [], "at_least_once": []}
            for number in range(options.rounds):
                rows["copy"].append(self.copy(work, f"copy-{number}"))
                rows["exactly_once"].append(self.process(work, f"eo-{number}"))
                rows["at_least_once"].append(self.process(work, f"alo-{number}", KAFKA_DELIVERY="at_least_once"))
                for what, runs in rows.items():
                    self.say(what=what, round=number, **runs[-1])
            if options.perf:
                self.process(work, "profiled", perf=os.path.abspath(options.perf))
            for topic in rows:
                rows[topic] = {"events_per_s": median(r["records"] / r["wall_s"] for r in rows[topic]),
                               "cpu_us_per_event": median(r["cpu_s"] / r["records"] * 1e6 for r in rows[topic]),
                               "max_rss_mb": max(r["max_rss_mb"] for r in rows[topic])}  # fmt: skip
                self.say(median_of=topic, **rows[topic])
            for what in ("exactly_once", "at_least_once"):
                self.say(ratio_of=what, throughput=rows[what]["events_per_s"] / rows["copy"]["events_per_s"],
                         cpu=rows[what]["cpu_us_per_event"] / rows["copy"]["cpu_us_per_event"])  # fmt: skip

    def windows(self):
        """Keyed windows of a minute (average, most, least and number), their state in the changelog; exactly once."""
        options = self.options
        with self.workspace("windows") as work:
            rules = work.path / "windows.yaml"
            rules.write_text(WINDOW_RULES)
            self.fill(work, options.events, options.devices)
            ratios = []
            for number in range(options.rounds):
                copy = self.copy(work, f"copy-{number}")
                run = self.process(work, f"windows-{number}", RULES_FILE=rules)
                self.say(what="copy", events_per_s=copy["records"] / copy["wall_s"], **copy)
                self.say(what="windows", events_per_s=run["records"] / run["wall_s"], **run)
                ratios.append(copy["wall_s"] / run["wall_s"])
            self.say(ratio_of="windows", devices=options.devices, throughput=median(ratios))

    def light(self):
        options = self.options
        with self.workspace("warm") as work:  # the broker's own topics are made, its code is compiled
            self.fill(work, 300_000, 1000)
            self.process(work, "warm-up")
        for what in ("copy", "exactly_once", "at_least_once"):
            with self.workspace(f"light-{what.replace('_', '-')}") as work:
                for topic in ("raw", "processed", "alerts", "dlq"):
                    self.kafka.create_topic(work.topic(topic), PARTITIONS)
                raw, out = work.topic("raw"), work.topic("processed")
                if what == "copy":
                    command = [str(options.loops / "kafka_copy_loop"), self.kafka.direct, raw, out, str(PARTITIONS), "0", "follow"]
                else:
                    command = work.command("process")
                env = work.environment(**({"KAFKA_DELIVERY": "at_least_once"} if what == "at_least_once" else {}))
                process = subprocess.Popen(command, cwd=work.path, env=env, stdin=subprocess.DEVNULL,
                                           stdout=subprocess.DEVNULL, stderr=sys.stderr)  # fmt: skip
                time.sleep(5)
                before, began = cpu_seconds(process.pid), time.monotonic()
                probe = subprocess.run([options.loops / "kafka_latency_probe", self.kafka.direct, raw, out, str(PARTITIONS),
                                        str(options.rate), str(options.seconds)], capture_output=True, check=True)  # fmt: skip
                share = (cpu_seconds(process.pid) - before) / (time.monotonic() - began)
                self.say(what=what, core_share=share, **memory_mb(process.pid), **json.loads(probe.stdout))
                process.send_signal(signal.SIGTERM)
                process.wait(30)

    def restore(self):
        """Start to end of a process that finds nothing to do: with its copy of the state, and from the changelog alone."""
        with self.workspace("restore", DEDUP_WINDOW="60s") as work:
            self.fill(work, self.options.devices * 2, self.options.devices)
            first = work.json("process", "--until-caught-up", timeout=500)
            self.say(what="first run", read=first["read"])
            for what in ("warm", "cold", "warm", "cold"):
                if what == "cold":
                    for copy in (work.path / "data/kafka").glob("*/state"):
                        copy.rename(work.path / f"old-{time.monotonic_ns()}")
                run = measured(work.command("process", "--until-caught-up", "--json"), cwd=work.path, env=work.environment())
                assert json.loads(run.pop("out"))["read"] == 0
                run.pop("err")
                self.say(what=what, devices=self.options.devices, **run)

    def devices(self):
        """The same events of ever more devices."""
        for devices in (1_000, 100_000, 1_000_000):
            with self.workspace(f"devices-{devices}") as work:
                self.fill(work, self.options.events, devices)
                for number in range(self.options.rounds):
                    run = self.process(work, f"devices-{devices}-{number}")
                    self.say(devices=devices, events_per_s=run["records"] / run["wall_s"], **run)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("backlog", "windows", "light", "restore", "devices"))
    parser.add_argument("--binary", default=str(ROOT / "build/release/tocsin"))
    parser.add_argument("--loops", type=Path, default=ROOT / "build/release/bin")
    parser.add_argument("--events", type=int, default=4_000_000)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--perf", help="profile one more run of `process` into this file")
    parser.add_argument("--preload", help="a library that `process` is run with, for comparisons of allocators")
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    options.loops = options.loops.resolve()
    os.environ["TOCSIN_BINARY"] = os.path.abspath(options.binary)
    from kafka_cluster import KafkaCluster, why_missing

    if missing := why_missing():
        sys.exit(missing)
    with KafkaCluster(heap="1g") as kafka:
        getattr(Bench(kafka, options), options.what)()


if __name__ == "__main__":
    main()
