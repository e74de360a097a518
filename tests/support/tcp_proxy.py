"""A TCP proxy that speaks enough of Kafka's protocol to do harm at a chosen request.

It stands between clients and the brokers of a cluster whose PLAINTEXT listeners are advertised at the
proxy's ports, so that clients come through it whatever the metadata say:

    with proxied_cluster(nodes=1) as (kafka, proxy):
        caught = proxy.hold(END_TXN)          # that request, and what follows it on its connection, waits
        start_client(KAFKA_BROKER=proxy.bootstrap)
        caught.wait()
        kafka.kill_node(1)
        caught.release()

All methods may be called from the test's thread; the traffic runs in a thread of the proxy's own.
"""

import asyncio
import contextlib
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from kafka_cluster import KafkaCluster, free_ports

PRODUCE, FETCH, METADATA, OFFSET_COMMIT, FIND_COORDINATOR, JOIN_GROUP, HEARTBEAT = 0, 1, 3, 8, 10, 11, 12
INIT_PRODUCER_ID, ADD_PARTITIONS_TO_TXN, ADD_OFFSETS_TO_TXN, END_TXN, TXN_OFFSET_COMMIT = 22, 24, 25, 26, 28
CONSUMER_GROUP_HEARTBEAT = 68

HOLD, LOSE_REQUEST, LOSE_RESPONSE, SWALLOW = "hold", "lose_request", "lose_response", "swallow"


@dataclass
class Trap:
    """Waits for requests of one API key; `left` says for how many still."""

    action: str
    api_key: int
    left: int
    client: str  # part of the client id that must match
    transaction: str  # the transactional id that must match; empty: any
    transactions: list = field(default_factory=list)  # of the requests that were caught
    caught: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    released: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds=30.0):
        """Until the trap has caught one request more."""
        assert self.caught.acquire(timeout=seconds), f"no request {self.api_key} came within {seconds} s"

    def release(self):
        """Lets go what is held, and catches no more."""
        self.left = 0
        self.released.set()


@dataclass(eq=False)
class Connection:
    link: "Link"
    client: asyncio.StreamWriter
    broker: asyncio.StreamWriter | None = None
    doomed: set = field(default_factory=set)  # correlation ids whose answer must not arrive
    silent: bool = False  # a request was swallowed: nothing moves any more

    def reset(self):
        for writer in (self.client, self.broker):
            if writer:
                writer.transport.abort()  # RST where bytes are unread, at once in any case


@dataclass(eq=False)
class Link:
    """One port of the proxy and the broker's port behind it."""

    port: int
    target: int
    server: asyncio.Server | None = None
    connections: set = field(default_factory=set)
    open: asyncio.Event = field(default_factory=asyncio.Event)  # clear: a black hole
    delay: float = 0.0


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    size = await reader.readexactly(4)
    return size + await reader.readexactly(struct.unpack(">i", size)[0])


def request_header(frame: bytes):
    """(API key, correlation id, client id)."""
    api_key, _, correlation, length = struct.unpack_from(">hhih", frame, 4)
    return api_key, correlation, frame[14 : 14 + max(length, 0)].decode(errors="replace")


def transactional_id(frame: bytes) -> str:
    """Of a request that begins with it: EndTxn, TxnOffsetCommit, and AddPartitionsToTxn and AddOffsetsToTxn below 4."""
    api_key, version, _, length = struct.unpack_from(">hhih", frame, 4)
    at = 14 + max(length, 0)
    if version < 3:
        (size,) = struct.unpack_from(">h", frame, at)
        return frame[at + 2 : at + 2 + size].decode(errors="replace")
    # A flexible version: no tagged fields, then a compact string of fewer than 127 bytes.
    assert frame[at] == 0 and frame[at + 1] < 128, f"request {api_key} version {version} is not understood"
    return frame[at + 2 : at + 1 + frame[at + 1]].decode(errors="replace")


