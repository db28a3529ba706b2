#!/usr/bin/env python3
"""Every option of `framelog export` with every format: what an independent reader finds is what
NumPy makes of the recording, and where an option means nothing to a format the export is refused
with one line that names both. Faults are in export_test.py, metadata in export_formats_test.py."""

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import export_readers as readers
import recorder
from export_readers import DATA, FORMATS, MOVIES, PICTURES, levels_of, slices_of
from recorder import FRAMELOG, h5py, numpy

STILL = DATA + PICTURES
SHOWN = PICTURES + MOVIES
COLOURED = tuple(name for name in SHOWN if name != "pgm")
VERIFIED = tuple(name for name in DATA if name != "csv")
FREE_AXES = tuple(name for name in FORMATS if "tiff" not in name)
BOX = numpy.zeros((16, 20), bool)
BOX[3:6, 5:9] = True
KEEPS_VALUES = ("png", "tif", "pgm", "zip")


def auto(array):
    return [levels_of(one, array.min(), array.max()) for one in slices_of(array.astype("f8"))]


def between(low, high):
    return lambda array: list(levels_of(slices_of(array), low, high))


def percentiles(low, high):
    return lambda array: between(*numpy.percentile(array, (low, high)))(array)


def mapped(name):
    return lambda array: [readers.colours_of(name)[one] for one in auto(array)]


def sheet(array):
    """Four in a row, two pixels apart."""
    height, width = array.shape[1:]
    whole = numpy.zeros((2 * height + 2, 4 * width + 6), "u1")
    for place, one in enumerate(auto(array)):
        top, left = place // 4 * (height + 2), place % 4 * (width + 2)
        whole[top:top + height, left:left + width] = one
    return [whole]


def repeated(picture, by):
    return picture.repeat(by, 0).repeat(by, 1)


def halved(picture):
    height, width = picture.shape
    return picture.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))


def zoomed(picture, by):
    """Linear, between the centres of the pixels."""
    result = picture.astype("f8")
    for axis in (0, 1):
        size = result.shape[axis]
        at = numpy.clip((numpy.arange(round(size * by)) + 0.5) / by - 0.5, 0, size - 1)
        low = numpy.floor(at).astype(int)
        part = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        result = (result.take(low, axis) * (1 - part) +
                  result.take(numpy.minimum(low + 1, size - 1), axis) * part)
    return numpy.floor(result + 0.5)


def renormalised(array):
    return numpy.minimum(numpy.floor(array * 0.25 + 0.5), 255).astype("u1")


def truncated(array):
    factor = numpy.float32(80) / numpy.float32(320)
    return (array.astype("f4") * factor).astype("i8").astype("u1")


def binned(array, how):
    return how(array.reshape(len(array), 8, 2, 5, 4).astype("f8"), axis=(2, 4))


@dataclasses.dataclass
class Row:
    """An option, words that use it, and the formats that it is for: all others refuse it."""
    options: tuple
    words: list
    formats: tuple = FORMATS
    source: str = "run"
    array: object = lambda array: array  # What NumPy makes of the source.
    shown: object = auto                 # What pictures of that are: levels, or RGB.
    check: str = ""                      # A method that looks at what has been written.
    refused: list = None                 # Words, where others are refused than are exported.
    asks_all: bool = True                # Whether the other formats are asked.
    single: bool = False                 # One picture of the whole recording.
    raw: bool = False                    # Pictures have values instead of levels.
    tolerance: int = 0                   # Levels.
    ending: str = ""


def row(options, words, formats=FORMATS, **others):
    return Row(tuple(options.split()), words, formats, **others)


def same(options, words, formats=("png",), **others):
    """Another value of an option, looked at where it is easiest."""
    return row(options, words, formats, asks_all=False, **others)


