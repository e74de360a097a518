#!/usr/bin/env python3
"""Proves that the checks can fail: each planted bug of a test build must be reported.

The processor is killed in the middle of a backlog a few times, then drained. The checks of the
kill loop must pass without a switch and must report a violation with it.

  planted_bugs.py offset_off_by_one
"""

import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import samples
from compare import check_stream
from driver import Workspace, wait_for


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


def main(switch: str) -> int:
    violation = run("")
    if violation:
        print(f"without a switch: {violation}")
        return 1
    # Where a kill falls is chance; a bug that shows only after some of them gets three runs.
    violation = run(switch) or run(switch) or run(switch)
    print(f"{switch}: {violation or 'went unnoticed'}")
    return 0 if violation else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
