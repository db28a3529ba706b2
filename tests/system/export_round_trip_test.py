#!/usr/bin/env python3
"""Recording -> each dataset format -> our own readers: what comes back is what README.md's table says,
no less and no more."""

import csv
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import recorder
from recorder import FRAMELOG, h5py, numpy

try:
    import tifffile
except ImportError:
    recorder.skip_all("python3-tifffile is not installed")

HEIGHT, WIDTH = 8, 12
INSTRUMENT = """
[instrument]
title = Kalibrierung äöü
channel = HAADF
value_unit = counts
pixel_size = 0.5 um, 0.25 um
"""
SCAN = INSTRUMENT + "scan = 3 x 4\nscan_step = 2 nm, 3 nm\n"
CUT = ("--cutout", "t=2:9, y=2:8, x=3:11", "--bin", "2x4")

# Of README.md's table: the words of its first column, and how such a file is made.
FORMATS = {
    "`hdf5`": ("hdf5", "nexus"), "`hdf5 --layout ilastik`": ("hdf5", "ilastik"),
    "`hdf5 --layout playnano`": ("hdf5", "playnano"),
    "`hdf5 --layout pymodaq`": ("hdf5", "pymodaq"),
    "`hdf5 --layout quant4d`": ("hdf5", "quant4d"),
    "`raw`": ("raw", ""), "`ome-tiff`": ("ome-tiff", ""), "`imagej-tiff`": ("imagej-tiff", ""),
    "`npz`": ("npz", ""), "`npy`": ("npy", "")}
COLUMNS = ["scans", "times", "date", "numbers", "pixel size and origin", "scan step",
           "name and unit", "provenance"]
EXTENSIONS = {"hdf5": ".h5", "raw": ".raw", "npy": ".npy", "npz": ".npz", "ome-tiff": ".ome.tif",
              "imagej-tiff": ".tif"}


def table():
    """{first column: {column: word}} of the table in README.md."""
    rows = {}
    lines = iter((recorder.ROOT / "README.md").read_text(encoding="utf-8").splitlines())
    for line in lines:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[1:] == COLUMNS:
            break
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        rows[cells[0]] = dict(zip(COLUMNS, cells[1:]))
    return rows


class Source:
    """A recording, and what an export of it with `options` has to hold, by h5py and NumPy."""

    def __init__(self, path, options, shape=None):
        self.path, self.options = path, options
        with h5py.File(path) as file:
            self.pixels = file["/entry/data/data"][:]
            self.records = file[recorder.READOUT + "/frame_table"][:]
            self.start_ns = int(file[recorder.READOUT + "/run_start_utc_ns"][()])
            self.calibrated = file["/entry/data/x"].attrs["units"] == "um"
        self.axes = {"y": (0, 0.5), "x": (0, 0.25)}
        self.scan_step = None
        if options == CUT:
            part = self.pixels[2:9, 2:8, 3:11].reshape(7, 3, 2, 2, 4)
            self.pixels, self.records = part.sum(axis=(2, 4), dtype="u4"), self.records[2:9]
            self.axes = {"y": (1.25, 1), "x": (1.125, 1)}
        self.flat = self.pixels
        if shape:
            self.pixels = self.pixels.reshape(*shape, *self.pixels.shape[1:])
            self.scan_step = [2, 3]


class Back:
    """What our readers make of an exported file: exported again, in one pass, and read by others."""

    def __init__(self, path, folder):
        done = framelog("export", path, "--to", "npy,csv,hdf5", "--output-folder", folder,
                        "--output-name", "back")
        assert done.returncode == 0, f"{path}: {done.stdout}{done.stderr}"
        self.pixels = numpy.load(folder / "back.npy")
        with open(folder / "back.csv", newline="", encoding="utf-8") as file:
            self.rows = list(csv.DictReader(file))
        with h5py.File(folder / "back.h5") as file:
            data = file["/entry/data"]
            self.axes = [name if isinstance(name, str) else name.decode()
                         for name in data.attrs["axes"]]
            self.scales = {name: (data[name][:], data[name].attrs.get("units", ""))
                           for name in self.axes if name in data}
            self.value_unit = data["data"].attrs["units"]
            self.channel = file[recorder.DETECTOR + "/local_name"][()].decode()
            self.start_ns = int(file[recorder.READOUT + "/run_start_utc_ns"][()])
            self.provenance = json.loads(file["/entry/provenance/data"][()])

    def column(self, name):
        texts = [row.get(name, "") for row in self.rows]
        return numpy.array([int(text) for text in texts]) if all(texts) else None

    def seconds(self):
        texts = [row.get("time [s]", "") for row in self.rows]
        return numpy.array([float(text) for text in texts]) if all(texts) else None


