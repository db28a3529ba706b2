"""Kills recordings at random instants and at chosen system calls, and checks what is left.

FRAMELOG_KILLS: how many random kills (5). FRAMELOG_SEED: repeats a campaign.
"""

import os
import random
import shutil
import signal
import subprocess
import time
import unittest

import every_format
import recorder
from every_format import FORMATS
from recorder import numpy

KILLS = int(os.environ.get("FRAMELOG_KILLS", "5"))
SEED = int(os.environ.get("FRAMELOG_SEED", str(random.randrange(1 << 30))))

# Small segments, so that rolls and finalising are often under way; 4096-byte frames, so that the
# one goes out with O_DIRECT, and one of an odd size that does not; every format.
PRODUCTS = every_format.products() + """
[roll]
max_frames = FRAMES
max_size = 4 MiB
[ring]
memory = 4 MiB
"""


def strace_works():
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True,
                          check=False).returncode == 0


class KillCase(recorder.Case):
    def configuration(self, frames_per_segment, **source):
        keys = {"width": every_format.WIDTH, "height": every_format.HEIGHT, "rate": "3 kHz", **source}
        return self.simulate(PRODUCTS.replace("FRAMES", str(frames_per_segment)),
                             files="sync_interval = 20 ms", **keys)

    def parts(self, pattern="*.part"):
        return [path for path in self.base.rglob(pattern) if ".framelog" not in path.parts]

    def look_before_recovery(self, recovering=False):
        """Every .part without an .undo opens in h5py or tifffile, and its valid frames are right.

        Of one with compression whose recovery was interrupted only the next recovery can tell.
        Returns {(product, segment): frames that were there}."""
        there = {}
        for path in every_format.parts(self.base):
            chunks = path.with_name(path.name.split(".", 1)[0] + ".chunks.part")
            undo = path.with_name(path.name.removesuffix(".part") + ".undo")
            if undo.exists() or (recovering and chunks.exists()):
                continue
            try:
                part = every_format.Part(path)
            except FileNotFoundError:
                # Named, and killed before its companion was: there is no frame in it yet.
                continue
            if part.is_being_finished():
                continue
            pixels, records = part.frames()
            steps = numpy.diff(records["sequence"].astype("int64"))
            self.assertTrue((steps == 1).all(), f"{path}: not in order")
            self.check_frames(path, part.product, pixels, records)
            there[part.product, part.number] = part.valid
        return there

    def check_frames(self, path, product, pixels, records):
        wrong = every_format.wrong_frames(product, pixels, records["source_sequence"])
        self.assertEqual(wrong.tolist()[:10], [], f"{path}: wrong frames")

    def look_after_recovery(self, there):
        """All that had been written is in finished files, in order, without a hole."""
        self.assertEqual(recorder.leftovers(self.base), [])
        counts = {}
        for product in every_format.NAMES:
            numbers = []
            for segment in every_format.segments(self.base, product):
                self.check_frames(segment.path, product, segment.pixels, segment.records)
                numbers.extend(segment.records["sequence"].tolist())
                before = there.pop((product, segment.number), 0)
                self.assertGreaterEqual(len(segment.pixels), before, segment.path)
            self.assertEqual(numbers, list(range(len(numbers))), product)
            counts[product] = len(numbers)
        self.assertEqual([key for key, frames in there.items() if frames], [])
        if any(counts.values()):
            self.verify()
        return counts

    def digests(self):
        return {path: path.read_bytes() for path in self.base.rglob("*") if path.is_file()}

    def recover_twice(self):
        self.recover()
        once = self.digests()
        self.recover()
        self.assertEqual(self.digests(), once)