TABLE = [
    row("to output-folder output-name", []),
    row("on-exists", ["--on-exists", "rename"], check="again"),
    row("verify", ["--verify"], VERIFIED),
    row("no-verify", ["--no-verify"]),
    row("layout", ["--layout", "nexus"], ("hdf5",)),
    same("layout", ["--layout", "ilastik"], ("hdf5",)),
    same("layout", ["--layout", "playnano"], ("hdf5",)),
    same("layout", ["--layout", "pymodaq"], ("hdf5",)),
    same("layout", ["--layout", "quant4d"], ("hdf5",), source="scan"),
    row("dataset-name", ["--layout", "ilastik", "--dataset-name", "volume/data"], ("hdf5",),
        refused=["--dataset-name", "volume/data"]),
    row("compression", ["--compression", "gzip-4"], ("hdf5",), source="even", check="packed"),
    *[same("compression", ["--compression", name], ("hdf5",), source="even", check="packed")
      for name in ("gzip-0", "gzip-9", "lz4", "bitshuffle-lz4", "zstd-3", "none")],
    *[same("compression", ["--compression", name], ("ome-tiff",), source="even",
           check="packed")
      for name in ("deflate", "lzw", "zstd", "none")],
    row("endian", ["--endian", "big"], ("hdf5", "raw"), check="big"),

    row("product", ["--product", "small", "--run", "1"], source="two",
        array=lambda array: array[:, 2:14, 4:18]),
    row("run", ["--run", "2", "--product", "whole"], source="second"),
    row("all", ["--all"]),
    row("dataset", ["--dataset", "/b", "--fps", "9"], source="foreign"),
    row("input-shape input-dtype",
        ["--input-shape", "6x16x20", "--input-dtype", "uint16", "--fps", "9"], source="bytes"),

    row("cutout", ["--cutout", "t=1:5, y=2:14, x=4:18"], array=lambda a: a[1:5, 2:14, 4:18]),
    row("since", ["--since", "@2"], array=lambda a: a[2:]),
    row("until", ["--until", "@4"], array=lambda a: a[:4]),
    row("every", ["--every", "2"], array=lambda a: a[::2]),
    row("subsample", ["--subsample", "sy=2,sx=3", "--fps", "9"], source="scan",
        array=lambda a: a[::2, ::3]),

    row("bin", ["--bin", "2x4"], array=lambda a: binned(a, numpy.sum)),
    row("bin-mode", ["--bin", "2x4", "--bin-mode", "mean"],
        array=lambda a: numpy.floor(binned(a, numpy.mean) + 0.5)),
    row("process", ["--process", "zero_mean"], ending="_filtered",
        array=lambda a: a - a.mean(axis=(1, 2), keepdims=True)),
    row("raw", ["--raw"], source="bundle"),
    row("mask", ["--mask", "@mask"], array=lambda a: numpy.where(BOX, 0, a)),
    same("mask", ["--mask", "@mask", "--dtype", "float32"], ("npy", "hdf5", "raw", "npz"),
         array=lambda a: numpy.where(BOX, numpy.nan, a)),
    row("renormalise", ["--renormalise", "0, 400 -> 0, 100", "--dtype", "uint8"],
        array=renormalised),
    row("compat", ["--renormalise", "0, 320 -> 0, 80", "--compat", "ilastik", "--dtype", "uint8"],
        array=truncated),
    row("dtype", ["--dtype", "float32"], array=lambda a: a.astype("f4")),
    row("saturate", ["--saturate", "--dtype", "uint8"],
        array=lambda a: numpy.minimum(a, 255).astype("u1")),
    row("axes", ["--axes", "xyt"], FREE_AXES, array=lambda a: a.transpose(2, 1, 0)),
    row("flat", ["--flat", "--fps", "9"], source="scan", array=lambda a: a.reshape(-1, 12, 12)),

    row("projection", ["--projection", "max"], STILL, single=True, array=lambda a: a.max(axis=0)),
    *[same("projection", ["--projection", name], ("npy", "hdf5"), single=True, array=how)
      for name, how in (("min", lambda a: a.min(axis=0)), ("mean", lambda a: a.mean(axis=0)),
                        ("std", lambda a: a.std(axis=0)), ("sum", lambda a: a.sum(axis=0)))],
    row("kymograph", ["--kymograph", "y=3"], STILL, single=True, array=lambda a: a[:, 3]),
    same("kymograph", ["--kymograph", "x=7:9"], ("npy", "png"), single=True,
         array=lambda a: a[:, :, 7:9].mean(axis=2)),
    row("contact-sheet", ["--contact-sheet=4"], PICTURES, single=True, shown=sheet),
    row("list-images", ["--list-images"], (), source="scan", check="listed"),
    row("image", ["--image", "sum"], STILL, source="scan", single=True,
        array=lambda a: a.sum(axis=(0, 1))),
    same("image", ["--image", "sum"], ("png",), source="scan", single=True,
         array=lambda a: a.sum(axis=(0, 1))),
    row("detector", ["--image", "box", "--detector", "box rectangle y=0:4 x=0:6"], STILL,
        source="scan", single=True, array=lambda a: a[..., :4, :6].sum(axis=(2, 3)),
        refused=["--image", "box", "--detector", "box rectangle y=0:4 x=0:6"]),
    row("images", ["--images", "raw"], KEEPS_VALUES, raw=True),
    same("images", ["--images", "displayed"], SHOWN),
    same("images", ["--images", "both"], ("png", "tif", "pgm"), shown=None, check="both"),
    row("composite", ["--composite", "whole=red", "--run", "1"], COLOURED, source="two",
        shown=lambda a: [one[..., None] * numpy.array([1, 0, 0]) for one in auto(a)]),

    row("colour-map", ["--colour-map", "viridis"], COLOURED, shown=mapped("viridis")),
    *[same("colour-map", ["--colour-map", name], shown=mapped(name), tolerance=1)
      for name in readers.ANCHORS],
    row("color-map", ["--color-map", "gray"], SHOWN),
    row("contrast", ["--contrast", "50, 250"], SHOWN, shown=between(50, 250)),
    same("contrast", ["--contrast", "auto"]),
    same("contrast", ["--contrast", "none"], shown=between(0, 65535)),
    same("contrast", ["--contrast", "percentile"], SHOWN, shown=percentiles(1, 99)),
    same("contrast", ["--contrast", "percentile 5 90"], shown=percentiles(5, 90)),
    same("contrast", ["--contrast", "per-frame"], SHOWN,
         shown=lambda a: [levels_of(one) for one in a]),
    row("zmin", ["--zmin", "60"], SHOWN, shown=lambda a: between(60, a.max())(a)),
    row("zmax", ["--zmax", "percentile"], SHOWN,
        shown=lambda a: between(a.min(), numpy.percentile(a, 99))(a)),
    same("zmax", ["--zmin", "auto", "--zmax", "200"], shown=lambda a: between(a.min(), 200)(a)),

    row("timestamps", ["--timestamps"], SHOWN, shown=None, check="drawn"),
    row("scale-bar", ["--scale-bar"], SHOWN, shown=None, check="drawn"),
    same("scale-bar", ["--scale-bar=4 um"], ("png", "tif"), shown=None, check="bar_of_4_um"),
    row("scale-bar-nm", ["--scale-bar-nm", "4000"], SHOWN, shown=None, check="bar_of_4_um"),
    row("pixel-size", ["--pixel-size", "1 um", "--scale-bar=8 um"], SHOWN, shown=None, check="bar_of_4_um",
        refused=["--pixel-size", "1 um"]),
    row("outlines", ["--outlines"], COLOURED, shown=None, check="drawn"),
    row("ticks", ["--ticks"], SHOWN, shown=None, check="framed"),
    row("title", ["--title", "Title"], SHOWN, shown=None, check="drawn"),
    row("ink", ["--ink", "#ff0000", "--scale-bar"], COLOURED, shown=None, check="red",
        refused=["--ink", "#ff0000"]),
    row("dpi", ["--dpi", "200"], ("png", "tif", "jpg", "bmp", "zip"), check="resolution"),
    row("zoom", ["--zoom", "3"], SHOWN, shown=lambda a: [repeated(one, 3) for one in auto(a)]),
    same("zoom", ["--zoom", "2.5"], tolerance=1,
         shown=lambda a: [zoomed(one, 2.5) for one in auto(a)]),
    same("zoom", ["--zoom", "0.5"], tolerance=1, shown=lambda a: [halved(one) for one in auto(a)]),
    row("jpeg-quality", ["--jpeg-quality", "20"], ("jpg",), shown=None, check="smaller"),
    row("preview", ["--preview", "@preview"], (), check="previewed"),

    row("fps", ["--fps", "5"], ("gif", "webm", "mp4"), check="paced"),
    row("initial-time", ["--initial-time", "4"], SHOWN, shown=None, check="drawn"),
    row("time-step", ["--time-step", "0.5"], SHOWN, shown=None, check="drawn"),
    row("time-unit", ["--time-unit", "h", "--time-step", "2"], SHOWN, shown=None, check="drawn",
        refused=["--time-unit", "h"]),
    row("movie-quality", ["--movie-quality", "50"], ("webm", "mp4"), shown=None, check="smaller"),
    row("zip-of", ["--zip-of", "bmp"], ("zip",), check="bitmaps"),
    same("zip-of", ["--zip-of", "jpg", "--jpeg-quality", "100"], ("zip",)),

    row("dry-run", ["--dry-run"], (), check="dry"),
    row("jobs", [], (), check="by_list"),
    row("split", ["--split", "2"], (), check="in_two"),
    row("delete yes", [], check="deleted"),
    row("memory", ["--memory", "16 MiB"]),
    row("json", ["--json"]),
    row("help", ["--help"], (), check="helped"),
]

