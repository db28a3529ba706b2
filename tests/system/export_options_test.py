#!/usr/bin/env python3
"""Every option of `framelog export` with every format: what an independent reader finds is what
NumPy makes of the recording, and where an option means nothing to a format the export is refused
with one line that names both. The table is export_table.py. Faults are in export_test.py and
export_faults_test.py, metadata in export_formats_test.py."""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import tempfile
import unittest

import export_readers as readers
import recorder
from export_readers import DATA, FORMATS, MOVIES, PICTURES, levels_of, slices_of
from export_table import TABLE, Sources, auto, between, repeated, run_framelog
from recorder import h5py, numpy

ZOOM = ["--zoom", "8"]


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

    def test_options_that_some_of_the_formats_have(self):
        """They are for those; the others are written without them."""
        whole = TABLE[0]
        for formats, words in ((["npz", "hdf5", "ome-tiff", "csv"], ["--compression", "gzip-3"]),
                               (["raw", "ome-tiff", "npz"], ["--endian", "big"]),
                               (["gif", "webm"], ["--movie-quality", "60"])):
            folder = self.scratch / formats[0]
            self.export(whole, formats, folder, words=words)
            self.compare(whole, folder, [name for name in formats if name != "webm"])
            if "hdf5" in formats:
                with h5py.File(folder / "x_hdf5.h5") as file:
                    packing = file[readers.PIXELS["nexus"]].id.get_create_plist()
                self.assertGreater(packing.get_nfilters(), 0)

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
                is_red = picture[..., 0] > picture[..., 1:].max(axis=2) + 60
                self.assertGreater(is_red.sum(), 60)

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
