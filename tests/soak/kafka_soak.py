#!/usr/bin/env python3
"""The long form of tests/kafka/test_kafka_faults.py; its figures are appended to docs/reliability/RESULTS.md.

  kafka_soak.py --binary build/release/tocsin                        200 kills over 2,000,000 events, and the rest
  kafka_soak.py --binary … --scenario kills --kills 1000 --events 10000000 --seed 7
  kafka_soak.py --binary … --no-record                               prints only
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from driver import ROOT, binary
from kafka_cluster import why_missing
from kafka_faults import ON_THREE_BROKERS, SCENARIOS, run_scenario
from tcp_proxy import proxied_cluster

RESULTS = ROOT / "docs/reliability/RESULTS.md"


def first_line(*command) -> str:
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.split("\n")[0]


def kafka_version() -> str:
    jars = (ROOT / "build/deps/kafka").rglob("kafka-clients-*.jar")
    return next((jar.stem.removeprefix("kafka-clients-") for jar in jars), "of an unknown version")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binary")
    parser.add_argument("--scenario", choices=SCENARIOS + ON_THREE_BROKERS, action="append", help="repeatable; without it, all")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=20, help="of every other scenario")
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    if options.binary:
        os.environ["TOCSIN_BINARY"] = os.path.abspath(options.binary)
    if missing := why_missing():
        print(missing)
        return 1
    found = []
    began = time.monotonic()
    wanted = options.scenario or SCENARIOS + ON_THREE_BROKERS
    size = {"seed": options.seed, "kills": options.kills, "rounds": options.rounds, "events": options.events}
    for nodes, names in ((1, SCENARIOS), (3, ON_THREE_BROKERS)):
        if not set(names) & set(wanted):
            continue
        with proxied_cluster(nodes) as (kafka, proxy):
            for name in filter(wanted.__contains__, names):
                try:
                    found.append(run_scenario(kafka, proxy, name, **size))
                except AssertionError as violation:
                    print(f"VIOLATION in {name}, seed {options.seed}: {violation}")
                    return 1
    minutes = (time.monotonic() - began) / 60
    lines = [
        f"\n## {datetime.date.today()}: Kafka, seed {options.seed}\n",
        f"{first_line(binary(), 'version')}; Kafka {kafka_version()}, one node (`leaders`: three); "
        f"{os.cpu_count()} processors; {minutes:.0f} minutes. `tests/soak/kafka_soak.py` checks after each scenario that "
        "nothing is lost, doubled or out of order.\n",
        "| scenario | faults | events | acknowledged | alerts | commits | SHA-256 of the ids, in = out |",
        "|---|---|---|---|---|---|---|",
    ]
    for item in found:
        faults = ", ".join(f"{count} × {what}" for what, count in item["faults"].items())
        assert item["sha256_in"] == item["sha256_out"]
        lines.append(f"| {item['scenario']} | {faults} | {item['events']:,} | {item['acknowledged']:,} | {item['alerts']:,} "
                     f"| {item['commits']:,} | `{item['sha256_in'][:16]}…` |")  # fmt: skip
    print("\n".join(lines))
    print(json.dumps(found))
    if not options.no_record:
        with RESULTS.open("a") as file:
            file.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
