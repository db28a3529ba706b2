"""What bash offers behind `framelog`, asked of the completion function itself."""

import os
import pathlib
import shlex
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FRAMELOG = os.environ["FRAMELOG"]


class Completion(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        for name in ("microscope.conf", "merlin-1.conf", "notes.txt"):
            (self.directory / name).touch()

    def offered(self, *words):
        """The completions of the last of the words."""
        line = " ".join(shlex.quote(word) for word in (FRAMELOG, *words))
        script = f"""
            source {shlex.quote(str(ROOT / "toolchain/packaging/framelog.bash-completion"))}
            complete -p framelog >&2
            COMP_WORDS=({line}) COMP_CWORD={len(words)}
            _framelog
            ((${{#COMPREPLY[@]}})) && printf '%s\\n' "${{COMPREPLY[@]}}"
            true
        """
        done = subprocess.run(["bash", "--norc", "-uc", script], capture_output=True, text=True,
                              check=True, cwd=self.directory, timeout=60,
                              env={**os.environ, "FRAMELOG_CONFIGURATIONS": str(self.directory)})
        self.assertEqual(done.stderr.strip(), "complete -F _framelog framelog")
        return sorted(done.stdout.splitlines())

    def test_the_commands(self):
        commands = self.offered("")
        told = subprocess.run([FRAMELOG, "--help"], capture_output=True, text=True, check=True)
        names = [line.split()[0] for line in told.stdout.split("Options:")[0].splitlines()
                 if line.startswith("  ")]
        self.assertEqual(commands, sorted(names))
        self.assertEqual(self.offered("ver"), ["verify"])
        self.assertEqual(self.offered("-i", "microscope", "reco"), ["recover"])

    def test_the_instruments(self):
        self.assertEqual(self.offered("-i", ""), ["merlin-1", "microscope"])
        self.assertEqual(self.offered("--instrument", "mi"), ["microscope"])

    def test_no_instruments_where_there_is_no_configuration(self):
        for path in self.directory.glob("*.conf"):
            path.unlink()
        self.assertEqual(self.offered("-i", ""), [])

    def test_what_config_can_do(self):
        self.assertIn("reference", self.offered("config", ""))
        self.assertEqual(self.offered("-i", "x", "config", "sh"), ["show"])

    def test_what_catalog_can_do(self):
        self.assertEqual(self.offered("-i", "x", "catalog", ""), ["check", "rebuild"])

    def test_what_export_and_snapshot_take(self):
        self.assertEqual(self.offered("export", "x.h5", "--cut"), ["--cutout"])
        self.assertIn("hdf5", self.offered("export", "x.h5", "--to", ""))
        self.assertEqual(self.offered("help", "export", "web"), ["webm"])
        self.assertEqual(self.offered("help", "sna"), ["snapshot"])
        self.assertEqual(self.offered("snapshot", "de"), ["delete"])
        self.assertEqual(self.offered("snapshot", "add", "--rect"), ["--rectangle"])

    def test_files_and_options(self):
        self.assertEqual(self.offered("info", "no"), ["notes.txt"])
        self.assertEqual(self.offered("--config", "mer"), ["merlin-1.conf"])
        self.assertEqual(self.offered("info", "--tr"), ["--tree"])


if __name__ == "__main__":
    unittest.main()
