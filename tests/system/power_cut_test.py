"""Cuts the power of a file system while it is recorded to, and checks what recovery makes of it.

The shutdown ioctl drops everything that was not synced, as a power cut does.
FRAMELOG_POWER_CUTS: how many per file system (2).

What may be lost: frames that came less than sync interval + the sync's own duration + the time in
the ring before the cut. How long this is depends on the machine, so that the bound is taken from
the recording itself: `synced` in the .part, read right before the cut, counts frames that had been
safe by then, and every frame of a moment before it has to be among them.
"""

import os
import random
import subprocess
import time

import recorder
from recorder import READOUT, h5py, numpy

CUTS = int(os.environ.get("FRAMELOG_POWER_CUTS", "2"))
RATE_HZ = 1000
SYNC_INTERVAL_S = 0.2
NAMES = ("whole", "odd", "plain")  # Of the products.

PRODUCTS = """
[product.whole]
[product.odd]
roi = y=1:30, x=3:44
[product.plain]
format = raw
[roll]
max_frames = 400
max_size = 8 MiB
[ring]
memory = 4 MiB
"""

MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}


class PowerCut(recorder.Case):
    def test_ext4(self):
        self.cut_often("ext4")

    def test_xfs(self):
        self.cut_often("xfs")

    def cut_often(self, kind):
        recorder.need_programs("xfs_io", MAKE[kind][0])
        if os.geteuid() != 0:
            self.skipTest("only root may mount")
        for number in range(CUTS):
            with self.subTest(file_system=kind, cut=number):
                self.cut_once(kind)

    def cut_once(self, kind):
        image, place = self.directory / "image", self.directory / "disk"
        with open(image, "wb") as file:
            file.truncate(512 << 20)
        subprocess.run([*MAKE[kind], str(image)], check=True, capture_output=True)
        self.base = place / "recordings"
        with recorder.mounted(place, "-o", "loop", image):
            safe, cut_utc_ns = self.record_until_cut(place)
        with recorder.mounted(place, "-o", "loop", image):
            self.recover()
            self.assertEqual(recorder.leftovers(self.base), [])
            for product in NAMES:
                self.look(product, safe, cut_utc_ns)
            self.verify()
            self.recover()
        if kind == "ext4":
            done = subprocess.run(["e2fsck", "-fn", str(image)], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stdout)

    def record_until_cut(self, place):
        """Frames per product that were safe, and the time of the cut."""
        config = self.simulate(PRODUCTS, files=f"sync_interval = {SYNC_INTERVAL_S * 1000:.0f} ms",
                               width=64, height=32, rate=f"{RATE_HZ} Hz")
        process = self.start(config)
        self.until(lambda: list(self.base.rglob("*_whole_*_0002.h5*")), "a second segment")
        time.sleep(random.random())
        come = self.captured()
        safe = dict.fromkeys(NAMES, 0)
        self.until(lambda: self.update(safe) >= come, "all frames that have come to be safe")
        time.sleep(random.random() * SYNC_INTERVAL_S)
        self.update(safe)
        # Looked for before: what lies below `place` cannot be listed after the cut.
        rings = recorder.rings_of(self.directory)
        cut_utc_ns = time.time_ns()
        subprocess.run(["xfs_io", "-x", "-c", "shutdown", str(place)], check=True,
                       capture_output=True)
        self.kill(process)
        for ring in rings:
            os.unlink(ring)  # No memory outlives a power cut.
        return safe, cut_utc_ns

    def captured(self):
        """Frames that have come so far, by the ring."""
        return sum(captured for captured, _ in
                   map(recorder.cursors, recorder.rings_of(self.directory)))

    def update(self, safe):
        """Looks which frames are safe by now; the smallest of all products."""
        for product in safe:
            safe[product] = max(safe[product], self.synced(product))
        return min(safe.values())

    def synced(self, product):
        """Number of the first frame that is not known to be safe, by the segments not yet ended."""
        most = 0
        for path in sorted(self.base.rglob(f"*_{product}_*.part")):
            name = path.with_suffix("").stem
            if list(path.parent.glob(name + "*.undo")):
                continue
            try:
                last = self.last_synced(path)
            except OSError:
                continue  # It has been finished, or is being finished, meanwhile.
            if last is not None:
                most = max(most, int(last["sequence"]) + 1)
        return most

    @staticmethod
    def last_synced(path):
        """The record of the last frame that its file calls safe."""
        if path.name.endswith(".h5.part"):
            with h5py.File(path, "r") as file:
                synced = int(file[READOUT + "/synced"][()])
                return file[READOUT + "/frame_table"][synced - 1] if synced > 0 else None
        if not path.name.endswith(".frames.part"):
            return None
        with open(path, "rb") as file:
            synced = int(numpy.frombuffer(file.read(32), "<i8")[3])
            file.seek(recorder.RAW_HEAD_BYTES + (synced - 1) * recorder.RECORD.itemsize)
            record = file.read(recorder.RECORD.itemsize)
        return numpy.frombuffer(record, recorder.RECORD)[0] if synced > 0 else None

    def look(self, product, safe, cut_utc_ns):
        suffix = ".raw" if product == "plain" else ".h5"
        segments = recorder.finished(self.base, suffix, product)
        y, x = (1, 3) if product == "odd" else (0, 0)
        numbers = []
        for segment in segments:
            height, width = segment.pixels.shape[1:]
            frames = recorder.ramp(segment.records["source_sequence"], 32, 64)
            self.assertTrue(
                numpy.array_equal(segment.pixels, frames[:, y:y + height, x:x + width]),
                f"{segment.path}: wrong frames")
            numbers.extend(segment.records["sequence"].tolist())
        self.assertEqual(numbers, list(range(len(numbers))), product)
        self.assertGreaterEqual(len(numbers), safe[product], product)
        lost_s = (cut_utc_ns - int(segments[-1].records["utc_ns"][-1])) / 1e9
        print(f"{product}: {len(numbers)} frames, {safe[product]} of them known to be safe; "
              f"lost the last {lost_s:.3f} s")


if __name__ == "__main__":
    if os.geteuid() != 0:
        recorder.skip_all("only root may mount")
    for tool in ("mount", "losetup", "xfs_io"):
        recorder.need_programs(tool)
    recorder.main()
