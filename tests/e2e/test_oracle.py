"""The model itself, against vectors of the specification and against the standard library."""

import datetime
import json
import random
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import samples
from hashes import murmur2, partition_of, short_hash, xxh3_128
from oracle import BatchModel, Config, Event, Record, StreamModel, format_time, judge, parse_time


class OracleTest(unittest.TestCase):
    def test_hashes_match_their_published_vectors(self):
        self.assertEqual(short_hash(b"temperature_high\0dev_7\x001763892930123456"), "277eeaef16fcb5c5")
        self.assertEqual(short_hash(b"temperature_high\0dev_7"), "5a54e6bb6d968a22")
        for key, value in ((b"21", -973932308), (b"foobar", -790332482), (b"abc", 479470107),
                           (b"a-little-bit-long-string", -985981536)):  # fmt: skip
            self.assertEqual(murmur2(key), value & 0xFFFFFFFF)
        self.assertIn(partition_of(b"dev_7", 4), range(4))
        self.assertNotEqual(xxh3_128(b"x" * 130), xxh3_128(b"x" * 131))

    def test_times_agree_with_the_standard_library(self):
        rng = random.Random(1)
        for _ in range(2000):
            moment = datetime.datetime(1, 1, 2, tzinfo=datetime.timezone.utc) + datetime.timedelta(
                microseconds=rng.randrange(9998 * 365 * 86400 * 10**6)
            )
            micros = (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // \
                datetime.timedelta(microseconds=1)  # fmt: skip
            text = moment.strftime("%Y").zfill(4) + moment.strftime("-%m-%dT%H:%M:%S.%fZ")
            self.assertEqual(parse_time(text), micros)
            self.assertEqual(format_time(micros), text)

    def test_whatever_is_valid_here_is_valid_for_the_standard_library(self):
        for line in samples.dirty() + samples.mutated(2000, seed=2):
            if isinstance(judge(line, Config()), Event):
                self.assertIsInstance(json.loads(line), dict)

    def test_marked_values_are_judged_as_marked(self):
        for text in samples.VALID_VALUES:
            self.assertIsInstance(judge(samples.with_field(text), Config()), Event, text)
        for text in samples.INVALID_VALUES:
            self.assertEqual(judge(samples.with_field(text), Config()), "invalid_json", text)

    def feed(self, *events):
        model = StreamModel(Config())
        for offset, line in enumerate(events):
            model.feed(Record("iot.raw", 0, offset, "d", 1_800_000_000_000, {}, line))
        return model

    def test_an_episode_keeps_its_id_and_counts_its_events(self):
        model = self.feed(*(samples.event("d", n, t) for n, t in enumerate((20, 55, 56, 20))))
        firing, resolved = model.alerts
        self.assertEqual((firing["state"], resolved["state"]), ("firing", "resolved"))
        self.assertEqual(firing["id"], resolved["id"])
        self.assertEqual((firing["event_count"], resolved["event_count"]), (1, 2))

    def test_a_second_episode_at_the_same_instant_has_another_id(self):
        model = self.feed(*(samples.event("d", 5, t) for t in (55, 20, 55)))
        self.assertEqual(len({alert["id"] for alert in model.alerts}), 2)

    def test_an_event_out_of_order_changes_no_alert(self):
        model = self.feed(samples.event("d", 10, 55), samples.event("d", 5, 20))
        self.assertEqual([alert["state"] for alert in model.alerts], ["firing"])

    def test_the_batch_model_balances(self):
        model = BatchModel(Config())
        model.feed_file(b"\n".join(samples.dirty() + samples.fleet(500, seed=1)))
        total = len(model.rows) + model.duplicates + sum(model.rejected.values())
        self.assertEqual(model.rows_read, total)


if __name__ == "__main__":
    unittest.main()
