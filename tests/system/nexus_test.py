"""The layout of a finished HDF5 file: names, NeXus classes, types, shapes, units and links.

The lists below spell out the documented layout (NXroot, NXentry, NXdetector, NXdata, ...) for one
file in which everything that a recording can describe is set.
"""

import json
import os

import recorder
from recorder import DETECTOR, READOUT, h5py, numpy

ENTRY = "/entry"
FRAMES = 12
TEXT, FLOAT, INTEGER = "text", "float64", "int64"
N, Y, X = (FRAMES,), (9,), (20,)  # The product: 32 x 48, y=2:31 and x=4:44, bin 3x2.

CLASSES = {
    "/": "NXroot", ENTRY: "NXentry", ENTRY + "/operator": "NXuser", ENTRY + "/sample": "NXsample",
    ENTRY + "/marks": "NXcollection", ENTRY + "/instrument": "NXinstrument",
    DETECTOR: "NXdetector", READOUT: "NXcollection", READOUT + "/clock": "NXlog",
    ENTRY + "/data": "NXdata", ENTRY + "/statistics": "NXdata",
    ENTRY + "/process_1_crop": "NXprocess", ENTRY + "/process_2_bin": "NXprocess",
    ENTRY + "/process_1_crop/parameters": "NXparameters",
    ENTRY + "/process_2_bin/parameters": "NXparameters",
    ENTRY + "/process_1_crop/parameters_json": "NXnote",
    ENTRY + "/process_2_bin/parameters_json": "NXnote", ENTRY + "/provenance": "NXnote",
}

# Path: type, shape, unit.
DATASETS = {
    ENTRY: {"title": (TEXT, (), None), "start_time": (TEXT, (), None),
            "end_time": (TEXT, (), None), "duration": (FLOAT, (), "s"),
            "entry_identifier_uuid": (TEXT, (), None),
            "collection_identifier": (TEXT, (), None), "program_name": (TEXT, (), None),
            "operator/name": (TEXT, (), None), "sample/name": (TEXT, (), None),
            "instrument/name": (TEXT, (), None)},
    DETECTOR: {"data": ("uint32", N + Y + X, "counts"), "description": (TEXT, (), None),
               "local_name": (TEXT, (), None), "serial_number": (TEXT, (), None),
               "simulated": (INTEGER, (), None), "count_time": (FLOAT, N, "s"),
               "frame_time": (FLOAT, N, "s"), "start_time": (FLOAT, N, "s"),
               "sequence_number": (INTEGER, N, None), "bit_depth_readout": (INTEGER, (), None),
               "y_pixel_size": (FLOAT, (), "m"), "x_pixel_size": (FLOAT, (), "m")},
    READOUT: {"roi_origin_yx": (INTEGER, (2,), None), "roi_size_yx": (INTEGER, (2,), None),
              "binning_yx": (INTEGER, (2,), None), "binning_mode": (TEXT, (), None),
              "sensor_size_yx": (INTEGER, (2,), None), "valid": (INTEGER, (), None),
              "synced": (INTEGER, (), None), "clock/time": (FLOAT, (1,), "s"),
              "clock/value": (INTEGER, (1,), "ns")},
    ENTRY + "/data": {"data": ("uint32", N + Y + X, "counts"), "time": (FLOAT, N, "s"),
                      "y": (FLOAT, Y, "um"), "x": (FLOAT, X, "um")},
    ENTRY + "/statistics": {name: (FLOAT, N, None) for name in ("min", "max", "mean", "std",
                                                               "sum")},
    ENTRY + "/process_2_bin": {"program": (TEXT, (), None), "version": (TEXT, (), None),
                               "date": (TEXT, (), None), "sequence_index": (INTEGER, (), None),
                               "parameters/factor_yx": (INTEGER, (2,), None),
                               "parameters/mode": (TEXT, (), None),
                               "parameters_json/type": (TEXT, (), None),
                               "parameters_json/data": (TEXT, (), None)},
    ENTRY + "/provenance": {"type": (TEXT, (), None), "data": (TEXT, (), None)},
}

