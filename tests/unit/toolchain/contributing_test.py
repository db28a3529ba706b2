"""The driver that CONTRIBUTING.md shows is one: it compiles as the project's own do.

Usage: contributing_test.py COMPILE-COMMANDS
"""

import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

PROJECT = pathlib.Path(__file__).resolve().parents[3]
COMMANDS = pathlib.Path(sys.argv.pop())
LIKE = PROJECT / "drivers/replay_driver.cpp"  # Whose flags it gets.


def compiler():
    """What compiles a driver, without its file and without what it makes."""
    command = next(entry["command"] for entry in json.loads(COMMANDS.read_text())
                   if pathlib.Path(entry["file"]) == LIKE)
    words, kept = iter(shlex.split(command)), []
    for word in words:
        if word in ("-o", "-include"):  # No headers but its own.
            next(words)
        elif word not in ("-c", str(LIKE)):
            kept.append(word)
    return kept


class Example(unittest.TestCase):
    def compile(self, text):
        with tempfile.TemporaryDirectory() as directory:
            source = pathlib.Path(directory) / "photometer.cpp"
            source.write_text(text)
            return subprocess.run([*compiler(), "-fsyntax-only", source], cwd=COMMANDS.parent,
                                  capture_output=True, text=True, check=False)

    def test_it_compiles_and_without_one_of_its_functions_it_does_not(self):
        text, = re.findall(r"^```cpp\n(// drivers/.*?)^```$", (PROJECT / "CONTRIBUTING.md").read_text(),
                           re.MULTILINE | re.DOTALL)
        done = self.compile(text)
        self.assertEqual(done.returncode, 0, done.stderr)
        less = text.replace("  void stop() noexcept override {}\n", "")
        self.assertNotEqual(less, text)
        self.assertNotEqual(self.compile(less).returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
