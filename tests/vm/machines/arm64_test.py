"""A 64-bit ARM machine: the package is installed, records from the virtual camera whenever a real
GPIO line (the PL061 of QEMU's board) is driven from outside, is rebooted while it does, and goes on.

The package is build/package/framelog_*_arm64.deb, or in the directory that FRAMELOG_PACKAGES names.
"""

import contextlib
import json
import os
import pathlib
import socket
import sys
import time

import machine

PULSES = 3
LINE = 0  # Line 3 is the board's power button.
PACKAGES = pathlib.Path(os.environ.get("FRAMELOG_PACKAGES", machine.PROJECT / "build/package"))


class Board:
    """Drives the lines of the chip, which QEMU tells by commands for its own tests (docs/devel/qtest)."""

    def __init__(self, path):
        self.chip = self.find(f"{path}.qmp")
        self.stream = self.connect(path)

    @staticmethod
    def connect(path):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(machine.LONG_S)
            connection.connect(str(path))
            return connection.makefile("rw")  # It keeps the connection.

    def find(self, path):
        """The chip's name in QEMU's tree of objects."""
        with self.connect(path) as stream:
            return f"/machine/unattached/{self.named(stream)}"

    @staticmethod
    def named(stream):
        stream.readline()  # The greeting.
        for request in ({"execute": "qmp_capabilities"},
                        {"execute": "qom-list", "arguments": {"path": "/machine/unattached"}}):
            stream.write(json.dumps(request) + "\n")
            stream.flush()
            answer = json.loads(stream.readline())
            while "event" in answer:
                answer = json.loads(stream.readline())
        [chip] = [one["name"] for one in answer["return"] if one["type"] == "child<pl061>"]
        return chip

    def drive(self, level):
        self.stream.write(f"set_irq_in {self.chip} unnamed-gpio-in {LINE} {level}\n")
        self.stream.flush()
        answer = self.stream.readline().strip()
        if answer != "OK":
            raise OSError(f"QEMU answers {answer}")

    def pulse(self):
        self.drive(1)
        time.sleep(0.2)
        self.drive(0)

    def pulse_until_the_end(self):
        """Each edge makes the event longer, so that it lasts for as long as the machine does."""
        with contextlib.suppress(OSError):
            while True:
                self.pulse()
                time.sleep(0.2)


class Arm64(machine.Case):
    def start(self, name):
        self.boot(f"exec /usr/bin/python3 arm64_inside.py {name}", "--arch", "arm64", "--root",
                  self.directory / "root", "--qtest", self.directory / "qtest",
                  directories=[PACKAGES])

    def told(self, name):
        """What a file of results says, once it is there."""
        path = self.results / name
        self.until(path.exists, f"it told of {name}")
        return path.read_text()

    def test_recording_by_a_line_and_a_reboot(self):
        self.start("First")
        self.told("waits")
        board = Board(self.directory / "qtest")
        for number in range(PULSES):
            board.pulse()
            self.told(f"event-{number}")
        board.pulse_until_the_end()
        self.assertTrue((self.results / "reboots").exists(), "the machine has ended before it reboots")
        # A reboot ends QEMU, before the script has a status.
        self.assertEqual(self.machine.wait(machine.LONG_S), 1)
        self.start("Second")
        self.told("waits-again")
        Board(self.directory / "qtest").pulse()
        self.finish()


if __name__ == "__main__":
    if not list(PACKAGES.glob("framelog_*_arm64.deb")):
        print(f"skipped: there is no package for arm64 in {PACKAGES}")
        sys.exit(machine.SKIPPED)
    machine.main("--arch", "arm64")
