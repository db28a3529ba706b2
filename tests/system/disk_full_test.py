"""Fills a small file system during recording, and tries bases that cannot be written to.

FRAMELOG_DISK_CYCLES: how often the disk is filled and freed in the campaign (3).
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unittest

import recorder
from recorder import READOUT, h5py, numpy

MIB = 1 << 20
CYCLES = int(os.environ.get("FRAMELOG_DISK_CYCLES", "3"))
SEGMENT_FRAMES = 250
ROOT_ONLY = "only root may mount and become another user"


@unittest.skipUnless(os.geteuid() == 0, ROOT_ONLY)
class FullDisk(recorder.Case):
    """8 MiB of memory as the disk; frames of 4 KiB, segments of about 1.3 MiB."""

    def setUp(self):
        super().setUp()
        self.small = self.directory / "small"
        self.enterContext(recorder.mounted(self.small, "-t", "tmpfs", "-o", "size=8m", "none"))
        # Ended before the mount goes: clean-ups run in reverse order.
        self.addCleanup(self.end_processes)

    def configuration(self, extra="", ring="1 MiB", **source):
        keys = {"width": 64, "height": 32, "rate": "2 kHz", **source}
        return self.simulate(f"""
[roll]
max_frames = {SEGMENT_FRAMES}
[ring]
memory = {ring}
{extra}
""", files="sync_interval = 50 ms", **keys)

    def stop(self, process, sig=signal.SIGTERM):
        process.send_signal(sig)
        return self.wait(process)

    def check_counts(self, counts, reason="disk-full"):
        """received = recorded + dropped, for this reason or because a busy machine was late."""
        self.assertGreater(counts.get(reason, 0), 0, counts)
        late = counts.get("ring-full", 0) + counts.get("segment-not-ready", 0)
        self.assertEqual(counts["received"], counts["recorded"] + counts[reason] + late, counts)

    def check_segments(self, segments, recorded):
        self.assertEqual(sum(len(segment.pixels) for segment in segments), recorded)
        for segment in segments:
            self.check_ramp(segment)

    def said(self, process, text):
        return self.until(lambda: re.search(text, process.messages.read_text()), f"'{text}'")

    def test_filled_by_the_recording_itself(self):
        self.base = self.small / "base"
        process = self.start(self.configuration())
        self.said(process, "cannot prepare the next segment.*(MiB free)")
        messages = self.said_and_stopped(process)
        counts = recorder.accounting_lines(messages)["frames"]
        self.check_counts(counts)
        self.check_segments(recorder.finished(self.base), counts["recorded"])
        self.verify()
        self.assertEqual(recorder.leftovers(self.base), [])

    def said_and_stopped(self, process):
        """Lets it drop frames for a while, and stops it."""
        self.dropping(self.base)
        return self.stop(process)

    @staticmethod
    def parts(base):
        return [path for path in base.rglob("*.part") if ".framelog" not in path.parts]

    def dropping(self, base):
        """Waits until the last segment that there was room for is full, and then a little."""
        def is_full():
            try:
                for path in self.parts(base):
                    with h5py.File(path, "r") as file:
                        if file[READOUT + "/valid"][()] < SEGMENT_FRAMES:
                            return False
            except (OSError, KeyError):
                return False  # It is being finished.
            return True
        self.until(is_full, "the last segment to be full")
        self.until_dropped()

    def test_a_recording_that_got_no_file_at_all_says_so_by_its_status(self):
        self.base = self.small / "base"
        config = self.simulate("[retention]\nmin_free = 1 TiB\n")
        messages = self.record(config, "--frames", "20", status=1)
        self.assertIn("frames: nothing was recorded, 20 frames were dropped (disk-full)", messages)

    def test_other_products_go_on(self):
        self.base = self.directory / "roomy"
        extra = f"""
