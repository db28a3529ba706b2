"""What is deleted by the bounds of [retention], and for room on a full disk; what never is."""

import os
import signal
import subprocess
import time
import unittest

import recorder

FRAMES = 250


class Retention(recorder.Case):
    """Segments of 250 frames of 4 KiB, eight a second."""

    def configuration(self, retention, rate="2 kHz"):
        return self.simulate(f"""
[roll]
max_frames = {FRAMES}
[ring]
memory = 4 MiB
[retention]
{retention}
[control]
socket = {self.directory}/control
group = root
""", files="sync_interval = 50 ms", width=64, height=32, rate=rate)

    def finished(self):
        return sorted(path for path in self.base.rglob("*.h5")
                      if ".framelog" not in path.parts and "_master" not in path.name)

    @staticmethod
    def number(path):
        return int(path.stem.rsplit("_", 1)[1])

    def ask(self, *words):
        return subprocess.run(
            [recorder.FRAMELOG, "--config", str(self.directory / "camera.conf"), *map(str, words)],
            capture_output=True, text=True, timeout=recorder.LONG_S, check=False)

    def tell(self, *words):
        done = self.ask(*words)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def pin_the_last(self):
        """None where it had gone before it was pinned."""
        last = self.finished()[-1]
        return last if self.ask("pin", last).returncode == 0 else None

    def deleted(self):
        line, = [line for line in self.tell("metrics").splitlines()
                 if line.startswith("framelog_segments_deleted_total")]
        return float(line.split()[-1])

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        return recorder.accounting_lines(self.wait(process))["frames"]

    def said(self, process, text):
        return self.until(lambda: text in process.messages.read_text(), f"'{text}'")

    def reached(self, number):
        self.until(lambda: self.finished() and self.number(self.finished()[-1]) >= number,
                   f"segment {number}")

    def whole(self, counts):
        late = counts.get("ring-full", 0) + counts.get("segment-not-ready", 0)
        self.assertEqual(counts["received"], counts["recorded"] + late, counts)

    def test_the_oldest_go_beyond_a_number_and_pinned_ones_stay(self):
        process = self.start(self.configuration("max_segments = 4\nmin_free = 0 B",
                                                rate="500 Hz"))
        self.reached(2)
        pinned = self.until(self.pin_the_last, "a segment that is pinned before it goes")
        self.reached(self.number(pinned) + 8)
        self.until(lambda: len(self.finished()) <= 5, "old segments to go")
        self.assertTrue(pinned.exists())
        self.until(lambda: self.deleted() > 3, "the metrics")
        counts = self.stop(process)
        self.whole(counts)
        left = self.finished()
        self.assertIn(pinned, left)
        # How many more there are depends on the disk: the last ones are finished when nothing is
        # deleted any more. But the oldest have gone, and none between.
        numbers = [self.number(path) for path in left if path != pinned]
        self.assertEqual(numbers, list(range(numbers[0], numbers[-1] + 1)))
        self.assertGreater(self.number(left[1]), self.number(pinned) + 1)
        self.assertIn("segments up to", process.messages.read_text())
        for path in left:
            self.check_ramp(recorder.Segment(path))

    def test_what_is_too_old_goes(self):
        process = self.start(self.configuration("max_age = 2 s\nmin_free = 0 B"))
        self.reached(1)
        first = self.finished()[0]
        line = self.until(lambda: next((line for line in self.tell("metrics").splitlines()
                                        if line.startswith("framelog_clock_synchronised")), None),
                          "the clock's metric")
        if float(line.split()[-1]) == 1:
            self.until(lambda: not first.exists(), "the first one to go")
        else:
            # Nobody knows how old anything is.
            self.said(process, "max_age deletes nothing while the clock is not synchronised")
            self.reached(self.number(self.finished()[-1]) + 2)
            self.assertTrue(first.exists())
        self.whole(self.stop(process))

    @unittest.skipUnless(os.geteuid() == 0, "only root may mount")
    def test_a_full_disk_takes_the_oldest_and_loses_nothing(self):
        small = self.directory / "small"
        self.enterContext(recorder.mounted(small, "-t", "tmpfs", "-o", "size=16m", "none"))
        self.addCleanup(self.end_processes)
        self.base = small / "base"
        process = self.start(self.configuration("when_full = delete-oldest\nmin_free = 4 MiB",
                                                rate="500 Hz"))
        self.reached(16)  # 16 MiB hold about nine.
        space = os.statvfs(small)
        self.assertGreater(space.f_bavail * space.f_frsize, 2 << 20)
        self.whole(self.stop(process))
        for path in self.finished():
            self.check_ramp(recorder.Segment(path))

    @unittest.skipUnless(os.geteuid() == 0, "only root may mount")
    def test_only_what_is_acknowledged_is_taken(self):
        small = self.directory / "small"
        self.enterContext(recorder.mounted(small, "-t", "tmpfs", "-o", "size=16m", "none"))
        self.addCleanup(self.end_processes)
        self.base = small / "base"
        process = self.start(self.configuration(
            "when_full = delete-oldest\nrequire_ack = yes\nmin_free = 2 MiB"))
        self.said(process, "nothing may be deleted: what is left is pinned or not acknowledged")
        time.sleep(0.5)
        before = self.finished()
        self.assertEqual(self.number(before[0]), 1)
        self.tell("ack", *before[:3])
        self.said(process, "recording again")
        self.until(lambda: not before[0].exists(), "the acknowledged to go")
        counts = self.stop(process)
        self.assertGreater(counts.get("disk-full", 0), 0)
        for path in before[3:]:
            self.assertTrue(path.exists(), path)


if __name__ == "__main__":
    recorder.main()
