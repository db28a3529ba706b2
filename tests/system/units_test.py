"""The unit files: accepted by systemd without a word, and closed as far as the drivers allow."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_EXPOSURE = 1.8


class Units(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        # systemd looks whether the programs are there; here they are those that were built.
        programs = self.directory / "bin"
        programs.mkdir()
        for program in ("FRAMELOGD", "FRAMELOG"):
            (programs / program.lower()).symlink_to(os.environ[program])
        text = (ROOT / "systemd/framelogd@.service.in").read_text(encoding="utf-8")
        self.text = text.replace("@CMAKE_INSTALL_FULL_BINDIR@", str(programs))
        self.target = self.directory / "framelog.target"
        shutil.copy(ROOT / "systemd/framelog.target", self.target)

    def analyze(self, text, *arguments):
        unit = self.directory / "framelogd@.service"
        unit.write_text(text, encoding="utf-8")
        return subprocess.run(["systemd-analyze", *arguments, unit], capture_output=True, text=True,
                              check=False, timeout=60)

    def verify(self, text):
        return self.analyze(text, "verify", "--man=no", self.target)

    def exposure(self, text):
        done = self.analyze(text, "security", "--offline=true", "--no-pager")
        self.assertEqual(done.returncode, 0, done.stderr)
        return float(re.search(r"Overall exposure level for .*: ([0-9.]+)", done.stdout)[1])

    def test_systemd_has_nothing_to_say(self):
        done = self.verify(self.text)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_systemd_would_say_something(self):
        self.assertIn("ProtectSistem", self.verify(self.text.replace("ProtectSystem",
                                                                    "ProtectSistem")).stderr)

    def test_the_service_is_closed(self):
        exposure = self.exposure(self.text)
        print(f"exposure of framelogd@.service: {exposure}, at most {MOST_EXPOSURE}")
        self.assertLessEqual(exposure, MOST_EXPOSURE)

    def test_the_measure_notices_what_is_open(self):
        opened = self.text.replace("CapabilityBoundingSet=\n", "").replace("SystemCallFilter=", "#")
        self.assertGreater(self.exposure(opened), MOST_EXPOSURE)


if __name__ == "__main__":
    if not shutil.which("systemd-analyze"):
        print("systemd-analyze is missing")
        sys.exit(77)
    unittest.main()
