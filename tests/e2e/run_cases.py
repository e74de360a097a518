#!/usr/bin/env python3
"""Runs end-to-end cases written as text: tests/cases/<area>/<name>.case.

One directive a line; `#` begins a comment line.
  env KEY=VALUE                        a setting of the environment
  yaml <<  …  >>                       tocsin.yaml
  file NAME <<  …  >>                  a file in the working directory
  in LINE                              a line for `ingest -`
  in.bytes LINE                        the same with \\xNN, \\t, \\r … escapes
  in.repeat COUNT UNIT LINE            the same; @@ in LINE stands for UNIT repeated
  run [exit N] ARGUMENTS               any command; without it `process --until-caught-up`
  stdout TEXT / stderr TEXT            of the last run, must contain TEXT (JSON without spaces)
  stdout.not TEXT / stderr.not TEXT    must not contain it
  out TOPIC count N                    records of the topic
  out TOPIC value LINE                 the next record (partition, then offset order) is LINE
  out TOPIC contains TEXT              some record contains TEXT
  out iot.alerts DEVICE RULE STATE [FIELD=JSON…]    the device's next alert
  out iot.dlq reason=REASON [TEXT]     a dead letter of the reason not named before, with TEXT
  batch KEY[.KEY] JSON                 a figure of `batch` over the lines of `in`
Lines wait until the next directive that looks at results: then they are ingested and processed.
"""

import codecs
import json
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from driver import ROOT, Workspace


class Case:
    def __init__(self, path: Path, work: Workspace):
        self.lines = path.read_text(encoding="utf-8").split("\n")
        self.work = work
        self.waiting, self.fed = [], []
        self.last = None
        self.topics, self.values_seen, self.alerts_seen, self.letters_seen = {}, {}, {}, set()
        self.batch_report = None

    def run(self):
        at = 0
        while at < len(self.lines):
            line = self.lines[at]
            word, _, rest = line.partition(" ")
            if not line.strip() or line.startswith("#"):
                at += 1
                continue
            if line.endswith(" <<"):
                end = self.lines.index(">>", at)
                name = "tocsin.yaml" if word == "yaml" else rest.removesuffix(" <<")
                self.work.write(name, "\n".join(self.lines[at + 1 : end]) + "\n")
                at = end + 1
                continue
            try:
                self.directive(word, rest)
            except AssertionError as error:
                raise AssertionError(f"line {at + 1}: {line}\n  {error}") from None
            at += 1

    def directive(self, word: str, rest: str):
        handler = getattr(self, "do_" + word.replace(".", "_"), None)
        if handler is None:
            raise AssertionError(f"unknown directive {word!r}")
        handler(rest)

    def do_env(self, rest):
        key, _, value = rest.partition("=")
        self.work.settings[key] = value

    def do_in(self, rest):
        self.waiting.append(rest.encode())

    def do_in_bytes(self, rest):
        self.waiting.append(codecs.escape_decode(rest.encode())[0])

    def do_in_repeat(self, rest):
        count, unit, line = rest.split(" ", 2)
        self.waiting.append(line.encode().replace(b"@@", unit.encode() * int(count)))

    def feed(self):
        if self.waiting:
            self.work.ingest(b"".join(line + b"\n" for line in self.waiting))
            self.fed += self.waiting
            self.waiting = []
            return True
        return False

    def settle(self):
        if self.feed():
            self.last = self.work.run("process", "--until-caught-up", "--json")
            self.topics.clear()

    def do_run(self, rest):
        self.feed()
        arguments = shlex.split(rest)
        code = 0
        if arguments[:1] == ["exit"]:
            code, arguments = int(arguments[1]), arguments[2:]
        self.last = self.work.run(*arguments, expect=code)
        self.topics.clear()

    def contains(self, stream: str, text: str, wanted: bool):
        self.settle()
        got = getattr(self.last, stream).decode(errors="replace").replace('": ', '":')
        if (text in got) is not wanted:
            raise AssertionError(f"{stream} was: {got}")

    def do_stdout(self, rest):
        self.contains("stdout", rest, True)

    def do_stderr(self, rest):
        self.contains("stderr", rest, True)

    def do_stdout_not(self, rest):
        self.contains("stdout", rest, False)

    def do_stderr_not(self, rest):
        self.contains("stderr", rest, False)

    def records(self, topic: str) -> list:
        if topic not in self.topics:
            self.topics[topic] = self.work.dump(topic)
        return self.topics[topic]

    def do_out(self, rest):
        self.settle()
        topic, what, text = (rest + "  ").split(" ", 2)
        text = text.strip(" ")
        records = self.records(topic)
        if what == "count":
            if len(records) != int(text):
                raise AssertionError(f"{len(records)} records: {[r.value[:200] for r in records[:5]]}")
        elif what == "value":
            at = self.values_seen[topic] = self.values_seen.get(topic, -1) + 1
            got = records[at].value if at < len(records) else None
            if got != text.encode():
                raise AssertionError(f"record {at} is {got}")
        elif what == "contains":
            if not any(text.encode() in record.value for record in records):
                raise AssertionError(f"not in {[r.value[:200] for r in records[:5]]}")
        elif what.startswith("reason="):
            self.dead_letter(records, what.removeprefix("reason="), text.encode())
        else:
            self.alert(records, what, *text.split(" "))

    def dead_letter(self, records, reason, text):
        for number, record in enumerate(records):
            if number not in self.letters_seen and record.headers["tocsin.reason"] == reason:
                if text in record.value:
                    self.letters_seen.add(number)
                    return
        found = [(r.headers["tocsin.reason"], r.value[:120]) for r in records]
        raise AssertionError(f"no such dead letter left among {found}")

    def alert(self, records, device, rule, state, *fields):
        mine = [json.loads(r.value) for r in records if r.key == device]
        at = self.alerts_seen[device] = self.alerts_seen.get(device, -1) + 1
        if at >= len(mine):
            raise AssertionError(f"{device} has only {len(mine)} alerts")
        wanted = {"rule": rule, "state": state}
        wanted |= {name: json.loads(value) for name, _, value in (f.partition("=") for f in fields)}
        wrong = {name: mine[at].get(name) for name, value in wanted.items() if mine[at].get(name) != value}
        if wrong:
            raise AssertionError(f"alert {at} of {device} has {wrong}")

    def do_batch(self, rest):
        self.settle()
        if self.batch_report is None:
            self.work.write("batch_input.jsonl", b"".join(line + b"\n" for line in self.fed))
            self.batch_report = self.work.json("batch", "--input", "batch_input.jsonl", "--output-dir", "tables")
        path, _, value = rest.partition(" ")
        got = self.batch_report
        for key in path.split("."):
            got = got[key]
        if got != json.loads(value):
            raise AssertionError(f"it is {got}")


def main(patterns: list) -> int:
    root = ROOT / "tests/cases"
    paths = [path for path in sorted(root.rglob("*.case"))
             if not patterns or any(word in str(path.relative_to(root)) for word in patterns)]  # fmt: skip
    failed = 0
    for path in paths:
        try:
            with Workspace() as work:
                Case(path, work).run()
        except Exception as error:  # a broken case must not stop the others
            failed += 1
            print(f"FAILED {path.relative_to(ROOT)}: {error}")
        else:
            print(f"ok     {path.relative_to(ROOT)}")
    print(f"{len(paths) - failed} passed, {failed} failed")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