class RandomKills(KillCase):
    def test_recordings_killed_at_random_instants(self):
        chance = random.Random(SEED)
        print(f"{KILLS} kills, FRAMELOG_SEED={SEED}")
        rolling = finalising = 0
        for number in range(KILLS):
            self.base = self.directory / f"base-{number}"
            config = self.configuration(chance.choice([7, 20, 60, 1000]),
                                        rate=chance.choice(["3 kHz", "max"]))
            process = self.start(config)
            if chance.random() < 0.8:
                self.until(lambda: self.parts() or process.poll() is not None, "a first segment")
            time.sleep(chance.random() * 0.15)
            self.kill(process)
            with self.subTest(kill=number, seed=SEED, base=self.base):
                self.assertEqual(process.returncode, -signal.SIGKILL,
                                 process.messages.read_text())
                finalising += bool(self.parts("*.undo"))
                there = self.look_before_recovery()
                rolling += len(there) > len(FORMATS)
                self.recover_in_some_way(chance, config)
                self.look_after_recovery(there)
            shutil.rmtree(self.base, ignore_errors=True)
        print(f"of these during a roll: {rolling}, during a finalising: {finalising}")

    def recover_in_some_way(self, chance, config):
        """By the command, by the command killed again and again, or by the next start."""
        if not self.base.exists():
            return
        way = chance.choice(["command", "killed", "start"])
        if way == "killed":
            self.recover_killed(chance)
        if way == "start":
            # The next recording begins with recovery, and then makes files of its own.
            other = self.directory / "other"
            elsewhere = [word for one in FORMATS
                         for word in ("--set", f"product.{one.product}.base={other}")]
            self.record(config, "--frames", "3", *elsewhere, "--set", "product.keep.format=hdf5",
                        "--set", "product.keep.roi=y=0:1, x=0:1")
            for path in self.base.rglob("*_keep_*"):
                path.unlink()
            shutil.rmtree(other)
        else:
            self.recover_twice()

    def recover_killed(self, chance):
        for _ in range(4):
            process = subprocess.Popen([recorder.FRAMELOG, "recover", str(self.base)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.random() * 0.05)
            process.kill()
            process.wait()


@unittest.skipUnless(strace_works(), "strace does not work here")
class KillsAtCalls(KillCase):
    """At exact calls: those that change files, one after the other."""

    CALLS = {"renameat2": range(1, 16, 2), "rename,renameat": [1, 2, 3],
             "unlink,unlinkat": range(1, 12, 2), "fdatasync,fsync": range(1, 40, 6),
             "ftruncate": range(1, 12, 2), "pwrite64": [2, 9, 30, 61, 90, 150, 300, 450],
             "pwritev,pwritev2": [1, 7], "fallocate": [1, 3, 5]}

    def killed_at(self, call, when, program):
        """Whether the call was reached that often in `program`."""
        done = subprocess.run(
            ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e",
             f"inject={call}:signal=SIGKILL:when={when}", *map(str, program)],
            capture_output=True, text=True, timeout=recorder.LONG_S, check=False)
        return done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)

    def test_recording_killed_at_calls(self):
        reached = 0
        for call, numbers in self.CALLS.items():
            for when in numbers:
                self.base = self.directory / f"{call}-{when}"
                config = self.configuration(9, rate="max")
                reached += self.killed_at(call, when, [recorder.FRAMELOGD, "--config", config,
                                                       "--frames", "50", "--set",
                                                       "control.socket=off"])
                with self.subTest(call=call, when=when):
                    there = self.look_before_recovery()
                    if self.base.exists():
                        self.recover_twice()
                    self.look_after_recovery(there)
                shutil.rmtree(self.base, ignore_errors=True)
        self.assertGreater(reached, 15, "the calls were hardly ever reached")

    def have_rolled(self):
        """Whether each product has had a second segment."""
        return all(any(self.base.rglob(f"*_{product}_*_000[2-9].*"))
                   for product in every_format.NAMES)

    def test_recovery_killed_at_calls(self):
        """An unfinished recording, recovered with a kill at every n-th call."""
        config = self.configuration(60, rate="2 kHz")
        process = self.start(config)
        self.until(lambda: self.have_rolled() or process.poll() is not None, "second segments")
        self.kill(process)
        kept = self.directory / "kept"
        shutil.copytree(self.base, kept)
        reached = 0
        for call, numbers in self.CALLS.items():
            for when in numbers:
                shutil.rmtree(self.base)
                shutil.copytree(kept, self.base)
                there = self.look_before_recovery()
                reached += self.killed_at(call, when, [recorder.FRAMELOG, "recover", self.base])
                with self.subTest(call=call, when=when):
                    self.look_before_recovery(recovering=True)
                    self.recover_twice()
                    counts = self.look_after_recovery(there)
                    self.assertGreater(min(counts.values()), 0)
        self.assertGreater(reached, 10, "the calls were hardly ever reached")


if __name__ == "__main__":
    recorder.main()
