"""Every dataset format of an export, as the programs read it that it is made for."""

import ast
import csv
import datetime
import hashlib
import json
import os
import subprocess
import zipfile
from xml.etree import ElementTree

import recorder
from recorder import DATA, h5py, numpy

try:
    import tifffile
except ImportError:
    recorder.skip_all("python3-tifffile is not installed")

FRAMES, HEIGHT, WIDTH = 12, 32, 48
OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"
SCHEMA = DATA / "ome/ome-2016-06.xsd"
LAYOUTS = ("nexus", "ilastik", "playnano", "pymodaq", "quant4d")
EVERY = [("hdf5", layout) for layout in LAYOUTS] + [
    (name, "") for name in ("raw", "npy", "npz", "ome-tiff", "imagej-tiff", "csv")]
EXTENSIONS = {"hdf5": ".h5", "raw": ".raw", "npy": ".npy", "npz": ".npz", "ome-tiff": ".ome.tif",
              "imagej-tiff": ".tif", "csv": ".csv"}
PIXELS = {"nexus": "/entry/instrument/detector/data", "ilastik": "/exported_data",
          "playnano": "/data", "quant4d": "/STEM4D",
          "pymodaq": "/RawData/Detector000/Data2D/CH00/EnlData00"}
TABLES = ("TITLE", "CLASS", "VERSION", "EXTDIM", "PYTABLES_FORMAT_VERSION")  # PyTables' own.
SETUP = """
[instrument]
title = Kalibrierung
channel = HAADF
value_unit = counts
pixel_size = 0.5 um, 0.25 um
[detector.disc]
shape = disc
center = 10 px, 12 px
outer = 6 px
[product.frames]
detectors = disc
"""


class Exports(recorder.Case):
    def setUp(self):
        super().setUp()
        self.record(self.simulate(SETUP, rate="500 Hz"), "--frames", str(FRAMES))
        self.source, = self.base.rglob("*.h5")
        with h5py.File(self.source) as file:
            self.pixels = file[recorder.DETECTOR + "/data"][:]
            self.records = file[recorder.READOUT + "/frame_table"][:]
            self.sums = file["/entry/virtual_detectors/disc"][:]

    def export(self, form, *options, layout="", name="out", source=None, status=0, ending=""):
        """The path, and what was said. `ending`: what is put behind the name by itself."""
        words = ["export", source or self.source, "--to", form, "--output-folder", self.directory,
                 "--output-name", name, *options]
        done = recorder.command(*words, *(("--layout", layout) if layout else ()))
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return self.directory / (name + ending + EXTENSIONS[form]), done.stdout + done.stderr

    def check_provenance(self, text):
        told = json.loads(text)
        source, = told["files"]["inputs"]
        self.assertEqual(source["path"], str(self.source))
        self.assertEqual(source["sha256"], hashlib.sha256(self.source.read_bytes()).hexdigest())
        self.assertEqual(told["export"]["program"], "framelog")
        self.assertEqual(len(told["sources"]), 1)
        self.assertIn("configuration", told["sources"][0])
        return told

    def zero_mean(self):
        return self.pixels - self.pixels.mean(axis=(1, 2), keepdims=True)

    def seconds(self):
        times = self.records["monotonic_ns"]
        return (times - times[0]) * 1e-9


