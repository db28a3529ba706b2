#!/usr/bin/env python3
"""A file of the layout pymodaq from its root to its last attribute, by the rules of PyMoDAQ 4 and 5 (their
h5modules: backends.py, saving.py, data_saving.py), each as a fact."""

import ast
import json
import pickle
import pathlib
import subprocess
import tempfile
import unittest
from xml.etree import ElementTree

import recorder
from recorder import FRAMELOG, h5py, numpy

FRAMES, HEIGHT, WIDTH = 9, 8, 12
PLAIN = ("TITLE", "CLASS", "VERSION", "EXTDIM")  # PyTables' own, which are no JSON.
TITLE = "It's a \\ \"test\" äöü"
SETUP = f"""
[instrument]
title = {TITLE}
sample = <A & B>
operator = O'Neill
channel = HAADF
value_unit = counts
pixel_size = 0.5 um, 0.25 um
[detector.disc]
shape = disc
center = 4 px, 6 px
outer = 3 px
[product.frames]
detectors = disc
"""


def value(node, name):
    """The Python value of an attribute."""
    told = json.loads(node.attrs[name])
    assert set(told) == {"module", "type", "data"}, (node.name, name, told)
    assert told["module"] == "builtins", told
    found = ast.literal_eval(told["data"])
    assert type(found).__name__ == told["type"], (node.name, name, told)
    return found