ATTRIBUTES = {
    "/": ["default", "file_name", "file_time", "creator", "creator_version", "HDF5_Version",
          "NeXus_release"],
    ENTRY: ["default"],
    ENTRY + "/program_name": ["version", "configuration"],
    ENTRY + "/data": ["signal", "axes", "time_indices", "y_indices", "x_indices"],
    ENTRY + "/data/time": ["units", "start"],
    DETECTOR + "/start_time": ["units", "start"],
    DETECTOR + "/data": ["units", "long_name", "target", "axistags", "axis_units", "drange"],
}

CONFIGURATION = """
[instrument]
title = A title
operator = A. Operator
sample = gold
channel = bottom
pixel_size = 0.5 um
sensor_pitch = 13 um
[product.small]
roi = y=2:31, x=4:44
bin = 3x2
"""


class Layout(recorder.Case):
    def setUp(self):
        super().setUp()
        self.record(self.simulate(CONFIGURATION, rate="200 Hz"), "--frames", str(FRAMES))
        (path,) = self.base.rglob("*.h5")
        self.file = h5py.File(path, "r")
        self.addCleanup(self.file.close)

    def text(self, path):
        return self.file[path][()].decode()

    def test_groups_have_their_classes(self):
        for path, name in CLASSES.items():
            with self.subTest(group=path):
                self.assertIn(path, self.file)
                self.assertEqual(self.file[path].attrs["NX_class"], name)

    def test_datasets_have_type_shape_and_unit(self):
        for group, members in DATASETS.items():
            for name, (kind, shape, unit) in members.items():
                with self.subTest(dataset=f"{group}/{name}"):
                    self.assertIn(name, self.file[group])
                    data = self.file[group][name]
                    if kind == TEXT:
                        self.assertIsNotNone(h5py.check_string_dtype(data.dtype))
                    else:
                        self.assertEqual(data.dtype, kind)
                    self.assertEqual(data.shape, shape)
                    self.assertEqual(data.attrs.get("units"), unit)

    def test_attributes(self):
        for path, names in ATTRIBUTES.items():
            for name in names:
                with self.subTest(attribute=f"{path}@{name}"):
                    self.assertIn(name, self.file[path].attrs)
        data = self.file[ENTRY + "/data"]
        self.assertEqual(data.attrs["signal"], "data")
        self.assertEqual(list(data.attrs["axes"]), ["time", "y", "x"])
        self.assertEqual([data.attrs[f"{name}_indices"] for name in ("time", "y", "x")],
                         [0, 1, 2])
        self.assertEqual(self.file.attrs["default"], "entry")
        self.assertEqual(self.file.attrs["file_name"], self.file.filename.rsplit("/", 1)[1])
        self.assertEqual(self.file[ENTRY].attrs["default"], "data")

    def test_no_attribute_is_too_large_for_old_readers(self):
        def look(name, item):
            for key, value in item.attrs.items():
                size = len(value) if isinstance(value, str) else numpy.asarray(value).nbytes
                self.assertLess(size, 64 << 10, f"{name}@{key}")
        self.file.visititems(look)

    def test_links(self):
        for one, other in ((DETECTOR + "/data", ENTRY + "/data/data"),
                           (ENTRY + "/data/time", ENTRY + "/statistics/time")):
            self.assertEqual(self.file[one], self.file[other])
        target = self.file[DETECTOR + "/data"].attrs["target"]
        self.assertEqual(self.file[target], self.file[DETECTOR + "/data"])

    def test_the_frame_table_is_128_bytes_a_frame(self):
        table = self.file[READOUT + "/frame_table"]
        self.assertEqual(table.dtype.itemsize, 128)
        offsets = {name: table.dtype.fields[name][1] for name in table.dtype.names}
        wanted = {name: recorder.RECORD.fields[name][1] for name in recorder.RECORD.names}
        self.assertEqual(offsets, {name: wanted[name] for name in offsets})
        # What has no name in the file is reserved.
        self.assertLessEqual(set(wanted) - set(offsets), {"reserved"})
        self.assertEqual(len(set(table["magic"].tolist())), 1)
        self.assertEqual(table["sequence"].tolist(), list(range(FRAMES)))
        self.assertEqual(set(table["accumulated"].tolist()), {1})

    def test_gaps_and_accounting(self):
        gaps = self.file[READOUT + "/gaps"]
        self.assertEqual(list(gaps.dtype.names),
                         ["after_sequence", "frames", "duration_ns", "stage", "reason"])
        accounting = self.file[READOUT + "/accounting"]
        for name in ("received", "recorded", "merged", "skipped", "not_recorded",
                     "dropped_ring-full", "dropped_disk-full", "lost_at_source_sequence-gap"):
            self.assertIn(name, accounting.dtype.names)

    def test_times_agree(self):
        table = self.file[READOUT + "/frame_table"]
        start = self.file[READOUT + "/run_start_monotonic_ns"][()]
        seconds = (table["monotonic_ns"] - start) / 1e9
        numpy.testing.assert_allclose(self.file[ENTRY + "/data/time"][:], seconds, atol=1e-9)
        exposure = table["exposure_ns"] / 1e9
        numpy.testing.assert_allclose(self.file[DETECTOR + "/count_time"][:], exposure)
        numpy.testing.assert_allclose(self.file[DETECTOR + "/start_time"][:],
                                      seconds - exposure, atol=1e-9)
        numpy.testing.assert_allclose(self.file[ENTRY + "/duration"][()],
                                      seconds[-1] - seconds[0], atol=1e-9)
        begin = numpy.datetime64(self.text(ENTRY + "/start_time").rstrip("Z"))
        first = numpy.datetime64(int(table["utc_ns"][0]), "ns")
        end = numpy.datetime64(self.text(ENTRY + "/end_time").rstrip("Z"))
        self.assertLessEqual(begin, first)
        self.assertLess(first, end)
        self.assertTrue(self.text(ENTRY + "/start_time").endswith("Z"))

    def test_values(self):
        values = {ENTRY + "/title": "A title", ENTRY + "/operator/name": "A. Operator",
                  ENTRY + "/sample/name": "gold", DETECTOR + "/local_name": "bottom",
                  ENTRY + "/instrument/name": "camera", READOUT + "/binning_mode": "sum",
                  ENTRY + "/provenance/type": "application/json"}
        for path, value in values.items():
            self.assertEqual(self.text(path), value, path)
        self.assertAlmostEqual(self.file[DETECTOR + "/y_pixel_size"][()], 39e-6, delta=1e-15)
        self.assertAlmostEqual(self.file[DETECTOR + "/x_pixel_size"][()], 26e-6, delta=1e-15)
        # 29 rows in bins of 3: the last two are cut off, and the region says so.
        self.assertEqual(self.file[READOUT + "/roi_size_yx"][:].tolist(), [27, 40])
        self.assertEqual(self.file[READOUT + "/valid"][()], FRAMES)
        self.assertEqual(self.file[READOUT + "/synced"][()], FRAMES)
        least, most = self.file[DETECTOR + "/data"].attrs["drange"]
        pixels = self.file[DETECTOR + "/data"][:]
        self.assertEqual((least, most), (pixels.min(), pixels.max()))
        steps = json.loads(self.text(ENTRY + "/process_2_bin/parameters_json/data"))
        self.assertEqual(steps["factor_yx"], [3, 2])
        self.assertEqual([self.file[f"{ENTRY}/process_{name}/sequence_index"][()]
                          for name in ("1_crop", "2_bin")], [1, 2])

    def test_the_file_takes_hardly_more_space_than_its_pixels(self):
        """Space was reserved for a segment of 1 GiB; what is not needed is given back."""
        space = os.stat(self.file.filename).st_blocks * 512
        self.assertLess(space, self.file[DETECTOR + "/data"].nbytes + (1 << 20))


if __name__ == "__main__":
    recorder.main()
