#!/usr/bin/env python3
"""Proves that the checks of test_kafka_faults.py can fail: each planted bug of a test build must be reported.

  planted_kafka_bugs.py kafka_generation_ignored | kafka_offsets_skipped | kafka_stragglers_ignored
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from kafka_cluster import KafkaCluster, why_missing
from kafka_faults import FaultRun
from tcp_proxy import TcpProxy, proxied_cluster

ATTEMPTS = 6  # where a fault falls is chance


def find(kafka: KafkaCluster, proxy: TcpProxy, bug: str, attempt: int) -> str | None:
    """The violation that was found under the harm that a program with this bug cannot stand, or None."""
    late = bug != "kafka_offsets_skipped"
    with FaultRun(kafka, f"{bug}-{attempt}".replace("_", "-"), seed=attempt, events=12_000 if late else 6000,
                  seconds=20 if late else 12, proxy=proxy if late else None, log=lambda _: None,
                  TOCSIN_TEST_SWITCH=bug) as faults:  # fmt: skip
        try:
            if bug == "kafka_stragglers_ignored":
                faults.hold_ends(2)
            elif bug == "kafka_generation_ignored":
                faults.oversleep(2)
            else:
                faults.kill(2)
            faults.finish()
        except AssertionError as violation:
            return f"attempt {attempt}: {violation}"
    return None


def main(bug: str) -> int:
    if missing := why_missing():
        print(missing)
        return 0
    # That the same harm leaves a sound program unhurt, test_kafka_faults.py shows.
    with proxied_cluster() as (kafka, proxy):
        violation = next(filter(None, (find(kafka, proxy, bug, attempt) for attempt in range(1, ATTEMPTS + 1))), None)
    print(f"{bug}: {violation or 'went unnoticed'}")
    return 0 if violation else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
