"""Harm to processors on a Kafka cluster, against a ledger outside of it.

A feeder sends numbered events through `ingest` and notes, before and after, what it knows of each: sent,
acknowledged. Meanwhile processes die, sleep, come and go, brokers restart and connections break. At the
end every acknowledged event must be in exactly one place, exactly once and in order, with the alerts that
the model makes of the raw topic; what a reader saw meanwhile must be what is there at the end; committed
offsets never went back and no transaction hangs. Every violation is an AssertionError.
"""

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

from compare import check_stream, first_difference
from driver import wait_for
from kafka_cluster import KafkaCluster, TransactionLeftOpen
from kafka_workspace import KafkaWorkspace, committed_history, ends
from oracle import Config
from samples import Feed, sequence_of
from tcp_proxy import ADD_PARTITIONS_TO_TXN, END_TXN, JOIN_GROUP, TXN_OFFSET_COMMIT, TcpProxy

SESSION_SECONDS = 2
TRANSACTION_SECONDS = 8
REQUEST_SECONDS = TRANSACTION_SECONDS * 2 / 3  # the program gives up a request after this part of it
DRAIN_SECONDS = 90  # sanitizers on a busy machine
OUTPUTS = ("iot.processed", "iot.dlq", "iot.alerts")
CONFIG = Config(dedup_window_us=60_000_000)  # so that state applied twice shows: the second is dropped


class Instance:
    """One `process` (or another command that runs stages) with its messages in a file."""

    def __init__(self, work: KafkaWorkspace, number: int, command="process"):
        self.messages = work.path / f"{command}_{number}.log"
        with self.messages.open("wb") as file:
            self.process = subprocess.Popen(work.command(command), cwd=work.path, env=work.environment(),
                                            stdin=subprocess.DEVNULL, stdout=file, stderr=file)  # fmt: skip

    def signal(self, code):
        self.process.send_signal(code)

    def end(self, code):
        self.signal(code)
        self.process.wait(60)

    def check_alive(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.messages.name}: it ended by itself, exit {self.process.returncode}: {self.tail()}")

    def partitions(self) -> set:
        """What it holds, by what it told of rebalances."""
        held = set()
        for what, numbers in re.findall(rb'msg="partitions (assigned|given up|lost)".* partitions="([\d ]*)"',
                                        self.messages.read_bytes()):  # fmt: skip
            (held.update if what == b"assigned" else held.difference_update)(map(int, numbers.split()))
        return held

    def tail(self) -> str:
        return self.messages.read_bytes()[-1500:].decode(errors="replace")


class Witness:
    """A read_committed reader that watches a topic all the while."""

    def __init__(self, kafka: KafkaCluster, topic: str, path: Path):
        self.path = path
        self.file = path.open("wb")
        self.process = subprocess.Popen(
            ["kcat", "-b", kafka.direct, "-C", "-t", topic, "-o", "beginning", "-q", "-u", "-E", "-f", "%p %o %S\n",
             "-X", "isolation.level=read_committed"], stdout=self.file, stderr=subprocess.DEVNULL)  # fmt: skip

    def read(self) -> bytes:
        if self.process.poll() is not None:
            raise AssertionError(f"the reader {self.path.name} ended: {self.process.returncode}")
        return self.path.read_bytes()

    def count(self) -> int:
        return self.read().count(b"\n")

    def seen(self) -> list:
        lines = self.read().split(b"\n")[:-1]
        return [tuple(map(int, line.split())) for line in lines]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.file.close()


