"""The program on a Kafka cluster; what it wrote is read back by kcat, read_committed."""

import re
import struct
import subprocess
from dataclasses import dataclass

from driver import Workspace
from kafka_cluster import KafkaCluster, Message
from oracle import Record

_NEXT_HEADER = re.compile(r",(?=(?:tocsin\.|__connect\.errors\.)[a-z.]+=)")


def headers_of(message: Message) -> dict:
    """kcat joins headers with commas, which may be in a value, too."""
    text = message.headers.decode()
    return dict(part.split("=", 1) for part in _NEXT_HEADER.split(text)) if text else {}


class KafkaWorkspace(Workspace):
    """Topics, groups and transactional ids begin with `prefix`, so that one cluster serves many tests.

    What compare.py calls iot.raw is `<prefix>.raw` on the cluster, and so on.
    """

    def __init__(self, kafka: KafkaCluster, prefix: str, **settings):
        names = {f"KAFKA_{name.upper()}_TOPIC": f"{prefix}.{name}" for name in ("raw", "processed", "dlq")}
        super().__init__(**{
            "KAFKA_BROKER": kafka.direct, "KAFKA_ALERT_TOPIC": f"{prefix}.alerts", "KAFKA_APP_ID": prefix,
            "STREAMING_GROUP_ID": f"{prefix}-processor",
        } | names | settings)  # fmt: skip
        self.kafka, self.prefix = kafka, prefix

    def topic(self, name: str) -> str:
        return f"{self.prefix}.{name.removeprefix('iot.')}"

    def dump(self, topic: str, *flags) -> list:
        name = self.topic(topic)
        return [
            Record(name, m.partition, m.offset, None if m.key is None else m.key.decode(), m.timestamp_ms,
                   headers_of(m), m.value or b"")
            for m in self.kafka.read_committed(name)
        ]  # fmt: skip

    def partitions(self, topic: str) -> int:
        return len(ends(self.kafka, self.topic(topic)))


@dataclass(frozen=True)
class End:
    stable: int  # where a read_committed reader comes to its end
    written: int  # where any reader does


def _reached(kafka: KafkaCluster, topic: str, isolation: str) -> dict:
    """Offset at which a reader of the topic finds its end, by partition."""
    done = subprocess.run(
        ["kcat", "-b", kafka.direct, "-C", "-t", topic, "-o", "end", "-e", "-X", f"isolation.level={isolation}"],
        capture_output=True, timeout=60,
    )  # fmt: skip
    found = re.findall(rb"Reached end of topic \S+ \[(\d+)\] at offset (\d+)", done.stderr)
    if done.returncode or not found:
        raise AssertionError(f"kcat finds no end of {topic}: {done.stderr.decode()[-500:]}")
    return {int(partition): int(offset) for partition, offset in found}


def ends(kafka: KafkaCluster, topic: str) -> dict:
    """End of each partition. `stable` behind `written` for long is a transaction that hangs."""
    stable, written = (_reached(kafka, topic, isolation) for isolation in ("read_committed", "read_uncommitted"))
    return {partition: End(stable.get(partition, -1), end) for partition, end in written.items()}


def _text(data: bytes, at: int):
    (size,) = struct.unpack_from(">h", data, at)
    return data[at + 2 : at + 2 + size].decode(), at + 2 + size


def committed_history(kafka: KafkaCluster, group: str) -> dict:
    """Every offset that the group committed, in order, by (topic, partition): the broker's own record."""
    history = {}
    for message in kafka.read_committed("__consumer_offsets"):
        (version,) = struct.unpack_from(">h", message.key)
        if version > 1 or not message.value:
            continue  # membership, or an offset that expired
        name, at = _text(message.key, 2)
        topic, at = _text(message.key, at)
        (partition,) = struct.unpack_from(">i", message.key, at)
        if name == group:
            history.setdefault((topic, partition), []).append(struct.unpack_from(">q", message.value, 2)[0])
    return history