INSTRUMENT = """
[instrument]
pixel_size = 0.5 um
[detector.disc]
shape = disc
outer = 4 px
"""
RUN = INSTRUMENT + "[product.frames]\ndetectors = disc\n[roll]\nmax_frames = 4\n"
TWO = INSTRUMENT + "[product.whole]\n[product.small]\nroi = y=2:14, x=4:18\n"
SCAN = """
[instrument]
scan = 3 x 4
scan_step = 2 nm
[detector.bright]
shape = disc
outer = 4 px
[product.patterns]
detectors = bright
"""
ZOOM = ["--zoom", "8"]


def run_framelog(words, **others):
    return subprocess.run([FRAMELOG, *map(str, words)], capture_output=True, text=True,
                          timeout=recorder.LONG_S, check=False, stdin=subprocess.DEVNULL, **others)


class Sources:
    """What is exported, each with its pixels: recorded once, and never changed."""

    def __init__(self, folder):
        self.folder = folder
        self.record("run", RUN, 6, rate="50 Hz")
        self.record("two", TWO, 6, rate="50 Hz")
        self.record("two", TWO, 5, rate="50 Hz")
        self.record("scan", SCAN, 12, width=12, height=12)
        segments = recorder.finished(folder / "run")
        pixels = numpy.concatenate([segment.pixels for segment in segments])
        self.times = numpy.concatenate([segment.records["utc_ns"] for segment in segments])
        paths = [segment.path for segment in segments]
        scan, = recorder.finished(folder / "scan")
        with h5py.File(folder / "foreign.h5", "w") as file:
            file["a"], file["b"] = pixels * 0, pixels
        pixels.tofile(folder / "patterns.bin")
        even = numpy.full((5, 48, 64), 300, "u2")  # What every codec makes smaller.
        numpy.save(folder / "even.npy", even)
        numpy.save(folder / "mask.npy", BOX.astype("u1"))
        done = run_framelog(["export", *paths, "--to", "npz", "--process", "zero_mean",
                             "--output-folder", folder, "--output-name", "bundle"])
        if done.returncode:
            raise RuntimeError(done.stderr)
        self.of = {
            "run": (paths, pixels),
            "two": ([folder / "two"], pixels), "second": ([folder / "two"], pixels[:5]),
            "scan": ([scan.path], scan.pixels.reshape(3, 4, 12, 12)),
            "foreign": ([folder / "foreign.h5"], pixels),
            "bytes": ([folder / "patterns.bin"], pixels),
            "even": ([folder / "even.npy"], even),
            "bundle": ([folder / "bundle_filtered.npz"], pixels)}

    def record(self, name, extra, frames, **source):
        keys = {"driver": "simulator", "pattern": "ramp", "rate": "max", "width": 20,
                "height": 16, **source}
        config = self.folder / f"{name}.conf"
        config.write_text("[source]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
                          + f"[files]\nbase = {self.folder / name}\n{extra}")
        subprocess.run([recorder.FRAMELOGD, "--config", config, "--frames", str(frames), "--set",
                        "control.socket=off", "--set", "retention.min_free=0 B"], check=True,
                       capture_output=True, timeout=recorder.LONG_S)

    def words(self, words, folder):
        """What the table could not know."""
        def known(word):
            if word == "@mask":
                return self.folder / "mask.npy"
            if re.fullmatch(r"@\d", word):
                at = numpy.datetime64(int(self.times[int(word[1:])]), "ns")
                return f"{at}Z"
            return folder / "preview.png" if word == "@preview" else word
        return [known(word) for word in words]


