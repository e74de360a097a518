#!/usr/bin/env python3
"""What the HTTP server costs: durable ingest of batched JSON lines, and live readers.

  bench/http_load.py --binary build/release/tocsin [--events 3000000] [--readers 10000] [--no-process]

Ingest: a client program of its own sends bodies of --batch lines over --links connections that stay
open, while the program appends and fsyncs each before it answers (`--no-process`: `dashboard` on a
directory of its own, so that appending alone is measured; otherwise `up` processes meanwhile).
Live: --readers connections to /api/v1/live are held by a client that only reads; the processor time
of the server is taken over --seconds, beside an ingest of 1,000 events/s. Prints one JSON object.
"""

import argparse
import json
import os
import resource
import select
import socket
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))


def body_of(first: int, lines: int, devices: int) -> bytes:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    return b"".join(
        b'{"device_id":"dev_%d","timestamp":"%s.%06d+00:00","temperature":%d.%02d,"humidity":%d.20,"status":"OK"}\n'
        % (i % devices, stamp.encode(), i % 1_000_000, 20 + i % 25, i % 100, 30 + i % 50)
        for i in range(first, first + lines)
    )


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ingest(server, options) -> dict:
    bodies = [body_of(n * options.batch, options.batch, 10_000) for n in range(8)]
    requests = [b"POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body) + body for body in bodies]  # fmt: skip
    links = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(options.links)]
    for link in links:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sent = answered = 0
    waiting = {}
    total = options.events // options.batch
    own, served = resource.getrusage(resource.RUSAGE_SELF), cpu_seconds(server.process.pid)
    begun = time.monotonic()
    while answered < total:
        for link in links:
            if link not in waiting and sent < total:
                link.sendall(requests[sent % len(requests)])
                waiting[link] = b""
                sent += 1
        for link in select.select(list(waiting), [], [])[0]:
            part = link.recv(65536)
            assert part, "the server closed a connection"
            waiting[link] += part
            if b'"errors":[]}' in waiting[link]:
                assert b" 202 " in waiting[link][:20], waiting[link][:200]
                del waiting[link]
                answered += 1
    seconds = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    events = total * options.batch
    client = used.ru_utime + used.ru_stime - own.ru_utime - own.ru_stime
    return {
        "events": events, "seconds": round(seconds, 3), "events_per_second": round(events / seconds),
        "server_cpu_us_per_event": round((cpu_seconds(server.process.pid) - served) / events * 1e6, 3),
        "client_cpu_us_per_event": round(client / events * 1e6, 3),
    }  # fmt: skip


def live(server, options) -> dict:
    headers = b"Accept-Encoding: gzip\r\n" if options.gzip else b""
    query = b"" if options.with_devices else b"?devices=none"
    request = b"GET /api/v1/live" + query + b" HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n"
    links = []
    for _ in range(options.readers):
        link = socket.create_connection(("127.0.0.1", server.port))
        link.sendall(request)
        link.setblocking(False)
        links.append(link)
    poll = select.epoll()
    by_number = {link.fileno(): link for link in links}
    for link in links:
        poll.register(link, select.EPOLLIN)
    body = body_of(0, 1_000, options.live_devices)

    def run(seconds: float) -> int:
        received, end, feed = 0, time.monotonic() + seconds, 0.0
        while (now := time.monotonic()) < end:
            if now - feed >= 1:
                feed = now
                assert server.ingest(body).status == 202
            for number, _ in poll.poll(0.1):
                try:
                    received += len(by_number[number].recv(1 << 20))
                except BlockingIOError:
                    pass
        return received

    run(5)
    before = cpu_seconds(server.process.pid)
    received = run(options.seconds)
    busy = cpu_seconds(server.process.pid) - before
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    memory = int(status.split("RssAnon:")[1].split()[0])
    for link in links:
        link.close()
    return {
        "readers": options.readers, "devices": options.live_devices, "server_core_share": round(busy / options.seconds, 4),
        "bytes_per_reader_and_second": round(received / options.seconds / options.readers),
        "anonymous_memory_kib": memory,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "build/release/tocsin"))
    parser.add_argument("--events", type=int, default=3_000_000)
    parser.add_argument("--batch", type=int, default=10_000, help="lines of one request")
    parser.add_argument("--links", type=int, default=4)
    parser.add_argument("--readers", type=int, default=10_000)
    parser.add_argument("--live-devices", type=int, default=1_000, help="that change each second: what frames hold")
    parser.add_argument("--gzip", action="store_true", help="readers take gzip, as browsers do")
    parser.add_argument("--with-devices", action="store_true", help="readers ask for changed devices, as the page of the fleet does")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--no-process", action="store_true")
    options = parser.parse_args()
    os.environ["TOCSIN_BINARY"] = os.path.abspath(options.binary)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    import driver
    from http_api import Server

    command = "dashboard" if options.no_process else "up"
    result = {"command": command}
    with driver.Workspace(BATCH_INTERVAL="0", HTTP_MAX_CONNECTIONS=options.readers + 100) as work:
        if options.events:
            with Server(work, command) as server:
                result["ingest"] = ingest(server, options)
    with driver.Workspace(BATCH_INTERVAL="0", HTTP_MAX_CONNECTIONS=options.readers + 100) as work:
        if options.readers:
            with Server(work) as server:
                idle = live(server, argparse.Namespace(**vars(options) | {"readers": 1}))
                result["live"] = live(server, options)
                result["live"]["core_share_with_one_reader"] = idle["server_core_share"]
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
