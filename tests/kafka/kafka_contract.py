#!/usr/bin/env python3
"""The contract of the log on a real broker: starts one and runs the test binary against it.

  kafka_contract.py build/dev/src/kafka_log/kafka_log_test [GTEST OPTION…]
"""

import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from kafka_cluster import KafkaCluster, why_missing

BACKENDS = ("Kafka", "KafkaWithCopy")
# A local copy makes a difference to the state alone.
FILTER = "*/Kafka:*State*/KafkaWithCopy:*Replacing*/KafkaWithCopy:*Key*/KafkaWithCopy"


def main(binary: str, *options) -> int:
    if missing := why_missing():
        print(missing)
        return 0
    with KafkaCluster() as kafka:
        chosen = options or [f"--gtest_filter={FILTER}"]
        done = subprocess.run([binary, *chosen], env=os.environ | {"TOCSIN_TEST_KAFKA": kafka.bootstrap},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    output = done.stdout.decode(errors="replace")
    passed = set(re.findall(r"^\[       OK \] (\S+)", output, re.M))
    print(output if done.returncode else f"{len(passed)} tests passed on a real broker")
    absent = [backend for backend in BACKENDS if not any(name.endswith(f"/{backend}") for name in passed)]
    if absent and not options:
        print(f"no test ran with {' and '.join(absent)}")
        return 1
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
