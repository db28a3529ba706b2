"""A recording by a program of another processor, read back here: by h5py, NumPy and tifffile, by
framelog of that processor and, where FRAMELOG_NATIVE names it, by this machine's.
"""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
import recorder  # noqa: E402
from recorder import numpy  # noqa: E402

FRAMES, HEIGHT, WIDTH = 120, 64, 96
PRODUCTS = """
[product.frames]
[product.packed]
compression = zstd
[product.plain]
format = raw
[product.pictures]
format = tiff
[product.binned]
bin = 2x2
[roll]
max_frames = 50
"""


class Recordings(recorder.Case):
    def record_all(self):
        config = self.simulate(PRODUCTS, width=WIDTH, height=HEIGHT)
        messages = self.record(config, "--frames", str(FRAMES))
        for product, counts in recorder.accounting_lines(messages).items():
            self.assertEqual(counts["recorded"], FRAMES, f"{product}: {messages}")

    def test_every_pixel_and_statistic_is_right(self):
        self.record_all()
        wanted = recorder.ramp(numpy.arange(FRAMES), HEIGHT, WIDTH)
        sums = wanted.reshape(FRAMES, HEIGHT // 2, 2, WIDTH // 2, 2).sum(axis=(2, 4), dtype="uint32")
        for product, suffix, pixels in (("frames", ".h5", wanted), ("packed", ".h5", wanted),
                                        ("plain", ".raw", wanted), ("pictures", ".tif", wanted),
                                        ("binned", ".h5", sums)):
            with self.subTest(product=product):
                segments = recorder.finished(self.base, suffix, product)
                self.assertEqual(len(segments), 3)
                found = numpy.concatenate([segment.pixels for segment in segments])
                records = numpy.concatenate([segment.records for segment in segments])
                self.assertTrue(numpy.array_equal(found, pixels))
                self.assertTrue(numpy.array_equal(records["sequence"], numpy.arange(FRAMES)))
                self.check_statistics(records, pixels)

    def check_statistics(self, records, pixels):
        flat = pixels.reshape(len(pixels), -1)
        self.assertTrue(numpy.array_equal(records["min"], flat.min(axis=1)))
        self.assertTrue(numpy.array_equal(records["max"], flat.max(axis=1)))
        self.assertTrue(numpy.array_equal(records["sum"], flat.sum(axis=1, dtype="float64")))
        numpy.testing.assert_allclose(records["std"], flat.std(axis=1), rtol=1e-12)

    def test_framelog_verifies_it_there_and_here(self):
        self.record_all()
        self.verify()
        native = os.environ.get("FRAMELOG_NATIVE", "")
        if not os.access(native, os.X_OK):
            self.skipTest(f"there is no framelog of this machine: FRAMELOG_NATIVE={native}")
        done = subprocess.run([native, "verify", str(self.base)], capture_output=True, text=True,
                              timeout=recorder.LONG_S, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("all frames are accounted for", done.stdout + done.stderr)

    def test_a_killed_process_is_taken_over(self):
        config = self.simulate("[product.frames]\n", width=WIDTH, height=HEIGHT, rate="200 Hz")
        killed = self.start(config)
        self.until(lambda: any(recorder.cursors(ring)[1] > 20
                               for ring in recorder.rings_of(self.directory)), "frames on disk")
        self.kill(killed)
        self.record(config, "--frames", "20")
        for segment in recorder.finished(self.base):
            self.check_ramp(segment)
        self.verify()


if __name__ == "__main__":
    recorder.main()
