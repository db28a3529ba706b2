#!/usr/bin/env python3
"""Pictures and movies of known frames, read back by PIL, tifffile and ffprobe, and compared with
golden images where something is drawn."""

import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

try:
    import numpy
    import tifffile
    from PIL import Image
except ImportError as error:
    print(f"skipped: {error}: toolchain/setup installs it")
    sys.exit(77)

SAMPLES = os.environ["FRAMELOG_PICTURE_SAMPLES"]
GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"
TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "float32", "float64")
DURATIONS_MS = (20, 35, 52)
FRAMES = 30


def ramp(t, height, width):
    y, x = numpy.mgrid[0:height, 0:width]
    return ((3 * x + 5 * y + 7 * t) % 256).astype(numpy.uint8)


def probe(path, *entries):
    words = ["ffprobe", "-v", "error", "-of", "json", *entries, str(path)]
    return json.loads(subprocess.run(words, check=True, capture_output=True).stdout)


def decoded(path, height, width):
    words = ["ffmpeg", "-v", "error", "-i", str(path), "-fps_mode", "passthrough", "-f", "rawvideo",
             "-pix_fmt", "gray", "-"]
    data = subprocess.run(words, check=True, capture_output=True).stdout
    return numpy.frombuffer(data, numpy.uint8).reshape(-1, height, width)