class Hdf5(Exports):
    def test_nexus(self):
        path, _ = self.export("hdf5")
        with h5py.File(path) as file:
            data = file[file["/"].attrs["default"]]["data"]
            signal = data[data.attrs["signal"]]
            numpy.testing.assert_array_equal(signal[:], self.pixels)
            self.assertEqual(list(data.attrs["axes"]), ["time", "y", "x"])
            numpy.testing.assert_allclose(data["time"][:], self.seconds(), atol=1e-12)
            numpy.testing.assert_allclose(data["y"][:], 0.5 * numpy.arange(HEIGHT))
            numpy.testing.assert_allclose(data["x"][:], 0.25 * numpy.arange(WIDTH))
            tags = json.loads(signal.attrs["axistags"])["axes"]
            self.assertEqual([tag["key"] for tag in tags], ["t", "y", "x"])
            numpy.testing.assert_array_equal(file["/entry/virtual_detectors/disc"][:], self.sums)
            numpy.testing.assert_allclose(file["/entry/statistics/mean"][:],
                                          self.pixels.mean(axis=(1, 2)))
            table = file[recorder.READOUT + "/frame_table"][:]
            for column in ("sequence", "source_sequence", "utc_ns", "monotonic_ns", "crc32c"):
                numpy.testing.assert_array_equal(table[column], self.records[column])
            self.check_provenance(file["/entry/provenance/data"][()])
        self.verify(path)
        back, _ = self.export("hdf5", name="back", source=path)
        with h5py.File(back) as file:
            numpy.testing.assert_allclose(file["/entry/data/y"][:], 0.5 * numpy.arange(HEIGHT))
            numpy.testing.assert_array_equal(
                file[recorder.READOUT + "/frame_table"]["monotonic_ns"],
                self.records["monotonic_ns"])

    def test_ilastik(self):
        path, _ = self.export("hdf5", "--dataset-name", "volume/data", "--compression", "gzip-4",
                              layout="ilastik")
        with h5py.File(path) as file:
            data = file["volume/data"]
            numpy.testing.assert_array_equal(data[:], self.pixels)
            self.assertEqual(data.compression, "gzip")
            tags = json.loads(data.attrs["axistags"])["axes"]
            self.assertEqual([(tag["key"], tag["typeFlags"]) for tag in tags],
                             [("t", 8), ("y", 2), ("x", 2)])
            self.assertTrue(all(set(tag) == {"key", "typeFlags", "resolution", "description"}
                                for tag in tags))
            self.assertEqual(set(json.loads(data.attrs["axis_units"])), {"t", "y", "x"})
            numpy.testing.assert_array_equal(data.attrs["drange"],
                                             [self.pixels.min(), self.pixels.max()])

    def test_playnano(self):
        path, _ = self.export("hdf5", "--process", "zero_mean; mask_threshold above=2.0",
                              layout="playnano", ending="_filtered")
        with h5py.File(path) as file:  # As playNano's loader does.
            self.assertEqual(file["data"].ndim, 3)
            numpy.testing.assert_allclose(file["data"][:], self.zero_mean())
            self.assertEqual(float(file.attrs["pixel_size_nm"]), 250.0)
            self.assertEqual(file.attrs["channel"], "HAADF")
            self.assertIsNotNone(h5py.check_string_dtype(file.attrs.get_id("channel").dtype))
            metadata = json.loads(file["frame_metadata_json"][()].decode("utf-8"))
            numpy.testing.assert_allclose([one["timestamp"] for one in metadata], self.seconds())
            numpy.testing.assert_allclose(file["timestamps"][:], self.seconds())
            self.check_provenance(file["provenance_json"][()].decode("utf-8"))
            for group in ("processed", "masks"):
                self.assertGreater(len(file[group]), 0)
                for layer in file[group].values():
                    self.assertIsInstance(layer, h5py.Dataset)
                    self.assertEqual(layer.shape, self.pixels.shape)

    def test_pymodaq(self):
        path, _ = self.export("hdf5", layout="pymodaq")
        with h5py.File(path) as file:
            detector = file["/RawData/Detector000"]
            value = self.check_pymodaq_nodes(file)
            self.assertGreaterEqual(value(file, "pymodaq_version"), "4.0")
            self.assertEqual(value(detector, "type"), "detector")
            settings = ElementTree.fromstring(value(detector, "settings"))
            self.assertEqual((settings.tag, settings.get("type")), ("All_settings", "group"))
            frames = file[PIXELS["pymodaq"]]
            numpy.testing.assert_array_equal(frames[:], self.pixels)
            self.assertEqual(frames.maxshape, (None, HEIGHT, WIDTH))
            self.assertEqual(
                [value(frames, name) for name in ("data_type", "data_dimension", "distribution",
                                                  "nav_indexes", "units", "label", "shape")],
                ["data_enlargeable", "Data2D", "uniform", (0,), "counts", "HAADF",
                 (FRAMES, HEIGHT, WIDTH)])
            time = detector["NavAxes/Axis00"]
            self.assertEqual([value(time, name) for name in ("label", "units", "index",
                                                             "spread_order")], ["time", "s", 0, 0])
            numpy.testing.assert_allclose(time[:], self.records["utc_ns"] * 1e-9, rtol=0,
                                          atol=1e-6)
            scalars = {channel.attrs["TITLE"]: channel["EnlData00"][:]
                       for channel in detector["Data0D"].values()}
            numpy.testing.assert_allclose(scalars["mean"], self.pixels.mean(axis=(1, 2)))
            numpy.testing.assert_array_equal(scalars["disc"], self.sums)

    def check_pymodaq_nodes(self, file):
        """Every node has a class, every attribute but PyTables' own is a Python value as JSON."""
        def value(node, name):
            told = json.loads(node.attrs[name])
            self.assertEqual(set(told), {"module", "type", "data"})
            return ast.literal_eval(told["data"])

        def visit(_name, node):
            kinds = ("GROUP",) if isinstance(node, h5py.Group) else ("EARRAY", "CARRAY", "VLARRAY")
            self.assertIn(node.attrs["CLASS"].decode(), kinds)
            self.assertIn("TITLE", node.attrs)
            for name in node.attrs:
                if name not in TABLES:
                    value(node, name)

        file.visititems(visit)
        visit("/", file["/"])
        return value

    def test_lines_are_data_of_one_dimension(self):
        path, _ = self.export("hdf5", "--cutout", "y=3:4", layout="pymodaq")
        with h5py.File(path) as file:
            lines = file["/RawData/Detector000/Data1D/CH00/EnlData00"]
            numpy.testing.assert_array_equal(lines[:], self.pixels[:, 3])

    def test_quant4d(self):
        path, said = self.export("hdf5", "--input-shape", "3x4x32x48", layout="quant4d",
                                 source=self.raw_of_a_scan())
        self.assertIn("not square", said)
        with h5py.File(path) as file:
            sizes = {}
            file.visititems(lambda name, node: sizes.update(
                {name: node.size} if isinstance(node, h5py.Dataset) else {}))
            self.assertEqual(max(sizes, key=sizes.get), "STEM4D")
            data = file["STEM4D"]
            self.assertEqual(data.chunks, (1, 1, HEIGHT, WIDTH))
            numpy.testing.assert_array_equal(
                data[:], self.pixels.astype("float32").reshape(3, 4, HEIGHT, WIDTH))

    def raw_of_a_scan(self):
        path = self.directory / "patterns.bin"
        self.pixels.astype("<f4").tofile(path)
        return path