class Pymodaq(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="framelog-pymodaq-")
        cls.addClassCleanup(scratch.cleanup)
        folder = pathlib.Path(scratch.name)
        config = folder / "camera.conf"
        config.write_text(
            f"[source]\ndriver = simulator\npattern = ramp\nrate = max\nwidth = {WIDTH}\n"
            f"height = {HEIGHT}\n[files]\nbase = {folder / 'base'}\n{SETUP}", encoding="utf-8")
        subprocess.run([recorder.FRAMELOGD, "--config", config, "--frames", str(FRAMES), "--set",
                        "control.socket=off", "--set", "retention.min_free=0 B"], check=True,
                       capture_output=True, timeout=recorder.LONG_S)
        cls.source, = (folder / "base").rglob("*.h5")
        done = subprocess.run([FRAMELOG, "export", cls.source, "--to", "hdf5", "--layout", "pymodaq",
                               "--cutout", "y=2:8", "--output-folder", folder, "--output-name",
                               "out"], capture_output=True, text=True, check=False,
                              timeout=recorder.LONG_S)
        assert done.returncode == 0, done.stderr
        cls.folder = folder
        cls.file = h5py.File(folder / "out.h5")
        cls.addClassCleanup(cls.file.close)
        with h5py.File(cls.source) as file:
            cls.pixels = file["/entry/data/data"][:, 2:8]
            cls.utc_ns = file[recorder.READOUT + "/frame_table"]["utc_ns"]
            cls.sums = file["/entry/virtual_detectors/disc"][:]
            cls.configuration = file["/entry/configuration/data"][()].decode()
            cls.start_ns = int(file[recorder.READOUT + "/run_start_utc_ns"][()])

    def nodes(self):
        found = [self.file["/"]]
        self.file.visititems(lambda _name, node: found.append(node))
        return found

    def arrays(self, kind):
        return [node for node in self.nodes() if isinstance(node, h5py.Dataset)
                and "data_type" in node.attrs and value(node, "data_type") == kind]

    def test_every_node_has_what_pytables_asks_of_it(self):
        kinds = {}
        for node in self.nodes():
            kind = node.attrs["CLASS"].decode()
            kinds.setdefault(kind, []).append(node.name)
            self.assertIsInstance(node.attrs["TITLE"], str)
            self.assertEqual(node.attrs["VERSION"].decode(),
                             {"GROUP": "1.0", "EARRAY": "1.1", "CARRAY": "1.1",
                              "VLARRAY": "1.4"}[kind])
            self.assertEqual(kind == "GROUP", isinstance(node, h5py.Group))
            if isinstance(node, h5py.Group):
                continue
            growing = kind in ("EARRAY", "VLARRAY")
            self.assertEqual(node.maxshape[0] is None, growing, node.name)
            self.assertEqual(node.maxshape[1:], node.shape[1:])
            self.assertEqual("EXTDIM" in node.attrs, growing)
            self.assertIsNotNone(node.chunks)
            if growing:
                self.assertEqual(node.attrs["EXTDIM"], 0)
        self.assertEqual(set(kinds), {"GROUP", "EARRAY", "CARRAY", "VLARRAY"})

    def test_every_attribute_is_a_python_value_as_json(self):
        seen = 0
        for node in self.nodes():
            for name in node.attrs:
                if name in PLAIN or (node.name == "/" and name == "PYTABLES_FORMAT_VERSION"):
                    continue
                self.assertIsNotNone(h5py.check_string_dtype(node.attrs.get_id(name).dtype))
                value(node, name)
                seen += 1
        self.assertGreater(seen, 100)

    def test_the_root(self):
        root = self.file["/"]
        self.assertGreaterEqual(tuple(map(int, value(root, "pymodaq_version").split("."))), (4, 0))
        self.assertEqual(value(root, "file"), "out.h5")
        self.assertEqual(list(root), ["RawData"])
        raw = self.file["RawData"]
        self.assertEqual(value(raw, "type"), "detector")
        self.assertEqual(set(raw), {"Detector000", "Logger"})
        detector = raw["Detector000"]
        self.assertEqual(value(detector, "type"), "detector")
        self.assertEqual(detector.attrs["TITLE"], TITLE)
        self.assertEqual(set(detector), {"NavAxes", "Data0D", "Data2D", "Provenance"})

    def test_settings(self):
        tree = ElementTree.fromstring(value(self.file["RawData/Detector000"], "settings"))
        self.assertEqual((tree.tag, tree.get("type")), ("All_settings", "group"))
        for element in tree.iter():
            self.assertIsNotNone(element.get("type"), element.tag)
            self.assertIsNotNone(element.get("title"), element.tag)
            self.assertEqual(element.get("type") == "group", len(element) > 0, element.tag)
        told = {element.tag: element.text for element in tree if element.get("type") == "str"}
        self.assertEqual((told["sample"], told["operator"], told["instrument"]),
                         ("<A & B>", "O'Neill", "camera"))
        self.assertEqual((told["pixel_size_y"], told["pixel_size_x"]), ("0.5 um", "0.25 um"))
        self.assertEqual(told["configuration"].strip(), self.configuration.strip())

    def test_regions(self):
        tree = ElementTree.fromstring(value(self.file["RawData/Detector000"], "settings"))
        regions = tree.find("ROIs")
        self.assertEqual([(regions.find(f"frame/{side}").text) for side in "yx"], ["2:8", "0:12"])
        told = {element.tag: element.text for element in regions.find("ROI_00")}
        self.assertEqual(told, {"name": "disc", "shape": "disc", "center_y": "4 px",
                                "center_x": "6 px", "outer": "3 px"})

    def test_the_logger(self):
        log = self.file["RawData/Logger"]
        self.assertEqual(value(log, "type"), "log")
        self.assertEqual(value(log, "subdtype"), "string")
        lines = [pickle.loads(bytes(row)) for row in log[:]]  # As PyMoDAQ keeps its strings.
        self.assertEqual(value(log, "shape"), (len(lines),))
        self.assertRegex(lines[0], r"^\d{4}-\d\d-\d\dT.*Z run 1 of camera begins, frames$")

    def test_arrays_of_data(self):
        data = self.arrays("data_enlargeable")
        self.assertEqual(len(data), 7)  # The frames, five statistics, one detector.
        for node in data:
            self.assertTrue(node.name.endswith("/EnlData00"))
            parts = node.name.split("/")
            self.assertEqual(value(node, "data_dimension"), parts[3])
            self.assertRegex(parts[4], r"^CH\d\d$")
            self.assertEqual(value(node, "shape"), node.shape)
            self.assertEqual(value(node, "dtype"), str(node.dtype))
            self.assertEqual(value(node, "distribution"), "uniform")
            self.assertEqual(value(node, "nav_indexes"), (0,))
            self.assertEqual(value(node, "units"), "counts")
            self.assertEqual(value(node, "label"), node.attrs["TITLE"])
            self.assertAlmostEqual(value(node, "timestamp"), self.start_ns * 1e-9, places=6)
        frames = self.file["RawData/Detector000/Data2D/CH00/EnlData00"]
        numpy.testing.assert_array_equal(frames[:], self.pixels)
        self.assertEqual((frames.maxshape, value(frames, "label")),
                         ((None, HEIGHT - 2, WIDTH), "HAADF"))
        scalars = {node.attrs["TITLE"]: node[:] for node in data if node.ndim == 1}
        flat = self.pixels.reshape(FRAMES, -1)
        for name, wanted in (("min", flat.min(1)), ("max", flat.max(1)), ("mean", flat.mean(1)),
                             ("std", flat.std(1)), ("sum", flat.sum(1)), ("disc", self.sums)):
            numpy.testing.assert_allclose(scalars[name], wanted, err_msg=name)

    def test_axes(self):
        axes = {node.name.removeprefix("/RawData/Detector000/"): node
                for node in self.arrays("axis")}
        self.assertEqual(set(axes), {"NavAxes/Axis00", "Data2D/CH00/Axis00", "Data2D/CH00/Axis01"})
        for node in axes.values():
            self.assertEqual(value(node, "size"), node.size)
            self.assertEqual(value(node, "shape"), node.shape)
            self.assertEqual(value(node, "spread_order"), 0)
        told = [[value(axes[name], key) for key in ("label", "units", "index")]
                for name in sorted(axes)]
        self.assertEqual(told, [["y", "um", 1], ["x", "um", 2], ["time", "s", 0]])
        for name, origin, step in (("Axis00", 1.0, 0.5), ("Axis01", 0.0, 0.25)):
            node = axes["Data2D/CH00/" + name]
            self.assertEqual((value(node, "offset"), value(node, "scaling")), (origin, step))
            numpy.testing.assert_allclose(node[:], origin + step * numpy.arange(node.size))
        numpy.testing.assert_allclose(axes["NavAxes/Axis00"][:], self.utc_ns * 1e-9, rtol=0,
                                      atol=1e-6)

    def test_numbers_as_numpy_2_writes_them_are_read(self):
        copy = self.folder / "numpy2.h5"
        copy.write_bytes((self.folder / "out.h5").read_bytes())
        with h5py.File(copy, "r+") as file:
            for axis in ("Axis00", "Axis01"):
                attributes = file[f"RawData/Detector000/Data2D/CH00/{axis}"].attrs
                for name in ("scaling", "offset"):
                    told = json.loads(attributes[name])["data"]
                    attributes[name] = json.dumps({"module": "numpy", "type": "float64",
                                                   "data": f"np.float64({told})"})
        done = subprocess.run([FRAMELOG, "export", copy, "--to", "hdf5", "--output-folder",
                               self.folder, "--output-name", "again"], capture_output=True,
                              text=True, check=False, timeout=recorder.LONG_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        with h5py.File(self.folder / "again.h5") as file:
            self.assertEqual(list(file["/entry/data/y"][:2]), [1.0, 1.5])
            self.assertEqual(list(file["/entry/data/x"][:2]), [0.0, 0.25])

    def test_provenance(self):
        row, = self.file["RawData/Detector000/Provenance"][:]
        told = json.loads(pickle.loads(bytes(row)))
        self.assertEqual(told["files"]["inputs"][0]["path"], str(self.source))


if __name__ == "__main__":
    recorder.main()
