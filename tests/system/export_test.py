#!/usr/bin/env python3
"""`framelog export` and `framelog snapshot` as a user has them: what is written, named, refused and
cleaned up. The formats themselves are read back in export_formats_test.py and export_media_test.py."""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import zipfile

import recorder
from recorder import FRAMELOG, h5py, numpy

try:
    import PIL.Image as Image
except ImportError:
    recorder.skip_all("python3-pil is not installed")

INSTRUMENT = """
[instrument]
pixel_size = 0.5 um
"""
SCAN = """
[instrument]
pixel_size = 0.1 um
scan = 4 x 5
scan_step = 2 nm
[detector.bright]
shape = disc
outer = 4 px
[product.patterns]
detectors = bright
"""


def framelog(*arguments, **others):
    others.setdefault("env", {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
    return subprocess.run([FRAMELOG, *map(str, arguments)], capture_output=True, text=True,
                          timeout=recorder.LONG_S, check=False, stdin=subprocess.DEVNULL, **others)


class Exports(recorder.Case):
    """Recordings of 24 frames of 16 x 20 pixels in two segments, and of a scan."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="framelog-export-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.recordings = pathlib.Path(cls.scratch.name) / "recordings"
        cls.record_to(cls.recordings / "run", INSTRUMENT + "[roll]\nmax_frames = 12\n", 24,
                      width=20, height=16, rate="25 Hz")
        cls.record_to(cls.recordings / "scan", SCAN, 20, width=12, height=8)

    @classmethod
    def record_to(cls, base, extra, frames, **source):
        keys = {"driver": "simulator", "pattern": "ramp", "rate": "max", **source}
        config = base.parent / f"{base.name}.conf"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text("[source]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items()) +
                          f"[files]\nbase = {base}\n{extra}")
        subprocess.run([recorder.FRAMELOGD, "--config", config, "--frames", str(frames), "--set",
                        "control.socket=off", "--set", "retention.min_free=0 B"], check=True,
                       capture_output=True, timeout=recorder.LONG_S)

    def setUp(self):
        super().setUp()
        self.out = self.directory / "out"
        self.segments = [s.path for s in recorder.finished(self.recordings / "run")]
        self.pixels = numpy.concatenate([s.pixels for s in recorder.finished(self.recordings / "run")])
        self.scan, = [s.path for s in recorder.finished(self.recordings / "scan")]
        self.scan_pixels = recorder.Segment(self.scan).pixels

    def export(self, *arguments, status=0, **others):
        done = framelog("export", *arguments, **others)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        if status != 0:
            self.assertEqual(len([line for line in done.stderr.splitlines()
                                  if not line.startswith("framelog: note:")
                                  and not re.search(r" to \d+ outputs?, about ", line)]), 1, done.stderr)
        return done.stdout + done.stderr

    def written(self):
        return sorted(str(path.relative_to(self.out)) for path in self.out.rglob("*")
                      if path.is_file()) if self.out.exists() else []

    def to(self, *formats):
        return ["--to", ",".join(formats), "--output-folder", self.out]


class Results(Exports):
    """Every option that changes the array, beside NumPy."""

    CASES = [
        ([], lambda a: a),
        (["--cutout", "t=3:9, y=2:14, x=4:20"], lambda a: a[3:9, 2:14, 4:20]),
        (["--cutout", "t=20:"], lambda a: a[20:]),
        (["--every", "5"], lambda a: a[::5]),
        (["--bin", "2x4"], lambda a: a.reshape(24, 8, 2, 5, 4).sum(axis=(2, 4), dtype="u8")),
        (["--bin", "2x2", "--bin-mode", "mean"],
         lambda a: numpy.floor(a.reshape(24, 8, 2, 10, 2).mean(axis=(2, 4)) + 0.5)),
        (["--dtype", "float32"], lambda a: a.astype("f4")),
        (["--dtype", "uint8", "--saturate"], lambda a: numpy.minimum(a, 255).astype("u1")),
        (["--renormalise", "0, 500 -> 0, 100", "--dtype", "uint8", "--saturate"],
         lambda a: numpy.minimum(numpy.rint(a * 0.2), 255).astype("u1")),
        (["--axes", "xyt"], lambda a: a.transpose(2, 1, 0)),
        (["--axes", "tzyxc"], lambda a: a[:, None, :, :, None]),
        (["--cutout", "t=5:6", "--axes", "yx"], lambda a: a[5]),
    ]

    def test_npy_of_every_option(self):
        for options, wanted in self.CASES:
            with self.subTest(options=options):
                shutil.rmtree(self.out, ignore_errors=True)
                self.export(*self.segments, *self.to("npy"), *options)
                name, = self.written()
                found = numpy.load(self.out / name)
                expected = wanted(self.pixels)
                self.assertEqual(found.shape, expected.shape)
                numpy.testing.assert_allclose(found, expected, rtol=1e-6)

    def test_options_of_scans(self):
        scan = self.scan_pixels.reshape(4, 5, 8, 12)
        for options, wanted in [
                ([], scan),
                (["--cutout", "sy=1:3, sx=2:5, y=0:4"], scan[1:3, 2:5, :4]),
                (["--subsample", "sy=2,sx=3"], scan[::2, ::3]),
                (["--flat"], self.scan_pixels),
                (["--axes", "y,x,sy,sx"], scan.transpose(2, 3, 0, 1))]:
            with self.subTest(options=options):
                shutil.rmtree(self.out, ignore_errors=True)
                self.export(self.scan, *self.to("npy"), *options)
                name, = self.written()
                numpy.testing.assert_array_equal(numpy.load(self.out / name), wanted)

    def test_times_choose_frames(self):
        times = recorder.Segment(self.segments[0]).records["utc_ns"]
        at = numpy.datetime64(int(times[4]) // 1_000_000_000 * 1_000_000_000 + 1_000_000_000, "ns")
        text = str(at.astype("datetime64[s]")) + "Z"
        self.export(self.segments[0], *self.to("npy"), "--until", text)
        name, = self.written()
        wanted = recorder.Segment(self.segments[0]).pixels[times < at.astype("int64")]
        numpy.testing.assert_array_equal(numpy.load(self.out / name), wanted)

    def test_every_dataset_format_is_a_recording_again(self):
        """Recording -> format -> NPY: identical pixels, whatever lies between."""
        for name, options in [("hdf5", []), ("hdf5", ["--layout", "ilastik"]),
                              ("hdf5", ["--layout", "playnano"]), ("hdf5", ["--layout", "pymodaq"]),
                              ("hdf5", ["--compression", "gzip-4"]), ("raw", []),
                              ("raw", ["--endian", "big"]), ("npy", []), ("npz", []),
                              ("ome-tiff", []), ("imagej-tiff", [])]:
            with self.subTest(format=name, options=options):
                shutil.rmtree(self.out, ignore_errors=True)
                report = json.loads(framelog("export", *self.segments, *self.to(name), *options,
                                             "--json").stdout)
                first = report["outputs"][0]["path"]
                again = self.out / "again.npy"
                self.export(first, "--to", "npy", "--output-folder", self.out, "--output-name", "again")
                numpy.testing.assert_array_equal(numpy.load(again).squeeze(), self.pixels)

    def test_round_trips_keep_times_and_calibration(self):
        """What DESIGN.md says of each format."""
        seconds = {}
        for name in ("hdf5", "raw", "npz", "ome-tiff"):
            shutil.rmtree(self.out, ignore_errors=True)
            report = json.loads(framelog("export", *self.segments, *self.to(name), "--json").stdout)
            first = report["outputs"][0]["path"]
            again = json.loads(framelog("export", first, "--to", "npy", "--dry-run", "--json").stdout)
            self.assertIn("um", again["source"]["pixel_size"]["x"].replace("nm", "um"), name)
            csv = self.out / "again.csv"
            self.export(first, "--to", "csv", "--output-folder", self.out, "--output-name", "again")
            rows = csv.read_text().splitlines()
            at = rows[0].split(",").index("time [s]")
            seconds[name] = numpy.array([float(row.split(",")[at] or "nan") for row in rows[1:]])
            self.assertEqual(len(seconds[name]), 24)
        for name, found in seconds.items():
            numpy.testing.assert_allclose(found, seconds["hdf5"], atol=2e-3, err_msg=name)

    def test_several_formats_in_one_pass(self):
        self.export(self.segments[0], *self.to("hdf5", "raw", "npy", "csv"))
        suffixes = sorted(pathlib.Path(name).suffix for name in self.written())
        self.assertEqual(suffixes, sorted([".csv", ".frames", ".h5", ".json", ".npy", ".raw"]))

    def test_the_same_bytes_twice(self):
        for name in ("hdf5", "npz", "ome-tiff", "png", "zip", "raw", "csv"):
            with self.subTest(format=name):
                found = []
                for turn in range(2):
                    shutil.rmtree(self.out, ignore_errors=True)
                    self.export(self.segments[0], *self.to(name))
                    found.append({path: (self.out / path).read_bytes() for path in self.written()})
                    time.sleep(0.01 * turn)
                self.assertEqual(found[0], found[1])

    def test_several_runs_are_the_scans_of_one_pymodaq_file(self):
        base = self.directory / "runs"
        for _ in range(2):
            self.record_to(base, INSTRUMENT, 5, width=8, height=6)
        said = self.export(base, *self.to("hdf5"), "--layout", "pymodaq")
        name, = self.written()
        with h5py.File(self.out / name) as file:
            for scan, segment in zip(("Scan000", "Scan001"), recorder.finished(base)):
                found = []
                file["RawData"][scan].visititems(
                    lambda path, node, to=found: to.append(node[()]) if path.endswith("EnlData00")
                    and node.ndim == 3 else None)
                self.assertEqual(len(found), 1, said)
                numpy.testing.assert_array_equal(found[0], segment.pixels)

    def test_raw_for_quant4d_says_its_shape_and_is_read_by_it(self):
        self.export(self.scan, *self.to("raw"), "--dtype", "float32")
        raw, = [name for name in self.written() if name.endswith(".raw")]
        self.assertTrue(raw.endswith("_12x8x5x4.raw"), raw)
        alone = self.directory / "foreign_12x8x5x4.raw"
        shutil.copyfile(self.out / raw, alone)
        self.export(alone, "--to", "npy")
        numpy.testing.assert_array_equal(
            numpy.load(self.directory / "foreign_12x8x5x4_export.npy"),
            self.scan_pixels.reshape(4, 5, 8, 12).astype("f4"))

    def test_raw_bytes_that_are_described(self):
        path = self.directory / "bytes.dat.raw"
        self.pixels.tofile(path)
        self.export(path, "--input-shape", "24x16x20", "--input-dtype", "uint16", *self.to("npy"))
        numpy.testing.assert_array_equal(numpy.load(self.out / self.written()[0]), self.pixels)

    def test_processed_stacks_say_so_in_their_names(self):
        self.export(self.segments[0], *self.to("npy"), "--process", "zero_mean")
        name, = self.written()
        self.assertTrue(name.endswith("_filtered.npy"), name)

    def test_ilastik_truncates_where_it_is_asked_for(self):
        self.export(self.segments[0], *self.to("npy"), "--renormalise", "0, 3 -> 0, 1", "--compat",
                    "ilastik", "--dtype", "uint8")
        found = numpy.load(self.out / self.written()[0])
        source = recorder.Segment(self.segments[0]).pixels.astype("f4")
        wanted = (source * (numpy.float32(1) / numpy.float32(3))).astype("i8") & 255
        self.assertLessEqual(int(numpy.abs(found.astype(int) - wanted).max()), 1)


class Pictures(Exports):
    def test_a_sequence(self):
        self.export(self.segments[0], *self.to("png"), "--output-name", "p_{slice_index:03}",
                    "--contrast", "0, 255")
        self.assertEqual(self.written(), [f"p_{i:03}.png" for i in range(12)])
        picture = numpy.asarray(Image.open(self.out / "p_003.png").convert("L"))
        numpy.testing.assert_array_equal(picture, numpy.minimum(self.pixels[3], 255))

    def test_raw_values_of_a_sequence(self):
        self.export(self.segments[0], *self.to("tif"), "--images", "raw", "--cutout", "t=0:2")
        for number, name in enumerate(self.written()):
            numpy.testing.assert_array_equal(numpy.asarray(Image.open(self.out / name)),
                                             self.pixels[number])

    def test_projections_and_kymographs(self):
        for options, wanted in [(["--projection", "max"], self.pixels.max(axis=0)),
                                (["--projection", "mean"], self.pixels.mean(axis=0)),
                                (["--kymograph", "y=3"], self.pixels[:, 3, :]),
                                (["--kymograph", "x=7"], self.pixels[:, :, 7])]:
            with self.subTest(options=options):
                shutil.rmtree(self.out, ignore_errors=True)
                self.export(*self.segments, *self.to("npy"), *options)
                found = numpy.load(self.out / self.written()[0]).squeeze()
                numpy.testing.assert_allclose(found, wanted, rtol=1e-6)

    def test_a_kymograph_keeps_to_the_memory(self):
        frames = numpy.arange(100_000 * 16, dtype="u1").reshape(-1, 1, 16)
        path = self.directory / "long.bin"
        frames.tofile(path)
        kymograph = [path, "--input-shape", "100000x1x16", "--input-dtype", "uint8",
                     *self.to("npy"), "--kymograph", "y=0"]
        said = self.export(*kymograph, "--memory", "16 MiB", status=2)
        self.assertIn("--every", said)
        self.assertEqual(self.written(), [])
        self.export(*kymograph, "--memory", "32 MiB")
        numpy.testing.assert_array_equal(numpy.load(self.out / self.written()[0]).squeeze(),
                                         frames[:, 0])

    def test_a_contact_sheet(self):
        self.export(self.segments[0], *self.to("png"), "--contact-sheet=4")
        self.assertEqual(len(self.written()), 1)
        with Image.open(self.out / self.written()[0]) as sheet:
            self.assertGreaterEqual(sheet.width, 4 * 20)

    def test_images_of_a_scan(self):
        listed = framelog("export", self.scan, "--list-images").stdout.split()
        self.assertTrue(any(name.startswith("bright") for name in listed), listed)
        self.export(self.scan, *self.to("npy"), "--image", "sum")
        name, = self.written()
        numpy.testing.assert_array_equal(numpy.load(self.out / name).squeeze(),
                                         self.scan_pixels.sum(axis=0))
        shutil.rmtree(self.out)
        self.export(self.scan, "--output-folder", self.out, "--image", "all")
        suffixes = {pathlib.Path(name).suffix for name in self.written()}
        self.assertEqual(suffixes, {".tif", ".png"})

    def test_detectors_that_are_given(self):
        self.export(self.scan, *self.to("npy"), "--image", "box", "--detector",
                    "box rectangle y=0:4 x=0:6")
        wanted = self.scan_pixels[:, :4, :6].sum(axis=(1, 2)).reshape(4, 5)
        numpy.testing.assert_array_equal(numpy.load(self.out / self.written()[0]).squeeze(), wanted)

    def test_a_preview(self):
        preview = self.directory / "preview.png"
        self.export(self.segments[0], "--bin", "2x2", "--preview", preview)
        with Image.open(preview) as picture:
            self.assertEqual(picture.size, (10, 8))
        self.export(self.segments[0], "--preview", preview, status=1)

    def test_products_on_top_of_each_other(self):
        base = self.directory / "two"
        self.record_to(base, "[product.a]\n[product.b]\n", 4, width=8, height=6)
        self.export(base, *self.to("png"), "--composite", "a=red,b=blue", "--cutout", "t=1:2",
                    "--contrast", "0, 255")
        picture = numpy.asarray(Image.open(self.out / self.written()[0]).convert("RGB"))
        grey = numpy.minimum(recorder.ramp(1, 6, 8), 255)
        numpy.testing.assert_array_equal(picture[..., 0], grey)
        numpy.testing.assert_array_equal(picture[..., 2], grey)
        self.assertEqual(int(picture[..., 1].max()), 0)

    def test_a_zip_of_pictures(self):
        self.export(self.segments[0], *self.to("zip"))
        with zipfile.ZipFile(self.out / self.written()[0]) as file:
            self.assertEqual(len(file.namelist()), 12)


class Names(Exports):
    def test_the_example_of_pymodaq(self):
        """2018/20181220/Data_20181220_16_58_48.h5"""
        self.export(self.segments[0], *self.to("hdf5"), "--output-name",
                    "{start:%Y}/{start:%Y%m%d}/Data_{start:%Y%m%d_%H_%M_%S}")
        name, = self.written()
        self.assertRegex(name, r"^(\d{4})/(\1\d{4})/Data_\2_\d\d_\d\d_\d\d\.h5$")

    def test_fields(self):
        self.export(self.segments[0], *self.to("npy"), "--cutout", "t=2:5, y=1:9", "--output-name",
                    "{instrument}_{t_start}-{t_stop}_{y_start}-{y_stop}_{x_stop}_{dtype}_{width}")
        self.assertEqual(self.written(), ["run_2-5_1-9_20_uint16_20.npy"])

    def test_beside_the_input_by_default(self):
        copy = self.directory / "copy.h5"
        shutil.copyfile(self.segments[0], copy)
        self.export(copy, "--to", "npy")
        self.assertTrue((self.directory / "copy_export.npy").exists())
        self.export(copy, "--to", "npy", "--output-name", "{dataset_dir}/sub/{nickname}")
        self.assertTrue((self.directory / "sub/copy.npy").exists())

    def test_a_dry_run_tells_them_and_writes_nothing(self):
        said = self.export(self.segments[0], *self.to("hdf5", "png"), "--dry-run")
        self.assertIn(str(self.out), said)
        self.assertIn("12 files", said)
        self.assertFalse(self.out.exists())

    def test_what_is_there_stays(self):
        self.export(self.segments[0], *self.to("npy"), "--output-name", "a")
        before = (self.out / "a.npy").stat().st_mtime_ns
        said = self.export(self.segments[1], *self.to("npy"), "--output-name", "a", status=1)
        self.assertIn("never overwrites", said)
        self.export(self.segments[1], *self.to("npy", "csv"), "--output-name", "a", "--on-exists", "skip")
        self.assertEqual(self.written(), ["a.csv", "a.npy"])
        self.export(self.segments[1], *self.to("npy"), "--output-name", "a", "--on-exists", "rename")
        self.assertEqual(self.written(), ["a.csv", "a.npy", "a_1.npy"])
        self.assertEqual((self.out / "a.npy").stat().st_mtime_ns, before)

    def test_an_export_beside_its_segments_is_not_a_part_of_the_run(self):
        for segment in self.segments:
            shutil.copyfile(segment, self.directory / segment.name)
        self.export(self.directory, "--to", "hdf5,ome-tiff,raw", "--cutout", "t=15:20")
        self.export(self.directory, "--to", "hdf5", "--bin", "2x2", "--output-name", "a_first")
        self.export(self.directory, *self.to("npy"), "--output-name", "all")
        numpy.testing.assert_array_equal(numpy.load(self.out / "all.npy"), self.pixels)
        self.export(self.directory / "*_export.h5", *self.to("npy"), "--output-name", "part")
        numpy.testing.assert_array_equal(numpy.load(self.out / "part.npy"), self.pixels[15:20])

    def test_all_recordings(self):
        self.export(self.recordings / "run", self.recordings / "scan", *self.to("npy"), "--all")
        self.assertEqual(len(self.written()), 2)

    def test_earlier_exports_are_deleted_when_it_is_confirmed(self):
        arguments = [self.segments[0], *self.to("raw", "png")]
        self.export(*arguments)
        (self.out / "mine.txt").write_text("mine")
        self.export(*arguments, "--delete", status=1)
        self.assertGreater(len(self.written()), 2)
        self.export(*arguments, "--delete", "--yes")
        self.assertEqual(self.written(), ["mine.txt"])

    def test_the_input_is_never_taken_for_an_earlier_export(self):
        self.out.mkdir()
        shutil.copyfile(self.segments[0], self.out / "copy.h5")
        self.export(self.out / "copy.h5", "--to", "raw", "--output-name", "array")
        before = self.written()
        for name, given in [("copy.h5", "hdf5"), ("array.raw", "raw"), ("array.json", "raw")]:
            with self.subTest(name=name):
                said = self.export(self.out / name, "--to", given, "--output-name", "{nickname}",
                                   "--delete", "--yes", status=2)
                self.assertIn("is the input", said)
                self.assertEqual(self.written(), before)


class Refusals(Exports):
    """Each is one line, with what is allowed, and leaves nothing."""

    def test_bad_input(self):
        one = self.segments[0]
        for arguments, status, words in [
                ([one], 2, "--to"),
                ([], 2, "INPUT"),
                ([one, "--to", "hdf"], 2, "hdf5"),
                ([one, "--to", "npy", "--cutout", "t=5:5"], 2, "empty"),
                ([one, "--to", "npy", "--cutout", "t=5:50"], 2, "allowed"),
                ([one, "--to", "npy", "--cutout", "q=1:2"], 2, "axis"),
                ([one, "--to", "npy", "--cutout", "sy=0:1"], 2, "sy"),
                ([one, "--to", "npy", "--axes", "tqx"], 2, "axis"),
                ([one, "--to", "npy", "--axes", "tyy"], 2, "twice"),
                ([one, "--to", "npy", "--every", "0"], 2, "every"),
                ([one, "--to", "npy", "--bin", "99x1"], 2, "bin"),
                ([one, "--to", "npy", "--dtype", "uint9"], 2, "uint16"),
                ([one, "--to", "npy", "--dtype", "uint8"], 2, "saturate"),
                ([one, "--to", "npy", "--renormalise", "1,1->0,1"], 2, "min, max"),
                ([one, "--to", "npy", "--process", "sharpen"], 2, "sharpen"),
                ([one, "--to", "npy", "--mask", "/nowhere.png"], 1, "nowhere"),
                ([one, "--to", "npy", "--product", "none"], 2, "frames"),
                ([one, "--to", "npy", "--since", "soon"], 2, "since"),
                ([one, "--to", "npy", "--memory", "12"], 2, "memory"),
                ([one, "--to", "npy", "--output-name", "a{slice_index}"], 2, "slice_index"),
                ([one, "--to", "png", "--output-name", "a"], 2, "slice_index"),
                ([one, "--to", "png", "--colour-map", "rainbow"], 2, "viridis"),
                ([one, "--to", "png", "--contrast", "much"], 2, "percentile"),
                ([one, "--to", "png", "--zmin", "5", "--zmax", "1"], 2, "zmax"),
                ([one, "--to", "png", "--ink", "dark"], 2, "RRGGBB"),
                ([one, "--to", "npy", "--output-name", "../a"], 2, "dot"),
                ([one, "--to", "npy", "--output-name", "{nick}"], 2, "nickname"),
                ([one, "--to", "npy,npy"], 2, "twice"),
                ([one, "--to", "npy", "--image", "hum"], 2, "hum"),
                ([one, "--to", "npy", "--composite", "a=red"], 2, "a"),
                ([one, "--to", "npy", "--kymograph", "y=900"], 2, "y"),
                ([one, "--to", "hdf5", "--layout", "pymodaq", "--projection", "max"], 2, "tyx"),
                ([one, "--to", "hdf5", "--layout", "matlab"], 2, "nexus"),
                ([one, "--to", "hdf5", "--compression", "gzip-99"], 2, "gzip"),
                ([one, "--to", "imagej-tiff", "--dtype", "uint64"], 2, "uint64"),
                ([one, "--to", "npy", "--frobnicate"], 2, "unknown option"),
                ([one, "--to", "npy", "--outputfolder", "x"], 2, "output-folder"),
                ([self.scan, "--to", "npy", "--detector", "a disc"], 2, "outer"),
                (["/nowhere.h5", "--to", "npy"], 1, "nowhere"),
                ([self.recordings, "--to", "npy"], 2, "run"),
        ]:
            with self.subTest(arguments=arguments):
                said = self.export(*arguments, "--output-folder", self.out, status=status)
                self.assertIn(words, said)
                self.assertFalse(self.out.exists(), self.written())

    def test_damaged_and_growing_input(self):
        broken = self.directory / "broken.h5"
        broken.write_bytes(self.segments[0].read_bytes()[:5000])
        self.export(broken, *self.to("npy"), status=1)
        self.assertFalse(self.out.exists())
        config = self.simulate(rate="50 Hz", width=20, height=16)
        self.start(config)
        part = self.until(lambda: next(iter(self.base.rglob("*.part")), None), "a segment")
        self.until(lambda: "frames" in recorder.command("info", part).stdout, "a frame")
        time.sleep(1)
        said = self.export(part, *self.to("npy"))
        self.assertIn("not finished", said)
        found = numpy.load(self.out / self.written()[0])
        self.assertGreater(len(found), 0)
        numbers = self.until(lambda: self.source_numbers(part), "its records")[:len(found)]
        self.assertTrue((numpy.diff(numbers) >= 1).all())
        numpy.testing.assert_array_equal(found, recorder.ramp(numbers, 16, 20))

    @staticmethod
    def source_numbers(part):
        """None where the file was read while it was written."""
        try:
            with h5py.File(part, "r") as file:
                records = file["/entry/instrument/detector/readout/frame_table"][:]
        except OSError:
            return None
        return records["source_sequence"].astype("int64").tolist()

    def test_no_room(self):
        with recorder.mounted(self.directory / "small", "-t", "tmpfs", "-o", "size=64k", "tmpfs") as small:
            big = self.directory / "big.npy"
            numpy.save(big, numpy.random.default_rng(1).integers(0, 65535, (20, 64, 64), dtype="u2"))
            said = self.export(big, "--to", "hdf5", "--output-folder", small / "out", status=1)
            self.assertIn("fit", said)
            self.export(big, "--to", "png", "--images", "raw", "--output-folder", small / "out",
                        status=1)
            self.assertEqual(list(small.iterdir()), [])

    def test_ctrl_c_leaves_nothing(self):
        big = self.directory / "big.npy"
        numpy.lib.format.open_memmap(big, "w+", "u2", (2000, 256, 256))[:] = 7
        for formats, after in [("hdf5", 0.05), ("hdf5,raw", 0.3), ("raw", 0.1), ("png", 0.4),
                               ("ome-tiff", 0.2), ("zip", 0.5), ("npz", 0.3)]:
            with self.subTest(formats=formats, after=after):
                process = subprocess.Popen(
                    [FRAMELOG, "export", big, "--to", formats, "--output-folder", self.out / "a/b"],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                self.until(lambda: process.poll() is not None or list(self.out.rglob("*.part")),
                           "the first part")
                time.sleep(after)
                process.send_signal(signal.SIGINT)
                said = process.communicate(timeout=recorder.LONG_S)[1]
                if process.returncode == 0:  # It was faster.
                    shutil.rmtree(self.out)
                    continue
                self.assertIn("interrupted", said)
                self.assertFalse(self.out.exists(), self.written())


class Jobs(Exports):
    def test_a_list_of_exports(self):
        shutil.copyfile(self.segments[0], self.directory / "in put.h5")
        jobs = self.directory / "jobs.txt"
        jobs.write_text("# two\nexport 'in put.h5' --to npy --output-folder out\n\n"
                        "framelog export in\\ put.h5 --to csv --output-folder \"out\"\n")
        self.export("--jobs", jobs, cwd="/")
        self.assertEqual(self.written(), ["in put_export.csv", "in put_export.npy"])

    def test_a_wrong_line_runs_none(self):
        jobs = self.directory / "jobs.txt"
        jobs.write_text(f"{self.segments[0]} --to npy --output-folder out\nx --bogus\n")
        said = self.export("--jobs", jobs, status=2)
        self.assertIn("jobs.txt:2:", said)
        self.assertFalse(self.out.exists())

    def test_two_machines_share_a_recording(self):
        jobs = self.directory / "plan.txt"
        self.export(*self.segments, *self.to("npy"), "--split", "2", "--jobs", jobs)
        parts = sorted(self.directory.glob("plan-*-of-2.txt"))
        self.assertEqual(len(parts), 2)
        for part in parts:
            self.export("--jobs", part)
        found = [numpy.load(self.out / name) for name in self.written()]
        numpy.testing.assert_array_equal(numpy.concatenate(found), self.pixels)
        said = self.export(self.scan, *self.to("npy"), "--split", "2", status=2)
        self.assertIn("scan", said)


class Help(Exports):
    def test_it_fits_a_screen_and_a_half(self):
        lines = framelog("export", "--help").stdout.splitlines()
        self.assertLessEqual(len(lines), 36)
        self.assertLessEqual(max(map(len, lines)), 100)
        for option in ("--cutout", "--jobs", "--scale-bar", "--fps"):
            self.assertTrue(any(option in line for line in lines), option)

    def formats(self):
        text = framelog("help", "export").stdout.split("\n\n")[1]
        return [line.split()[0] for line in text.splitlines()[1:]]

    def test_the_example_of_each_format_works_when_pasted(self):
        self.assertIn("hdf5", self.formats())
        for name in self.formats():
            with self.subTest(format=name):
                text = framelog("help", "export", name).stdout
                example, = re.findall(r"^Example: framelog (export .*)$", text, re.MULTILINE)
                here = self.directory / name
                here.mkdir()
                shutil.copyfile(self.segments[0], here / "run.h5")
                done = framelog(*shlex.split(example), cwd=here)
                if "framelog-media" in done.stderr:
                    continue
                self.assertEqual(done.returncode, 0, example + done.stderr)
                self.assertGreater(len(list(here.iterdir())), 1, example)

    def test_unknown_formats_are_named(self):
        done = framelog("help", "export", "hdf")
        self.assertEqual(done.returncode, 2)
        self.assertIn("hdf5", done.stderr)


class Drawn(Exports):
    """What is drawn is compared with the same drawn in another way."""

    def drawn(self, *arguments):
        shutil.rmtree(self.out, ignore_errors=True)
        done = framelog("export", *arguments, "--output-folder", self.out)
        if "framelog-media" in done.stderr:
            self.skipTest("framelog-media is not there")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def pictures(self, *arguments):
        self.drawn(*arguments, "--to", "png", "--contrast", "0, 500", "--zoom", "8")
        return [numpy.asarray(Image.open(self.out / name)) for name in self.written()]

    def test_a_part_keeps_the_recordings_times(self):
        every = self.pictures(*self.segments, "--timestamps")
        part = self.pictures(*self.segments, "--timestamps", "--cutout", "t=20:22")
        self.assertEqual(len(part), 2)
        for one, other in zip(part, every[20:22]):
            numpy.testing.assert_array_equal(one, other)

    def test_a_given_pixel_size_is_that_of_the_recordings_pixels(self):
        binned = self.directory / "binned.npy"
        self.export(*self.segments, "--to", "npy", "--bin", "2x2", "--cutout", "t=0:1",
                    "--output-folder", self.directory, "--output-name", "binned")
        ones = [self.pictures(*self.segments, "--cutout", "t=0:1", "--bin", "2x2", "--pixel-size",
                              "1 um", "--scale-bar=8 um"),
                self.pictures(binned, "--pixel-size", "2 um", "--scale-bar=8 um")]
        numpy.testing.assert_array_equal(ones[0][0], ones[1][0])

    def test_what_a_movie_has_to_say_is_told(self):
        said = self.drawn(*self.segments, "--to", "mp4", "--fps", "10", "--cutout", "x=0:19")
        self.assertIn("note: mp4 needs even sizes: 16 x 19 pixels", said)


class Snapshots(Exports):
    def setUp(self):
        super().setUp()
        self.file = self.directory / "copy.h5"
        shutil.copyfile(self.segments[0], self.file)
        self.list = self.directory / "copy.snapshots.json"

    def snapshot(self, verb, *arguments, status=0):
        done = framelog("snapshot", verb, self.file, *arguments)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_a_life(self):
        self.snapshot("add", "--name", "defect", "--frame", "4", "--rectangle", "y=2:10, x=4:16",
                      "--tags", "a,b", "--description", "a line", "--contrast", "0, 255")
        self.snapshot("add", "--name", "other", "--frame", "1")
        self.snapshot("add", "--name", "defect", status=1)
        self.assertIn("y=2:10, x=4:16", self.snapshot("list"))
        self.assertIn("a line", self.snapshot("show", "defect"))
        self.snapshot("edit", "defect", "--name", "crack", "--frame", "5")
        written = json.loads(self.list.read_text())
        self.assertEqual((written["format"], written["version"]), ("framelog-snapshots", 1))
        crack = written["snapshots"][0]
        self.assertEqual((crack["name"], crack["frame"], crack["tags"]), ("crack", 5, ["a", "b"]))
        self.snapshot("export", "crack", "--output-folder", self.out)
        name, = self.written()
        self.assertEqual(name, "copy_crack.png")
        picture = numpy.asarray(Image.open(self.out / name).convert("L"))
        numpy.testing.assert_array_equal(picture, numpy.minimum(self.pixels[5, 2:10, 4:16], 255))
        self.snapshot("delete", "crack")
        self.assertNotIn("crack", self.snapshot("list"))
        self.snapshot("delete", "--all")
        self.assertFalse(self.list.exists())

    def test_several_in_a_zip_raw(self):
        for frame in range(3):
            self.snapshot("add", "--name", f"s{frame}", "--frame", str(frame))
        target = self.directory / "all.zip"
        self.snapshot("export", "--all", "--to", "tif", "--images", "raw", "--zip", target)
        with zipfile.ZipFile(target) as file:
            self.assertEqual(sorted(file.namelist()), [f"copy_s{i}.tif" for i in range(3)])
            with file.open("copy_s2.tif") as one:
                numpy.testing.assert_array_equal(numpy.asarray(Image.open(one)), self.pixels[2])
        self.assertEqual([p.name for p in self.directory.glob("*.tmp")], [])

    def test_bad_ones(self):
        for arguments, words in [(["add"], "--name"), (["add", "--name", "x", "--frame", "99"], "11"),
                                 (["add", "--name", "x", "--rectangle", "y=0:99"], "y=0:16"),
                                 (["show", "x"], "no snapshot"), (["frob"], "allowed"),
                                 (["add", "--name", "x", "--tag", "a"], "allowed with: list"),
                                 (["delete", "x", "--all"], "exclude")]:
            done = framelog("snapshot", arguments[0], self.file, *arguments[1:])
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(words, done.stderr)
        self.assertFalse(self.list.exists())

    def test_two_at_once_lose_nothing(self):
        processes = [subprocess.Popen([FRAMELOG, "snapshot", "add", self.file, "--name", f"n{i}"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                     for i in range(6)]
        for process in processes:
            self.assertEqual(process.wait(recorder.LONG_S), 0)
        names = {s["name"] for s in json.loads(self.list.read_text())["snapshots"]}
        self.assertEqual(names, {f"n{i}" for i in range(6)})

    def test_segments_are_pinned(self):
        base = self.directory / "pinned"
        self.record_to(base, INSTRUMENT, 5, width=8, height=8)
        segment = recorder.finished(base)[0].path
        config = self.directory / "pinned.conf"
        done = framelog("snapshot", "add", segment, "--name", "x", "--config", config)
        self.assertEqual(done.returncode, 0, done.stderr)
        listed = json.loads(framelog("list", "--config", config, "--json").stdout)
        self.assertEqual([entry["pinned"] for entry in listed], [True])


class Trees(Exports):
    def test_any_file_is_explored(self):
        with h5py.File(self.directory / "foreign.h5", "w") as file:
            file.create_dataset("group/data", data=self.pixels).attrs["unit"] = "counts"
        numpy.save(self.directory / "array.npy", self.pixels)
        numpy.savez(self.directory / "arrays.npz", data=self.pixels)
        self.export(self.segments[0], "--to", "imagej-tiff", "--output-folder", self.directory,
                    "--output-name", "stack")
        for name, words in [("foreign.h5", "group"), ("array.npy", "24"), ("arrays.npz", "data"),
                            ("stack.tif", "ImageJ")]:
            with self.subTest(name=name):
                done = framelog("info", "--tree", self.directory / name)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(words, done.stdout)


if __name__ == "__main__":
    recorder.main()
