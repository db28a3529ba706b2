"""Scans, virtual detectors and corrections, beside NumPy."""

import pathlib
import unittest

import recorder
from recorder import DATA, READOUT, h5py, numpy

STAR = DATA / "diffraction/siemens_star_128x128x128_u16.npy"
TOOTH = DATA / "xray/tooth_181x2x640_f32.h5"
DETECTORS = "/entry/virtual_detectors"

DETECTOR_SECTIONS = """
[detector.bright]
shape = disc
center = 63 px, 65 px
outer = 12.5 px
[detector.dark]
shape = annulus
inner = 12.5 px
outer = 50 px
[detector.box]
shape = rectangle
roi = y=8:64, x=96:
"""


def areas(height, width, rows, columns):
    """The three detectors, as masks of a product binned by rows x columns."""
    y = (numpy.arange(height // rows) * rows + (rows - 1) / 2)[:, None]
    x = (numpy.arange(width // columns) * columns + (columns - 1) / 2)[None, :]
    inner = numpy.hypot(y - 63, x - 65)
    outer = numpy.hypot(y - (height - 1) / 2, x - (width - 1) / 2)
    return {"bright": inner < 12.5, "dark": (outer >= 12.5) & (outer < 50),
            "box": (y >= 8) & (y < 64) & (x >= 96) & (x < width)}


def binned(frames, rows, columns):
    n, height, width = frames.shape
    return (frames.astype("uint64").reshape(n, height // rows, rows, width // columns, columns)
            .sum(axis=(2, 4)))


class Scans(recorder.Case):
    def check_images(self, file, sums, numbers, rows, columns, flyback=0):
        """Series and images equal `sums` {name: value of each number}; holes where none is."""
        mask = numpy.ones((rows, columns), dtype="uint8")
        places = [(n // (columns + flyback) % rows, n % (columns + flyback)) for n in numbers]
        for name, values in sums.items():
            numpy.testing.assert_array_equal(file[f"{DETECTORS}/{name}"][:], values[numbers])
            image = numpy.full((rows, columns), numpy.nan)
            for number, (row, column) in zip(numbers, places):
                image[row, column] = values[number]
                mask[row, column] = 0
            numpy.testing.assert_array_equal(file[f"{DETECTORS}/{name}_image"][:], image)
        numpy.testing.assert_array_equal(file[f"{DETECTORS}/scan_mask"][:], mask)

    @unittest.skipUnless(STAR.exists(), f"there is no {STAR} (set FRAMELOG_TEST_DATA)")
    def test_the_siemens_star_as_a_scan_of_8_x_16(self):
        self.record(self.configure(f"""
            [source]
            driver = replay
            path = {STAR}
            rate = max
            [instrument]
            scan = 8 x 16
            scan_step = 0.1 um
            [product.star]
            bin = 4x4
            detectors = bright, dark, box
            {DETECTOR_SECTIONS}"""))
        segment, = recorder.finished(self.base)
        frames = binned(numpy.load(STAR), 4, 4)
        numpy.testing.assert_array_equal(segment.pixels, frames)
        sums = {name: (frames * area).sum(axis=(1, 2)).astype(float)
                for name, area in areas(128, 128, 4, 4).items()}
        with h5py.File(segment.path) as file:
            self.check_images(file, sums, numpy.arange(128), 8, 16)
            for name, area in areas(128, 128, 4, 4).items():
                self.assertEqual(file[f"{DETECTORS}/{name}"].attrs["pixels"], area.sum())
            self.assertEqual(file[DETECTORS].attrs["NX_class"], "NXdata")
            self.assertEqual(list(file[READOUT + "/scan_shape_yx"][:]), [8, 16])
            self.assertEqual(file[READOUT + "/scan_step_x"][()], 0.1)
        self.verify()

    def test_lost_frames_leave_holes_and_flyback_frames_are_skipped(self):
        """Two scans of 6 x 5 points with 2 flyback frames a line; the simulator loses frames."""
        self.record(self.simulate(f"""
            [instrument]
            scan = 6 x 5
            flyback = 2
            [roll]
            align = scan
            [product.points]
            detectors = bright, dark, box
            {DETECTOR_SECTIONS}""", width=128, height=128,
            faults="lose 3 at 9; lose 1 at 40; lose 4 at 60"), "--frames", "76")
        first, second = recorder.finished(self.base)
        self.assertEqual(first.stop_reason, "scan")
        delivered = [n for n in range(84) if n not in (9, 10, 11, 40, 60, 61, 62, 63)]
        delivered = delivered[:76]
        points = numpy.array([n for n in delivered if n % 7 < 5])
        ramps = recorder.ramp(numpy.arange(84), 128, 128).astype("float64")
        sums = {name: (ramps * area).sum(axis=(1, 2))
                for name, area in areas(128, 128, 1, 1).items()}
        for segment, scan in ((first, 0), (second, 1)):
            numbers = points[points // 42 == scan]
            numpy.testing.assert_array_equal(segment.records["source_sequence"], numbers)
            with h5py.File(segment.path) as file:
                self.check_images(file, sums, numbers, 6, 5, 2)
                self.assertEqual(file[f"{DETECTORS}/scan_mask"].attrs["first_scan"], scan)
        skipped = sum(s.accounting["skipped"] for s in (first, second))
        self.assertEqual(skipped, len(delivered) - len(points))
        self.verify()

    def test_a_segment_with_several_scans_has_an_image_of_each(self):
        self.record(self.simulate(f"""
            [instrument]
            scan = 3 x 4
            [product.points]
            detectors = box
            {DETECTOR_SECTIONS}""", width=128, height=128), "--frames", "30")
        segment, = recorder.finished(self.base)
        ramps = recorder.ramp(numpy.arange(36), 128, 128).astype("float64")
        box = (ramps * areas(128, 128, 1, 1)["box"]).sum(axis=(1, 2))
        box[30:] = numpy.nan
        with h5py.File(segment.path) as file:
            numpy.testing.assert_array_equal(file[f"{DETECTORS}/box_image"][:],
                                             box.reshape(3, 3, 4))

    def test_the_series_grow_while_the_file_is_recorded(self):
        process = self.start(self.simulate(f"""
            [product.points]
            detectors = box, bright
            {DETECTOR_SECTIONS}""", width=128, height=128, rate="50 Hz"))

        def live():
            parts = list(pathlib.Path(self.base).rglob("*.h5.part"))
            if not parts:
                return None
            with h5py.File(parts[0], "r") as file:
                valid = file[READOUT + "/valid"][()]
                return valid >= 10 and (file[f"{DETECTORS}/box"][:valid],
                                        file[READOUT + "/frame_table"][:valid])

        sums, records = self.until(live, "ten frames")
        means = records["mean"]
        ramps = recorder.ramp(records["source_sequence"], 128, 128).astype("float64")
        numpy.testing.assert_array_equal(
            sums, (ramps * areas(128, 128, 1, 1)["box"]).sum(axis=(1, 2)))
        numpy.testing.assert_allclose(means, ramps.mean(axis=(1, 2)), rtol=1e-12)
        self.kill(process)
        self.recover()
        segment, = recorder.finished(self.base)
        with h5py.File(segment.path) as file:
            self.assertEqual(len(file[f"{DETECTORS}/box"]), len(segment.pixels))
            self.assertFalse(numpy.isnan(file[f"{DETECTORS}/bright"][:]).any())
        self.verify()


@unittest.skipUnless(TOOTH.exists(), f"there is no {TOOTH} (set FRAMELOG_TEST_DATA)")
class Corrections(recorder.Case):
    def test_the_tooth_with_its_own_darks_and_flats(self):
        with h5py.File(TOOTH) as file:
            data = file["/exchange/data"][:].astype("float64")
            dark = file["/exchange/data_dark"][:].astype("float64").mean(axis=0)
            flat = file["/exchange/data_white"][:].astype("float64").mean(axis=0)
        self.assertTrue((flat != dark).all())
        self.record(self.configure(f"""
            [source]
            driver = replay
            path = {TOOTH}
            dataset = /exchange/data
            rate = max
            [product.whole]
            dark = {TOOTH}::/exchange/data_dark
            flat = {TOOTH}::/exchange/data_white
            [product.binned]
            dark = {TOOTH}::/exchange/data_dark
            flat = {TOOTH}::/exchange/data_white
            roi = y=0:2, x=16:624
            bin = 2x8
            bin_mode = mean
            accumulate = 4"""))
        wanted = (data - dark) / (flat - dark)
        whole, = recorder.finished(self.base, product="whole")
        self.assertEqual(whole.pixels.dtype, "float32")
        numpy.testing.assert_allclose(whole.pixels, wanted, rtol=1e-6)
        bins = wanted[:, :, 16:624].astype("float32").astype("float64")
        bins = bins.reshape(181, 1, 2, 76, 8).mean(axis=(2, 4))
        groups = numpy.array([bins[i:i + 4].sum(axis=0) for i in range(0, 181, 4)])
        combined, = recorder.finished(self.base, product="binned")
        numpy.testing.assert_allclose(combined.pixels, groups, rtol=1e-6)
        self.assertEqual(list(combined.records["accumulated"]), [4] * 45 + [1])
        inputs = [entry["path"] for entry in whole.provenance["files"]["inputs"]]
        self.assertIn(str(TOOTH), inputs)
        with h5py.File(whole.path) as file:
            step = file["/entry/process_1_correct/parameters"]
            self.assertIn("data_dark", step["dark"][()].decode())
            self.assertTrue(file[recorder.DETECTOR + "/flatfield_applied"][()])
        self.verify()

    def test_bad_pixels_become_the_median_of_their_good_neighbours(self):
        frames = numpy.random.default_rng(5).integers(0, 4000, (7, 9, 11)).astype("uint16")
        bad = numpy.zeros((9, 11), dtype="uint8")
        for place in ((0, 0), (4, 5), (4, 6), (8, 10), (2, 1)):
            bad[place] = 1
        for name, array in (("frames", frames), ("bad", bad)):
            numpy.save(self.directory / f"{name}.npy", array)
        self.record(self.configure(f"""
            [source]
            driver = replay
            path = {self.directory}/frames.npy
            rate = max
            [product.mended]
            bad_pixels = {self.directory}/bad.npy"""))
        wanted = frames.copy()
        for y, x in zip(*numpy.nonzero(bad)):
            ys, xs = slice(max(0, y - 1), y + 2), slice(max(0, x - 1), x + 2)
            good = frames[:, ys, xs][:, bad[ys, xs] == 0].astype("float64")
            wanted[:, y, x] = numpy.floor(numpy.median(good, axis=1) + 0.5)
        segment, = recorder.finished(self.base)
        numpy.testing.assert_array_equal(segment.pixels, wanted)
        with h5py.File(segment.path) as file:
            numpy.testing.assert_array_equal(
                file[recorder.DETECTOR + "/pixel_mask"][:], bad.astype("uint32") * 2)
            self.assertTrue(file[recorder.DETECTOR + "/pixel_mask_applied"][()])


if __name__ == "__main__":
    recorder.main()
