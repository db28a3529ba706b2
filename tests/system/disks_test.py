"""Disks that are missing, are unplugged, become read-only, fail, stand still or have quotas."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

import recorder
from recorder import h5py, numpy

MIB = 1 << 20
ROOT_ONLY = "only root may mount"


def run(*command):
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


@unittest.skipUnless(os.geteuid() == 0, ROOT_ONLY)
class DiskCase(recorder.Case):
    def setUp(self):
        super().setUp()
        self.place = self.directory / "disk"
        self.place.mkdir()
        self.base = self.place / "recordings"

    def need(self, *programs):
        for program in programs:
            if shutil.which(program) is None:
                self.skipTest(f"the program {program} is not installed")

    def image(self, kind="ext4", name="image", mib=64, options=()):
        path = self.directory / name
        with open(path, "wb") as file:
            file.truncate(mib * MIB)
        make = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"],
                "btrfs": ["mkfs.btrfs", "-q", "-f"], "vfat": ["mkfs.vfat"],
                "exfat": ["mkfs.exfat"], "f2fs": ["mkfs.f2fs", "-q"]}[kind]
        self.need(make[0])
        run(*make, *options, path)
        return path

    def mount(self, image, place=None, options="loop"):
        place = place or self.place
        done = subprocess.run(["mount", "-o", options, image, place], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"cannot mount here: {done.stderr.strip()}")
        # Ended before the mount goes: clean-ups run in reverse order.
        self.addCleanup(subprocess.run, ["umount", "-l", str(place)], stderr=subprocess.DEVNULL,
                        check=False)
        self.addCleanup(lambda: [self.kill(process) for process in self.processes])

    def configuration(self, extra="", files="", **source):
        keys = {"width": 64, "height": 32, "rate": "1 kHz", **source}
        return self.simulate(f"""
