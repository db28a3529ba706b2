#!/usr/bin/env python3
"""Exports that go wrong, or are told what has no meaning, and filters beside SciPy's."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import recorder
from recorder import FRAMELOG, h5py, numpy

try:
    from scipy import ndimage
except ImportError:
    ndimage = None

INSTRUMENT = "[instrument]\npixel_size = 0.5 um\nchannel = height\n"


class Faults(recorder.Case):
    def setUp(self):
        super().setUp()
        self.out = self.directory / "out"

    def run_of(self, name, frames, extra="", **source):
        """A recording; its segments."""
        base = self.directory / name
        keys = {"driver": "simulator", "pattern": "ramp", "rate": "max", "width": 20, "height": 16,
                **source}
        config = self.directory / f"{name}.conf"
        config.write_text("[source]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
                          + f"[files]\nbase = {base}\n{INSTRUMENT}{extra}")
        self.record(config, "--frames", str(frames))
        return base, [segment.path for segment in recorder.finished(base)]

    def export(self, *words, status=0):
        done = recorder.command("export", *words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def written(self):
        return sorted(path.name for path in self.out.rglob("*")) if self.out.exists() else []

    def array(self, shape=(4, 16, 20), kind="f8", name="array"):
        path = self.directory / f"{name}.npy"
        pixels = numpy.random.default_rng(3).normal(100, 30, shape).astype(kind)
        numpy.save(path, pixels)
        return path, pixels


class Files(Faults):
    def test_runs_that_become_one_file_have_to_fit_together(self):
        for _ in range(2):
            base, segments = self.run_of("runs", 4)
        words = ["--to", "hdf5", "--layout", "pymodaq", "--output-folder"]
        told = [json.loads(self.export(source, *words, self.out, "--dry-run", "--json"))
                ["estimated_bytes"] for source in (segments[0], base)]
        self.assertGreater(told[1], 1.9 * told[0])
        room = f"size={(told[0] + told[1]) // 2}"
        with recorder.mounted(self.directory / "small", "-t", "tmpfs", "-o", room, "tmpfs") as small:
            self.assertIn("does not fit", self.export(base, *words, small / "out", status=1))
            self.assertEqual(list(small.iterdir()), [])
            self.export(segments[0], *words, small / "out")

    def test_runs_of_one_file_are_all_cut_and_read_back(self):
        for _ in range(3):
            base, segments = self.run_of("runs", 4)
        self.export(base, "--to", "hdf5", "--layout", "pymodaq", "--cutout", "t=1:3, y=4:8",
                    "--output-folder", self.out, "--output-name", "scans")
        with h5py.File(self.out / "scans.h5") as file:
            for number, path in enumerate(segments):
                scan = file[f"/RawData/Scan{number:03}"]
                found = []
                scan.visititems(lambda name, node, to=found: to.append(node[()])
                                if name.endswith("Data2D/CH00/EnlData00") else None)
                numpy.testing.assert_array_equal(found[0],
                                                 recorder.Segment(path).pixels[1:3, 4:8])
            self.assertNotIn("Scan003", file["/RawData"])

    def test_segments_that_are_not_readable_are_named(self):
        base, segments = self.run_of("run", 9, "[roll]\nmax_frames = 3\n")
        pixels = [recorder.Segment(path).pixels for path in segments]
        segments[-1].write_bytes(segments[-1].read_bytes()[:2000])
        for words in ([], ["--all"]):
            with self.subTest(words=words):
                shutil.rmtree(self.out, ignore_errors=True)
                said = self.export(base, "--to", "npy", "--output-folder", self.out, *words)
                self.assertIn(f"{segments[-1]} is left out", said)
                found, = self.out.iterdir()
                numpy.testing.assert_array_equal(numpy.load(found), numpy.concatenate(pixels[:2]))

    def test_a_second_interrupt_leaves_nothing_either(self):
        big = self.directory / "big.npy"
        numpy.lib.format.open_memmap(big, "w+", "u2", (3000, 64, 64))[:] = 7
        for formats, waits in (("png", (0.2, 0.0)), ("png", (0.3, 0.01, 0.01)),
                               ("hdf5", (0.02, 0.001)), ("zip", (0.2, 0.0, 0.002))):
            with self.subTest(formats=formats, waits=waits):
                process = subprocess.Popen(
                    [FRAMELOG, "export", big, "--to", formats, "--output-folder", self.out],
                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                self.until(lambda: process.poll() is not None or list(self.out.rglob("*.part")),
                           "the first part")
                for wait in waits:
                    time.sleep(wait)
                    process.send_signal(signal.SIGINT)
                said = process.communicate(timeout=recorder.LONG_S)[1]
                if process.returncode == 0:  # It was faster.
                    shutil.rmtree(self.out)
                    continue
                self.assertEqual(process.returncode, 1, said)
                self.assertIn("interrupted", said)
                self.assertFalse(self.out.exists(), self.written()[:5])


class Words(Faults):
    def test_words_without_a_meaning_are_refused(self):
        """Also where --to is left out, and what is written follows from the others."""
        array, _ = self.array(kind="u2")
        _, (segment,) = self.run_of("run", 2)
        _, (scan,) = self.run_of("scan", 4, "scan = 2 x 2\n[detector.d]\nshape = disc\nouter = 3 px\n")
        to = ["--output-folder", self.out]
        for words, named in [
                ([array, "--to", "npy", "--product", "x", *to], "--product"),
                ([array, "--to", "npy", "--run", "1", *to], "--run"),
                ([array, "--to", "npy", "--dataset", "x", *to], "dataset"),
                ([array, "--to", "npy", "--since", "2020-01-01", *to], "--since"),
                ([segment, "--to", "npy", "--dataset", "/x", *to], "--dataset"),
                ([segment, "--to", "npy", "--input-shape", "2x2", *to], "--input-shape"),
                ([segment, "--to", "npy", "--subsample", "sx=2", *to], "--subsample"),
                ([segment, "--to", "gif,zip", "--fps", "5", "--zip-of", "gif", *to], "--zip-of"),
                ([segment, "--to", "png", "--detector", "a disc outer=2", *to], "--detector"),
                ([segment, "--to", "png", "--kymograph", "y=1", "--outlines", *to], "--outlines"),
                ([segment, "--to", "pgm,ppm", "--dpi", "200", *to], "--dpi"),
                ([scan, "--image", "sum", "--fps", "5", *to], "--fps"),
                ([scan, "--image", "sum", "--layout", "ilastik", *to], "--layout"),
                ([scan, "--image", "sum", "--timestamps", *to], "--timestamps"),
                ([scan, "--image", "sum", "--pixel-size", "1 nm", *to], "--pixel-size"),
                ([scan, "--list-images", "--bin", "2x2"], "--bin"),
                ([scan, "--preview", self.directory / "p.png", "--delete"], "--delete"),
                ([scan, "--preview", self.directory / "p.png", "--jpeg-quality", "5"],
                 "--jpeg-quality")]:
            with self.subTest(words=words[1:]):
                said = self.export(*words, status=2)
                self.assertEqual(len(said.splitlines()), 1, said)
                self.assertIn(named, said)
                self.assertEqual(self.written(), [])

    def test_snapshots_refuse_what_pictures_have_not(self):
        _, (segment,) = self.run_of("run", 2)
        recorder.command("snapshot", "add", segment, "--name", "s")
        done = recorder.command("snapshot", "export", segment, "--all", "--fps", "5",
                                "--output-folder", self.out)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--fps", done.stderr)
        self.assertEqual(self.written(), [])

    def test_what_was_deleted_is_told_as_json(self):
        array, _ = self.array()
        words = [array, "--to", "npy", "--output-folder", self.out, "--json"]
        self.export(*words)
        told = json.loads(self.export(*words, "--delete", "--yes"))
        self.assertEqual(told, [str(self.out / "array_export.npy")])
        self.assertEqual(json.loads(self.export(*words, "--delete", "--yes")), [])

    def test_detectors_that_are_not_there_are_told(self):
        array, _ = self.array()
        said = self.export(array, "--to", "png", "--outlines", "--output-folder", self.out)
        self.assertIn("no detectors", said)


class Bundles(Faults):
    def test_bundles_go_through_both_of_their_formats(self):
        """Layers and masks of HDF5 to NPZ and back, and what was recorded with --raw."""
        _, (segment,) = self.run_of("run", 4, rate="50 Hz")
        pixels = recorder.Segment(segment).pixels
        to = ["--output-folder", self.out]
        self.export(segment, "--to", "hdf5", "--layout", "playnano", "--process",
                    "zero_mean; mask_threshold above=20", "--output-name", "first", *to)
        first = self.out / "first_filtered.h5"
        self.export(first, "--to", "npz", "--output-name", "second", *to)
        self.export(self.out / "second.npz", "--to", "hdf5", "--layout", "playnano",
                    "--output-name", "third", *to)
        zero_mean = pixels - pixels.mean(axis=(1, 2), keepdims=True)
        with h5py.File(first) as one, h5py.File(self.out / "third.h5") as other, \
                numpy.load(self.out / "second.npz") as npz:
            numpy.testing.assert_allclose(one["data"][:], zero_mean, atol=1e-4)
            for group in ("processed", "masks"):
                self.assertEqual(sorted(one[group]), sorted(other[group]))
                for name, layer in one[group].items():
                    numpy.testing.assert_array_equal(layer[:], other[group][name][:])
                    numpy.testing.assert_array_equal(layer[:], npz[f"{group}__{name}"])
            numpy.testing.assert_array_equal(one["masks/step_2_mask_threshold"][:], zero_mean > 20)
            numpy.testing.assert_array_equal(one["timestamps"][:], npz["timestamps"])
        for name in ("first_filtered.h5", "second.npz", "third.h5"):
            self.export(self.out / name, "--to", "npy", "--raw", "--output-name",
                        f"raw_{pathlib.Path(name).stem}", *to)
            found = numpy.load(self.out / f"raw_{pathlib.Path(name).stem}.npy")
            numpy.testing.assert_array_equal(found, pixels)

    def test_masters_are_the_whole_run(self):
        base, segments = self.run_of("run", 9, "[roll]\nmax_frames = 4\n")
        master, = base.rglob("*master*.h5")
        pixels = numpy.concatenate([recorder.Segment(path).pixels for path in segments])
        self.export(master, "--to", "npy", "--cutout", "t=2:7", "--output-folder", self.out,
                    "--output-name", "part")
        numpy.testing.assert_array_equal(numpy.load(self.out / "part.npy"), pixels[2:7])


class Programs(Faults):
    def test_stacks_as_imagej_opens_them(self):
        """ImageJ's own description: frames in time, calibrated; OME-TIFF: as depth."""
        for program in ("imagej", "xvfb-run", "xauth"):
            if shutil.which(program) is None:
                self.skipTest(f"the program {program} is not installed")
        _, (segment,) = self.run_of("run", 5, rate="50 Hz")
        pixels = recorder.Segment(segment).pixels[:, 2:14]
        for name in ("imagej-tiff", "ome-tiff"):
            self.export(segment, "--to", name, "--cutout", "y=2:14", "--output-folder", self.out,
                        "--output-name", "stack")
        result, macro = self.directory / "imagej.txt", self.directory / "look.ijm"
        macro.write_text(f"""
            out = "";
            paths = newArray("{self.out}/stack.tif", "{self.out}/stack.ome.tif");
            for (i = 0; i < paths.length; i++) {{
              open(paths[i]);
              getDimensions(width, height, channels, slices, frames);
              getPixelSize(unit, w, h);
              out = out + width + " " + height + " " + slices + " " + frames + " " + w + " " + unit;
              for (n = 1; n <= nSlices; n++) {{
                setSlice(n);
                out = out + " " + getPixel(0, 0) + ":" + getPixel(width - 1, height - 1);
              }}
              out = out + "\\n";
              close();
            }}
            File.saveString(out, "{result}");
            run("Quit");
            """)
        with open(self.directory / "imagej.log", "wb") as log:
            self.processes.append(subprocess.Popen(
                ["xvfb-run", "-a", "imagej", "-b", str(macro)], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={**os.environ, "HOME": str(self.directory)},
                start_new_session=True))
        self.until(lambda: result.exists() and result.read_text().count("\n") == 2, "ImageJ")
        ours, ome = (line.split() for line in result.read_text().splitlines())
        self.assertEqual(ours[:4], ["20", "12", "1", "5"])
        self.assertEqual(ome[:4], ["20", "12", "5", "1"])
        self.assertEqual([float(ours[4]), ours[5]], [0.5, "\u00b5m"])
        wanted = [f"{frame[0, 0]}:{frame[-1, -1]}" for frame in pixels]
        self.assertEqual(ours[6:], wanted)
        self.assertEqual(ome[6:], wanted)


