#!/usr/bin/env python3
"""scripts/kafka brings up real brokers: their listeners, their lives, and the readers the other tests use."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from hashes import murmur2
from kafka_cluster import SCRIPT, KafkaCluster, free_ports, why_missing
from token_server import TokenServer

MISSING = why_missing()
if MISSING:
    print(MISSING, file=sys.stderr)
OAUTH_URLS = "org.apache.kafka.sasl.oauthbearer.allowed.urls"


def script(*words, **environment):
    return subprocess.run([str(SCRIPT), *map(str, words)], capture_output=True, text=True, timeout=360,
                          env=os.environ | environment)  # fmt: skip


def oauth_properties(kafka: KafkaCluster, tokens: TokenServer) -> str:
    package = "org.apache.kafka.common.security.oauthbearer"
    return "\n".join([
        f"bootstrap.servers={kafka.sasl_plaintext}",
        "security.protocol=SASL_PLAINTEXT",
        "sasl.mechanism=OAUTHBEARER",
        f"sasl.login.callback.handler.class={package}.OAuthBearerLoginCallbackHandler",
        f"sasl.oauthbearer.token.endpoint.url={tokens.url}",
        f'sasl.jaas.config={package}.OAuthBearerLoginModule required clientId="{tokens.client_id}" '
        f'clientSecret="{tokens.secret}";',
    ])  # fmt: skip


class UsageTest(unittest.TestCase):
    """What needs no Java."""

    def test_no_words_print_the_usage(self):
        done = script()
        self.assertEqual(done.returncode, 64)
        self.assertIn("scripts/kafka start", done.stderr)

    def test_errors_name_thing_value_and_remedy(self):
        for words, pattern in (
            (["start", "--nodes", 2], r"--nodes 2: 1 or 3"),
            (["start", "--port", "x"], r"--port x: a number"),
            (["start", "--colour", "red"], r"--colour is not known"),
            (["start", "--set", "novalue"], r"--set novalue: KEY=VALUE"),
            (["start", "--dir"], r"--dir needs a value"),
            (["start-node", 1, "--dir", "/nonexistent"], r"no cluster in /nonexistent; start one with"),
        ):
            with self.subTest(words=words):
                done = script(*words)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, pattern)

    def test_without_java_the_package_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("bash", "dirname", "sed", "realpath", "cat", "grep", "cut"):
                os.symlink(shutil.which(name), f"{folder}/{name}")
            done = script("start", "--dir", f"{folder}/kafka", PATH=folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("openjdk-17-jre-headless", done.stderr)

    def test_status_of_nothing_is_3(self):
        with tempfile.TemporaryDirectory() as folder:
            done = script("status", "--json", "--dir", folder)
        self.assertEqual((done.returncode, json.loads(done.stdout)), (3, {"nodes": []}))


@unittest.skipIf(MISSING, MISSING)
class OneNodeTest(unittest.TestCase):
    def test_listeners_readers_and_a_restart(self):
        with KafkaCluster(tls=True, oauth=True) as kafka:
            kafka.create_topic("events", partitions=4)
            records = [(b"dev_%d" % (n % 7), b"value %d \n\xff\x00" % n) for n in range(1000)]
            kafka.produce("events", records)
            with self.subTest("what goes in comes out, in the partition that Java would choose"):
                read = kafka.read_committed("events")
                self.assertEqual(sorted((m.key, m.value) for m in read), sorted(records))
                for message in read:
                    self.assertEqual(message.partition, (murmur2(message.key) & 0x7FFFFFFF) % 4)
                self.assertEqual(kafka.count_committed("events"), 1000)
                self.assertEqual(sum(kafka.end_offsets("events").values()), 1000)
            for listener in ("ssl", "sasl_plaintext", "sasl_ssl"):
                with self.subTest(listener=listener):
                    self.assertEqual(len(kafka.read_committed("events", listener=listener)), 1000)
            with self.subTest("TLS is refused without a client's certificate, SASL with a wrong password"):
                for more in (
                    ["-b", kafka.ssl, "-X", "security.protocol=ssl", "-X", f"ssl.ca.location={kafka.ca}"],
                    ["-b", kafka.sasl_plaintext, "-X", "security.protocol=sasl_plaintext", "-X", "sasl.username=tocsin",
                     "-X", "sasl.mechanism=SCRAM-SHA-256", "-X", "sasl.password=wrong"],
                ):  # fmt: skip
                    done = subprocess.run(["kcat", "-L", "-m", "5", *more], capture_output=True, timeout=60)
                    self.assertNotEqual(done.returncode, 0)
            for listener in ("ssl", "sasl_plaintext", "sasl_ssl"):
                with self.subTest("Java's client gets in, with SCRAM where there are users", listener=listener):
                    self.assertIn(b"events", kafka.tool("topics", "--listener", listener, "--list"))
            with self.subTest("a token of the token server's is taken, one for others is not"):
                with TokenServer(kafka.token_key) as tokens:
                    (kafka.client / "oauth.properties").write_text(oauth_properties(kafka, tokens))
                    allowed = {"KAFKA_TOOL_JVM_OPTIONS": f"-D{OAUTH_URLS}={tokens.url}"}
                    words = ["tool", "topics", "--listener", "oauth", "--list", "--dir", kafka.directory]
                    self.assertIn("events", script(*words, **allowed).stdout)
                    tokens.audience = "others"
                    self.assertIn("invalid_token", script(*words, **allowed).stderr)
                    self.assertGreaterEqual(tokens.granted, 2)
            with self.subTest("Java's consumer agrees"):
                kafka.produce("events", [(b"k", b"for Java")])
                self.assertIn(b"for Java", kafka.java_read_committed("events"))
            with self.subTest("the ports are on the loopback only"):
                listening = subprocess.run(["cat", f"/proc/{kafka.pids()[1]}/net/tcp", f"/proc/{kafka.pids()[1]}/net/tcp6"],
                                           capture_output=True, text=True).stdout  # fmt: skip
                ours = [line.split()[1].split(":")[0] for line in listening.splitlines()
                        if re.match(r" *\d+:", line) and line.split()[3] == "0A"
                        and kafka.port <= int(line.split()[1].split(":")[1], 16) < kafka.port + 50]  # fmt: skip
                self.assertEqual(len(ours), 6)
                self.assertEqual({address[-8:] for address in ours}, {"0100007F"})
            with self.subTest("what was written survives SIGKILL, stop and start"):
                kafka.kill_node(1)
                self.assertEqual(kafka.script("status", expect=3).returncode, 3)
                kafka.restart_node(1)
                self.assertEqual(kafka.count_committed("events"), 1001)
                kafka.stop()
                kafka.start()
                self.assertEqual(kafka.count_committed("events"), 1001)
            with self.subTest("a second start and another number of nodes are refused"):
                self.assertIn(b"is running", kafka.script("start", expect=1).stderr)
                kafka.stop()
                self.assertIn(b"clean", kafka.script("start", "--nodes", 3, expect=1).stderr)

    def test_clean_removes_only_a_cluster(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "precious").write_text("x")
            done = script("clean", "--dir", folder)
            self.assertEqual(done.returncode, 1)
            self.assertTrue(Path(folder, "precious").exists())

    def test_a_port_in_use_is_named(self):
        with socket.socket() as taken, tempfile.TemporaryDirectory() as folder:
            port = free_ports()
            taken.bind(("127.0.0.1", port + 10))
            taken.listen()
            done = script("start", "--port", port, "--dir", folder)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"port {port + 10} is in use", done.stderr)


@unittest.skipIf(MISSING, MISSING)
class ThreeNodesTest(unittest.TestCase):
    def test_a_lost_node_is_borne_and_comes_back(self):
        with KafkaCluster(nodes=3) as kafka:
            kafka.create_topic("events", partitions=3)
            described = kafka.tool("topics", "--describe", "--topic", "events").decode()
            self.assertIn("ReplicationFactor: 3", described)
            self.assertIn("min.insync.replicas=2", described)
            kafka.produce("events", [(b"%d" % n, b"before") for n in range(300)])
            kafka.kill_node(1, signal.SIGKILL)
            self.assertEqual(kafka.script("status", expect=1).returncode, 1)
            kafka.produce("events", [(b"%d" % n, b"during") for n in range(300)])
            self.assertEqual(len(kafka.read_committed("events")), 600)
            kafka.restart_node(1)
            kafka.await_in_sync()
            self.assertEqual(kafka.count_committed("events"), 600)

    def test_brokers_end_with_their_owner(self):
        program = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from kafka_cluster import KafkaCluster\n"
            "kafka = KafkaCluster().__enter__()\n"
            "print(kafka.directory, *kafka.pids().values(), flush=True); sys.stdin.read()"
        )
        support = str(Path(__file__).resolve().parents[1] / "support")
        owner = subprocess.Popen([sys.executable, "-c", program, support], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        folder, pid = owner.stdout.readline().split()
        owner.kill()
        owner.communicate()
        deadline = time.monotonic() + 30
        while Path(f"/proc/{int(pid)}/cmdline").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertFalse(Path(f"/proc/{int(pid)}/cmdline").exists())
        shutil.rmtree(folder.decode())


if __name__ == "__main__":
    unittest.main()
