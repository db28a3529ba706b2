"""Starts virtual machines (toolchain/vm) and treats them badly. For the tests of this folder."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SKIPPED = 77
HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[2]
TOOL = PROJECT / "toolchain/vm"
os.environ.setdefault("FRAMELOGD", str(PROJECT / "build/debug/bin/framelogd"))
os.environ.setdefault("FRAMELOG", str(PROJECT / "build/debug/bin/framelog"))
LONG_S = 1800  # Emulated, on a busy machine.


class Case(unittest.TestCase):
    """A test with a directory of its own, /results in its machines; they end with it."""

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="framelog-vm-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.results = self.directory / "results"
        self.results.mkdir()
        self.machine = None
        self.pid = self.directory / "pid"
        self.addCleanup(self.end)

    def boot(self, script, *options, directories=()):
        """Starts a machine that runs these lines of bash; what it prints is printed here."""
        path = self.directory / "script"
        path.write_text(f"cd {HERE}\nexport PYTHONPATH={PROJECT}/tests/system "
                        f"PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1\n{script}\n")
        self.pid.unlink(missing_ok=True)
        self.machine = subprocess.Popen(
            [TOOL, "run", "--results", self.results, "--limit", str(LONG_S), "--pid", self.pid,
             *map(str, options), path, os.path.dirname(os.environ["FRAMELOGD"]), *directories],
            stdin=subprocess.DEVNULL)

    def cut_power(self):
        """The machine is gone, as it stands."""
        os.kill(int(self.pid.read_text()), signal.SIGKILL)
        self.assertEqual(self.machine.wait(LONG_S), 1)

    def finish(self, status=0):
        """Waits for the end of the script, whose status this has to be."""
        self.assertEqual(self.machine.wait(LONG_S + 60), status)

    def until(self, condition, what, timeout=LONG_S):
        """Waits until the condition holds while the machine runs; returns its value."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            if self.machine.poll() is not None:
                self.fail(f"the machine has ended before {what}")
            time.sleep(0.1)
        return self.fail(f"in vain waited for {what}")

    def end(self):
        if self.machine and self.machine.poll() is None:
            self.machine.terminate()
            self.machine.wait()


def main(*options):
    """Runs the tests of the calling script. Status 77 where no machine can be started."""
    if options and os.environ.get("FRAMELOG_VM_SHORT"):
        print("another kind of machine takes a quarter of an hour: toolchain/vm test arm64")
        sys.exit(SKIPPED)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    done = subprocess.run([TOOL, "check", *options], check=False)
    if done.returncode == SKIPPED:
        sys.exit(SKIPPED)
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    sys.exit(0 if program.result.wasSuccessful() else 1)