class Filters(Faults):
    """Every step beside NumPy's or SciPy's, with the borders that SciPy calls reflect."""

    def setUp(self):
        super().setUp()
        if ndimage is None:
            self.skipTest("python3-scipy is not installed")
        self.path, self.pixels = self.array()

    def bundle(self, steps):
        shutil.rmtree(self.out, ignore_errors=True)
        self.export(self.path, "--to", "npz", "--process", steps, "--output-folder", self.out)
        found, = self.out.iterdir()
        return dict(numpy.load(found))

    def fitted(self, order):
        height, width = self.pixels.shape[1:]
        y, x = (grid.ravel() / 10 for grid in numpy.mgrid[:height, :width])
        terms = numpy.stack([y ** i * x ** k for i in range(order + 1)
                             for k in range(order + 1 - i)], 1)
        flat = self.pixels.reshape(len(self.pixels), -1).T
        return (terms @ numpy.linalg.lstsq(terms, flat, rcond=None)[0]).T.reshape(self.pixels.shape)

    def test_levelling(self):
        a = self.pixels
        for steps, wanted in [
                ("remove_plane", a - self.fitted(1)), ("flatten order=2", a - self.fitted(2)),
                ("flatten order=4", a - self.fitted(4)),
                ("align_rows", a - numpy.median(a, axis=2, keepdims=True)),
                ("zero_mean", a - a.mean(axis=(1, 2), keepdims=True))]:
            with self.subTest(steps=steps):
                numpy.testing.assert_allclose(self.bundle(steps)["data"], wanted, atol=1e-8)

    def test_smoothing(self):
        for steps, wanted in [
                ("gaussian sigma=1.5", lambda one: ndimage.gaussian_filter(one, 1.5)),
                ("gaussian sigma=7", lambda one: ndimage.gaussian_filter(one, 7)),
                ("median size=3", lambda one: ndimage.median_filter(one, 3)),
                ("median size=5", lambda one: ndimage.median_filter(one, 5))]:
            with self.subTest(steps=steps):
                numpy.testing.assert_allclose(self.bundle(steps)["data"],
                                              [wanted(one) for one in self.pixels], atol=1e-8)

    def test_masks(self):
        a = self.pixels
        above = a > 130
        far = a > a.mean(axis=(1, 2), keepdims=True) + 1.5 * a.std(axis=(1, 2), keepdims=True)
        grown = numpy.array([ndimage.binary_dilation(one, numpy.ones((5, 5))) for one in above])
        for steps, name, wanted in [
                ("mask_threshold above=130", "step_1_mask_threshold", above),
                ("mask_threshold below=60", "step_1_mask_threshold", a < 60),
                ("mask_mean_offset factor=1.5", "step_1_mask_mean_offset", far),
                ("mask_threshold above=130; mask_adjacency distance=2",
                 "step_2_mask_adjacency", grown)]:
            with self.subTest(steps=steps):
                numpy.testing.assert_array_equal(self.bundle(steps)["masks__" + name], wanted)
        left = numpy.where(above, numpy.nan, a)
        found = self.bundle("mask_threshold above=130; zero_mean")["data"]
        numpy.testing.assert_allclose(found, a - numpy.nanmean(left, axis=(1, 2), keepdims=True),
                                      atol=1e-8)


if __name__ == "__main__":
    recorder.main()
