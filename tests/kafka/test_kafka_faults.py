#!/usr/bin/env python3
"""Processors on a real Kafka under harm: nothing lost, nothing doubled, nothing out of order.

  test_kafka_faults.py                                   the short form
  test_kafka_faults.py --seed 7 --kills 200 --events 2000000 ProcessesTest.test_kills…

What is checked after each scenario: tests/support/kafka_faults.py. A failure names its seed and keeps its
working directory.
"""

import argparse
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from kafka_cluster import why_missing
from kafka_faults import run_scenario
from tcp_proxy import proxied_cluster

MISSING = why_missing()
if MISSING:
    print(MISSING, file=sys.stderr)
SHORT = {"seed": int.from_bytes(os.urandom(4), "big"), "kills": 6, "events": 30_000, "rounds": 3}


class FaultsTest(unittest.TestCase):
    size = argparse.Namespace(**SHORT)

    @classmethod
    def setUpClass(cls):
        cls.kafka, cls.proxy = cls.enterClassContext(proxied_cluster())

    def check(self, name: str, **shorter) -> dict:
        """`shorter` sizes count unless the command line gave any."""
        given = {key: value for key, value in vars(self.size).items() if key == "seed" or value != SHORT[key]}
        size = SHORT | (shorter if not set(given) - {"seed"} else {}) | given
        return run_scenario(self.kafka, self.proxy, name, **size)


@unittest.skipIf(MISSING, MISSING)
class ProcessesTest(FaultsTest):
    def test_kills_of_processors_lose_and_double_nothing(self):
        evidence = self.check("kills")
        self.assertEqual(sum(evidence["faults"].values()), self.size.kills)

    def test_kills_of_deliveries_write_each_alert_once(self):
        self.check("deliveries")

    def test_a_processor_that_slept_past_its_session_commits_nothing_more(self):
        self.check("zombies", rounds=2)

    def test_processors_come_and_go(self):
        self.check("churn")


@unittest.skipIf(MISSING, MISSING)
class ConnectionsTest(FaultsTest):
    def test_a_broker_that_is_killed_and_one_that_stops_are_waited_for(self):
        self.check("broker", rounds=2)

    def test_partitions_of_one_that_died_while_giving_them_up_are_read_on(self):
        self.check("moving", rounds=1)

    def test_broken_connections_and_late_ends_of_transactions_tear_nothing(self):
        evidence = self.check("proxy")
        self.assertGreater(len(evidence["faults"]), 9)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name, value in SHORT.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    FaultsTest.size, rest = parser.parse_known_args()
    print(f"seed {FaultsTest.size.seed}", file=sys.stderr, flush=True)
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


if __name__ == "__main__":
    main()
