"""Real Kafka clusters for tests, and readers of them that share nothing with the program.

Brokers are started by scripts/kafka, each cluster in a folder and on ports of its own; they end with
the test, even when the test process is killed. What is read back is read by kcat or by Java's console
consumer, read_committed.
"""

import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/kafka"
PORTS_OF_A_CLUSTER = 50
KEY_END, VALUE_END = b"\x1f", b"\x1e"  # what kcat is told to split its input at


def why_missing() -> str:
    """What a Kafka test lacks on this machine, as the text of a loud skip; empty when nothing."""
    lacks = [name for name in ("java", "kcat", "openssl") if not shutil.which(name)]
    if not (ROOT / "build/deps/kafka/.version").exists():
        lacks.append("the jars in build/deps/kafka")
    return f"SKIPPED LOUDLY: no Kafka: {', '.join(lacks)} missing (scripts/install_dependencies --test)" if lacks else ""


@dataclass(frozen=True)
class Message:
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: bytes = b""  # as kcat prints them: name=value,name=value


_port_locks = {}  # of this process, by the first port


def free_ports(count: int = PORTS_OF_A_CLUSTER) -> int:
    """The first of `count` ports of which none is in use now, below those the kernel hands out. No other test gets
    one of them until give_ports_back() or the end of this process, also while a cluster on them is stopped."""
    for _ in range(10_000):
        first = random.randrange(20000, 32000, PORTS_OF_A_CLUSTER)
        lock = open(os.path.join(tempfile.gettempdir(), f"tocsin-test-ports-{first}.lock"), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _port_locks[first] = lock
        return first
    raise AssertionError("no free ports from 20000 to 32000")


def give_ports_back(first: int):
    lock = _port_locks.pop(first, None)
    if lock is not None:
        lock.close()


class TransactionLeftOpen(Exception):
    """Kafka itself will never end a transaction whose commit it had answered (docs/guarantees.md)."""


class KafkaCluster:
    """`with KafkaCluster(nodes=3, tls=True) as kafka:` … `kafka.bootstrap`.

    `settings` are broker settings, `advertise_port` is where clients of the PLAINTEXT listener are told
    to come (tcp_proxy.py listens there); `direct` never goes through it.
    """

    user = "tocsin"

    def __init__(self, nodes=1, *, tls=False, scram=False, oauth=False, advertise_port=None, heap=None, settings=None,
                 directory=None, port=None):  # fmt: skip
        self.nodes, self.tls, self.scram, self.oauth = nodes, tls, scram, oauth
        self.advertise_port, self.heap, self.settings = advertise_port, heap, settings or {}
        self.made_here = directory is None
        self.directory = Path(directory or tempfile.mkdtemp(prefix="tocsin-kafka-"))
        self.port = port
        self.client = self.directory / "client"
        self.ca, self.certificate, self.key = (self.client / name for name in ("ca.pem", "client.pem", "client.key"))

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        self.kill_all()
        if self.port:
            give_ports_back(self.port)
        if self.made_here:
            shutil.rmtree(self.directory, ignore_errors=True)

    def kill_all(self):
        for pid in self.pids().values():
            os.kill(pid, signal.SIGKILL)  # nobody reads this data again
        while self.pids():
            time.sleep(0.02)

    # Life of the brokers ------------------------------------------------------------------------------------

    def script(self, command: str, *words, expect=0, timeout=400, stdin=b""):
        done = subprocess.run([str(SCRIPT), command, *map(str, words), "--dir", str(self.directory)],
                              input=stdin, capture_output=True, timeout=timeout)  # fmt: skip
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"scripts/kafka {command} {words}: exit {done.returncode}\n"
                                 f"{done.stdout.decode()[-2000:]}{done.stderr.decode()[-2000:]}")  # fmt: skip
        return done

    def start(self):
        """Also after stop(): same ports, same data."""
        options = [word for name, value in self.settings.items() for word in ("--set", f"{name}={value}")]
        options += ["--tls"] * self.tls + ["--scram"] * self.scram + ["--oauth"] * self.oauth
        for name, value in (("--advertise-port", self.advertise_port), ("--heap", self.heap)):
            options += [name, value] if value else []
        for attempt in range(3):
            first = self.port or free_ports()
            done = self.script("start", "--nodes", self.nodes, "--port", first, "--owner", os.getpid(), *options,
                               expect=None)  # fmt: skip
            if done.returncode == 0:
                self.port = first
                return
            # Another test may have taken a port between the look and the start.
            if self.port or b"in use" not in done.stderr + done.stdout:
                break
        raise AssertionError(f"scripts/kafka start: {done.stderr.decode()[-3000:]}")

    def start_over(self):
        """Empty, on the same ports."""
        self.kill_all()
        shutil.rmtree(self.directory)
        self.start()

    def stop(self):
        self.script("stop")

    def pids(self) -> dict:
        """Process by node id, of the nodes that run."""
        listed = self.script("status", "--json", expect=None).stdout
        return {node["id"]: node["pid"] for node in json.loads(listed or '{"nodes":[]}')["nodes"] if node["pid"]}

    def kill_node(self, node: int, code=signal.SIGKILL):
        """Signals one broker; after a signal that ends it, returns when it is gone."""
        os.kill(self.pids()[node], code)
        if code in (signal.SIGKILL, signal.SIGTERM):
            deadline = time.monotonic() + 60
            while node in self.pids():
                assert time.monotonic() < deadline, f"node {node} did not end"
                time.sleep(0.05)

    def restart_node(self, node: int):
        """TransactionLeftOpen when the node dropped what it had promised before its end."""
        before = self._dropped(node)
        self.script("start-node", node)
        if self._dropped(node) > before:
            raise TransactionLeftOpen()

    def _dropped(self, node: int) -> int:
        logs = (self.directory / f"node{node}").glob("kafka.log*")
        return sum(log.read_text(errors="replace").count("these partitions are likely deleted already") for log in logs)

    def await_in_sync(self, seconds=60):
        """Until every partition has all its replicas again."""
        deadline = time.monotonic() + seconds
        while lagging := self.tool("topics", "--describe", "--under-replicated-partitions"):
            assert time.monotonic() < deadline, f"not in sync: {lagging.decode()}"
            time.sleep(0.2)

    # How to reach them ----------------------------------------------------------------------------------------

    def addresses(self, offset: int) -> str:
        return ",".join(f"127.0.0.1:{self.port + offset + node}" for node in range(self.nodes))

    bootstrap = property(lambda self: self.addresses(0))
    direct = property(lambda self: self.addresses(13))
    ssl = property(lambda self: self.addresses(20))
    sasl_plaintext = property(lambda self: self.addresses(30))
    sasl_ssl = property(lambda self: self.addresses(40))
    password = property(lambda self: (self.client / "password").read_text().strip())
    token_key = property(lambda self: self.client / "token_signing.key")
    password_file = property(lambda self: self.client / "password")

    # Kafka's own tools ------------------------------------------------------------------------------------------

    def tool(self, name: str, *words, **options) -> bytes:
        """Output of one of Kafka's command-line tools (see scripts/kafka)."""
        return self.script("tool", name, *words, **options).stdout

    def create_topic(self, name: str, partitions=4, **settings):
        """Broker settings with `_` for `.`: create_topic("t", cleanup_policy="compact")."""
        config = [word for key, value in settings.items() for word in ("--config", f"{key.replace('_', '.')}={value}")]
        self.tool("topics", "--create", "--topic", name, "--partitions", partitions,
                  "--replication-factor", self.nodes, *config)  # fmt: skip

    def end_offsets(self, topic: str) -> dict:
        """Log end by partition: records, markers of transactions and aborted ones included."""
        lines = self.tool("get-offsets", "--topic", topic).decode().split()
        return {int(partition): int(end) for _, partition, end in (line.rsplit(":", 2) for line in lines)}

    def java_read_committed(self, topic: str, *, idle_ms=3000, extra=()) -> list:
        """Value lines as Java's console consumer prints them; it ends when nothing came for `idle_ms`."""
        done = self.script("tool", "console-consumer", "--topic", topic, "--from-beginning", "--isolation-level",
                           "read_committed", "--timeout-ms", idle_ms, *extra, expect=None)  # fmt: skip
        assert b"Processed a total of" in done.stderr, done.stderr.decode()[-2000:]
        return done.stdout.splitlines()

    # kcat -----------------------------------------------------------------------------------------------------

    def kcat(self, *words, stdin=b"", listener="plaintext", timeout=120) -> bytes:
        """`listener`: plaintext (direct), ssl, sasl_plaintext or sasl_ssl; "" when the words say `-b`."""
        reach = ["-F", str(self.client / f"{listener}.kcat")] if listener else []
        if listener == "plaintext":
            reach = ["-b", self.direct]
        done = subprocess.run(["kcat", *reach, *map(str, words)], input=stdin, capture_output=True, timeout=timeout)
        if done.returncode:
            raise AssertionError(f"kcat {' '.join(map(str, words))}: {done.stderr.decode()[-2000:]}")
        return done.stdout

    def produce(self, topic: str, records, *, listener="plaintext", extra=()):
        """(key, value) pairs; the partition by murmur2 of the key, as Java does it."""
        feed = bytearray()
        for key, value in records:
            assert KEY_END not in key + value and VALUE_END not in key + value
            feed += key + KEY_END + value + VALUE_END
        self.kcat("-P", "-t", topic, "-K", r"\x1f", "-D", r"\x1e", "-X", "topic.partitioner=murmur2_random",
                  "-X", "enable.idempotence=true", *extra, stdin=bytes(feed), listener=listener)  # fmt: skip

    def read_committed(self, topic: str, *, isolation="read_committed", listener="plaintext") -> list:
        """Every message of the topic up to its end, ordered by partition and offset."""
        # The lengths come before the bytes, so any byte may be in them.
        raw = self.kcat("-C", "-t", topic, "-o", "beginning", "-e", "-q", "-X", f"isolation.level={isolation}",
                        "-f", r"%p %o %T %K %S %h\n%k%s\n", listener=listener)  # fmt: skip
        messages, at = [], 0
        while at < len(raw):
            end = raw.index(b"\n", at)
            partition, offset, timestamp, key_size, value_size, headers = raw[at:end].split(b" ", 5)
            sizes = [int(key_size), int(value_size)]
            at, parts = end + 1, []
            for size in sizes:
                parts.append(raw[at : at + size] if size >= 0 else None)
                at += max(size, 0)
            messages.append(Message(int(partition), int(offset), int(timestamp), *parts, headers))
            at += 1
        return sorted(messages, key=lambda message: (message.partition, message.offset))

    def count_committed(self, topic: str) -> int:
        """How many messages a read_committed reader sees; without keeping them."""
        printed = self.kcat("-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", ".",
                            "-X", "isolation.level=read_committed", timeout=600)  # fmt: skip
        return len(printed)
