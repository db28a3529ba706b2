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
from recorder import numpy  # noqa: E402

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

    def check_numbers(self, run, crashed=False):
        """Every frame that was captured, and a gap wherever the instrument's numbers jump: what a
        busy machine was too slow for is counted, and while there was no process nobody knows.

        Returns the instrument's numbers."""
        sequence, source = (numpy.concatenate([s.records[column] for s in run]).astype("int64")
                            for column in ("sequence", "source_sequence"))
        numpy.testing.assert_array_equal(sequence, numpy.arange(len(sequence)))
        gaps = {gap[0]: gap[1:] for segment in run for gap in segment.gaps}
        if crashed:  # Nobody knows how many would have come behind the last frame.
            self.assertEqual(gaps.pop(len(source) - 1), (-1, "capture", "no-process"))
        jumps = numpy.flatnonzero(numpy.diff(source) != 1)
        self.assertEqual(sorted(gaps), jumps.tolist())
        for at in jumps:
            if source[at + 1] < source[at]:
                self.assertEqual(gaps.pop(at), (-1, "capture", "no-process"))
                continue
            lost = source[at + 1] - source[at] - 1
            self.assertEqual(gaps.pop(at), (lost, "source", "sequence-gap"))
        return source

    def check_hang(self, directory):
        """Two processes recorded up to frame 149 each into one run, which a third one ended."""
        first, second = self.runs(directory)
        source = self.check_numbers(first, crashed=True)
        ends = numpy.flatnonzero(source == 149)
        self.assertGreaterEqual(len(ends), 2)
        self.assertEqual(source.max(), 149)
        self.assertEqual(first[-1].stop_reason, "crash")
        self.check_numbers(second)
        self.assertEqual(second[-1].stop_reason, "stop")

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
            self.assertEqual(self.check_numbers(silent)[-1], 149)
            frozen, = self.runs(data / "frozen")
            source = self.check_numbers(frozen)
            self.assertTrue((numpy.diff(source) > 0).all())
            self.assertGreater(source[-1], 100 * FROZEN_S)
            print(f"frozen: {len(source)} frames of {source[-1] + 1}")


if __name__ == "__main__":
    recorder.need_programs("mkfs.ext4", "fsfreeze")
    recorder.main()
