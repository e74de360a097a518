"""Runs the program under test and reads what it wrote."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from oracle import Record

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "build/deps/python"))  # what scripts/install_dependencies --test put there
ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")


def binary() -> str:
    path = os.environ.get("TOCSIN_BINARY", str(ROOT / "build/release/tocsin"))
    if not os.access(path, os.X_OK):
        sys.exit(f"the program under test is not there: {path} (set TOCSIN_BINARY or build it)")
    return os.path.abspath(path)


def stacks_of(pid: int) -> str:
    """Where the threads of a process that hangs are, as far as a debugger is there to say it."""
    if not shutil.which("gdb"):
        return "(no stacks: gdb is not installed)"
    done = subprocess.run(["gdb", "-batch", "-p", str(pid), "-ex", "thread apply all backtrace 24"],
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    return "\n".join(line[:240] for line in done.stdout.splitlines() if line.startswith(("#", "Thread")))


class Workspace:
    """An empty working directory with a data directory, gone at the end of the test."""

    def __init__(self, **settings):
        self.path = Path(tempfile.mkdtemp(prefix="tocsin-e2e-"))
        self.settings = {name: str(value) for name, value in settings.items()}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        shutil.rmtree(self.path, ignore_errors=True)

    def environment(self, **more) -> dict:
        kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        # Programs run beside each other: each takes a free port.
        return {"HTTP_PORT": "0"} | kept | self.settings | {name: str(value) for name, value in more.items()}

    def write(self, name: str, content) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    @staticmethod
    def command(*arguments) -> list:
        return [binary(), *map(str, arguments)]

    def start(self, *arguments, stdin=subprocess.DEVNULL, **more) -> subprocess.Popen:
        return subprocess.Popen(
            self.command(*arguments), cwd=self.path, env=self.environment(**more),
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments, stdin: bytes = b"", expect=0, timeout=240, preexec_fn=None, **more):
        """Runs to the end; `expect` is the exit code wanted, None for any."""
        process = subprocess.Popen(
            self.command(*arguments), cwd=self.path, env=self.environment(**more), preexec_fn=preexec_fn,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            stdout, stderr = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            stacks = stacks_of(process.pid)
            process.kill()
            _, stderr = process.communicate()
            raise AssertionError(f"tocsin {' '.join(map(str, arguments))}: not at its end after {timeout} s\n"
                                 f"stderr: {stderr[-2000:].decode(errors='replace')}\n{stacks}") from None  # fmt: skip
        done = subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)
        if expect is not None and done.returncode != expect:
            finding = done.stderr.find(b"Sanitizer: ")  # its first lines say what happened where
            shown = done.stderr[-2000:] if finding < 0 else done.stderr[max(0, finding - 30) :][:4000]
            raise AssertionError(
                f"tocsin {' '.join(map(str, arguments))}: exit {done.returncode}, wanted {expect}\n"
                f"stdout: {done.stdout[:500].decode(errors='replace')}\n"
                f"stderr: {shown.decode(errors='replace')}"
            )
        return done

    def json(self, *arguments, **options):
        done = self.run(*arguments, "--json", **options)
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise AssertionError(f"{arguments}: no JSON on stdout: {done.stdout[:2000]!r}") from error

    def ingest(self, lines: bytes, **options):
        return self.json("ingest", "-", stdin=lines, **options)

    def process(self, *flags, **options) -> dict:
        return self.json("process", "--until-caught-up", *flags, **options)

    def dump(self, topic: str, *flags) -> list:
        done = self.run("topic", "dump", topic, "--with-metadata", *flags)
        return [record_of(json.loads(line)) for line in done.stdout.splitlines()]

    def dump_partitions(self, topic: str) -> dict:
        result = defaultdict(list)
        for record in self.dump(topic):
            result[record.partition].append(record)
        return result

    def partitions(self, topic: str) -> int:
        return sum(item["topic"] == topic for item in self.json("topic", "ls"))


def bytes_of(item: dict) -> bytes:
    if "value_base64" in item:
        return base64.b64decode(item["value_base64"])
    return item["value"].encode()


def record_of(line: dict) -> Record:
    headers = line["headers"]
    if isinstance(headers, list):
        headers = {item["key"]: item.get("value", item.get("value_base64")) for item in headers}
    return Record(line["topic"], line["partition"], line["offset"], line["key"],
                  line["timestamp_ms"], headers or {}, bytes_of(line))  # fmt: skip


def wait_for(condition, seconds=20.0, what="condition"):
    """Polls until the condition holds; the deadline is generous, sanitizers are slow."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)
    return result


def stop(process: subprocess.Popen, code=signal.SIGINT, seconds=60):
    """Signals the process and returns (exit code, stdout, stderr)."""
    process.send_signal(code)
    stdout, stderr = process.communicate(timeout=seconds)
    return process.returncode, stdout, stderr
