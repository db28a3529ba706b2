"""Replays a real recording into several products and checks every pixel and what describes it."""

import hashlib
import json
import subprocess
import unittest

import recorder
from recorder import DATA, DETECTOR, READOUT, h5py, numpy

STAR = DATA / "diffraction/siemens_star_128x128x128_u16.npy"

try:
    import silx.io
    import silx.io.nxdata
except ImportError:
    silx = None

PRODUCTS = """
[instrument]
title = Siemens star
operator = A. Operator
sample = Au star
pixel_size = 0.5 um, 0.25 um
sensor_pitch = 55 um
[product.whole]
[product.binned]
roi = y=16:112, x=16:112
bin = 2x2
[product.plain]
format = raw
"""


class ReplayCase(recorder.Case):
    def replay(self, path, extra="", **source):
        keys = {"driver": "replay", "path": path, "rate": "max", **source}
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
        return self.configure(f"[source]\n{lines}\n{extra}\n")

    def only(self, product, suffix=".h5"):
        found = recorder.finished(self.base, suffix, product)
        self.assertEqual(len(found), 1, [s.path for s in found])
        return found[0]


@unittest.skipUnless(STAR.exists(), f"there is no {STAR} (set FRAMELOG_TEST_DATA)")
class ThreeProducts(ReplayCase):
    @classmethod
    def setUpClass(cls):
        cls.star = numpy.load(STAR)
        cls.sums = (cls.star[:, 16:112, 16:112].astype("uint64")
                    .reshape(128, 48, 2, 48, 2).sum(axis=(2, 4)))

    def setUp(self):
        super().setUp()
        self.messages = self.record(self.replay(STAR, PRODUCTS))
        self.whole, self.binned = self.only("whole"), self.only("binned")
        self.plain = self.only("plain", ".raw")

    def test_pixels_and_descriptions(self):
        """One recording, looked at from all sides."""
        self.check_pixels()
        self.check_accounting()
        self.check_statistics()
        self.check_geometry()
        self.check_provenance()
        self.check_readers()
        self.verify()
        self.assertEqual(recorder.leftovers(self.base), [])

    def check_pixels(self):
        for segment in (self.whole, self.plain):
            self.assertEqual(segment.pixels.dtype, self.star.dtype)
            self.assertTrue(numpy.array_equal(segment.pixels, self.star), segment.path)
        self.assertEqual(self.binned.pixels.dtype, "uint32")
        self.assertTrue(numpy.array_equal(self.binned.pixels, self.sums))
        self.assertEqual(self.plain.path.stat().st_size, self.star.nbytes)

    def check_accounting(self):
        counts = recorder.accounting_lines(self.messages)
        for segment, product in ((self.whole, "whole"), (self.binned, "binned"),
                                 (self.plain, "plain")):
            wanted = {"received": 128, "recorded": 128, "lost at source": 0, "segments": 1}
            self.assertEqual(counts[product], wanted)
            told = {name: count for name, count in segment.accounting.items() if count}
            self.assertEqual(told, {"received": 128, "recorded": 128})
            self.assertEqual(segment.gaps, [])
            self.assertTrue(numpy.array_equal(segment.records["sequence"], numpy.arange(128)))

    def check_statistics(self):
        most = numpy.iinfo("uint16").max
        for segment in (self.whole, self.binned, self.plain):
            values = segment.pixels.reshape(128, -1).astype("float64")
            with self.subTest(file=segment.path.name):
                records = segment.records
                self.assertTrue(numpy.array_equal(records["min"], values.min(axis=1)))
                self.assertTrue(numpy.array_equal(records["max"], values.max(axis=1)))
                self.assertTrue(numpy.array_equal(records["sum"], values.sum(axis=1)))
                numpy.testing.assert_allclose(records["mean"], values.mean(axis=1), rtol=1e-12)
                numpy.testing.assert_allclose(records["std"], values.std(axis=1), rtol=1e-9)
        saturated = (self.star == most).sum(axis=(1, 2))
        self.assertTrue(numpy.array_equal(self.whole.records["saturated"], saturated))
        with h5py.File(self.binned.path, "r") as file:
            for name in ("min", "max", "mean", "std", "sum", "saturated"):
                column = file["/entry/statistics/" + name][:]
                self.assertTrue(numpy.array_equal(column, self.binned.records[name]), name)

    def check_geometry(self):
        with h5py.File(self.binned.path, "r") as file:
            readout, data = file[READOUT], file["/entry/data"]
            self.assertEqual(readout["roi_origin_yx"][:].tolist(), [16, 16])
            self.assertEqual(readout["roi_size_yx"][:].tolist(), [96, 96])
            self.assertEqual(readout["binning_yx"][:].tolist(), [2, 2])
            self.assertEqual(readout["binning_mode"][()], b"sum")
            self.assertEqual(readout["sensor_size_yx"][:].tolist(), [128, 128])
            centres = 16 + 2 * numpy.arange(48) + 0.5
            numpy.testing.assert_allclose(data["y"][:], centres * 0.5, rtol=1e-14)
            numpy.testing.assert_allclose(data["x"][:], centres * 0.25, rtol=1e-14)
            self.assertEqual(data["y"].attrs["units"], "um")
            self.assertAlmostEqual(file[DETECTOR + "/y_pixel_size"][()], 110e-6, delta=1e-15)
            self.assertAlmostEqual(file[DETECTOR + "/x_pixel_size"][()], 110e-6, delta=1e-15)
            tags = json.loads(file["/entry/data/data"].attrs["axistags"])["axes"]
            self.assertEqual([tag["key"] for tag in tags], ["t", "y", "x"])
            self.assertEqual([tag["resolution"] for tag in tags[1:]], [1.0, 0.5])
        with h5py.File(self.whole.path, "r") as file:
            self.assertEqual(file[READOUT + "/binning_yx"][:].tolist(), [1, 1])
            numpy.testing.assert_allclose(file["/entry/data/y"][:], numpy.arange(128) * 0.5)
        calibration = self.plain.about["calibration"]
        self.assertEqual(calibration["roi_origin_yx"], [0, 0])
        self.assertEqual(calibration["pixel_size_of_source"],
                         [{"value": 0.5, "unit": "um"}, {"value": 0.25, "unit": "um"}])

    def check_provenance(self):
        digest = hashlib.sha256(STAR.read_bytes()).hexdigest()
        for segment in (self.whole, self.binned, self.plain):
            told = segment.provenance
            self.assertEqual(told["files"]["inputs"], [{"path": str(STAR), "sha256": digest}])
            self.assertEqual(told["files"]["output"], segment.path.name)
            self.assertEqual(told["instrument"]["driver"], "replay")
            self.assertEqual(told["run"]["stop_reason"], "end of source")
            text = told["configuration"]["text"]
            self.assertEqual(told["configuration"]["sha256"],
                             hashlib.sha256(text.encode()).hexdigest())
            for part in ("environment", "accounting", "events"):
                self.assertIn(part, told)
        self.assertEqual(self.whole.provenance["processing"]["steps"], [])
        crop, binning = self.binned.provenance["processing"]["steps"]
        self.assertEqual((crop["index"], crop["name"]), (1, "crop"))
        self.assertEqual(crop["params"]["origin_yx"], [16, 16])
        self.assertEqual(crop["params"]["size_yx"], [96, 96])
        self.assertEqual((binning["index"], binning["name"]), (2, "bin"))
        self.assertEqual(binning["params"]["factor_yx"], [2, 2])
        self.assertEqual(binning["params"]["mode"], "sum")

    def check_readers(self):
        for path in (self.whole.path, self.binned.path):
            for tool in (["h5dump", "-H"], ["h5stat"]):
                done = subprocess.run([*tool, str(path)], capture_output=True, text=True,
                                      timeout=recorder.LONG_S, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stderr, "")
        if silx is None:
            print("silx is not installed: its reader of NXdata was not tried")
            return
        for segment in (self.whole, self.binned):
            with silx.io.open(str(segment.path)) as file:
                data = silx.io.nxdata.get_default(file)
                self.assertTrue(data.is_valid)
                self.assertEqual(data.axes_dataset_names, ["time", "y", "x"])
                self.assertTrue(numpy.array_equal(data.signal[()], segment.pixels))
                self.assertEqual([len(axis) for axis in data.axes], list(segment.pixels.shape))


