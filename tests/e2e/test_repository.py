"""The repository itself: no secrets, nothing generated, every link of the documents leads somewhere."""

import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from driver import ROOT, binary

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


class RepositoryTest(unittest.TestCase):
    def test_no_secrets_and_no_generated_files_are_committed(self):
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
        if listed.returncode:
            self.skipTest("SKIPPED LOUDLY: not a git working tree")
        bad = [name for name in listed.stdout.splitlines()
               if re.search(r"^(\.env$|build/|data/|logs/)|__pycache__|\.(pyc|db|sqlite|o|a)$", name)]  # fmt: skip
        self.assertEqual(bad, [])

    def test_links_of_the_documents_lead_to_files(self):
        pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "examples/README.md", ROOT / "tests/README.md"]
        broken = [
            f"{page.relative_to(ROOT)}: {target}"
            for page in pages
            for target in LINK.findall(page.read_text(encoding="utf-8"))
            if "://" not in target and not (page.parent / target).exists()
        ]
        self.assertEqual(broken, [])

    def test_the_example_keeps_its_licence(self):
        self.assertIn("MIT License", (ROOT / "examples/iot_telemetry_LICENSE").read_text())

    def test_our_simdjson_comes_before_that_of_parquet(self):
        # libparquet exports a simdjson of another version; the first library that has a name wins.
        listed = subprocess.run(["readelf", "-d", binary()], capture_output=True, text=True, check=True)
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", listed.stdout)
        first = {name.split(".")[0]: place for place, name in reversed(list(enumerate(needed)))}
        self.assertIn("libsimdjson", first)
        self.assertLess(first["libsimdjson"], first["libparquet"])


if __name__ == "__main__":
    unittest.main()