class Others(Exports):
    def test_raw(self):
        for endian, order in (("little", "<u2"), ("big", ">u2")):
            path, _ = self.export("raw", "--endian", endian, name=endian)
            pixels = numpy.fromfile(path, order).reshape(self.pixels.shape)
            numpy.testing.assert_array_equal(pixels, self.pixels)
            told = json.loads(path.with_suffix(".json").read_text())
            self.assertEqual((told["format"], told["dtype"], told["endianness"]),
                             ("framelog-raw", order, endian))
            line = told["python"].replace(path.name, str(path))
            numpy.testing.assert_array_equal(eval(line), self.pixels)
            self.check_provenance(json.dumps(told["provenance"]))
            back, _ = self.export("hdf5", name=endian + "_back", source=path)
            with h5py.File(back) as file:
                numpy.testing.assert_array_equal(file[PIXELS["nexus"]][:], self.pixels)
                table = file[recorder.READOUT + "/frame_table"][:]
                numpy.testing.assert_array_equal(table["utc_ns"], self.records["utc_ns"])

    def test_npy_and_npz(self):
        path, _ = self.export("npy", "--axes", "xyt")
        numpy.testing.assert_array_equal(numpy.load(path), self.pixels.transpose(2, 1, 0))
        path, _ = self.export("npz", "--process", "zero_mean", ending="_filtered")
        with zipfile.ZipFile(path) as file:
            self.assertIsNone(file.testzip())
            self.assertTrue(all(one.compress_type == zipfile.ZIP_STORED for one in file.infolist()))
        with numpy.load(path, allow_pickle=False) as bundle:
            numpy.testing.assert_allclose(bundle["data"], self.zero_mean())
            for name in ("channel", "frame_metadata_json", "provenance_json"):
                self.assertEqual((bundle[name].ndim, bundle[name].dtype.kind), (0, "U"))
            self.assertEqual(float(bundle["pixel_size_nm"].item()), 250.0)
            metadata = json.loads(bundle["frame_metadata_json"].item())
            numpy.testing.assert_allclose([one["timestamp"] for one in metadata],
                                          bundle["timestamps"])
            self.check_provenance(bundle["provenance_json"].item())
            self.assertTrue(any(name.startswith("processed__step_1") for name in bundle))

    def test_ome_tiff(self):
        path, _ = self.export("ome-tiff", "--compression", "deflate")
        with tifffile.TiffFile(path) as file:
            self.assertTrue(file.is_ome)
            numpy.testing.assert_array_equal(file.asarray(), self.pixels)
            text = file.ome_metadata
            self.check_provenance(file.pages[0].tags[65000].value)
        pixels = ElementTree.fromstring(text).find(f".//{OME}Pixels")
        self.assertEqual([pixels.get(key) for key in ("PhysicalSizeX", "PhysicalSizeXUnit",
                                                      "PhysicalSizeY", "SizeT")],
                         ["0.25", "\u00b5m", "0.5", str(FRAMES)])
        deltas = [float(plane.get("DeltaT")) for plane in pixels.iter(f"{OME}Plane")]
        numpy.testing.assert_allclose(deltas, self.seconds(), atol=1e-9)
        self.check_schema(text)

    def check_schema(self, text):
        recorder.need_programs("xmllint")
        written = self.directory / "ome.xml"
        written.write_text(text, encoding="utf-8")
        words = ["xmllint", "--noout", "--nonet"]
        if SCHEMA.exists():
            empty = self.directory / "xml.xsd"
            empty.write_text('<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
                             ' targetNamespace="http://www.w3.org/XML/1998/namespace"/>')
            catalog = self.directory / "catalog.xml"
            catalog.write_text(
                '<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">'
                f'<system systemId="http://www.w3.org/2001/xml.xsd" uri="{empty}"/>'
                f'<uri name="http://www.w3.org/2001/xml.xsd" uri="{empty}"/></catalog>')
            os.environ["XML_CATALOG_FILES"] = str(catalog)
            words += ["--schema", str(SCHEMA)]
        done = subprocess.run([*words, str(written)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_imagej_tiff(self):
        path, _ = self.export("imagej-tiff")
        with tifffile.TiffFile(path) as file:
            self.assertTrue(file.is_imagej)
            self.assertEqual((file.series[0].axes, file.series[0].shape),
                             ("TYX", self.pixels.shape))
            numpy.testing.assert_array_equal(file.asarray(), self.pixels)
            self.assertEqual(file.imagej_metadata["unit"], "um")
            self.assertAlmostEqual(numpy.divide(*file.pages[0].tags["XResolution"].value), 4)

    def test_csv(self):
        path, _ = self.export("csv")
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), FRAMES)
        for row, frame, record, total in zip(rows, self.pixels, self.records, self.sums):
            self.assertEqual(int(row["utc_ns [ns]"]), record["utc_ns"])
            self.assertEqual(int(row["source_sequence"]), record["source_sequence"])
            self.assertAlmostEqual(float(row["mean [counts]"]), frame.mean())
            self.assertAlmostEqual(float(row["std [counts]"]), frame.std())
            self.assertEqual(float(row["sum of disc"]), total)
            told = datetime.datetime.fromisoformat(row["utc"].replace("Z", "+00:00"))
            self.assertAlmostEqual(told.timestamp(), record["utc_ns"] * 1e-9, places=5)

    def test_the_same_export_gives_the_same_bytes(self):
        os.environ["SOURCE_DATE_EPOCH"] = "1750000000"
        self.addCleanup(os.environ.pop, "SOURCE_DATE_EPOCH", None)
        for form, layout in EVERY:
            whole = []
            for folder in ("a", "b"):
                out = self.directory / form / layout / folder
                done = recorder.command(
                    "export", self.source, "--to", form, "--output-folder", out, "--output-name",
                    "same", *(("--layout", layout) if layout else ()))
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                whole.append({path.name: path.read_bytes() for path in out.iterdir()})
            self.assertEqual(whole[0], whole[1], (form, layout))

    def test_pixels_of_every_format_come_back(self):
        for form, layout in EVERY:
            if form == "csv":
                continue
            path, _ = self.export(form, layout=layout, name=f"from_{form}_{layout}")
            words = ("--dataset", PIXELS[layout]) if layout in ("ilastik", "pymodaq") else ()
            back, _ = self.export("npy", *words, name=f"npy_{form}_{layout}", source=path)
            numpy.testing.assert_array_equal(numpy.load(back), self.pixels, f"{form} {layout}")

    def test_what_a_format_cannot_hold(self):
        for form, options, wanted in (
                ("ome-tiff", ("--dtype", "uint64"), "uint16"),
                ("npy", ("--compression", "gzip-4"), "allowed: hdf5, ome-tiff"),
                ("hdf5", ("--layout", "foreign"), "quant4d"),
                ("hdf5", ("--layout", "playnano", "--axes", "xyt"), "tyx"),
                ("imagej-tiff", ("--axes", "xyt"), "yx")):
            _, said = self.export(form, *options, status=2)
            self.assertIn(wanted, said)
        self.assertEqual([path for path in self.directory.iterdir() if "out" in path.name], [])


if __name__ == "__main__":
    recorder.main()
