"""TIFF recordings: what other programs read in them, at any moment and after a kill."""

import datetime
import os
import random
import shutil
import subprocess
import time
from xml.etree import ElementTree

import recorder
from recorder import numpy

try:
    import tifffile
except ImportError:
    recorder.skip_all("python3-tifffile is not installed")

SCHEMA = recorder.DATA / "ome/ome-2016-06.xsd"
OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"
KILLS = int(os.environ.get("FRAMELOG_KILLS", "6"))
SEED = int(os.environ.get("FRAMELOG_SEED", str(random.randrange(1 << 30))))

CALIBRATED = """
[instrument]
title = Kalibrierung <1> & "2"
operator = Ä. Prüfer
channel = HAADF
pixel_size = 0.5 um, 0.25 um
"""


def ome(path):
    with tifffile.TiffFile(path) as file:
        return ElementTree.fromstring(file.ome_metadata)


class TiffCase(recorder.Case):
    def tiffs(self, extra="", fmt="tiff", files="", **source):
        return self.simulate(f"[product.frames]\nformat = {fmt}\n{extra}", files=files, **source)

    def check_structure(self, path, frames):
        """libtiff reads every directory without an error."""
        done = subprocess.run(["tiffinfo", "-D", str(path)], capture_output=True, text=True,
                              check=False, timeout=recorder.LONG_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = [line for line in done.stderr.splitlines()
                if line and "Unknown field with tag 6500" not in line]
        self.assertEqual(said, [], path)
        self.assertEqual(done.stdout.count("TIFF Directory at offset"), frames, path)

    def catalog(self):
        """Leads xmllint to a file here for the one that the schema wants from the network."""
        empty = self.directory / "xml.xsd"
        empty.write_text('<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
                         ' targetNamespace="http://www.w3.org/XML/1998/namespace"/>')
        catalog = self.directory / "catalog.xml"
        catalog.write_text('<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">'
                           f'<system systemId="http://www.w3.org/2001/xml.xsd" uri="{empty}"/>'
                           f'<uri name="http://www.w3.org/2001/xml.xsd" uri="{empty}"/></catalog>')
        return catalog

    def check_schema(self, path):
        if not SCHEMA.exists():
            self.skipTest(f"there is no {SCHEMA}")
        with tifffile.TiffFile(path) as file:
            text = self.directory / "ome.xml"
            text.write_text(file.ome_metadata, encoding="utf-8")
        done = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", str(SCHEMA), str(text)],
                              capture_output=True, text=True, check=False,
                              env={**os.environ, "XML_CATALOG_FILES": str(self.catalog())})
        self.assertEqual(done.returncode, 0, done.stderr + text.read_text())


