"""Cuts the power of a file system while every format is recorded to it, and checks what recovery
makes of it.

The shutdown ioctl drops everything that was not synced, as a power cut does.
FRAMELOG_POWER_CUTS: how many per file system (1). FRAMELOG_POWER_CUTS_XFS: on xfs, if others.

What may be lost: frames that came less than sync interval + the sync's own duration + the time in
the ring before the cut. How long this is depends on the machine, so that the bound is taken from
the recording itself: `synced` in the .part, read right before the cut, counts frames that had been
safe by then, and every frame of a moment before it has to be among them. A segment whose successor
is finished, too, is whole on the disk: not a byte of it may be another one after the cut.
"""

import collections
import hashlib
import os
import random
import subprocess
import time

import every_format
import recorder
from every_format import NAMES

CUTS = int(os.environ.get("FRAMELOG_POWER_CUTS", "1"))
CUTS_XFS = int(os.environ.get("FRAMELOG_POWER_CUTS_XFS", str(CUTS)))
RATE_HZ = 500
SYNC_INTERVAL_S = 0.2

PRODUCTS = every_format.products() + """
[roll]
max_frames = 600
max_size = 8 MiB
[ring]
memory = 32 MiB
"""

MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}


class PowerCut(recorder.Case):
    def test_ext4(self):
        self.cut_often("ext4", CUTS)

    def test_xfs(self):
        self.cut_often("xfs", CUTS_XFS)

    def cut_often(self, kind, cuts):
        recorder.need_programs("xfs_io", MAKE[kind][0])
        if os.geteuid() != 0:
            self.skipTest("only root may mount")
        for number in range(cuts):
            with self.subTest(file_system=kind, cut=number):
                self.cut_once(kind)

    def cut_once(self, kind):
        image, place = self.directory / "image", self.directory / "disk"
        with open(image, "wb") as file:
            file.truncate(2 << 30)
        subprocess.run([*MAKE[kind], str(image)], check=True, capture_output=True)
        self.base, self.read = place / "recordings", {}
        with recorder.mounted(place, "-o", "loop", image):
            safe, whole, cut_utc_ns = self.record_until_cut(place)
        with recorder.mounted(place, "-o", "loop", image):
            self.recover()
            # An index that the cut has damaged is kept beside the file that was recovered without it.
            left = [path for path in recorder.leftovers(self.base)
                    if not path.endswith(".chunks.part.damaged")]
            self.assertEqual(left, [])
            self.assertEqual(digests(whole), whole)
            lost_s = [self.look(product, safe[product], cut_utc_ns) for product in NAMES]
            self.verify()
            self.recover()
            self.assertEqual(digests(whole), whole)
            print(f"{kind}: {len(whole)} files were finished and {sum(safe.values())} frames of "
                  f"{len(NAMES)} products known to be safe; lost at most the last "
                  f"{max(lost_s):.3f} s", flush=True)
        if kind == "ext4":
            done = subprocess.run(["e2fsck", "-fn", str(image)], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stdout)

    def record_until_cut(self, place):
        """Frames per product that were safe, files that were whole, and the time of the cut."""
        config = self.simulate(PRODUCTS, files=f"sync_interval = {SYNC_INTERVAL_S * 1000:.0f} ms",
                               width=every_format.WIDTH, height=every_format.HEIGHT,
                               rate=f"{RATE_HZ} Hz")
        process = self.start(config)
        self.until(lambda: self.ended() and len(self.of_second()) == len(NAMES),
                   "second segments, and finished ones")
        time.sleep(random.random())
        come = self.captured()
        safe = dict.fromkeys(NAMES, 0)
        self.until(lambda: self.update(safe) >= come, "all frames that have come to be safe")
        time.sleep(random.random() * SYNC_INTERVAL_S)
        whole = digests(path for paths in self.ended().values() for path in paths)
        self.update(safe)
        # Looked for before: what lies below `place` cannot be listed after the cut.
        rings = recorder.rings_of(self.directory)
        self.assertIsNone(process.poll(), process.messages.read_text())
        cut_utc_ns = time.time_ns()
        subprocess.run(["xfs_io", "-x", "-c", "shutdown", str(place)], check=True,
                       capture_output=True)
        self.kill(process)
        for ring in rings:
            os.unlink(ring)  # No memory outlives a power cut.
        return safe, whole, cut_utc_ns

    def of_second(self):
        """Products with a second segment, in whatever state it is."""
        return {path.name.split("_")[1] for path in self.base.rglob("*_0002.*")
                if ".framelog" not in path.parts}

    def ended(self):
        """{product: files of its finished segments, latest first, but for the last one}."""
        found = collections.defaultdict(list)
        for path in self.base.rglob("*_[0-9][0-9][0-9][0-9].*"):
            if path.suffix in (".h5", ".raw", ".tif") and ".framelog" not in path.parts:
                found[path.name.split("_")[1]].append(path)
        ended = {}
        for product, paths in found.items():
            for path in sorted(paths, reverse=True)[1:]:
                stem = path.name.split(".", 1)[0]
                ended.setdefault(product, []).extend(
                    path.with_name(stem + suffix) for suffix in
                    ((".raw", ".json", ".frames") if product == "plain" else ("".join(path.suffixes),)))
        return ended

    def captured(self):
        """Frames that have come so far, by the ring."""
        return sum(captured for captured, _ in
                   map(recorder.cursors, recorder.rings_of(self.directory)))

    def update(self, safe):
        """Looks which frames are safe by now; the smallest of all products."""
        ended = self.ended()
        for product in safe:
            # On a slow disk a segment may end before it has been synced for the first time.
            whole = self.behind(ended[product][0]) if product in ended else 0
            safe[product] = max(safe[product], whole, self.synced(product))
        return min(safe.values())

    def behind(self, path):
        """Number of the first frame behind a finished file's."""
        if path not in self.read:
            self.read[path] = int(recorder.Segment(path).records["sequence"][-1]) + 1
        return self.read[path]

    def synced(self, product):
        """Number of the first frame that is not known to be safe, by the segments not yet ended."""
        most = 0
        for path in every_format.parts(self.base):
            if path.name.split("_")[1] != product:
                continue
            try:
                part = every_format.Part(path)
                if part.synced > 0 and not part.is_being_finished():
                    most = max(most, int(part.record(part.synced - 1)["sequence"]) + 1)
            except (OSError, KeyError):
                continue  # It has been finished, or is being finished, meanwhile.
        return most

    def look(self, product, safe, cut_utc_ns):
        """Every frame is right and in its place; seconds before the cut of the last one."""
        segments = every_format.segments(self.base, product)
        numbers = []
        for segment in segments:
            wrong = every_format.wrong_frames(product, segment.pixels,
                                              segment.records["source_sequence"])
            self.assertEqual(wrong.tolist(), [], f"{segment.path}: wrong frames")
            numbers.extend(segment.records["sequence"].tolist())
        self.assertEqual(numbers, list(range(len(numbers))), product)
        self.assertGreaterEqual(len(numbers), safe, product)
        return (cut_utc_ns - int(segments[-1].records["utc_ns"][-1])) / 1e9


def digests(paths):
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


if __name__ == "__main__":
    if os.geteuid() != 0:
        recorder.skip_all("only root may mount")
    for tool in ("mount", "losetup", "xfs_io"):
        recorder.need_programs(tool)
    recorder.main()
