#!/usr/bin/env python3
"""Runs all end-to-end tests against one binary and ends with `N passed, N failed`.

  tests/e2e/run.py --binary build/release/tocsin [--jobs 2] [--kills 40] [WORD…]

A WORD picks the parts whose name contains it: stream, batch, cli, topics, ingest, generate, up,
oracle, http_api, http_ingest, http_server, cases/<area>, kill_loop.
"""

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent


def parts(kills: int) -> dict:
    """Command of each part by its name, the longest-running first."""
    found = {"kill_loop": ["kill_loop.py", "--kills", str(kills)]}
    found |= {path.stem.removeprefix("test_"): [path.name] for path in sorted(HERE.glob("test_*.py"))}
    for area in sorted(path for path in (HERE.parent / "cases").iterdir() if path.is_dir()):
        found[f"cases/{area.name}"] = ["run_cases.py", f"{area.name}/"]
    return found


def run(name: str, command: list):
    done = subprocess.run([sys.executable, str(HERE / command[0]), *command[1:]],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    if counts := re.findall(r"^(\d+) passed, (\d+) failed$", done.stdout, re.M):
        passed, failed = map(int, counts[-1])
    elif match := re.search(r"^Ran (\d+) tests?", done.stdout, re.M):
        failed = sum(map(int, re.findall(r"(?:failures|errors)=(\d+)", done.stdout)))
        passed = int(match.group(1)) - failed
    else:
        passed, failed = (1, 0) if done.returncode == 0 else (0, 1)
    if done.returncode and not failed:
        failed = 1
    return name, done, passed, failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    os.environ["TOCSIN_BINARY"] = os.path.abspath(options.binary)
    chosen = {name: command for name, command in parts(options.kills).items()
              if not options.words or any(word in name for word in options.words)}  # fmt: skip
    passed = failed = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for name, done, good, bad in pool.map(lambda item: run(*item), chosen.items()):
            passed, failed = passed + good, failed + bad
            print(f"{name}: {good} passed, {bad} failed", flush=True)
            for line in done.stdout.splitlines():
                if bad or "SKIPPED" in line or '"sha256"' in line:
                    print(f"  {line}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