class TcpProxy:
    def __init__(self, ports: dict):
        """`ports`: the broker's port by the proxy's. The first is node 1, and so on."""
        self.ports = ports
        self.traps: list = []
        self.requests = Counter()  # forwarded or caught, by API key
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.bootstrap = ",".join(f"127.0.0.1:{port}" for port in ports)

    def __enter__(self):
        self.thread.start()
        self.call(self.open_all())
        return self

    def __exit__(self, *error):
        self.call(self.close_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    # Harm, from the test's thread ---------------------------------------------------------------------------

    def cut(self, node=None):
        """Resets every connection and refuses new ones, until heal()."""
        self.call(self.each(node, self.close_link))

    def reset(self, node=None):
        """Resets every connection once."""
        self.call(self.each(node, self.reset_link))

    def blackhole(self, node=None):
        """Nothing arrives any more in either direction; heal() lets pass what was under way."""
        self.call(self.each(node, lambda link: link.open.clear()))

    def delay(self, seconds: float, node=None):
        """Every request and every response arrives that much later."""
        self.call(self.each(node, lambda link: setattr(link, "delay", seconds)))

    def heal(self, node=None):
        """Ends cut(), blackhole() and delay()."""
        self.call(self.each(node, self.open_link))

    def hold(self, api_key: int, *, times=1, client="", transaction="") -> Trap:
        """The request waits, and all that follows on its connection, until release()."""
        return self.trap(HOLD, api_key, times, client, transaction)

    def lose_request(self, api_key: int, *, times=1, client="") -> Trap:
        """The connection is reset in place of the request: the broker never sees it."""
        return self.trap(LOSE_REQUEST, api_key, times, client)

    def lose_response(self, api_key: int, *, times=1, client="") -> Trap:
        """The broker does it and the connection is reset in place of the answer: the client cannot know."""
        return self.trap(LOSE_RESPONSE, api_key, times, client)

    def swallow(self, api_key: int, *, times=1, client="") -> Trap:
        """The request vanishes and its connection stays open and silent: the client must time out."""
        return self.trap(SWALLOW, api_key, times, client)

    def trap(self, action, api_key, times, client, transaction="") -> Trap:
        trap = Trap(action, api_key, times, client, transaction)
        self.loop.call_soon_threadsafe(self.traps.append, trap)
        return trap

    # Links ----------------------------------------------------------------------------------------------------

    async def open_all(self):
        self.links = [Link(port, target) for port, target in self.ports.items()]
        for link in self.links:
            await self.open_link(link)

    async def close_all(self):
        for trap in self.traps:
            trap.release()
        for link in self.links:
            await self.close_link(link)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def each(self, node, action):
        for link in self.links if node is None else [self.links[node - 1]]:
            if asyncio.iscoroutine(result := action(link)):
                await result

    async def open_link(self, link: Link):
        link.delay = 0.0
        link.open.set()
        if not link.server:
            link.server = await asyncio.start_server(lambda *streams: self.serve(link, *streams), "127.0.0.1", link.port)

    async def close_link(self, link: Link):
        if link.server:
            link.server.close()
            link.server = None
        self.reset_link(link)

    @staticmethod
    def reset_link(link: Link):
        for connection in list(link.connections):
            connection.reset()

    # Traffic ------------------------------------------------------------------------------------------------

    async def serve(self, link: Link, reader, writer):
        connection = Connection(link, writer)
        link.connections.add(connection)
        try:
            await link.open.wait()
            broker_reader, connection.broker = await asyncio.open_connection("127.0.0.1", link.target)
            pumps = [asyncio.ensure_future(self.pump(connection, reader, connection.broker, self.request)),
                     asyncio.ensure_future(self.pump(connection, broker_reader, writer, self.response))]  # fmt: skip
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # the broker is down or the proxy closes: the client sees its connection end
        finally:
            connection.reset()
            link.connections.discard(connection)

    async def pump(self, connection: Connection, reader, writer, judge):
        """Carries frames in one direction; a queue between, so that a delay does not become a throttle."""
        frames = asyncio.Queue(1000)

        async def receive():
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                while True:
                    await frames.put((time.monotonic(), await read_frame(reader)))
            await frames.put((time.monotonic(), None))

        receiver = asyncio.ensure_future(receive())
        try:
            while True:
                arrived, frame = await frames.get()
                if frame is None:
                    return
                await asyncio.sleep(max(0.0, arrived + connection.link.delay - time.monotonic()))
                await connection.link.open.wait()
                if not await judge(connection, frame):
                    return
                if not connection.silent:
                    writer.write(frame)
                    await writer.drain()
        except OSError:
            return
        finally:
            receiver.cancel()

    async def request(self, connection: Connection, frame: bytes) -> bool:
        """Whether the connection goes on."""
        api_key, correlation, client = request_header(frame)
        self.requests[api_key] += 1
        for trap in self.traps:
            if trap.api_key != api_key or trap.left <= 0 or trap.client not in client:
                continue
            named = transactional_id(frame) if api_key in (END_TXN, TXN_OFFSET_COMMIT) else ""
            if trap.transaction not in ("", named):
                continue
            trap.left -= 1
            trap.transactions.append(named)
            trap.caught.release()
            if trap.action == HOLD:
                while not trap.released.is_set():
                    await asyncio.sleep(0.005)
            elif trap.action == LOSE_REQUEST:
                return False
            elif trap.action == LOSE_RESPONSE:
                connection.doomed.add(correlation)
            elif trap.action == SWALLOW:
                connection.silent = True
            break
        return True

    async def response(self, connection: Connection, frame: bytes) -> bool:
        return struct.unpack_from(">i", frame, 4)[0] not in connection.doomed


@contextlib.contextmanager
def proxied_cluster(nodes=1, **options):
    """A cluster whose clients come through the proxy at `proxy.bootstrap`."""
    first = free_ports()
    with KafkaCluster(nodes, advertise_port=first, **options) as kafka:
        with TcpProxy({first + node: kafka.port + node for node in range(nodes)}) as proxy:
            yield kafka, proxy