@unittest.skipUnless(STAR.exists(), f"there is no {STAR} (set FRAMELOG_TEST_DATA)")
class OtherWays(ReplayCase):
    def test_big_endian_raw_and_mean(self):
        extra = """
[product.big]
format = raw
endian = big
[product.mean]
roi = y=1:, x=:127
bin = 3x5
bin_mode = mean
"""
        self.record(self.replay(STAR, extra))
        star = numpy.load(STAR)
        big = self.only("big", ".raw")
        self.assertEqual(big.about["dtype"], ">u2")
        self.assertEqual(big.about["endianness"], "big")
        self.assertTrue(numpy.array_equal(big.pixels, star))
        mean = self.only("mean")
        sums = (star[:, 1:127, :125].astype("uint64").reshape(128, 42, 3, 25, 5).sum(axis=(2, 4)))
        # Half away from zero: (2 s + n) // (2 n) of whole numbers, without rounding in between.
        self.assertTrue(numpy.array_equal(mean.pixels, (2 * sums + 15) // 30))
        with h5py.File(mean.path, "r") as file:
            self.assertEqual(file[READOUT + "/roi_origin_yx"][:].tolist(), [1, 0])
            self.assertEqual(file[READOUT + "/roi_size_yx"][:].tolist(), [126, 125])
            self.assertEqual(file[READOUT + "/binning_mode"][()], b"mean")
        self.verify()

    def test_round_trip_of_our_own_raw(self):
        """Numbers, losses and pixels survive recording a recording."""
        first = self.directory / "first"
        config = self.simulate("[product.frames]\nformat = raw\n", faults="lose 5 at 20",
                               frames=60)
        self.record(config, "--set", f"files.base={first}")
        (original,) = recorder.finished(first, ".raw")
        self.record(self.replay(original.path, "[product.frames]\nformat = raw\n"))
        copy = self.only("frames", ".raw")
        self.assertTrue(numpy.array_equal(copy.pixels, original.pixels))
        for column in ("source_sequence", "min", "max", "sum", "crc32c", "dropped_before"):
            self.assertTrue(numpy.array_equal(copy.records[column], original.records[column]),
                            column)
        self.assertEqual(copy.gaps, original.gaps)
        self.assertEqual(copy.gaps, [(19, 5, "source", "sequence-gap")])
        self.verify(first, self.base)

    def test_looping_begins_again(self):
        small = self.directory / "small.npy"
        frames = numpy.arange(7 * 6 * 5, dtype="float32").reshape(7, 6, 5)
        numpy.save(small, frames)
        self.record(self.replay(small, loop="yes"), "--frames", "24")
        segment = self.only("frames")
        self.assertTrue(numpy.array_equal(segment.pixels, frames[numpy.arange(24) % 7]))
        self.assertTrue(numpy.array_equal(segment.records["source_sequence"], numpy.arange(24)))
        self.assertEqual(segment.gaps, [])

    def test_names_by_template(self):
        extra = f"""
[files]
base = {self.base}
template = {{driver}}/{{product}}_{{roi}}_b{{bin}}_{{width}}x{{height}}_{{dtype}}_{{segment:03}}
[product.a]
roi = y=16:112, x=8:
bin = 2x4
[product.b]
format = raw
template = flat_{{instrument}}_{{start:%Y}}_{{segment}}
[roll]
max_frames = 64
"""
        self.record(self.replay(STAR, extra))
        names = [str(s.path.relative_to(self.base)) for s in recorder.finished(self.base)]
        stem = "replay/a_y16-112_x8-128_b2x4_30x48_uint32_"
        self.assertEqual(names, [stem + "001.h5", stem + "002.h5"])
        raw = recorder.finished(self.base, ".raw")
        year = raw[0].provenance["run"]["start"][:4]
        self.assertEqual([s.path.name for s in raw],
                         [f"flat_camera_{year}_1.raw", f"flat_camera_{year}_2.raw"])
        self.verify()


if __name__ == "__main__":
    recorder.main()