class OmeTiffs(TiffCase):
    def test_a_stack_in_each_segment(self):
        """Pixels, times, calibration and provenance, as tifffile, tiffinfo and xmllint see them."""
        recorder.need_programs("tiffinfo", "xmllint")
        self.record(self.tiffs("[roll]\nmax_frames = 40" + CALIBRATED, rate="500 Hz"),
                    "--frames", "100")
        self.verify()
        found = recorder.finished(self.base, ".ome.tif")
        self.assertEqual([len(s.pixels) for s in found], [40, 40, 20])
        self.assertEqual(recorder.leftovers(self.base), [])
        for segment in found:
            self.check_ramp(segment)
            self.check_structure(segment.path, len(segment.pixels))
            self.check_schema(segment.path)
            self.check_ome(segment)

    def check_ome(self, segment):
        with tifffile.TiffFile(segment.path) as file:
            self.assertTrue(file.is_ome and not file.is_bigtiff and file.byteorder == "<")
            series = file.series[0]
            self.assertEqual((series.axes, series.shape), ("TYX", segment.pixels.shape))
            numpy.testing.assert_array_equal(file.asarray(), segment.pixels)
            tags = file.pages[0].tags
            self.assertEqual(tags["ResolutionUnit"].value, 3)
            self.assertAlmostEqual(numpy.divide(*tags["XResolution"].value), 40000)
            self.assertAlmostEqual(numpy.divide(*tags["YResolution"].value), 20000)
            self.assertTrue(tags["Software"].value.startswith("framelog "))
            when = datetime.datetime.strptime(tags["DateTime"].value, "%Y:%m:%d %H:%M:%S")
        first = segment.records[0]
        self.assertEqual(when.replace(tzinfo=datetime.timezone.utc).timestamp(),
                         first["utc_ns"] // 1_000_000_000)
        root = ome(segment.path)
        pixels = root.find(f"{OME}Image/{OME}Pixels")
        self.assertEqual(
            {key: pixels.get(key) for key in ("DimensionOrder", "Type", "SizeX", "SizeY", "SizeT",
                                              "PhysicalSizeX", "PhysicalSizeY")},
            {"DimensionOrder": "XYZCT", "Type": "uint16", "SizeX": "48", "SizeY": "32",
             "SizeT": str(len(segment.pixels)), "PhysicalSizeX": "0.25", "PhysicalSizeY": "0.5"})
        self.assertEqual(pixels.find(f"{OME}Channel").get("Name"), "HAADF")
        self.assertEqual(root.find(f"{OME}Experimenter").get("UserName"), "Ä. Prüfer")
        self.assertIn('<1> & "2"', root.find(f"{OME}Image/{OME}Description").text)
        date = root.find(f"{OME}Image/{OME}AcquisitionDate").text
        utc = datetime.datetime.fromisoformat(date.replace("Z", "+00:00")).timestamp()
        self.assertAlmostEqual(utc, first["utc_ns"] * 1e-9, places=5)
        times = [float(plane.get("DeltaT")) for plane in pixels.findall(f"{OME}Plane")]
        wanted = (segment.records["monotonic_ns"] - first["monotonic_ns"]) * 1e-9
        numpy.testing.assert_allclose(times, wanted, atol=1e-9)
        self.assertEqual(segment.provenance["run"]["stop_reason"], segment.stop_reason)

    def test_pixels_of_every_type(self):
        names = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
        products = "".join(f"\n[product.{name}]\nformat = tiff\ndtype = {name}" for name in names)
        self.record(self.simulate(products, pixel_type="uint8"), "--frames", "5")
        self.verify()
        for name in names:
            segment, = recorder.finished(self.base, ".ome.tif", name)
            self.assertEqual(segment.pixels.dtype, name)
            wanted = recorder.ramp(numpy.arange(5), 32, 48, "uint8")
            most = 127 if name == "int8" else 255
            numpy.testing.assert_array_equal(segment.pixels, numpy.minimum(wanted, most))
            self.check_schema(segment.path)

    def test_what_a_tiff_has_not_is_refused(self):
        for extra, said in {"dtype = uint64": r"product\.frames\.format: .*uint64 \(allowed: ",
                            "endian = big": r"product\.frames\.endian: only raw"}.items():
            messages = self.record(self.tiffs(extra), "--frames", "5", status=2)
            self.assertRegex(messages, said)

    def test_one_file_for_each_frame(self):
        """Named by the frame, many a second, with nothing left over."""
        recorder.need_programs("tiffinfo", "xmllint")
        self.record(self.tiffs("template = {product}/{frame:06}_{slice_index}\n"
                               "[roll]\nmax_frames = 1"), "--frames", "150")
        names = sorted(path.name for path in (self.base / "frames").iterdir())
        self.assertEqual(names, [f"{n:06}_{n}.ome.tif" for n in range(150)])
        self.assertEqual(recorder.leftovers(self.base), [])
        self.verify()
        for number in (0, 17, 149):
            path = self.base / f"frames/{number:06}_{number}.ome.tif"
            numpy.testing.assert_array_equal(tifffile.imread(path),
                                             recorder.ramp(number, 32, 48))
            self.check_structure(path, 1)
            self.check_schema(path)

    def test_a_bigtiff_where_the_reserved_space_needs_it(self):
        if shutil.disk_usage(self.directory).free < 8 << 30:
            self.skipTest("there is no room for a segment of 5 GiB")
        self.record(self.tiffs("[roll]\nmax_size = 5 GiB\n", width=1024, height=1024),
                    "--frames", "3")
        self.verify()
        segment, = recorder.finished(self.base, ".ome.tif")
        with tifffile.TiffFile(segment.path) as file:
            self.assertTrue(file.is_bigtiff and file.is_ome)
        self.check_ramp(segment)
        self.check_structure(segment.path, 3)
        self.check_schema(segment.path)
        self.assertLess(segment.path.stat().st_blocks * 512, 3 * (2 << 20) + (1 << 20))

    def test_compressed(self):
        """libtiff unpacks what tifffile reads then; deflate tifffile reads by itself."""
        recorder.need_programs("tiffinfo", "tiffcp")
        codecs = ["deflate", "lzw", "zstd"]
        products = "".join(f"\n[product.{codec}]\nformat = tiff\ncompression = {codec}\n"
                           "renormalise = 0, 65535 -> 0, 20\ndtype = uint8" for codec in codecs)
        self.record(self.simulate(products + "\n[product.plain]\nformat = tiff\n"
                                  "renormalise = 0, 65535 -> 0, 20\ndtype = uint8"),
                    "--frames", "60")
        self.verify()
        plain, = recorder.finished(self.base, "plain_*.ome.tif")
        for codec in codecs:
            path, = self.base.rglob(f"*_{codec}_*.ome.tif")
            self.check_structure(path, 60)
            self.check_schema(path)
            self.assertLess(path.stat().st_size, plain.path.stat().st_size)
            if codec == "deflate":
                numpy.testing.assert_array_equal(recorder.Segment(path).pixels, plain.pixels)
            unpacked = self.directory / "unpacked.tif"
            done = subprocess.run(["tiffcp", "-c", "none", str(path), str(unpacked)],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            with tifffile.TiffFile(unpacked) as file:
                numpy.testing.assert_array_equal([page.asarray() for page in file.pages],
                                                 plain.pixels)

    def test_is_replayed(self):
        self.record(self.tiffs(), "--frames", "30")
        segment, = recorder.finished(self.base, ".ome.tif")
        again = self.directory / "again"
        self.record(self.configure(f"[source]\ndriver = replay\npath = {segment.path}\nrate = max\n"
                                   f"[product.copy]\nformat = tiff\n[files]\nbase = {again}\n",
                                   "replay"))
        copy, = recorder.finished(again, ".ome.tif")
        numpy.testing.assert_array_equal(copy.pixels, segment.pixels)

    def test_framelog_tells_of_it(self):
        self.record(self.tiffs("[product.stack]\nformat = imagej-tiff"), "--frames", "30")
        for path in self.base.rglob("*.tif"):
            done = recorder.command("info", "--tree", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("30", done.stdout)
            self.assertIn("270 ImageDescription", done.stdout)
        done = recorder.command("list", self.base)
        self.assertEqual(done.stdout.count(".tif"), 2, done.stdout)


class WhileRecording(TiffCase):
    def test_is_readable_at_every_moment(self):
        """tifffile sees whole frames only, more and more of them."""
        process = self.start(self.tiffs(rate="1 kHz"))
        part = self.until(lambda: self.part(), "a file")
        seen = []
        while len(seen) < 40 or seen[-1] < 200:
            self.assertIsNone(process.poll())
            with tifffile.TiffFile(part) as file:
                pages = len(file.pages)
                some = sorted({0, pages // 2, pages - 1}) if pages else []
                self.check_frames([file.pages[index].asarray() for index in some], 48)
            seen.append(pages)
            time.sleep(0.005)
        self.assertEqual(seen, sorted(seen))
        process.terminate()
        self.wait(process)
        self.verify()

    def part(self):
        return next((path for path in self.base.rglob("*.tif.part")
                     if ".framelog" not in path.parts), None)

    def test_kills_lose_nothing_that_was_in_a_file(self):
        """Whenever it is killed, the files are TIFFs at once, and complete after recovery."""
        chance = random.Random(SEED)
        extra = ("[product.one]\nformat = imagej-tiff\n[product.odd]\nroi = y=1:30, x=3:44\n"
                 "format = tiff\n[roll]\nmax_frames = 37")
        for kill in range(KILLS):
            with self.subTest(seed=SEED, kill=kill):
                process = self.start(self.tiffs(extra, rate="2 kHz", width=64, height=32))
                self.until(self.part, "a file")
                time.sleep(chance.uniform(0.0, 0.4))
                self.kill(process)
                there = {path.with_suffix(""): self.look_at(path)
                         for path in self.base.rglob("*.tif.part") if ".framelog" not in path.parts}
                self.recover()
                # SQLite's own are for who opens the catalog next.
                left = [path for path in recorder.leftovers(self.base) if "catalog.sqlite" not in path]
                self.assertEqual(left, [])
                for segment in recorder.finished(self.base, ".tif"):
                    if segment.pixels.shape[1:] == (32, 64):
                        self.check_ramp(segment)
                    self.assertGreaterEqual(len(segment.pixels), there.pop(segment.path, 0))
                # Where it was killed before its first frame had come to a file there is none.
                self.assertEqual([path for path, frames in there.items() if frames], [])
                if any(self.base.rglob("*.tif")):
                    self.verify()
                shutil.rmtree(self.base)
                self.end_processes()

    def test_the_next_process_goes_on_with_the_file(self):
        config = self.tiffs("[control]\nsocket = off", rate="500 Hz")
        process = self.start(config)
        part = self.until(self.part, "a file")
        self.until(lambda: self.pages(part) > 50, "50 frames")
        self.kill(process)
        before = self.pages(part)
        process = self.start(config)
        self.until(lambda: self.pages(part) > before + 50, "50 more frames")
        process.terminate()
        self.wait(process)
        self.verify()
        segment, = recorder.finished(self.base, ".ome.tif")
        numbers = segment.records["sequence"].tolist()
        self.assertEqual(numbers, list(range(len(numbers))))
        self.check_ramp(segment)

    @staticmethod
    def pages(path):
        with tifffile.TiffFile(path) as file:
            return len(file.pages)

    def look_at(self, path):
        """How many frames it has. The first batch may not have been written yet."""
        with tifffile.TiffFile(path) as file:
            self.check_frames([page.asarray() for page in file.pages], 64)
            return len(file.pages)

    def check_frames(self, frames, width):
        """Whole frames of the ramp, or a part of them, in their order."""
        for frame in frames:
            steps = numpy.add.outer(numpy.arange(frame.shape[0]) * width,
                                    numpy.arange(frame.shape[1]))
            numpy.testing.assert_array_equal(frame, (frame[0, 0] + steps).astype(frame.dtype))
        numbers = [int(frame[0, 0]) for frame in frames]
        self.assertEqual(numbers, sorted(set(numbers)))


class ImageJTiffs(TiffCase):
    def record_stack(self, extra=""):
        self.record(self.tiffs(CALIBRATED + extra, fmt="imagej-tiff", rate="500 Hz"),
                    "--frames", "60")
        self.verify()
        segment, = recorder.finished(self.base, ".tif", "frames")
        self.check_ramp(segment)
        return segment

    def test_as_tifffile_reads_it(self):
        segment = self.record_stack()
        with tifffile.TiffFile(segment.path) as file:
            self.assertTrue(file.is_imagej)
            about = file.imagej_metadata
            self.assertEqual((file.series[0].axes, file.series[0].shape), ("TYX", (60, 32, 48)))
            numpy.testing.assert_array_equal(file.asarray(), segment.pixels)
            tags = file.pages[0].tags
            self.assertAlmostEqual(numpy.divide(*tags["XResolution"].value), 4)
            self.assertAlmostEqual(numpy.divide(*tags["YResolution"].value), 2)
        self.assertEqual((about["frames"], about["unit"]), (60, "um"))
        self.assertEqual((about["min"], about["max"]),
                         (segment.records["min"].min(), segment.records["max"].max()))
        if "finterval" in about:
            times = segment.records["monotonic_ns"]
            self.assertAlmostEqual(about["finterval"], (times[-1] - times[0]) * 1e-9 / 59)

    def test_as_imagej_reads_it(self):
        """Frames in time, calibrated, with their pixels; both formats."""
        for program in ("imagej", "xvfb-run", "xauth"):
            if shutil.which(program) is None:
                self.skipTest(f"the program {program} is not installed")
        segment = self.record_stack("[product.ome]\nformat = tiff")
        other = next(self.base.rglob("*.ome.tif"))
        result = self.directory / "imagej.txt"
        macro = self.directory / "look.ijm"
        macro.write_text(f"""
            out = "";
            paths = newArray("{segment.path}", "{other}");
            for (i = 0; i < paths.length; i++) {{
              open(paths[i]);
              getDimensions(width, height, channels, slices, frames);
              getPixelSize(unit, w, h);
              out = out + width + " " + height + " " + channels + " " + slices + " " + frames;
              out = out + " " + w + " " + h + " " + unit + " " + Stack.getFrameInterval();
              for (n = 1; n <= nSlices; n += 13) {{
                setSlice(n);
                out = out + " " + getPixel(0, 0) + ":" + getPixel(width - 1, height - 1);
              }}
              out = out + "\\n";
              close();
            }}
            File.saveString(out, "{result}");
            run("Quit");
            """)
        environment = {**os.environ, "HOME": str(self.directory)}
        with open(self.directory / "imagej.log", "wb") as log:
            process = subprocess.Popen(
                ["xvfb-run", "-a", "imagej", "-b", str(macro)], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=environment, start_new_session=True)
        self.processes.append(process)
        process.messages = self.directory / "imagej.log"
        self.until(result.exists, "ImageJ")
        self.until(lambda: result.read_text().count("\n") == 2, "what ImageJ has read")
        lines = [line.split() for line in result.read_text().splitlines()]
        frames = range(0, 60, 13)
        wanted = [f"{frame[0, 0]}:{frame[-1, -1]}" for frame in segment.pixels[frames]]
        # Without the description of its own ImageJ takes frames for slices.
        self.assertEqual(lines[0][:5], ["48", "32", "1", "1", "60"])
        self.assertEqual(lines[1][:5], ["48", "32", "1", "60", "1"])
        for line in lines:
            self.assertEqual([float(value) for value in line[5:7]], [0.25, 0.5])
            self.assertEqual(line[7], "\u00b5m")
            self.assertEqual(line[9:], wanted)


if __name__ == "__main__":
    recorder.main()
