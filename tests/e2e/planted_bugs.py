#!/usr/bin/env python3
"""Proves that the checks can fail: each planted bug of a test build must be reported.

The processor is killed in the middle of a backlog a few times, then drained. The checks of the
kill loop must pass without a switch and must report a violation with it.

  planted_bugs.py offset_off_by_one
"""

import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import samples
from compare import check_stream
from driver import Workspace, wait_for
from receiver import Receiver


def run(switch: str) -> str | None:
    """The violation that was found, or None."""
    # Two events a commit: the backlog lasts longer than the wait before the kill on any disk.
    with Workspace(STREAMING_BATCH_SIZE=2, **({"TOCSIN_TEST_SWITCH": switch} if switch else {})) as work:
        lines = samples.fleet(4000, seed=70, devices=6)
        for at in range(0, len(lines), 1000):
            work.ingest(b"\n".join(lines[at : at + 1000]) + b"\n")
            process = work.start("process")
            wait_for(lambda: (work.path / "data/tocsin.sock").exists(), 60, "the socket")
            time.sleep(0.05)
            process.kill()
            process.communicate()
            (work.path / "data/tocsin.sock").unlink(missing_ok=True)
        process = work.start("process", "--until-caught-up")
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        try:
            check_stream(work)
        except AssertionError as violation:
            return str(violation)
        return None


def slowly(_request, _number) -> int:
    time.sleep(0.01)
    return 200


def run_delivery(switch: str) -> str | None:
    """The same for messages: every alert must reach a receiver, whatever dies."""
    settings = {"ALERT_ALLOW_HTTP": "true", "ALERT_ALLOW_NETWORKS": "127.0.0.0/8"}
    settings |= {"TOCSIN_TEST_SWITCH": switch} if switch else {}
    with Receiver(slowly) as receiver, Workspace(ALERT_WEBHOOK_URL=receiver.url, **settings) as work:
        work.ingest(b"\n".join(samples.event(f"dev_{i}", 0, 60.0) for i in range(200)))
        work.run("process", "--until-caught-up")
        for wanted in (20, 50, 80):
            process = work.start("deliver")
            receiver.wait_for(wanted, 60)
            process.kill()
            process.communicate()
        work.run("deliver", "--until-caught-up")
        told = {alert["id"] for request in receiver.requests for alert in request.json["data"]["alerts"]}
        written = {json.loads(record.value)["id"] for record in work.dump("iot.alerts")}
        missing = written - told
        return f"{len(missing)} alerts reached nobody" if missing else None


def main(switch: str) -> int:
    check = run_delivery if switch.startswith("outbox_") else run
    violation = check("")
    if violation:
        print(f"without a switch: {violation}")
        return 1
    # Where a kill falls is chance; a bug that shows only after some of them gets three runs.
    violation = check(switch) or check(switch) or check(switch)
    print(f"{switch}: {violation or 'went unnoticed'}")
    return 0 if violation else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
