"""Cuts the power of a file system while it is recorded to, and checks what recovery makes of it.

The shutdown ioctl drops everything that was not synced, as a power cut does.
FRAMELOG_POWER_CUTS: how many per file system (2).

What may be lost: frames that came less than sync interval + the sync's own duration + the time in
the ring before the cut. The bound is taken from the recording itself: `synced` in the .part, read
right before the cut, counts frames that had been safe by then.
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
# Beside the interval: two syncs that may be under way, the ring, and a machine that does other
# things as well. Without syncing, all of the recording would be lost, which is longer.
GRACE_S = 1.0

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
            for product in ("whole", "odd", "plain"):
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
        time.sleep(0.5 + random.random())
        safe = {product: self.synced(product) for product in ("whole", "odd")}
        cut_utc_ns = time.time_ns()
        subprocess.run(["xfs_io", "-x", "-c", "shutdown", str(place)], check=True,
                       capture_output=True)
        self.kill(process)
        for ring in recorder.rings_of(self.directory):
            os.unlink(ring)  # No memory outlives a power cut.
        return safe, cut_utc_ns

    def synced(self, product):
        """Number of the first frame that is not known to be safe."""
        most = 0
        for path in sorted(self.base.rglob(f"*_{product}_*.h5.part")):
            if list(path.parent.glob(path.name.removesuffix(".h5.part") + "*.undo")):
                continue
            try:
                with h5py.File(path, "r") as file:
                    synced = int(file[READOUT + "/synced"][()])
                    if synced > 0:
                        last = file[READOUT + "/frame_table"][synced - 1]
                        most = max(most, int(last["sequence"]) + 1)
            except OSError:
                continue  # It has been finished, or is being finished, meanwhile.
        return most

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
        self.assertGreaterEqual(len(numbers), safe.get(product, 0), product)
        lost_s = (cut_utc_ns - int(segments[-1].records["utc_ns"][-1])) / 1e9
        self.assertLess(lost_s, SYNC_INTERVAL_S + GRACE_S, f"{product}: lost too much")
        print(f"{product}: {len(numbers)} frames, lost the last {lost_s:.3f} s")


if __name__ == "__main__":
    if os.geteuid() != 0:
        recorder.skip_all("only root may mount")
    for tool in ("mount", "losetup", "xfs_io"):
        recorder.need_programs(tool)
    recorder.main()
