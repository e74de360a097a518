#!/usr/bin/env python3
"""The proxy that harms Kafka connections does the harm it is asked for, and no other."""

import contextlib
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from kafka_cluster import free_ports, why_missing
from tcp_proxy import END_TXN, FETCH, METADATA, PRODUCE, TcpProxy, proxied_cluster

MISSING = why_missing()
if MISSING:
    print(MISSING, file=sys.stderr)


class FakeBroker:
    """Answers every request with its correlation id, and keeps the API keys it saw."""

    def __init__(self):
        self.seen = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def close(self):
        self.server.close()

    def answer(self, connection):
        with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError):
            while size := stream.read(4):
                api_key, _, correlation = struct.unpack_from(">hhi", stream.read(struct.unpack(">i", size)[0]))
                self.seen.append(api_key)
                connection.sendall(struct.pack(">ii", 4, correlation))


class Client:
    def __init__(self, port: int, name: str = "client"):
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.name = name.encode()

    def send(self, api_key: int, correlation: int, transaction="t", version=1):
        body = struct.pack(">hhih", api_key, version, correlation, len(self.name)) + self.name
        if version < 3:
            body += struct.pack(">h", len(transaction)) + transaction.encode() + b"payload"
        else:
            body += bytes([0, len(transaction) + 1]) + transaction.encode() + b"payload"
        self.socket.sendall(struct.pack(">i", len(body)) + body)

    def receive(self, seconds: float = 5):
        """The correlation id, None when nothing came, "end" when the connection ended."""
        self.socket.settimeout(seconds)
        try:
            answer = self.socket.recv(8, socket.MSG_WAITALL)
        except TimeoutError:
            return None
        except OSError:
            return "end"
        return struct.unpack(">ii", answer)[1] if answer else "end"