[product.inside]
base = {self.small}/base
[product.outside]
roi = y=0:8, x=0:8
"""
        # A ring of half a minute: on a busy machine, too, only the full disk is a reason to drop.
        process = self.start(self.configuration(extra, ring="64 MiB", rate="500 Hz"))
        self.said(process, "inside: cannot prepare the next segment")
        self.dropping(self.small)
        counts = recorder.accounting_lines(self.stop(process))
        self.check_counts(counts["inside"])
        self.check_segments(recorder.finished(self.small), counts["inside"]["recorded"])
        outside = counts["outside"]
        self.assertEqual(outside["received"], outside["recorded"], outside)
        numbers = numpy.concatenate(
            [segment.records["sequence"] for segment in recorder.finished(self.base)])
        self.assertTrue(numpy.array_equal(numbers, numpy.arange(outside["recorded"])))
        self.verify(self.small / "base", self.base)

    def test_recording_resumes_when_there_is_space_again(self):
        self.base = self.small / "base"
        ballast = self.small / "ballast"
        ballast.write_bytes(bytes(4 * MIB))
        process = self.start(self.configuration())
        self.said(process, "cannot prepare the next segment")
        self.dropping(self.base)
        before = {path: path.read_bytes() for path in self.base.rglob("*.h5")}
        ballast.unlink()
        self.said(process, "recording again")
        self.until(lambda: len(list(self.base.rglob("*.h5"))) > len(before), "a new segment")
        counts = recorder.accounting_lines(self.stop(process))["frames"]
        self.check_counts(counts)
        segments = recorder.finished(self.base)
        self.check_segments(segments, counts["recorded"])
        gaps = [gap for segment in segments for gap in segment.gaps if gap[2] != "source"]
        self.assertTrue(gaps, "the pause has to be in the files")
        # A busy machine may be late as well; check_counts() knows how often.
        late = {("capture", "ring-full"), ("capture", "segment-not-ready")}
        self.assertEqual({gap[2:] for gap in gaps} - late, {("write", "disk-full")}, gaps)
        for path, content in before.items():
            self.assertEqual(path.read_bytes(), content, "an earlier file was touched")
        self.verify()

    def test_a_disk_that_fills_from_outside(self):
        """Somebody else takes the space while a segment is recorded or prepared."""
        self.base = self.small / "base"
        ballast = self.small / "ballast"
        ballast.touch()  # On a busy machine the recording fills the disk first.
        process = self.start(self.configuration(ring="64 MiB", rate="500 Hz"))
        self.until(lambda: self.parts(self.base), "the first segment")
        self.fill(ballast)
        self.said(process, "cannot prepare the next segment")
        counts = recorder.accounting_lines(self.stop(process))["frames"]
        self.assertEqual(counts["received"], counts["recorded"] + counts.get("disk-full", 0))
        (self.small / "ballast").unlink()
        self.recover()
        self.check_segments(recorder.finished(self.base), counts["recorded"])
        self.verify()

    def test_full_from_the_start(self):
        """It is waited for, as for a disk that becomes full later."""
        self.base = self.small / "base"
        ballast = self.small / "ballast"
        ballast.write_bytes(bytes(7 * MIB + MIB // 2))
        process = self.start(self.configuration())
        self.said(process, r"cannot prepare the next segment.*needs \d+ MiB, .* has \d+ MiB free")
        self.until_dropped()
        ballast.unlink()
        self.said(process, "recording again")
        self.until(lambda: list(self.base.rglob("*.h5")), "a first segment")
        counts = recorder.accounting_lines(self.stop(process))["frames"]
        self.check_counts(counts)
        self.check_segments(recorder.finished(self.base), counts["recorded"])
        self.verify()
        self.assertEqual(recorder.leftovers(self.base), [])

    def test_not_a_single_byte_is_free_at_the_start(self):
        self.base = self.small / "base"
        ballast = self.small / "ballast"
        self.fill(ballast)
        process = self.start(self.configuration())
        self.said(process, "cannot prepare the next segment")
        self.assertEqual(self.parts(self.small), [])
        self.until_dropped()
        ballast.unlink()
        self.said(process, "recording again")
        self.until(lambda: list(self.base.rglob("*.h5")), "a first segment")
        counts = recorder.accounting_lines(self.stop(process))["frames"]
        self.check_counts(counts)
        segments = recorder.finished(self.base)
        self.check_segments(segments, counts["recorded"])
        self.assertEqual({segment.provenance["run"]["number"] for segment in segments}, {1})
        self.verify()

    def test_what_is_to_stay_free_stays_free(self):
        self.base = self.small / "base"
        process = self.start(self.configuration("[retention]\nmin_free = 4 MiB"))
        self.said(process, r"cannot prepare the next segment: .*4 MiB stay free")
        self.dropping(self.base)
        space = os.statvfs(self.small)
        self.assertGreaterEqual(space.f_bavail * space.f_frsize, 4 * MIB)
        counts = recorder.accounting_lines(self.stop(process))["frames"]
        self.check_counts(counts)
        self.check_segments(recorder.finished(self.base), counts["recorded"])
        self.verify()

    @staticmethod
    def fill(path):
        with open(path, "wb", buffering=0) as file:
            for piece in (bytes(MIB // 16), bytes(4096)):
                try:
                    while file.write(piece) == len(piece):
                        pass
                except OSError:
                    pass

    @staticmethod
    def resident_kib(process):
        for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("no VmRSS")

    def count(self, process, text):
        return process.messages.read_text().count(text)

    def test_it_fills_and_is_freed_again_and_again(self):
        """Somebody carries the finished segments away and takes all other room, in turn."""
        self.base = self.small / "base"
        ballast, archive = self.small / "ballast", self.directory / "archive"
        archive.mkdir()
        process = self.start(self.configuration())
        memory, waited = [], []
        for cycle in range(CYCLES):
            self.until(lambda: self.parts(self.base), "a segment")
            self.fill(ballast)
            self.until(lambda: self.count(process, "cannot prepare") > cycle, "a full disk")
            self.dropping(self.base)
            for path in self.base.rglob("*.h5"):
                shutil.move(path, archive / path.name)
            freed = time.monotonic()
            ballast.unlink()
            self.until(lambda: self.count(process, "recording again") > cycle, "recording")
            waited.append(time.monotonic() - freed)
            memory.append(self.resident_kib(process))
        messages = self.stop(process)
        for path in self.base.rglob("*.h5"):
            shutil.move(path, archive / path.name)
        # The library cannot close a file that it cannot write, and would keep it in memory.
        self.assertNotIn("HDF5", messages)
        counts = recorder.accounting_lines(messages)["frames"]
        self.check_counts(counts)
        self.check_segments(recorder.finished(archive), counts["recorded"])
        self.verify(archive)
        print(f"{CYCLES} cycles: {counts['received']} frames, recording again after at most "
              f"{max(waited):.2f} s, memory {memory[0]} to {memory[-1]} KiB", flush=True)
        if "FRAMELOG_DISK_CYCLES" in os.environ:  # Not beside other tests on a busy machine.
            self.assertLess(max(waited), 1.0)
        self.assertLess(memory[-1], memory[0] + 8192, memory)


class UnusableBase(recorder.Case):
    def refused(self, base, pattern, program=()):
        config = self.simulate()
        messages = self.record(config, "--frames", "3", "--set", f"files.base={base}", status=2,
                               program=program)
        self.assertEqual(len(messages.splitlines()), 1, messages)
        self.assertIn(str(base), messages)
        self.assertRegex(messages, pattern)

    def test_a_base_that_is_a_file(self):
        base = self.directory / "file"
        base.write_text("precious")
        self.refused(base, r"(?i)not a directory")
        self.assertEqual(base.read_text(), "precious")

    def test_a_base_below_a_file(self):
        (self.directory / "file").write_text("precious")
        self.refused(self.directory / "file/below", r"(?i)not a directory")

    @unittest.skipUnless(os.geteuid() == 0, ROOT_ONLY)
    def test_a_read_only_file_system(self):
        place = self.directory / "place"
        with recorder.mounted(place, "-t", "tmpfs", "-o", "ro", "none"):
            self.refused(place / "base", r"(?i)read-only")

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), ROOT_ONLY)
    def test_a_base_that_may_not_be_written_to(self):
        # As another user, who reaches the program but may not write here.
        nobody = pathlib.Path("/var/tmp") / self.directory.name
        nobody.mkdir(mode=0o755)
        self.addCleanup(shutil.rmtree, nobody)
        shutil.copy(recorder.FRAMELOGD, nobody / "framelogd")
        config = self.simulate()
        shutil.copy(config, nobody / "camera.conf")
        base = nobody / "base"
        for exists in (False, True):
            if exists:
                base.mkdir()
            done = subprocess.run(
                ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                 str(nobody / "framelogd"), "--config", str(nobody / "camera.conf"), "--frames",
                 "3", "--set", f"files.base={base}"], capture_output=True, text=True,
                timeout=recorder.LONG_S, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(str(base), done.stderr)
            self.assertRegex(done.stderr, "(?i)permission denied")
        self.assertEqual(list(base.iterdir()), [])


if __name__ == "__main__":
    recorder.main()
