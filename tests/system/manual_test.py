"""The manual pages tell of what the programs know, and groff has nothing to say about them."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FRAMELOGD = os.environ["FRAMELOGD"]
FRAMELOG = os.environ["FRAMELOG"]
PAGES = ["framelog.1", "framelogd.8", "framelogd.conf.5"]


def told_by(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


class Manual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.pages = pathlib.Path(directory.name)
        subprocess.run([sys.executable, ROOT / "toolchain/manual/make_manual.py", "--framelogd", FRAMELOGD,
                        "--framelog", FRAMELOG, cls.pages], check=True, timeout=60)

    def shown(self, page):
        """A page as plain text without any breaking of lines."""
        text = subprocess.run(["groff", "-man", "-Tutf8", "-Kutf8", "-P-cbou", "-rLL=1000n",
                               self.pages / page], capture_output=True, text=True, check=True).stdout
        return [re.sub(r"\s+", " ", line.strip()) for line in text.splitlines()]

    def test_every_page_is_made(self):
        self.assertEqual(sorted(path.name for path in self.pages.iterdir()), PAGES)

    def test_the_formatters_are_silent(self):
        for page in PAGES:
            done = subprocess.run(["groff", "-ww", "-man", "-Tutf8", "-Kutf8", self.pages / page],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page)
            if shutil.which("man"):
                done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z",
                                       self.pages / page], capture_output=True, text=True,
                                      check=False, env={**os.environ, "MANWIDTH": "80"})
                self.assertEqual((done.returncode, done.stderr), (0, ""), page)

    def test_the_formatter_would_complain(self):
        bad = self.pages.parent / "bad.1"
        bad.write_text(".TH BAD 1\n.SH NAME\nbad \\- \\[nosuchglyph]\n.nosuchrequest\n")
        self.addCleanup(bad.unlink)
        done = subprocess.run(["groff", "-ww", "-man", "-Tutf8", bad], capture_output=True,
                              text=True, check=False)
        self.assertIn("nosuchglyph", done.stderr)

    def test_the_configuration_page_has_the_keys_of_the_reference(self):
        section, expected = None, []
        for line in told_by(FRAMELOG, "config", "reference").splitlines():
            if line.startswith("## "):
                section = line[3:]
            elif row := re.match(r"\| `([^`]+)`(?: \((\w+)\))? \| ", line):
                expected.append((section, row[1], row[2]))
        source = (self.pages / "framelogd.conf.5").read_text(encoding="utf-8")
        section, found = None, []
        for line in source.replace("\\-", "-").splitlines():
            if line.startswith(".SS "):
                section = line[4:].strip('"')
            elif section and (key := re.match(r"\\fB([^\\]+)\\fR(?: \(driver (\w+)\))?$", line)):
                found.append((section, key[1], key[2]))
        self.assertGreater(len(expected), 50)
        self.assertEqual(found, expected)

    def test_what_a_key_takes_is_told_as_in_the_reference(self):
        shown = set(self.shown("framelogd.conf.5"))
        for line in told_by(FRAMELOG, "config", "reference").splitlines():
            if not line.startswith("| `"):
                continue
            _, _, value, default, meaning, _ = re.split(r"(?<!\\)\|", line)
            default = default.strip().strip("`")
            text = f"Value: {value.strip()}."
            if default:
                text += " Required." if default == "required" else f" Default: {default}."
            self.assertIn(text.replace("\\|", "|"), shown)
            self.assertTrue(any(told.endswith(meaning.strip()) for told in shown), meaning)

    def test_the_commands_are_those_of_the_help(self):
        told = told_by(FRAMELOG, "--help").split("Options:")[0]
        names = re.findall(r"^  ([a-z-]+) ", told, re.MULTILINE)
        source = (self.pages / "framelog.1").read_text(encoding="utf-8").split(".SH OPTIONS")[0]
        heads = re.findall(r"^\.TP\n\\fB([a-z\\-]+)\\fR", source.split(".SH COMMANDS")[1],
                           re.MULTILINE)
        self.assertEqual([name for name in names if name not in heads], [])
        self.assertIn("verify", names)

    def test_the_options_of_export_are_told(self):
        source = (self.pages / "framelog.1").read_text(encoding="utf-8").replace("\\-", "-")
        told = told_by(FRAMELOG, "help", "export")
        names = re.findall(r"^  (--[a-z-]+)", told, re.MULTILINE)
        found = re.findall(r"^\\fB(--[a-z-]+)", source.split(".SH FORMATS")[1], re.MULTILINE)
        self.assertEqual(found, names)
        self.assertGreater(len(names), 60)
        for name in ("hdf5", "webm"):
            self.assertIn(f"\\fB{name}\\fR", source)

    def test_the_options_are_those_of_the_help(self):
        for program, page in ((FRAMELOGD, "framelogd.8"), (FRAMELOG, "framelog.1")):
            names = set(re.findall(r"^  (?:-\w \[ )?(--[a-z-]+)", told_by(program, "--help"),
                                   re.MULTILINE))
            source = (self.pages / page).read_text(encoding="utf-8").replace("\\-", "-")
            source = source.split(".SH FORMATS AND")[0]
            found = set(re.findall(r"^(?:\\fB-\w\\fR, )?\\fB(--[a-z-]+)\\fR", source, re.MULTILINE))
            self.assertEqual(found, names)


if __name__ == "__main__":
    if not shutil.which("groff"):
        print("groff is missing: toolchain/setup --packaging")
        sys.exit(77)
    unittest.main()