def framelog(*arguments):
    return subprocess.run([FRAMELOG, *map(str, arguments)], capture_output=True, text=True,
                          timeout=recorder.LONG_S, check=False, stdin=subprocess.DEVNULL)


class RoundTrips(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="framelog-round-")
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = pathlib.Path(scratch.name)
        cls.table = table()
        cls.made = {}  # What there() has made already.
        stack = cls.record("stack", INSTRUMENT, 10)
        cls.sources = {
            "stack": Source(stack, ()), "cut": Source(stack, CUT),
            "plain": Source(cls.record("plain", "", 1), ()),
            "scan": Source(cls.record("scan", SCAN, 12), (), (3, 4)),
            "scans": Source(cls.record("scans", SCAN, 24), (), (2, 3, 4))}

    @classmethod
    def record(cls, name, extra, frames):
        config = cls.folder / f"{name}.conf"
        base = cls.folder / name
        config.write_text(
            "[source]\ndriver = simulator\npattern = ramp\nrate = max\n"
            f"width = {WIDTH}\nheight = {HEIGHT}\n[files]\nbase = {base}\n{extra}", encoding="utf-8")
        subprocess.run([recorder.FRAMELOGD, "--config", config, "--frames", str(frames), "--set",
                        "control.socket=off", "--set", "retention.min_free=0 B"], check=True,
                       capture_output=True, timeout=recorder.LONG_S)
        paths = sorted(path for path in base.rglob("*.h5") if "master" not in path.name)
        return paths[0] if len(paths) == 1 else paths

    def there(self, name, form, layout, *more):
        """The exported file; none where the format takes no such array."""
        source = self.sources[name]
        key = f"{name}-{form}-{layout}{len(more)}"
        if key in self.made:
            return self.made[key]
        self.made[key] = None
        folder = self.folder / key
        done = framelog("export", source.path, "--to", form, "--output-folder", folder,
                        "--output-name", "there", *source.options, *more,
                        *(("--layout", layout) if layout else ()))
        if done.returncode == 2 and not more:
            self.assertIn("--flat", done.stderr)
            return None
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        path, = [path for path in folder.iterdir() if path.name.endswith(EXTENSIONS[form])]
        self.made[key] = path
        return path

    def back(self, name, words, *more):
        path = self.there(name, *FORMATS[words], *more)
        return path and Back(path, path.parent / "again")

    def each(self, check, *names):
        """Every format with every one of the recordings: what comes back, and what it should hold."""
        for words, row in self.table.items():
            for name in names:
                with self.subTest(format=words, recording=name):
                    check(self.back(name, words) or self.back(name, words, "--flat"),
                          self.sources[name], row)

    def test_the_table_has_every_format(self):
        self.assertEqual(set(self.table), set(FORMATS))

    def test_stacks(self):
        self.each(self.check_stack, "stack", "cut", "plain")

    def check_stack(self, found, source, row):
        self.check_frames(found, source.pixels, source, row)
        wanted = source.records["source_sequence"] if row["numbers"] == "yes" else \
            numpy.arange(len(source.records))
        numpy.testing.assert_array_equal(found.column("source_sequence"), wanted)

    def check_frames(self, found, pixels, source, row):
        self.assertEqual(found.pixels.dtype, pixels.dtype)
        numpy.testing.assert_array_equal(found.pixels, pixels)
        self.check_times(found, source, row)
        self.check_sizes(found, source, row)
        self.check_names(found, source, row)
        self.check_provenance(found, source, row)

    def test_scans(self):
        self.each(self.check_scan, "scan", "scans")

    def check_scan(self, found, source, row):
        scans = {"yes": True, "one": source.pixels.ndim == 4, "refused": False}[row["scans"]]
        self.check_frames(found, source.pixels if scans else source.flat, source, row)
        self.assertEqual("scan_x" in found.axes, scans)
        if not scans:
            return
        for axis, step in zip(("scan_y", "scan_x"), source.scan_step):
            scale, unit = found.scales[axis]
            step, name = (step, "nm") if row["scan step"] == "yes" else (1, "")
            numpy.testing.assert_allclose(scale, step * numpy.arange(len(scale)), rtol=1e-12)
            self.assertEqual(unit, name)

    def test_scans_are_refused_where_the_table_says_so(self):
        for words, row in self.table.items():
            with self.subTest(format=words):
                refused = {"refused": ["scan", "scans"], "one": ["scans"]}.get(row["scans"], [])
                self.assertEqual([name for name in ("scan", "scans")
                                  if self.there(name, *FORMATS[words]) is None], refused)

    def check_times(self, found, source, row):
        seconds, utc = found.seconds(), found.column("utc_ns [ns]")
        clock = source.records["utc_ns" if row["times"] == "1 us" else "monotonic_ns"]
        wanted = (clock - clock[0]) * 1e-9
        tolerance = {"exact": 2e-10, "1 us": 1e-6}.get(row["times"])
        if tolerance is None:
            self.assertIsNone(seconds)
        else:
            numpy.testing.assert_allclose(seconds, wanted, rtol=0, atol=tolerance)
        tolerance = {"exact": 0, "1 us": 1000}.get(row["date"])
        if tolerance is None:
            self.assertIsNone(utc)
        else:
            self.assertLessEqual(numpy.abs(utc - source.records["utc_ns"]).max(), tolerance)
            if "scan_x" not in found.axes:  # The axis of time begins where the recording's does.
                self.assertLessEqual(abs(found.start_ns - source.start_ns), tolerance + 1)

    def check_sizes(self, found, source, row):
        for axis, (origin, step) in source.axes.items():
            scale, unit = found.scales[axis]
            if row["pixel size and origin"] == "no" or not source.calibrated:
                origin, step, name = 0, 1, "px"
            else:
                name = "um"
            numpy.testing.assert_allclose(scale, origin + step * numpy.arange(len(scale)),
                                          rtol=1e-9, atol=1e-12)
            self.assertEqual(unit, name)

    def check_names(self, found, source, row):
        if not source.calibrated:
            return
        channel, unit = {"yes": ("HAADF", "counts"), "name": ("HAADF", ""),
                         "unit": ("", "counts"), "no": ("", "")}[row["name and unit"]]
        self.assertEqual((found.channel, found.value_unit), (channel, unit))

    def check_provenance(self, found, source, row):
        """That of the first export, as it was, is among the sources of the second."""
        told, = [one for one in found.provenance["sources"] if one] or [None]
        self.assertEqual(told is not None, row["provenance"] == "yes")
        if told is None:
            return
        self.assertEqual([one["path"] for one in told["files"]["inputs"]], [str(source.path)])
        steps = [step["name"] for step in told["processing"]["steps"]]
        if source.options:
            self.assertEqual(steps[-2:], ["cut", "bin"])
        self.assertEqual(found.provenance["processing"]["steps"][:len(steps)],
                         told["processing"]["steps"])
        with h5py.File(source.path) as file:
            self.assertEqual(told["sources"], [json.loads(file["/entry/provenance/data"][()])])

    def test_points_without_a_frame(self):
        """Of a scan whose second line is not there: zeros, where the points are."""
        first, _, last = self.record("lines", SCAN + "[roll]\nmax_frames = 4\n", 12)
        folder = self.folder / "holes"
        done = framelog("export", first, last, "--to", "hdf5,raw,ome-tiff,npz", "--output-folder",
                        folder, "--output-name", "there")
        self.assertEqual(done.returncode, 0, done.stderr)
        wanted = self.sources["scan"].pixels.copy()
        wanted[1] = 0
        for form in ("hdf5", "raw", "ome-tiff", "npz"):
            with self.subTest(format=form):
                path, = folder.glob("there*" + EXTENSIONS[form])
                found = Back(path, folder / form)
                numpy.testing.assert_array_equal(found.pixels, wanted)

    def test_csv_is_no_recording(self):
        folder = self.folder / "csv"
        source = self.sources["stack"].path
        done = framelog("export", source, "--to", "csv", "--output-folder", folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        path, = folder.iterdir()
        done = framelog("export", path, "--to", "npy", "--output-folder", folder)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("unknown format", done.stderr)
        self.assertEqual(list(folder.iterdir()), [path])

    def test_the_provenance_of_a_tiff_is_a_text(self):
        """Of the type ASCII, whose bytes are UTF-8: playNano and tifffile read a str."""
        for words in ("`ome-tiff`", "`imagej-tiff`"):
            path = self.there("stack", *FORMATS[words])
            with tifffile.TiffFile(path) as file:
                tag = file.pages[0].tags[65000]
                self.assertEqual(int(tag.dtype), 2)
                self.assertIsInstance(tag.value, str)
                told = json.loads(tag.value)
            self.assertIn("Kalibrierung äöü", told["configuration"]["text"])


if __name__ == "__main__":
    os.environ["SOURCE_DATE_EPOCH"] = "1700000000"
    recorder.main()
