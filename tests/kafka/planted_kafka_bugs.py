#!/usr/bin/env python3
"""Proves that the checks of test_kafka_faults.py can fail: each planted bug of a test build must be reported.

  planted_kafka_bugs.py kafka_generation_ignored | kafka_offsets_skipped | offset_off_by_one
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from kafka_cluster import KafkaCluster, why_missing
from kafka_faults import FaultRun

ATTEMPTS = 3  # where a fault falls is chance


def run(kafka: KafkaCluster, switch: str, attempt: int) -> str | None:
    """The violation that was found, or None."""
    settings = {"TOCSIN_TEST_SWITCH": switch} if switch else {}
    name = f"{switch or 'sound'}-{attempt}".replace("_", "-")
    with FaultRun(kafka, name, seed=attempt, events=6000, seconds=12, log=lambda _: None, **settings) as faults:
        try:
            if switch == "kafka_generation_ignored":
                faults.zombies(2)
            else:
                faults.kill(2)
            faults.finish()
        except AssertionError as violation:
            return str(violation)
    return None


def main(switch: str) -> int:
    if missing := why_missing():
        print(missing)
        return 0
    with KafkaCluster() as kafka:
        violation = run(kafka, "", 0)
        if violation:
            print(f"without a switch: {violation}")
            return 1
        violation = next(filter(None, (run(kafka, switch, attempt) for attempt in range(1, ATTEMPTS + 1))), None)
    print(f"{switch}: {violation or 'went unnoticed'}")
    return 0 if violation else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