class Cells(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # In memory: thousands of small files, each of which is synced, would wait for the disk.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        scratch = tempfile.TemporaryDirectory(prefix="framelog-options-", dir=memory)
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = pathlib.Path(scratch.name)
        cls.sources = Sources(cls.scratch)

    def export(self, row, formats, folder, extra=(), words=None):
        """One call; pictures of several frames have numbers in their names."""
        done = run_framelog(self.call(row, formats, folder, extra, words))
        self.assertEqual(done.returncode, 0, f"{row.words} {formats}: {done.stderr}")
        return done.stdout

    def call(self, row, formats, folder, extra=(), words=None):
        is_sequence = formats[0] in PICTURES and not row.single
        name = "x_{format}_{slice_index:03}" if is_sequence else "x_{format}"
        words = self.sources.words(row.words if words is None else words, folder)
        if formats[0] in PICTURES and "--fps" in words:
            words = words[:words.index("--fps")]
        if formats[0] in PICTURES and "--image" in words:
            words += ["--images", "displayed"]
        return ["export", *self.sources.of[row.source][0], "--to", ",".join(formats),
                "--output-folder", folder, "--output-name", name, *words, *extra]

    def groups(self, formats):
        groups = ([name for name in formats if name in DATA + MOVIES],
                  [name for name in formats if name in PICTURES])
        return [group for group in groups if group]

    def wanted(self, row):
        return row.array(self.sources.of[row.source][1])

    def produce(self, number):
        """What is written, and what is refused; in a thread of its own."""
        row = TABLE[number]
        folder = self.scratch / f"row-{number}"
        drawn = ZOOM if row.check in ("drawn", "framed", "red", "bar_of_4_um") else []
        written = [run_framelog(self.call(row, group, folder, drawn + self.contrast_of(row)))
                   for group in self.groups(row.formats)]
        refused = {}
        if row.asks_all and row.formats:
            words = self.sources.words(row.refused or row.words, folder)
            for name in FORMATS:
                if name not in row.formats:
                    refused[name] = run_framelog(
                        ["export", *self.sources.of[row.source][0], "--to", name,
                         "--output-folder", folder / "refused", *words])
        return written, refused

    def test_every_cell(self):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for row, number, produced in zip(TABLE, range(len(TABLE)),
                                             pool.map(self.produce, range(len(TABLE)))):
                with self.subTest(options=row.words):
                    self.look(row, self.scratch / f"row-{number}", *produced)
                shutil.rmtree(self.scratch / f"row-{number}", ignore_errors=True)

    def look(self, row, folder, written, refused):
        for done in written:
            self.assertEqual(done.returncode, 0, done.stderr)
            if "--json" in row.words:
                self.assertGreater(len(json.loads(done.stdout)["outputs"]), 0)
        self.compare(row, folder)
        if row.check:
            getattr(self, "check_" + row.check)(row, folder)
        for name, done in refused.items():
            with self.subTest(options=row.refused or row.words, format=name):
                self.look_at_refusal(row, name, done)
        self.assertFalse((folder / "refused").exists())

    @staticmethod
    def contrast_of(row):
        return ["--contrast", "1000, 2000"] if row.check in ("bar_of_4_um", "red") else []

    def compare(self, row, folder, formats=None):
        wanted = self.wanted(row)
        for name in formats or row.formats:
            with self.subTest(options=row.words, format=name):
                paths = readers.found_files(folder, name)
                self.assertTrue(paths, sorted(path.name for path in folder.iterdir()))
                if name == "csv":
                    self.compare_table(paths[0], wanted)
                elif name in DATA:
                    self.compare_array(row, name, paths[0], wanted)
                elif row.raw:
                    found = numpy.array(readers.read_pictures(name, paths))
                    numpy.testing.assert_array_equal(found, slices_of(wanted))
                elif row.shown:
                    self.compare_pictures(row, name, paths, wanted)

    def compare_array(self, row, name, path, wanted):
        words = dict(zip(row.words, row.words[1:]))
        dataset = words.get("--dataset-name", readers.PIXELS[words.get("--layout", "nexus")])
        found = readers.read_data(name, path, dataset)
        wanted = wanted if found.ndim == wanted.ndim else slices_of(wanted)
        self.assertEqual(found.squeeze().shape, wanted.squeeze().shape)
        numpy.testing.assert_allclose(found.squeeze(), wanted.squeeze(), rtol=1e-5, atol=1e-4)

    def compare_table(self, path, wanted):
        table = readers.read_table(path)
        slices = slices_of(wanted.astype("f8"))
        for name in ("min", "max", "mean", "std", "sum"):
            found = [float(value) for value in table[name]]
            numpy.testing.assert_allclose(found, getattr(slices, name)(axis=(1, 2)), rtol=1e-5,
                                          atol=1e-3, err_msg=name)

    def compare_pictures(self, row, name, paths, wanted):
        expected = row.shown(wanted)
        found = readers.read_pictures(name, paths)
        self.assertEqual(len(found), len(expected))
        for picture, levels in zip(found, expected):
            levels = levels if levels.ndim == 3 else levels[..., None].repeat(3, 2)
            height, width = levels.shape[:2]
            if name == "mp4":  # Grown to even sizes.
                picture = picture[:height, :width]
            self.assertEqual(picture.shape, levels.shape)
            apart = numpy.abs(picture.astype(int) - levels)
            if name in readers.LOSSY:
                self.assertLess(apart.mean(), readers.LOSSY[name])
            else:
                self.assertLessEqual(apart.max(), row.tolerance)

    def look_at_refusal(self, row, name, done):
        """No option is left out silently: one line, with the option and the format."""
        self.assertEqual(done.returncode, 2, done.stderr)
        lines = [line for line in done.stderr.splitlines() if " to 1 output, about " not in line]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], rf"\b{name}\b")
        options = [word.split("=")[0] for word in row.refused or row.words
                   if word.startswith("--")]
        self.assertTrue(any(option.strip('-') in lines[0] for option in options), lines[0])

    def pictures(self, folder, name):
        return readers.read_pictures(name, readers.found_files(folder, name))

    def plain(self, row):
        """The frames without what is drawn, as large as they are with it."""
        low, high = (1000, 2000) if self.contrast_of(row) else (None, None)
        pixels = self.sources.of[row.source][1]
        frames = between(low, high)(pixels) if low else auto(pixels)
        return [repeated(one, 8)[..., None].repeat(3, 2).astype(int) for one in frames]

    def check_drawn(self, row, folder):
        """Something is there, in a part of the picture; the rest is as it was."""
        for name in row.formats:
            with self.subTest(options=row.words, format=name):
                for picture, plain in zip(self.pictures(folder, name), self.plain(row)):
                    self.assertEqual(picture.shape, plain.shape)
                    apart = numpy.abs(picture - plain).max(axis=2) > (
                        100 if name in readers.LOSSY else 1)
                    rows, columns = numpy.nonzero(apart)
                    self.assertGreater(len(rows), 20)
                    area = numpy.ptp(rows) * numpy.ptp(columns) / apart.size
                    self.assertLess(area, 0.45)

    def check_framed(self, row, folder):
        """The picture has grown, and the frame is in it as it was."""
        for name in row.formats:
            with self.subTest(options=row.words, format=name):
                for picture, plain in zip(self.pictures(folder, name), self.plain(row)):
                    height, width = plain.shape[:2]
                    margins = (picture.shape[0] - height, picture.shape[1] - width)
                    self.assertGreater(sum(margins), 8)
                    if name in readers.LOSSY:
                        continue
                    places = [(y, x) for y in range(margins[0] + 1) for x in range(margins[1] + 1)
                              if numpy.abs(picture[y + height // 2, x:x + width] -
                                           plain[height // 2]).max() <= 1]
                    self.assertTrue(any(
                        numpy.abs(picture[y:y + height, x:x + width] - plain).max() <= 1
                        for y, x in places))

    def check_bar_of_4_um(self, row, folder):
        """8 pixels of the recording, each 8 dots wide, on black."""
        for name in row.formats:
            with self.subTest(options=row.words, format=name):
                white = self.pictures(folder, name)[0].min(axis=2) > 160
                text = "".join("\n" + "".join("#" if dot else "." for dot in line)
                               for line in white)
                longest = max(map(len, re.findall("#+", text)))
                self.assertAlmostEqual(longest, 64, delta=2)

    def check_red(self, row, folder):
        for name in row.formats:
            with self.subTest(format=name):
                picture = self.pictures(folder, name)[0].astype(int)
                is_red = (picture[..., 0] > 150) & (picture[..., 1:].max(axis=2) < 90)
                self.assertGreater(is_red.sum(), 100)

    def check_again(self, row, folder):
        formats = ["npy", "csv", "zip"]
        before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
        self.export(row, formats, folder, words=["--on-exists", "skip"])
        self.assertEqual({path: path.stat().st_mtime_ns for path in folder.iterdir()}, before)
        self.export(row, formats, folder)
        new = sorted(path.name for path in folder.iterdir() if path not in before)
        self.assertEqual(new, ["x_csv_1.csv", "x_npy_1.npy", "x_zip_1.zip"])
        done = run_framelog(self.call(row, formats, folder, words=["--on-exists", "fail"]))
        self.assertEqual(done.returncode, 1)

    def check_packed(self, row, folder):
        is_packed = row.words[1] != "none"
        for path in readers.found_files(folder, row.formats[0]):
            if path.suffix == ".h5":
                with h5py.File(path) as file:
                    filters = file[readers.PIXELS["nexus"]].id.get_create_plist().get_nfilters()
                self.assertEqual(filters > 0, is_packed)
            else:
                with readers.tifffile.TiffFile(path) as file:
                    self.assertEqual(file.pages[0].compression != 1, is_packed)

    def check_big(self, _row, folder):
        with h5py.File(folder / "x_hdf5.h5") as file:
            self.assertEqual(file[readers.PIXELS["nexus"]].dtype, ">u2")
        self.assertEqual(json.loads((folder / "x_raw.json").read_text())["dtype"], ">u2")

    def check_listed(self, row, _folder):
        said = run_framelog(["export", *self.sources.of["scan"][0], *row.words]).stdout.split()
        self.assertEqual(said[0].split("_")[0], "bright")
        self.assertIn("sum", said)
        self.assertIn("mean", said)
        done = run_framelog(["export", *self.sources.of["scan"][0], *row.words, "--to", "png"])
        self.assertEqual((done.returncode, done.stdout), (2, ""))

    def check_both(self, row, folder):
        pixels = self.wanted(row)
        for name in row.formats:
            values = sorted(folder.glob(f"x_{name}_*_raw.{name}"))
            shown = sorted(set(folder.glob(f"x_{name}_*.{name}")) - set(values))
            numpy.testing.assert_array_equal(readers.read_pictures(name, values), pixels)
            numpy.testing.assert_array_equal(
                numpy.array(readers.read_pictures(name, shown))[..., 0], auto(pixels))

    def check_resolution(self, row, folder):
        for name in row.formats:
            path = readers.found_files(folder, name)[0]
            if name == "zip":
                with readers.zipfile.ZipFile(path) as archive:
                    path = readers.io.BytesIO(archive.read(archive.namelist()[0]))
            with self.subTest(format=name), readers.Image.open(path) as image:
                self.assertAlmostEqual(float(image.info["dpi"][0]), 200, delta=0.1)

    def check_smaller(self, row, folder):
        better = folder / "better"
        for name in row.formats:
            self.export(row, [name], better, words=[row.words[0], "2" if name != "jpg" else "98"])
            self.assertLess(sum(path.stat().st_size for path in readers.found_files(folder, name)),
                            sum(path.stat().st_size for path in readers.found_files(better, name)))
        for name in row.formats:
            self.assertEqual(len(self.pictures(folder, name)), 6)

    def check_previewed(self, row, folder):
        """The first frame in its own contrast, whatever the format; nothing else is written."""
        paths, pixels = self.sources.of["bytes"]
        folder.mkdir()
        for name in ("hdf5", "png", "zip"):
            preview = folder / f"{name}.png"
            done = run_framelog(["export", *paths, "--input-shape", "6x16x20", "--input-dtype",
                                 "uint16", "--to", name, row.words[0], preview])
            self.assertEqual(done.returncode, 0, done.stderr)
            numpy.testing.assert_array_equal(readers.picture_of(preview)[..., 0],
                                             levels_of(pixels[0]))
        self.assertEqual(len(list(folder.iterdir())), 3)

    def check_paced(self, _row, folder):
        with readers.Image.open(folder / "x_gif.gif") as movie:
            self.assertEqual((movie.n_frames, movie.info["duration"]), (6, 200))
        for name in ("webm", "mp4"):
            times = readers.read_video(folder / f"x_{name}.{name}")[1]
            numpy.testing.assert_allclose(times, numpy.arange(6) / 5, atol=0.001)

    def check_bitmaps(self, _row, folder):
        with readers.zipfile.ZipFile(folder / "x_zip.zip") as archive:
            self.assertEqual({name[-4:] for name in archive.namelist()}, {".bmp"})

    def check_dry(self, row, folder):
        for group in self.groups(FORMATS):
            said = self.export(row, group, folder)
            for name in group:
                self.assertRegex(said, rf"output +{name}, about .*x_{name}")
        self.assertFalse(folder.exists())

    def check_by_list(self, row, folder):
        jobs = self.scratch / "jobs.txt"
        jobs.write_text("".join(
            " ".join(f"'{word}'" for word in self.call(row, group, folder)) + "\n"
            for group in self.groups(FORMATS)))
        done = run_framelog(["export", "--jobs", jobs])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.compare(row, folder, FORMATS)

    def check_in_two(self, row, folder):
        paths = self.sources.of["run"][0]
        for group in self.groups(FORMATS):
            lines = run_framelog(["export", *paths, "--to", ",".join(group), "--output-folder",
                                  folder, *row.words]).stdout.splitlines()
            jobs = [line for line in lines if not line.startswith("#")]
            self.assertEqual(len(jobs), 2)
            for job, path in zip(jobs, paths):
                self.assertIn(path.name, job)
                self.assertIn(",".join(group), job)

    def check_deleted(self, row, folder):
        for group in self.groups(FORMATS):
            self.export(row, group, folder, words=["--delete", "--yes"])
        self.assertEqual(sorted(path.name for path in folder.iterdir()), [])

    def check_helped(self, _row, _folder):
        self.assertEqual(run_framelog(["export", "--help", "--to", "npy"]).returncode, 0)

    def test_every_option_and_every_format_is_in_the_table(self):
        said = run_framelog(["export", "--help"]).stdout
        options = set(re.findall(r"--([a-z][a-z-]*)", said))
        self.assertEqual(options, {option for row in TABLE for option in row.options})
        listed = run_framelog(["help", "export"]).stdout.split("\n\n")[1]
        self.assertEqual(tuple(line.split()[0] for line in listed.splitlines()[1:]), FORMATS)

    def test_colour_maps_have_their_colours(self):
        for name, wanted in readers.ANCHORS.items():
            found = readers.colours_of(name)[[0, 128, 255]]
            self.assertLessEqual(numpy.abs(found - wanted).max(), 1, name)


if __name__ == "__main__":
    recorder.main()