class Samples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pictures."))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        made = subprocess.run([SAMPLES, cls.folder], text=True, capture_output=True, check=False)
        cls.said = made.stdout
        if made.returncode == 1 and "needs the package framelog-media" in made.stderr:
            print(f"skipped: {made.stderr.strip()}")
            sys.exit(77)
        if made.returncode != 0:
            raise RuntimeError(made.stderr)

    def test_pictures_as_displayed(self):
        viridis = numpy.array(Image.open(self.folder / "map_viridis.ppm"))[0]
        for name, expected, mode in (("gray", ramp(0, 240, 321), "L"),
                                     ("viridis", viridis[ramp(0, 240, 321)], "RGB")):
            for kind in ("png", "tif", "bmp", "ppm", "pgm", "jpg"):
                file = self.folder / f"shown_{name}.{kind}"
                if kind == "pgm" and name == "viridis":
                    continue
                with Image.open(file) as image, self.subTest(file=file.name):
                    self.assertEqual(image.mode, "RGB" if kind == "ppm" else mode)
                    if kind not in ("pgm", "ppm"):
                        self.assertAlmostEqual(float(image.info["dpi"][0]), 300, delta=0.02)
                        self.assertAlmostEqual(float(image.info["dpi"][1]), 300, delta=0.02)
                    pixels = numpy.array(image.convert(mode)).astype(int)
                    if kind == "jpg":
                        self.assertLess(numpy.abs(pixels - expected).mean(), 4)
                    else:
                        numpy.testing.assert_array_equal(pixels, expected)

    def test_raw_values(self):
        for kind in TYPES:
            size = numpy.dtype(kind).itemsize
            expected = (numpy.arange(35 * size) % 64).astype(numpy.uint8).view(kind).reshape(7, 5)
            numpy.testing.assert_array_equal(
                tifffile.imread(self.folder / f"raw_{kind}.tif"), expected)
            self.assertEqual(tifffile.imread(self.folder / f"raw_{kind}.tif").dtype, expected.dtype)
            for name in ("png", "pgm"):
                file = self.folder / f"raw_{kind}.{name}"
                self.assertEqual(file.exists(), kind in ("uint8", "uint16"), file)
                if file.exists():
                    with Image.open(file) as image:
                        numpy.testing.assert_array_equal(numpy.array(image), expected)
            for name in ("jpg", "bmp", "ppm"):
                self.assertFalse((self.folder / f"raw_{kind}.{name}").exists())

    def test_colour_maps_are_matplotlibs(self):
        try:
            from matplotlib import colormaps
        except ImportError:
            self.skipTest("python3-matplotlib is not installed")
        for name in ("gray", "afmhot", "viridis", "magma", "inferno", "plasma", "cividis"):
            ours = numpy.array(Image.open(self.folder / f"map_{name}.ppm"))[0].astype(int)
            theirs = colormaps[name](numpy.arange(256), bytes=True)[:, :3].astype(int)
            self.assertLessEqual(numpy.abs(ours - theirs).max(), 1, name)

    def test_drawn_pictures_are_as_they_were_looked_at(self):
        for golden in sorted(GOLDEN.glob("drawn_*.png")):
            ours = numpy.array(Image.open(self.folder / golden.name).convert("RGB")).astype(int)
            known = numpy.array(Image.open(golden).convert("RGB")).astype(int)
            self.assertEqual(ours.shape, known.shape, golden.name)
            # Another version of the font or of Cairo may move an edge by a part of a pixel.
            different = (numpy.abs(ours - known).max(axis=2) > 96).mean()
            self.assertLess(different, 0.01, golden.name)

    def test_zip(self):
        with zipfile.ZipFile(self.folder / "movie.zip") as archive:
            self.assertIsNone(archive.testzip())
            names = [f"{number:06}.png" for number in range(FRAMES)]
            self.assertEqual(archive.namelist(), names)
            for number, name in enumerate(names):
                with Image.open(io.BytesIO(archive.read(name))) as image:
                    numpy.testing.assert_array_equal(numpy.array(image), ramp(number, 120, 161))
            self.assertEqual({info.date_time for info in archive.infolist()},
                             {(1980, 1, 1, 0, 0, 0)})
            self.assertEqual({info.compress_type for info in archive.infolist()}, {0})

    def test_zip_of_more_entries_than_16_bits_count(self):
        with zipfile.ZipFile(self.folder / "many.zip") as archive:
            self.assertEqual(len(archive.namelist()), 70_000)
            self.assertEqual(archive.read("file_69999"), b"69999")

    def test_gif(self):
        starts = numpy.cumsum([0] + [DURATIONS_MS[t % 3] for t in range(FRAMES)])
        expected = numpy.diff(numpy.floor(starts / 10 + 0.5)) * 10
        with Image.open(self.folder / "movie.gif") as movie:
            self.assertEqual(movie.n_frames, FRAMES)
            for t in range(FRAMES):
                movie.seek(t)
                self.assertEqual(movie.info["duration"], expected[t], t)
                numpy.testing.assert_array_equal(
                    numpy.array(movie.convert("RGB")), ramp(t, 120, 161)[..., None].repeat(3, 2))

    @unittest.skipUnless(shutil.which("ffprobe"), "ffmpeg is not installed")
    def test_videos(self):
        starts = numpy.cumsum([0] + [DURATIONS_MS[t % 3] for t in range(FRAMES)]) / 1000
        for name, codec, width in (("webm", "vp9", 161), ("mp4", "h264", 162)):
            file = self.folder / f"movie.{name}"
            facts = probe(file, "-show_streams", "-show_format", "-show_packets")
            stream = facts["streams"][0]
            self.assertEqual(len(facts["streams"]), 1)
            self.assertEqual(stream["codec_name"], codec)
            self.assertEqual((stream["width"], stream["height"]), (width, 120))
            self.assertEqual(stream["pix_fmt"], "yuv420p")
            self.assertEqual(stream["color_space"], "bt709")
            times = sorted(float(packet["pts_time"]) for packet in facts["packets"])
            numpy.testing.assert_allclose(times, starts[:-1], atol=0.0006)
            self.assertAlmostEqual(float(facts["format"]["duration"]), starts[-1], delta=0.002)
            frames = decoded(file, 120, width)
            self.assertEqual(len(frames), FRAMES)
            for t, frame in enumerate(frames):
                difference = numpy.abs(frame[:, :161].astype(int) - ramp(t, 120, 161))
                self.assertLess(difference.mean(), 8, f"{name} {t}")
                if width == 162:
                    self.assertLess(numpy.abs(frame[:, 161].astype(int) - frame[:, 160]).mean(), 12)
        self.assertIn("mp4 needs even sizes: 120 x 161 pixels grew", self.said)

    def test_without_the_module_the_package_is_named(self):
        alone = self.folder / "alone"
        alone.mkdir()
        shutil.copy(SAMPLES, alone)
        made = subprocess.run([alone / pathlib.Path(SAMPLES).name, alone / "out"], text=True,
                              capture_output=True, check=False)
        if made.returncode == 0:
            self.skipTest("the package framelog-media is installed")
        self.assertIn("needs the package framelog-media", made.stderr)
        self.assertTrue((alone / "out/shown_viridis.png").exists())


if __name__ == "__main__":
    unittest.main()
