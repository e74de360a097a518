#!/usr/bin/env python3
"""The files of deploy/: the compose file is valid, its services are what the guide says, pins agree."""

import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from driver import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
OURS = {"generate", "process", "deliver", "batch", "dashboard", "ingest"}
SERVICES = OURS | {"kafka", "registry", "prometheus", "grafana"}


def composes() -> list:
    """The commands of Compose on this machine, v1 and v2."""
    found = [["docker-compose"]] if shutil.which("docker-compose") else []
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        found.append(["docker", "compose"])
    return found


def config(command: list, *words, **environment) -> str:
    done = subprocess.run([*command, "-f", str(COMPOSE), "--profile", "ingest", "--profile", "monitoring", "config", *words],
                          capture_output=True, text=True, env=os.environ | environment)  # fmt: skip
    if done.returncode:
        raise AssertionError(f"{command} config: {done.stderr}")
    return done.stdout


NO_COMPOSE = "" if composes() else "SKIPPED LOUDLY: neither docker-compose nor docker compose is installed"
if NO_COMPOSE:
    print(NO_COMPOSE, file=sys.stderr)


@unittest.skipIf(NO_COMPOSE, NO_COMPOSE)
class ComposeFileTest(unittest.TestCase):
    def test_it_is_valid_and_has_the_services_of_the_guide(self):
        guide = (ROOT / "docs/05_container_stack.md").read_text()
        for command in composes():
            with self.subTest(command=command):
                self.assertEqual(set(config(command, "--services").split()), SERVICES)
        for service in SERVICES:
            self.assertIn(f"| `{service}` |", guide)

    def test_settings_come_from_the_environment_and_the_broker_does_not(self):
        for command in composes():
            with self.subTest(command=command):
                shown = config(command, TEMP_ALERT_THRESHOLD="47", KAFKA_BROKER="localhost:9092", KAFKA_PORT="19092")
                self.assertEqual(len(re.findall(r"TEMP_ALERT_THRESHOLD: [\"']47[\"']", shown)), len(OURS))
                self.assertEqual(len(re.findall(r"KAFKA_BROKER: kafka:29092", shown)), len(OURS))
                self.assertIn("19092", shown)

    def test_every_service_restarts_and_ours_wait_for_the_broker(self):
        for command in composes():
            with self.subTest(command=command):
                shown = config(command)
                self.assertEqual(len(re.findall(r"restart: unless-stopped", shown)), len(SERVICES))
                self.assertEqual(len(re.findall(r"condition: service_healthy", shown)), len(OURS))
                self.assertEqual(len(re.findall(r"read_only: true\n {4}restart", shown)), len(OURS))


class ImageFilesTest(unittest.TestCase):
    def test_every_image_is_not_root_and_has_a_health_check(self):
        for path in sorted(DEPLOY.rglob("Dockerfile")):
            with self.subTest(path=path.relative_to(ROOT)):
                text = path.read_text()
                last = text[text.rindex("\nFROM ") :]
                self.assertRegex(last, r"(?m)^USER (?!root|0)\w+")
                self.assertRegex(last, r"(?m)^HEALTHCHECK ")
                self.assertEqual(set(re.findall(r"(?m)^FROM (\S+)", text)), {"${DEBIAN}"})

    def test_jars_are_pinned_one_by_one(self):
        pom = (DEPLOY / "kafka/pom.xml").read_text()
        versions = set(re.findall(r"<groupId>org.apache.kafka</groupId>\s*<artifactId>(\S+?)</artifactId>\s*"
                                  r"<version>(\S+?)</version>", pom))  # fmt: skip
        pins = [line.split("  ") for line in (DEPLOY / "kafka/jars.sha256").read_text().splitlines()]
        self.assertTrue(all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest, _ in pins))
        names = {name for _, name in pins}
        self.assertTrue(versions)
        for artifact, version in versions:
            self.assertIn(f"{artifact}-{version}.jar", names)

    def test_scripts_of_the_images_are_executable(self):
        for name in ("kafka/start", "kafka/healthy", "registry/healthy"):
            self.assertTrue(os.access(DEPLOY / name, os.X_OK), name)


if __name__ == "__main__":
    unittest.main()