[roll]
max_frames = 250
[ring]
memory = 4 MiB
{extra}
""", files="sync_interval = 50 ms\n" + files, **keys)

    def stop(self, process, status=0):
        process.send_signal(signal.SIGTERM)
        return self.wait(process, status)

    def said(self, process, text, times=1):
        return self.until(lambda: process.messages.read_text().count(text) >= times,
                          f"'{text}' {times} times")

    def finished_count(self, base=None):
        return len([path for path in (base or self.base).rglob("*.h5")
                    if ".framelog" not in path.parts])

    def more_segments(self, base=None, more=2):
        before = self.finished_count(base)
        self.until(lambda: self.finished_count(base) >= before + more, "more segments")

    def check_counts(self, counts, *reasons):
        late = counts.get("ring-full", 0) + counts.get("segment-not-ready", 0)
        dropped = sum(counts.get(reason, 0) for reason in reasons)
        self.assertEqual(counts["received"], counts["recorded"] + dropped + late, counts)
        return dropped

    def check_frames(self, recorded, base=None):
        segments = recorder.finished(base or self.base)
        for segment in segments:
            self.check_ramp(segment)
        self.assertEqual(sum(len(segment.pixels) for segment in segments), recorded)
        return segments

    def check_whole(self, counts, base):
        """A product that lost nothing to a disk."""
        self.assertEqual(self.check_counts(counts), 0)
        segments = self.check_frames(counts["recorded"], base)
        numbers = numpy.concatenate([segment.records["sequence"] for segment in segments])
        self.assertTrue(numpy.array_equal(numbers, numpy.arange(len(numbers))))


class MissingDisk(DiskCase):
    FILES = "require_mount = yes"

    def test_is_waited_for_and_nothing_is_written_in_its_place(self):
        image = self.image()
        process = self.start(self.configuration(files=self.FILES))
        self.said(process, "no disk is mounted at")
        time.sleep(0.5)
        self.assertEqual(list(self.place.iterdir()), [])
        self.until_dropped()
        self.mount(image)
        self.said(process, "recording again")
        self.more_segments()
        counts = recorder.accounting_lines(self.stop(process))["frames"]
        self.assertGreater(self.check_counts(counts, "no-disk"), 0)
        segments = self.check_frames(counts["recorded"])
        self.assertEqual({segment.provenance["run"]["number"] for segment in segments}, {1})
        self.verify()

    def test_that_is_unplugged_and_comes_back(self):
        image = self.image()
        self.mount(image)
        process = self.start(self.configuration(files=self.FILES))
        for times in range(1, 4):
            self.more_segments()
            run("umount", "-l", self.place)
            self.said(process, "has gone", times)
            time.sleep(0.5)
            self.assertEqual(list(self.place.iterdir()), [], "written where the disk is mounted")
            self.mount(image)
            self.said(process, "recording again", times)
        self.more_segments()
        counts = recorder.accounting_lines(self.stop(process))["frames"]
        self.assertGreater(self.check_counts(counts, "no-disk"), 0)
        self.check_frames(counts["recorded"])
        self.verify()
        self.assertEqual([path for path in recorder.leftovers(self.base)], [])

    def test_that_dies_loses_no_more_than_a_power_cut(self):
        self.need("xfs_io")
        image = self.image("xfs", mib=320)
        self.mount(image)
        process = self.start(self.configuration(files=self.FILES))
        self.more_segments()
        synced = self.synced()
        late = self.handled() - synced
        run("xfs_io", "-x", "-c", "shutdown", self.place)
        run("umount", "-l", self.place)
        self.said(process, "has gone")
        self.assertEqual(list(self.place.iterdir()), [])
        # Mounted before that, the kernel would give back the one that is dead.
        self.until(lambda: not self.held(process), "all its files to be closed")
        self.mount(image)
        self.said(process, "recording again")
        self.more_segments()
        counts = recorder.accounting_lines(self.stop(process))["frames"]
        self.check_counts(counts, "no-disk", "write-error")
        segments = recorder.finished(self.base)
        there = sum(len(segment.pixels) for segment in segments)
        for segment in segments:
            self.check_ramp(segment)
        self.assertGreaterEqual(there, synced)
        # One sync interval and what its sync took, at 1 kHz; generously, for a busy machine, and
        # more where its disk was behind already.
        self.assertLessEqual(counts["recorded"] - there, 1500 + late)
        self.assertLessEqual(there, counts["recorded"])
        self.recover()

    def synced(self):
        """Frames that the disk has for sure."""
        def read():
            frames = 0
            try:
                for path in sorted(self.base.rglob("*.h5*")):
                    if path.suffix in (".h5", ".part") and ".framelog" not in path.parts:
                        with h5py.File(path, "r") as file:
                            done = path.suffix == ".h5"
                            frames += len(file[recorder.DETECTOR + "/data"]) if done else int(
                                file[recorder.READOUT + "/synced"][()])
            except OSError:  # It is being finished.
                return None
            return frames
        return self.until(read, "files that can be read")

    @staticmethod
    def held(process):
        """What it has open on the disk: unmounted, paths begin at the disk's root."""
        links = []
        for path in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                links.append(os.readlink(path))
        return [link for link in links if "/recordings" in link]

    def test_is_no_error_of_the_configuration(self):
        config = self.configuration(files=self.FILES)
        done = subprocess.run([recorder.FRAMELOGD, "--config", config, "--check"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("disk: none is mounted at", done.stdout)


class FailingDisk(DiskCase):
    """Two products go to two disks. What befalls one of them is nothing to the other."""

    PRODUCTS = """
[product.bad]
base = {bad}
[product.good]
base = {good}
roi = y=0:8, x=0:64
"""

    def start_two(self, image, options="loop"):
        self.mount(image, options=options)
        self.good = self.directory / "good"
        process = self.start(self.configuration(
            self.PRODUCTS.format(bad=self.base, good=self.good)))
        self.more_segments()
        return process

    def check_good(self, counts):
        self.check_whole(counts["good"], self.good)
        self.verify(self.good)

    def test_read_only(self):
        process = self.start_two(self.image(mib=512))
        run("mount", "-o", "remount,abort", self.place)
        self.said(process, "bad: ")
        before = self.finished_count(self.good)
        self.until(lambda: self.finished_count(self.good) > before + 3, "the other product")
        counts = recorder.accounting_lines(self.stop(process, status=1))
        self.assertGreater(self.check_counts(counts["bad"], "write-error"), 0)
        self.check_good(counts)

    def test_that_fails_every_call(self):
        self.need("xfs_io")
        process = self.start_two(self.image("xfs", mib=320))
        run("xfs_io", "-x", "-c", "shutdown", self.place)
        self.said(process, "bad: ")
        before = self.finished_count(self.good)
        self.until(lambda: self.finished_count(self.good) > before + 3, "the other product")
        counts = recorder.accounting_lines(self.stop(process, status=1))
        self.assertGreater(self.check_counts(counts["bad"], "write-error"), 0)
        self.check_good(counts)

    def test_a_quota_is_a_full_disk(self):
        self.need("xfs_io", "xfs_quota")
        image = self.image("xfs", mib=320)
        self.mount(image, options="loop,prjquota")
        self.good = self.directory / "good"
        self.base.mkdir()
        run("xfs_quota", "-x", "-c", f"project -s -p {self.base} 7", "-c",
            "limit -p bhard=8m 7", self.place)
        process = self.start(self.configuration(
            self.PRODUCTS.format(bad=self.base, good=self.good)))
        self.said(process, "bad: cannot prepare the next segment")
        before = self.finished_count(self.good)
        self.until(lambda: self.finished_count(self.good) > before + 3, "the other product")
        run("xfs_quota", "-x", "-c", "limit -p bhard=256m 7", self.place)
        self.said(process, "bad: recording again")
        self.more_segments()
        counts = recorder.accounting_lines(self.stop(process))
        self.assertGreater(self.check_counts(counts["bad"], "disk-full"), 0)
        self.check_frames(counts["bad"]["recorded"])
        self.check_good(counts)
        self.verify()

    def test_one_that_stands_still_fills_the_ring_and_recording_goes_on(self):
        self.need("fsfreeze")
        image = self.image()
        self.mount(image)
        process = self.start(self.configuration())
        self.more_segments()
        run("fsfreeze", "-f", self.place)
        try:
            time.sleep(3)  # The ring holds one second.
        finally:
            run("fsfreeze", "-u", self.place)
        self.more_segments()
        counts = recorder.accounting_lines(self.stop(process))["frames"]
        self.assertGreater(counts.get("ring-full", 0) + counts.get("segment-not-ready", 0) +
                           counts["lost at source"], 0, counts)
        self.check_counts(counts)
        self.check_frames(counts["recorded"])
        self.verify()


class FullOfFiles(DiskCase):
    def test_no_inodes_left(self):
        """Room for bytes, and none for files."""
        self.mount(self.image(options=("-N", "64")))
        crowd = self.place / "crowd"
        crowd.mkdir()
        for number in range(1000):
            try:
                (crowd / str(number)).touch()
            except OSError:
                break
        process = self.start(self.configuration())
        self.said(process, "cannot prepare the next segment")
        self.until_dropped()
        for path in sorted(crowd.iterdir())[:-2]:
            path.unlink()
        self.said(process, "recording again")
        self.more_segments()
        counts = recorder.accounting_lines(self.stop(process))["frames"]
        self.assertGreater(self.check_counts(counts, "disk-full"), 0)
        self.check_frames(counts["recorded"])
        self.verify()


class OtherFileSystems(DiskCase):
    """The table in daemon/DESIGN.md, as far as this kernel has them."""

    PRODUCTS = """
[product.whole]
[product.odd]
roi = y=0:7, x=0:13
[product.plain]
format = raw
"""

    def record_on(self, program=()):
        process = self.start(self.configuration(self.PRODUCTS), program=program)
        self.more_segments(more=4)
        messages = self.stop(process)
        counts = recorder.accounting_lines(messages)
        for product, suffix in (("whole", ".h5"), ("odd", ".h5"), ("plain", ".raw")):
            self.check_counts(counts[product])
            segments = recorder.finished(self.base, suffix, product)
            self.assertEqual(sum(len(segment.pixels) for segment in segments),
                             counts[product]["recorded"], product)
            for segment in segments:
                if product != "odd":
                    self.check_ramp(segment)
        self.assertEqual(recorder.leftovers(self.base), [])
        self.verify()
        return messages

    def on(self, kind, mib=320):
        self.mount(self.image(kind, mib=mib))
        self.record_on()

    def test_ext4(self):
        self.on("ext4")

    def test_xfs(self):
        self.on("xfs")

    def test_btrfs(self):
        self.on("btrfs")

    def test_f2fs(self):
        self.on("f2fs")

    def test_vfat(self):
        self.on("vfat")

    def test_exfat(self):
        self.on("exfat")

    def test_tmpfs(self):
        self.enterContext(recorder.mounted(self.place, "-t", "tmpfs", "-o", "size=256m", "none"))
        self.addCleanup(self.end_processes)
        self.record_on()

    def test_overlay(self):
        # Its upper directory must not be on an overlay.
        below = self.directory / "below"
        self.enterContext(recorder.mounted(below, "-t", "tmpfs", "-o", "size=256m", "none"))
        for name in ("lower", "upper", "work"):
            (below / name).mkdir()
        self.enterContext(recorder.mounted(
            self.place, "-t", "overlay", "-o",
            f"lowerdir={below}/lower,upperdir={below}/upper,workdir={below}/work", "none"))
        self.addCleanup(self.end_processes)
        self.record_on()

    def without(self, *injections):
        """As on a file system whose calls fail like that, under strace."""
        self.need("strace")
        traced = ",".join(injection.split(":", 1)[0] for injection in injections)
        words = [f"--inject={injection}" for injection in injections]
        process = ["strace", "-f", "-qq", "-o", self.directory / "trace", "-e", f"trace={traced}",
                   *words]
        self.record_traced([str(word) for word in process])
        trace = (self.directory / "trace").read_text()
        self.assertIn("(INJECTED)", trace)

    def record_traced(self, program):
        self.base = self.directory / "base"
        process = self.start(self.configuration(self.PRODUCTS, rate="100 Hz"), program=program)
        self.until(lambda: self.parts(), "a first segment")
        time.sleep(2)
        os.kill(self.daemon_below(process), signal.SIGTERM)
        counts = recorder.accounting_lines(self.wait(process))
        for product in ("whole", "odd", "plain"):
            self.check_counts(counts[product])
            self.assertGreater(counts[product]["recorded"], 0)
        self.assertEqual(recorder.leftovers(self.base), [])
        self.verify()

    def parts(self):
        return [path for path in self.base.rglob("*.part") if ".framelog" not in path.parts]

    @staticmethod
    def daemon_below(process):
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        return int(children.split()[0])

    def test_without_fallocate(self):
        # A thread's first call may be for the ring, which is no file.
        self.without("fallocate:error=EOPNOTSUPP:when=2+")

    def test_without_a_rename_that_replaces_nothing(self):
        self.without("renameat2:error=EINVAL")

    def test_without_such_a_rename_and_without_links(self):
        self.without("renameat2:error=EINVAL", "link:error=EPERM")


if __name__ == "__main__":
    recorder.need_programs("mount", "umount")
    recorder.main()