class FaultRun:
    def __init__(self, kafka: KafkaCluster, name: str, *, seed: int, events: int, seconds: float = 20, instances=2,
                 proxy: TcpProxy | None = None, log=print, **settings):  # fmt: skip
        self.kafka, self.proxy, self.log = kafka, proxy, log
        self.events, self.seconds, self.wanted = events, seconds, instances
        self.rng = random.Random(seed)
        self.feed = Feed(random.Random(seed + 1))
        self.work = KafkaWorkspace(kafka, name, **{
            "STREAMING_BATCH_SIZE": 100, "DEDUP_WINDOW": "60s", "KAFKA_SESSION_TIMEOUT": f"{SESSION_SECONDS}s",
            "KAFKA_TRANSACTION_TIMEOUT": f"{TRANSACTION_SECONDS}s", "ALERT_LOG_KEEP": 1000,
        } | settings)  # fmt: skip
        if proxy:
            self.work.settings["KAFKA_BROKER"] = proxy.bootstrap
        self.evidence = {"scenario": name, "seed": seed}
        self.ledger = (self.work.path / "ledger.jsonl").open("ab", buffering=0)
        self.acknowledged, self.unknown = set(), set()
        self.faults = Counter()
        self.instances: list[Instance] = []
        self.deliveries: list[Instance] = []
        self.started = 0
        self.stopping = threading.Event()
        self.feed_error: BaseException | None = None
        self.witnesses: dict[str, Witness] = {}

    # Life ---------------------------------------------------------------------------------------------------

    def __enter__(self):
        for topic in ("iot.raw", *OUTPUTS):
            self.kafka.create_topic(self.work.topic(topic), 4)
        self.witnesses = {topic: Witness(self.kafka, self.work.topic(topic), self.work.path / f"seen_{topic}")
                          for topic in OUTPUTS}  # fmt: skip
        self.feeder = threading.Thread(target=self.feed_all, daemon=True)
        self.feeder.start()
        for _ in range(self.wanted):
            self.add()
        return self

    def __exit__(self, kind, *_):
        self.stopping.set()
        for instance in self.instances + self.deliveries:
            instance.process.kill()
            instance.process.wait()
        for witness in self.witnesses.values():
            witness.close()
        self.feeder.join(60)
        self.ledger.close()
        if kind is None:
            self.work.__exit__()
        else:
            self.log(f"kept in {self.work.path}")

    def note(self, **what):
        self.ledger.write(json.dumps(what).encode() + b"\n")
        os.fsync(self.ledger.fileno())

    def feed_all(self):
        """`events` numbered events, spread over `seconds`, in chunks that are sent one after another."""
        try:
            chunks = max(4, min(40, self.events // 500))
            began = time.monotonic()
            for number in range(chunks):
                first = len(self.feed.lines)
                lines = self.feed.take((number + 1) * self.events // chunks - first)
                self.note(chunk=number, first=first, count=len(lines))
                acks = self.work.path / f"acks_{number}.jsonl"
                done = self.work.run("ingest", "-", "--acks", acks.name, expect=None, timeout=180,
                                     stdin=b"".join(line + b"\n" for line in lines))  # fmt: skip
                acked = set()
                for line in acks.read_bytes().split(b"\n")[:-1] if acks.exists() else ():
                    ack = json.loads(line)
                    acked.update(range(first + ack["first_line"] - 1, first + ack["last_line"]))
                self.note(chunk=number, exit=done.returncode, acknowledged=len(acked))
                self.acknowledged |= acked
                self.unknown |= set(range(first, first + len(lines))) - acked
                if done.returncode:
                    raise AssertionError(f"ingest ended with {done.returncode}: {done.stderr[-1500:].decode()}")
                pause = began + self.seconds * (number + 1) / chunks - time.monotonic()
                if self.stopping.wait(max(0.0, pause)):
                    return
        except BaseException as error:  # told by the test's thread
            self.feed_error = error

    @property
    def feeding(self) -> bool:
        return self.feeder.is_alive()

    def add(self) -> Instance:
        self.instances.append(Instance(self.work, self.started))
        self.started += 1
        return self.instances[-1]

    def replace(self, old: Instance) -> Instance:
        self.instances.remove(old)
        return self.add()

    def pick(self) -> Instance:
        for instance in self.instances:
            instance.check_alive()
        return self.rng.choice(self.instances)

    def committed(self, topic: str) -> int:
        return self.kafka.count_committed(self.work.topic(topic))

    def await_progress(self, seconds=60):
        """Until something new is committed: a fault must meet work that is under way."""
        before = self.witnesses["iot.processed"].count()
        wait_for(lambda: self.witnesses["iot.processed"].count() > before or not self.feeding, seconds, "progress")

    # Harm ---------------------------------------------------------------------------------------------------

    def kill(self, times: int):
        """SIGKILL; most are back at once, some only after their partitions have moved."""
        for _ in range(times):
            self.await_progress()
            time.sleep(self.rng.uniform(0.0, 0.6))
            victim = self.pick()
            victim.end(signal.SIGKILL)
            self.faults["SIGKILL of a processor"] += 1
            if self.rng.random() < 0.3:
                time.sleep(SESSION_SECONDS + self.rng.uniform(0.2, 1.5))
            self.replace(victim)

    def kill_deliveries(self, times: int):
        """Two that write the same alert log, one of them standing by: SIGKILL of either."""
        self.deliveries = [Instance(self.work, number, "deliver") for number in range(2)]
        for number in range(2, times + 2):
            self.await_progress()
            time.sleep(self.rng.uniform(0.0, 1.5))
            victim = self.rng.choice(self.deliveries)
            victim.check_alive()
            victim.end(signal.SIGKILL)
            self.faults["SIGKILL of a delivery"] += 1
            if self.rng.random() < 0.5:
                time.sleep(SESSION_SECONDS + self.rng.uniform(0.5, 3.0))  # the other takes over
            self.deliveries.remove(victim)
            self.deliveries.append(Instance(self.work, number, "deliver"))

    def kill_leaders(self, rounds: int):
        """Of three brokers one is gone at a time, and with it the leaders and coordinators that it was."""
        for number in range(rounds):
            self.await_progress()
            node = self.rng.choice(sorted(self.kafka.pids()))
            code = (signal.SIGKILL, signal.SIGTERM)[number % 2]
            self.kafka.kill_node(node, code)
            self.faults[f"one of three brokers {code.name}"] += 1
            time.sleep(self.rng.uniform(0.5, 3.0))
            self.await_progress()  # the two that are left do the work
            self.kafka.restart_node(node)
            self.kafka.await_in_sync()

    def zombies(self, times: int):
        """Asleep past the session; a peer takes over; it wakes up with work in its hands."""
        for _ in range(times):
            self.await_progress()
            time.sleep(self.rng.uniform(0.0, 0.3))
            victim = self.pick()
            victim.signal(signal.SIGSTOP)
            self.faults["SIGSTOP past the session"] += 1
            # Within the transaction's timeout, so that only the group's fence can refuse the commit.
            time.sleep(SESSION_SECONDS + self.rng.uniform(1.0, 2.0))
            victim.signal(signal.SIGCONT)
            time.sleep(self.rng.uniform(1.0, 2.0))

    def oversleep(self, times: int):
        """The only processor falls asleep with its offsets on their way; another takes over; then they arrive, and it
        wakes up."""
        for _ in range(times):
            while len(self.instances) > 1:
                self.instances.pop().end(signal.SIGINT)
            self.await_progress()
            offsets = self.proxy.hold(TXN_OFFSET_COMMIT, client="process")
            offsets.wait()
            sleeper = self.instances[0]
            sleeper.signal(signal.SIGSTOP)
            self.add()
            time.sleep(SESSION_SECONDS + 1.5)
            offsets.release()
            self.faults["offsets of a processor that lost its place"] += 1
            time.sleep(0.3)
            sleeper.signal(signal.SIGCONT)
            time.sleep(1)

    def die_while_giving_up(self, times: int):
        """The only processor gives half of its partitions up for another and dies before it joins again; it is back in
        time to keep its place. Nobody but the group itself knows then that the other half belongs to no one."""
        for _ in range(times):
            while self.instances:
                self.instances.pop().end(signal.SIGINT)
            first = self.add()  # it takes the first place, process-0
            wait_for(lambda: len(first.partitions()) == 4, 30, "all partitions at one processor")
            self.await_progress()
            given_up = self.proxy.hold(JOIN_GROUP, client="process-0-")
            self.add()
            given_up.wait()
            joins_again = self.proxy.swallow(JOIN_GROUP, client="process-0-")
            given_up.release()
            joins_again.wait()
            first.end(signal.SIGKILL)
            self.faults["died between giving up partitions and joining again"] += 1
            self.replace(first)

    def churn(self, rounds: int):
        """One more comes, another goes, in every way it can go."""
        for number in range(rounds):
            self.await_progress()
            self.add()
            time.sleep(self.rng.uniform(0.5, 2.0))
            leaver = self.pick()
            code = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)[number % 3]
            leaver.end(code)
            self.faults[f"joined, another left by {code.name}"] += 1
            if code != signal.SIGKILL and leaver.process.returncode:
                raise AssertionError(f"exit {leaver.process.returncode} after {code.name}: {leaver.tail()}")
            self.instances.remove(leaver)

    def restart_broker(self, rounds: int):
        for number in range(rounds):
            code = (signal.SIGKILL, signal.SIGTERM)[number % 2]
            self.await_progress()
            self.kill_only_node(code)
            self.faults[f"broker {code.name}"] += 1
            time.sleep(self.rng.uniform(0.0, 2.0))
            self.kafka.restart_node(1)

    def kill_only_node(self, code):
        """In the midst of transactions, but of none that is ending: an only node that dies between the answer to a
        commit and its markers can leave it open for ever (docs/guarantees.md)."""
        for instance in self.instances:
            instance.signal(signal.SIGSTOP)
        time.sleep(0.5)
        try:
            self.kafka.kill_node(1, code)
        finally:
            for instance in self.instances:
                instance.signal(signal.SIGCONT)

    def break_connections(self, rounds: int):
        """All kinds of harm in every third round, so that one round of the short form has a third of them."""
        kinds = self.connection_faults()
        for number in range(rounds):
            for what, harm in kinds[number % 3 :: 3]:
                self.await_progress()
                if harm():
                    self.faults[what] += 1
                self.proxy.heal()

    def hold_ends(self, times: int):
        """EndTxn arrives when it has long been sent again and answered: in the midst of the producer's next transaction,
        which has its records in the topics and waits with its offsets."""
        for _ in range(times):
            self.await_progress()
            late = self.proxy.hold(END_TXN, client="process")
            late.wait()
            following = self.proxy.hold(TXN_OFFSET_COMMIT, client="process", transaction=late.transactions[0])
            # A producer that was replaced may have another name.
            met = following.caught.acquire(timeout=2 * REQUEST_SECONDS)
            time.sleep(0.3)
            late.release()
            time.sleep(0.5)
            following.release()
            self.faults["EndTxn held until " + ("the next transaction" if met else "its producer was gone")] += 1

    def connection_faults(self) -> list:
        """(what, harm that says whether it was done)"""
        proxy = self.proxy

        def harm(act, seconds=0.0):
            def run():
                act()
                time.sleep(seconds)
                return True

            return run

        def spring(set_trap, hold_seconds=0.0):
            def run():
                trap = set_trap()
                caught = trap.caught.acquire(timeout=15)
                if caught:
                    time.sleep(hold_seconds)
                trap.release()
                return caught

            return run

        kinds = [
            ("connections reset", harm(proxy.reset)),
            ("connections refused for 2 s", harm(proxy.cut, 2)),
            ("black hole past the request timeout", harm(proxy.blackhole, REQUEST_SECONDS + 1)),
            ("150 ms of delay", harm(lambda: proxy.delay(0.15), 2)),
            ("EndTxn of ingest done, answer lost", spring(lambda: proxy.lose_response(END_TXN, client="ingest"))),
            ("EndTxn swallowed", spring(lambda: proxy.swallow(END_TXN, client="process"))),
        ]
        for what, api_key in (("EndTxn", END_TXN), ("TxnOffsetCommit", TXN_OFFSET_COMMIT),
                              ("AddPartitionsToTxn", ADD_PARTITIONS_TO_TXN)):  # fmt: skip
            kinds += [
                (f"{what} done, answer lost", spring(lambda key=api_key: proxy.lose_response(key, client="process"))),
                (f"{what} lost", spring(lambda key=api_key: proxy.lose_request(key, client="process"))),
            ]
        # The late one must not end the transaction that comes after it.
        for seconds in (REQUEST_SECONDS + 1, REQUEST_SECONDS + 3, TRANSACTION_SECONDS + 3):
            kinds.append((f"EndTxn held for {seconds:.1f} s",
                          spring(lambda: proxy.hold(END_TXN, client="process"), seconds)))  # fmt: skip
        return kinds

    # The end ------------------------------------------------------------------------------------------------

    def drain(self):
        for instance in self.instances:
            instance.check_alive()
        self.feeder.join(240)
        if self.feed_error:
            raise self.feed_error
        if self.feeding:
            raise AssertionError("ingest does not come to its end")
        raw = self.committed("iot.raw")
        began = time.monotonic()

        def done():
            for instance in self.instances:
                instance.check_alive()
            return self.committed("iot.processed") + self.committed("iot.dlq") >= raw

        try:
            wait_for(done, DRAIN_SECONDS, "the last event")
        except AssertionError:
            raise AssertionError(f"not caught up {DRAIN_SECONDS} s after the last fault: {raw} in, "
                                 f"{self.committed('iot.processed')} + {self.committed('iot.dlq')} out; "
                                 f"{self.instances[0].tail() if self.instances else ''}") from None  # fmt: skip
        self.evidence["caught_up_after_s"] = round(time.monotonic() - began, 1)
        for instance in self.instances + self.deliveries:
            instance.end(signal.SIGINT)
            if instance.process.returncode:
                raise AssertionError(f"exit {instance.process.returncode} after SIGINT: {instance.tail()}")
        self.instances.clear()
        self.deliveries.clear()

    def check_ledger(self):
        raw = self.work.dump("iot.raw")
        counts = Counter(sequence_of(record.value) for record in raw)
        for what, found in (
            ("acknowledged events lost", sorted(self.acknowledged - set(counts))),
            ("events doubled", sorted(number for number, count in counts.items() if count > 1)),
            ("events altered", [r.value for r in raw if r.value != self.feed.lines[sequence_of(r.value)]]),
            ("events nobody sent", sorted(set(counts) - self.acknowledged - self.unknown)),
        ):
            if found:
                raise AssertionError(f"raw topic: {len(found)} {what}: {found[:5]}")
        places = Counter()
        for topic in ("iot.processed", "iot.dlq"):
            places.update(sequence_of(record.value) for record in self.work.dump(topic))
        missing, doubled = set(counts) - set(places), [number for number, count in places.items() if count > 1]
        if missing or doubled or set(places) - set(counts):
            raise AssertionError(f"after the processor: {len(missing)} events lost, {len(doubled)} in more than one place, "
                                 f"{len(set(places) - set(counts))} that nobody sent")  # fmt: skip
        hashed = [hashlib.sha256("\n".join(map(str, sorted(ids))).encode()).hexdigest() for ids in (counts, places)]
        self.evidence |= {"events": len(raw), "acknowledged": len(self.acknowledged), "sha256_in": hashed[0],
                          "sha256_out": hashed[1]}  # fmt: skip

    def check_order(self):
        last = {}
        for record in self.work.dump("iot.processed"):
            number = sequence_of(record.value)
            if last.get(record.key, -1) >= number:
                raise AssertionError(f"{record.key}: event {number} comes after {last[record.key]}")
            last[record.key] = number

    def check_witnesses(self):
        """What was read while all that happened is what is there: nothing seen was taken back."""
        for topic, witness in self.witnesses.items():
            final = [(m.partition, m.offset, len(m.value)) for m in self.kafka.read_committed(self.work.topic(topic))]
            wait_for(lambda: witness.count() >= len(final), 30, f"the reader of {topic} at its end")
            seen = witness.seen()
            for partition in range(4):
                difference = first_difference([m for m in final if m[0] == partition], [m for m in seen if m[0] == partition])
                if difference:
                    raise AssertionError(f"{topic} partition {partition}, as it was read meanwhile: {difference}")

    def check_offsets(self):
        history = committed_history(self.kafka, self.work.settings["STREAMING_GROUP_ID"])
        raw = self.work.topic("iot.raw")
        ours = {partition: offsets for (topic, partition), offsets in history.items() if topic == raw}
        for partition, offsets in ours.items():
            for one, next_one in zip(offsets, offsets[1:]):
                if next_one < one:
                    raise AssertionError(f"the committed offset of partition {partition} went back: {one} to {next_one}")
        last = {record.partition: record.offset + 1 for record in self.work.dump("iot.raw")}
        for partition, end in last.items():
            if ours.get(partition, [None])[-1] != end:
                raise AssertionError(f"partition {partition}: committed {ours.get(partition, [None])[-1]}, end {end}")
        self.evidence["commits"] = sum(map(len, ours.values()))

    def check_nothing_hangs(self):
        topics = [self.work.topic(topic) for topic in ("iot.raw", *OUTPUTS)]
        topics.append(f"{self.work.prefix}-process-changelog")
        for topic in topics:
            wait_for(lambda: all(end.stable == end.written for end in ends(self.kafka, topic).values()),
                     TRANSACTION_SECONDS + 10, f"the end of every transaction of {topic}")  # fmt: skip

    def check_alert_log(self):
        self.work.run("deliver", "--until-caught-up")
        lines = Counter(line for file in (self.work.path / "logs").glob("alerts.log*") for line in file.read_bytes().splitlines())
        alerts = Counter(record.value for record in self.work.dump("iot.alerts"))
        if lines != alerts:
            raise AssertionError(f"alerts.log: {(alerts - lines).total()} missing, {(lines - alerts).total()} too many")
        self.evidence["alerts"] = alerts.total()

    def finish(self) -> dict:
        """Heals, catches up and checks everything; the evidence."""
        self.drain()
        self.check_nothing_hangs()
        self.check_ledger()
        self.check_order()
        check_stream(self.work, CONFIG)
        self.check_offsets()
        self.check_witnesses()
        again = self.work.process()
        if again["read"] or again["lag"]:
            raise AssertionError(f"a new processor finds work: {again['read']} read, lag {again['lag']}")
        self.check_alert_log()
        self.evidence["faults"] = dict(self.faults)
        self.log(json.dumps(self.evidence))
        return self.evidence


SCENARIOS = ("kills", "deliveries", "zombies", "churn", "broker", "proxy", "moving")
ON_THREE_BROKERS = ("leaders",)


def run_scenario(kafka: KafkaCluster, proxy: TcpProxy, name: str, **size) -> dict:
    """One scenario from its beginning to its checks; the evidence.

    Where Kafka itself leaves a transaction open, no client can be right: then it begins anew, in an empty cluster,
    since the offsets of other groups can hang behind such a transaction as well.
    """
    for attempt in range(1, 6):
        try:
            return run_once(kafka, proxy, name, f"{name}-{attempt}", **size)
        except TransactionLeftOpen:
            print(f"{name}: attempt {attempt}: Kafka left a transaction open", flush=True)
            kafka.start_over()
    raise AssertionError(f"{name}: Kafka left a transaction open in every attempt")


def run_once(kafka: KafkaCluster, proxy: TcpProxy, name: str, run_name: str, *, seed: int, kills: int, rounds: int,
             events: int, **options) -> dict:  # fmt: skip
    """The kills get all events, the others a fifth."""
    seconds = {"kills": 2.5 * kills, "zombies": 6 * rounds, "churn": 4 * rounds, "broker": 6 * rounds, "proxy": 20 + 17 * rounds,
               "deliveries": 4 * kills, "leaders": 15 * rounds, "moving": 12 * rounds}  # fmt: skip
    through = proxy if name in ("proxy", "moving") else None
    with FaultRun(kafka, run_name, seed=seed, events=events if name == "kills" else max(2000, events // 5),
                  seconds=seconds[name], proxy=through, **options) as run:  # fmt: skip
        if name == "kills":
            run.kill(kills)
        elif name == "deliveries":
            run.kill_deliveries(kills)
        elif name == "leaders":
            run.kill_leaders(rounds)
        elif name == "zombies":
            run.zombies(rounds)
        elif name == "churn":
            run.churn(rounds)
        elif name == "broker":
            run.restart_broker(rounds)
        elif name == "moving":
            run.die_while_giving_up(rounds)
        else:
            run.hold_ends(1)
            run.oversleep(1)
            run.break_connections(rounds)
        return run.finish()
