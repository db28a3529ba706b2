"""Instruments that hang or are silent, and a disk that stands still, under systemd's watchdog.

FRAMELOG_WATCHDOG_S: WatchdogSec (4). FRAMELOG_FROZEN_S: how long the disk stands still (15).
"""

import collections
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
import recorder  # noqa: E402

WATCHDOG_S = int(os.environ.get("FRAMELOG_WATCHDOG_S", "4"))
FROZEN_S = int(os.environ.get("FRAMELOG_FROZEN_S", "15"))
IMAGE_BYTES = 256 << 20


class Stalls(recorder.Case):
    def runs(self, directory):
        """The segments of each run, in the order of the runs."""
        runs = collections.defaultdict(list)
        for segment in recorder.finished(directory):
            self.check_ramp(segment)
            runs[segment.provenance["run"]["uuid"]].append(segment)
        self.assertEqual(recorder.leftovers(directory), [])
        return list(runs.values())

    def numbers(self, run, column):
        return [n for segment in run for n in segment.records[column].tolist()]

    def check_hang(self, directory):
        """Two processes recorded 150 frames each into one run, which a third one ended."""
        first, second = self.runs(directory)
        self.assertEqual(self.numbers(first, "sequence"), list(range(300)))
        self.assertEqual(self.numbers(first, "source_sequence"), 2 * list(range(150)))
        gaps = [gap for segment in first for gap in segment.gaps]
        # A simulator that begins at 0 again cannot tell how many frames there were in between.
        self.assertEqual(gaps[0], (149, -1, "capture", "no-process"))
        self.assertEqual({gap[3] for gap in gaps[1:]} - {"no-process"}, set())
        self.assertEqual(first[-1].stop_reason, "crash")
        self.check_whole(second)
        self.assertEqual(second[-1].stop_reason, "stop")

    def check_whole(self, run):
        """Every frame since the first one, without a gap."""
        numbers = self.numbers(run, "sequence")
        self.assertEqual(numbers, list(range(len(numbers))))
        self.assertEqual(self.numbers(run, "source_sequence"), numbers)
        self.assertEqual([gap for segment in run for gap in segment.gaps], [])
        return len(numbers)

    def test_what_hangs_is_restarted_and_what_waits_is_not(self):
        image = self.directory / "image"
        with open(image, "wb") as file:
            file.truncate(IMAGE_BYTES)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
        with recorder.mounted(self.directory / "data", "-o", "loop", image) as data:
            try:
                done = subprocess.run([HERE / "run", "stalls.sh", data, f"WATCHDOG={WATCHDOG_S}",
                                       f"FROZEN={FROZEN_S}"], check=False,
                                      timeout=400 + 30 * WATCHDOG_S + 2 * FROZEN_S)
            finally:  # A frozen one could not be unmounted.
                subprocess.run(["fsfreeze", "-u", str(data)], stderr=subprocess.DEVNULL,
                               check=False)
            if done.returncode == 77:
                recorder.skip_all("no containers here")
            self.assertEqual(done.returncode, 0)
            self.check_hang(data / "hang")
            silent, = self.runs(data / "silent")
            self.assertEqual(self.check_whole(silent), 150)
            frozen, = self.runs(data / "frozen")
            self.assertGreater(self.check_whole(frozen), 100 * FROZEN_S)


if __name__ == "__main__":
    recorder.need_programs("mkfs.ext4", "fsfreeze")
    recorder.main()
