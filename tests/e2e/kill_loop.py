#!/usr/bin/env python3
"""SIGKILL at random moments against an external ledger: nothing lost, nothing doubled.

A feeder sends numbered events, some of them broken, and notes which ones were acknowledged. In
turn, `ingest`, `process`, `deliver` and the whole `up` are killed. At the end all is drained and
every acknowledged event must be in exactly one place, exactly once, in order, with the alerts
that the model makes of the raw log.

  kill_loop.py --binary build/dev/tocsin --kills 40 --seed 7
  kill_loop.py --expect-violation      succeeds only when the checks find something (planted bugs)
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from compare import check_stream, comparable_alert
from driver import Workspace
from oracle import Config
from samples import Feed, sequence_of

START_SECONDS = 60  # patience for a start under sanitizers on a busy machine


class KillLoop:
    def __init__(self, work: Workspace, seed: int, log):
        self.work = work
        self.rng = random.Random(seed)
        self.feed = Feed(self.rng)
        self.log = log
        self.kills = Counter()
        self.acknowledged = set()
        self.unknown = set()  # sent, neither acknowledged nor refused for certain
        self.file = work.path / "feed.jsonl"
        self.file_lines = []  # sequence numbers by line of the file
        self.runs = 0

    def kill_after(self, process: subprocess.Popen, seconds: float, name: str) -> bool:
        """True when the process was still running and died of our signal."""
        try:
            process.communicate(timeout=seconds)
            return False
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        self.kills[name] += 1
        return True

    def acks_of(self, path: Path, sequences: list) -> set:
        acknowledged = set()
        if path.exists():
            for line in path.read_bytes().split(b"\n")[:-1]:  # what follows the last LF is torn
                ack = json.loads(line)
                acknowledged.update(sequences[ack["first_line"] - 1 : ack["last_line"]])
        return acknowledged

    # --- the file, fed by `ingest FILE`, and the stages alone ---

    def offline_round(self):
        first = len(self.feed.lines)
        lines = self.feed.take(self.rng.randrange(50, 1500))
        with self.file.open("ab") as file:
            file.write(b"".join(line + b"\n" for line in lines))
        self.file_lines += range(first, first + len(lines))
        process = self.work.start("ingest", "feed.jsonl", "--acks", "file_acks.jsonl")
        if self.rng.random() < 0.5:
            self.kill_after(process, self.rng.uniform(0.0, 0.5), "ingest")
        else:
            process.communicate(timeout=START_SECONDS)
        acknowledged = self.acks_of(self.work.path / "file_acks.jsonl", self.file_lines)
        self.acknowledged |= acknowledged
        for stage, share in (("process", 1.0), ("deliver", 0.4)):
            if self.rng.random() < share:
                self.kill_after(self.work.start(stage), self.rng.uniform(0.05, 0.9), stage)

    # --- the whole pipeline, fed through its socket ---

    def online_round(self):
        process = self.work.start("up")
        if self.rng.random() < 0.15:
            self.kill_after(process, self.rng.uniform(0.0, 0.3), "up")
            return
        stop_feeding = threading.Event()
        reader = threading.Thread(target=process.communicate, daemon=True)
        reader.start()
        deadline = time.monotonic() + START_SECONDS
        socket = self.work.path / "data/tocsin.sock"
        while not self.answers(socket):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"up did not start: exit {process.poll()}")
            time.sleep(0.02)
        feeder = threading.Thread(target=self.feed_socket, args=(stop_feeding,))
        feeder.start()
        time.sleep(self.rng.uniform(0.1, 1.5))
        process.kill()
        self.kills["up"] += 1
        stop_feeding.set()
        feeder.join()
        reader.join()

    def answers(self, socket: Path) -> bool:
        return socket.exists() and self.work.run("topic", "ls", expect=None).returncode == 0

    def feed_socket(self, stop_feeding: threading.Event):
        while not stop_feeding.is_set():
            first = len(self.feed.lines)
            lines = self.feed.take(self.rng.randrange(20, 400))
            sequences = list(range(first, first + len(lines)))
            self.runs += 1
            acks = self.work.path / f"acks_{self.runs}.jsonl"
            self.work.run("ingest", "-", "--acks", acks.name, "--rate", self.rng.choice((0, 0, 2000)),
                          stdin=b"".join(line + b"\n" for line in lines), expect=None)  # fmt: skip
            acknowledged = self.acks_of(acks, sequences)
            self.acknowledged |= acknowledged
            self.unknown |= set(sequences) - acknowledged

    # --- the end ---

    def drain(self):
        for command in (["ingest", "feed.jsonl", "--acks", "file_acks.jsonl"],
                        ["process", "--until-caught-up"], ["deliver", "--until-caught-up"]):  # fmt: skip
            try:
                self.work.run(*command, timeout=120)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"{command[0]} does not come to the end of the log") from None
        self.acknowledged |= self.acks_of(self.work.path / "file_acks.jsonl", self.file_lines)

    def check_ledger(self) -> dict:
        raw = self.work.dump("iot.raw")
        counts = Counter(sequence_of(record.value) for record in raw)
        lost = sorted(self.acknowledged - set(counts))
        doubled = sorted(number for number, count in counts.items() if count > 1)
        phantom = [r.value for r in raw if r.value != self.feed.lines[sequence_of(r.value)]]
        unasked = sorted(set(counts) - self.acknowledged - self.unknown)
        for what, found in (("acknowledged events lost", lost), ("events doubled", doubled),
                            ("events altered", phantom), ("events nobody sent", unasked)):  # fmt: skip
            if found:
                raise AssertionError(f"iot.raw: {len(found)} {what}: {found[:5]}")
        ends = [r for topic in ("iot.processed", "iot.dlq") for r in self.work.dump(topic)]
        places = Counter(sequence_of(record.value) for record in ends)
        for number in counts:
            if places[number] != 1:
                raise AssertionError(f"event {number} is in {places[number]} places after iot.raw, not in one")
        if set(places) != set(counts):
            raise AssertionError(f"outputs nobody sent: {sorted(set(places) - set(counts))[:5]}")
        ids = "\n".join(map(str, sorted(counts))).encode()
        return {"raw": len(raw), "acknowledged": len(self.acknowledged),
                "unknown_kept": len(set(counts) & self.unknown),
                "sha256": hashlib.sha256(ids).hexdigest()}  # fmt: skip

    def check_order(self):
        """Each device's events are in the order in which their input had them."""
        last = {}
        from_file = set(self.file_lines)
        for record in self.work.dump("iot.processed"):
            number = sequence_of(record.value)
            stream = (record.key, number in from_file)
            if last.get(stream, -1) >= number:
                raise AssertionError(f"{record.key}: event {number} comes after {last[stream]}")
            last[stream] = number

    def check_alert_log(self) -> int:
        logs = sorted((self.work.path / "logs").glob("alerts.log*"))
        lines = Counter(line for path in logs for line in path.read_bytes().splitlines())
        alerts = Counter(record.value for record in self.work.dump("iot.alerts"))
        if lines != alerts:
            missing, extra = alerts - lines, lines - alerts
            raise AssertionError(f"alerts.log: {missing.total()} lines missing, {extra.total()} too many: "
                                 f"{list((missing or extra))[:1]}")  # fmt: skip
        for line in list(lines)[:1]:
            comparable_alert(line, Config().metrics)
        return lines.total()

    def check(self) -> dict:
        evidence = self.check_ledger()
        evidence |= {"stream": check_stream(self.work)}
        self.check_order()
        evidence["alert_log_lines"] = self.check_alert_log()
        again = self.work.process()
        if again["read"] or again["lag"]:
            raise AssertionError(f"the committed offsets are not the end of the log: {again}")
        return evidence

    def run(self, kills: int, seconds: float) -> dict:
        deadline = time.monotonic() + seconds
        rounds = 0
        while self.kills.total() < kills:
            if time.monotonic() > deadline:
                self.log(f"time is up after {self.kills.total()} of {kills} kills")
                break
            (self.online_round if rounds % 2 else self.offline_round)()
            rounds += 1
        self.log(f"{self.kills.total()} kills {dict(self.kills)}, {len(self.feed.lines)} events; draining")
        self.drain()
        return self.check()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binary")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=150, help="stop killing after so long")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--expect-violation", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the working directory")
    options = parser.parse_args()
    if options.binary:
        os.environ["TOCSIN_BINARY"] = os.path.abspath(options.binary)
    switch = os.environ.get("TOCSIN_TEST_SWITCH")
    settings = {"BATCH_INTERVAL": "1s", "STREAMING_BATCH_SIZE": 200, "ALERT_LOG_MAX_SIZE": "256KiB",
                "ALERT_LOG_KEEP": 1000}  # fmt: skip
    work = Workspace(**settings | ({"TOCSIN_TEST_SWITCH": switch} if switch else {}))
    print(f"kill loop: seed {options.seed}, switch {switch}, in {work.path}", flush=True)
    loop = KillLoop(work, options.seed, lambda text: print(text, flush=True))
    try:
        evidence = loop.run(options.kills, options.seconds)
    except AssertionError as violation:
        print(f"VIOLATION: {violation}")
        print(f"seed {options.seed}, {loop.kills.total()} kills, kept in {work.path}")
        if options.expect_violation:
            work.__exit__()
        return 0 if options.expect_violation else 1
    print(json.dumps({"seed": options.seed, "kills": dict(loop.kills)} | evidence))
    if options.keep:
        print(f"kept in {work.path}")
    else:
        work.__exit__()
    if options.expect_violation:
        print("the planted bug went unnoticed")
        return 1
    if loop.kills.total() < options.kills:
        print(f"only {loop.kills.total()} of {options.kills} kills in {options.seconds} s")
        return 1
    print(f"{loop.kills.total()} kills, no violation")
    return 0


if __name__ == "__main__":
    sys.exit(main())