class ProxyTest(unittest.TestCase):
    def setUp(self):
        self.broker = FakeBroker()
        self.addCleanup(self.broker.close)
        self.port = free_ports()
        self.proxy = self.enterContext(TcpProxy({self.port: self.broker.port}))

    def client(self, name="client"):
        client = Client(self.port, name)
        self.addCleanup(client.socket.close)
        return client

    def ask(self, client, api_key, correlation, seconds=5):
        client.send(api_key, correlation)
        return client.receive(seconds)

    def test_passes_on_what_it_is_not_asked_to_harm(self):
        client = self.client()
        for correlation, api_key in enumerate((METADATA, PRODUCE, FETCH, END_TXN)):
            self.assertEqual(self.ask(client, api_key, correlation), correlation)
        self.assertEqual(self.proxy.requests, {METADATA: 1, PRODUCE: 1, FETCH: 1, END_TXN: 1})

    def test_hold_keeps_the_request_and_what_follows_until_release(self):
        held, other = self.client("one"), self.client("two")
        trap = self.proxy.hold(END_TXN, client="one")
        held.send(END_TXN, 1)
        held.send(METADATA, 2)
        trap.wait()
        self.assertIsNone(held.receive(0.2))
        self.assertNotIn(END_TXN, self.broker.seen)
        self.assertEqual(self.ask(other, END_TXN, 7), 7)
        trap.release()
        self.assertEqual((held.receive(), held.receive()), (1, 2))
        self.assertEqual(self.ask(held, END_TXN, 3), 3)

    def test_a_trap_waits_for_the_transactional_id_it_is_set_for(self):
        client = self.client()
        early = self.proxy.hold(END_TXN, transaction="wanted")
        for correlation, (name, version) in enumerate((("other", 1), ("wante", 3), ("wanted2", 4))):
            client.send(END_TXN, correlation, name, version)
            self.assertEqual(client.receive(), correlation)
        early.release()
        for version in (1, 3):
            trap = self.proxy.hold(END_TXN, transaction="wanted")
            client.send(END_TXN, 7, "wanted", version)
            trap.wait()
            self.assertEqual(trap.transactions, ["wanted"])
            trap.release()
            self.assertEqual(client.receive(), 7)

    def test_lose_request_ends_the_connection_before_the_broker_sees_it(self):
        self.proxy.lose_request(END_TXN)
        self.assertEqual(self.ask(self.client(), END_TXN, 1), "end")
        self.assertEqual(self.broker.seen, [])
        self.assertEqual(self.ask(self.client(), END_TXN, 2), 2)

    def test_lose_response_ends_the_connection_after_the_broker_did_it(self):
        self.proxy.lose_response(END_TXN)
        client = self.client()
        self.assertEqual(self.ask(client, METADATA, 1), 1)
        self.assertEqual(self.ask(client, END_TXN, 2), "end")
        self.assertEqual(self.broker.seen, [METADATA, END_TXN])

    def test_swallow_leaves_the_connection_open_and_silent(self):
        self.proxy.swallow(END_TXN)
        client = self.client()
        self.assertIsNone(self.ask(client, END_TXN, 1, 0.2))
        self.assertIsNone(self.ask(client, METADATA, 2, 0.2))
        self.assertEqual(self.broker.seen, [])
        self.assertEqual(self.ask(self.client(), METADATA, 3), 3)

    def test_cut_resets_and_refuses_until_healed(self):
        client = self.client()
        self.assertEqual(self.ask(client, METADATA, 1), 1)
        self.proxy.cut()
        self.assertEqual(client.receive(), "end")
        with self.assertRaises(ConnectionRefusedError):
            self.client()
        self.proxy.heal()
        self.assertEqual(self.ask(self.client(), METADATA, 2), 2)

    def test_blackhole_lets_pass_what_was_under_way_when_it_heals(self):
        client = self.client()
        self.assertEqual(self.ask(client, METADATA, 1), 1)
        self.proxy.blackhole()
        self.assertIsNone(self.ask(client, METADATA, 2, 0.2))
        self.proxy.heal()
        self.assertEqual(client.receive(), 2)

    def test_delay_is_no_throttle(self):
        client = self.client()
        self.assertEqual(self.ask(client, METADATA, 0), 0)
        self.proxy.delay(0.1)
        started = time.monotonic()
        for correlation in range(50):
            client.send(METADATA, correlation)
        self.assertEqual([client.receive() for _ in range(50)], list(range(50)))
        taken = time.monotonic() - started
        self.assertGreater(taken, 0.2)  # there and back
        self.assertLess(taken, 5)  # fifty one after the other would be ten seconds

    def test_a_broker_that_is_down_ends_the_connection(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = free_ports()
            with TcpProxy({port: unused.getsockname()[1]}):
                client = Client(port)
                self.addCleanup(client.socket.close)
                self.assertEqual(client.receive(), "end")


@unittest.skipIf(MISSING, MISSING)
class RealBrokerTest(unittest.TestCase):
    def test_clients_of_a_real_broker_come_through(self):
        with proxied_cluster() as (kafka, proxy):
            kafka.create_topic("events", partitions=2)
            with self.subTest("what is held is not there, and is when it is let go"):
                held = proxy.hold(PRODUCE)
                producer = subprocess.Popen(["kcat", "-P", "-t", "events", "-b", proxy.bootstrap], stdin=subprocess.PIPE)
                producer.stdin.write(b"one\n")
                producer.stdin.close()
                held.wait()
                self.assertEqual(kafka.count_committed("events"), 0)
                held.release()
                self.assertEqual(producer.wait(60), 0)
                self.assertEqual([m.value for m in kafka.read_committed("events")], [b"one"])
            with self.subTest("whose answer is lost the broker has, and the client does not know"):
                lost = proxy.lose_response(PRODUCE)
                done = subprocess.run(["kcat", "-P", "-t", "events", "-b", proxy.bootstrap, "-X", "retries=0"],
                                      input=b"two\n", capture_output=True, timeout=60)  # fmt: skip
                lost.wait()
                self.assertNotEqual(done.returncode, 0)
                self.assertEqual(kafka.count_committed("events"), 2)


if __name__ == "__main__":
    unittest.main()
