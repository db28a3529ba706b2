"""Replays files of every readable format, and checks every pixel against h5py and NumPy."""

import pathlib
import struct
import unittest

import recorder
from recorder import DATA, DETECTOR, h5py, numpy

try:
    import tifffile
except ImportError:
    tifffile = None

needs_tifffile = unittest.skipIf(tifffile is None, "there is no python3-tifffile")
MERLIN = DATA / "merlin"
CAMERA = DATA / "camera"


class ReplayCase(recorder.Case):
    def setUp(self):
        super().setUp()
        self.random = numpy.random.default_rng(11)
        self.count = 0

    def replay(self, path, extra="", **source):
        """Records a replay to a directory of its own, and reads that back."""
        self.count += 1
        base = self.directory / f"replay-{self.count}"
        keys = {"driver": "replay", "path": path, "rate": "max", **source}
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
        config = self.configure(f"[source]\n{lines}\n[ring]\nmemory = 16 MiB\n"
                                f"[files]\nbase = {base}\n{extra}\n")
        self.messages = self.record(config)
        self.verify(base)
        (segment,) = recorder.finished(base)
        return segment

    def check(self, path, wanted, **source):
        """The replay of a file is exactly these frames, numbered from 0, with no gap."""
        segment = self.replay(path, **source)
        wanted = numpy.asarray(wanted)
        wanted = wanted.reshape((-1, *wanted.shape[-2:]))
        self.assertEqual(segment.pixels.dtype, wanted.dtype.newbyteorder("="), path)
        self.assertTrue(numpy.array_equal(segment.pixels, wanted), path)
        self.assertTrue(numpy.array_equal(segment.records["source_sequence"],
                                          numpy.arange(len(wanted))), path)
        self.assertEqual(segment.gaps, [])
        return segment

    def settings(self, segment):
        return segment.provenance["instrument"]["settings"]

    def refuse(self, path, *parts, **source):
        """The daemon says in one line what is wrong, and records nothing."""
        base = self.directory / "refused"
        keys = {"driver": "replay", "path": path, "rate": "max", **source}
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
        config = self.configure(f"[source]\n{lines}\n[files]\nbase = {base}\n")
        for arguments in (["--check"], []):
            text = self.record(config, *arguments, status=2)
            self.assertEqual(len(text.splitlines()), 1, text)
            for part in (str(path), *parts):
                self.assertIn(part, text)
        self.assertFalse(base.exists(), "something was left behind")

    def array(self, shape, dtype):
        if numpy.dtype(dtype).kind == "f":
            return self.random.normal(size=shape).astype(dtype)
        info = numpy.iinfo(dtype)
        return self.random.integers(info.min, info.max, shape, numpy.dtype(dtype).newbyteorder("="),
                                    endpoint=True).astype(dtype)


class Npy(ReplayCase):
    def test_any_order_and_endianness(self):
        cases = (((6, 5, 4), ">u2", "C"), ((6, 5, 4), "<u2", "F"), ((7, 30, 20), ">f4", "F"),
                 ((30, 20), ">i4", "F"), ((3, 4, 6, 5), "<f8", "F"), ((3, 4, 6, 5), ">u8", "C"))
        for number, (shape, dtype, order) in enumerate(cases):
            with self.subTest(shape=shape, dtype=dtype, order=order):
                path = self.directory / f"{number}.npy"
                wanted = self.array(shape, dtype)
                numpy.save(path, numpy.asarray(wanted, order=order))
                self.check(path, wanted)

    def test_scalars_and_booleans(self):
        path = self.directory / "line.npy"
        wanted = self.array((50,), "<f4")
        numpy.save(path, wanted)
        self.check(path, wanted.reshape(50, 1, 1))
        mask = self.directory / "mask.npy"
        numpy.save(mask, self.array((3, 8, 9), "u1") > 100)
        self.check(mask, numpy.load(mask).astype("u1"))

    def test_what_cannot_be_replayed_is_refused(self):
        path = self.directory / "a.npy"
        for value in (numpy.zeros((2, 2), "c8"), numpy.zeros((2, 2), "f2"),
                      numpy.zeros(3, [("a", "u2"), ("b", "u2")]), numpy.zeros((2, 2), "i8")):
            numpy.save(path, value)
            self.refuse(path, "allowed: uint8")
        numpy.save(path, numpy.zeros((4, 8, 8), "u2"))
        path.write_bytes(path.read_bytes()[:-1])
        self.refuse(path, "shorter than its description")
        numpy.save(path, numpy.zeros((0, 8, 8), "u2"))
        self.refuse(path, "empty array")


class Hdf5(ReplayCase):
    def write(self, wanted, **storage):
        path = self.directory / f"file-{self.count}.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset("entry/frames", data=wanted, **storage)
        return path

    def test_four_dimensions_in_every_storage(self):
        for dtype in ("<u2", ">f4"):
            wanted = self.array((3, 5, 16, 12), dtype)
            for storage in ({}, {"chunks": (1, 1, 16, 12)}, {"chunks": (2, 3, 16, 12)},
                            {"chunks": (2, 2, 8, 8)}, {"chunks": True, "compression": "gzip"},
                            {"chunks": (1, 2, 16, 12), "compression": "gzip", "shuffle": True,
                             "fletcher32": True}):
                with self.subTest(dtype=dtype, **storage):
                    self.check(self.write(wanted, **storage), wanted)

    def test_three_and_two_dimensions(self):
        for shape in ((40, 9, 7), (9, 7)):
            wanted = self.array(shape, ">i2")
            self.check(self.write(wanted), wanted)
            self.check(self.write(wanted, chunks=(3, 4, 7)[-len(shape):]), wanted)

    def test_many_small_chunks(self):
        wanted = self.array((3000, 4, 4), "<u2")
        self.check(self.write(wanted, chunks=(1, 4, 4)), wanted)

    def test_the_dataset_can_be_chosen(self):
        path = self.directory / "several.h5"
        first, second = self.array((4, 6, 5), "<u2"), self.array((4, 6, 5), "<u2")
        with h5py.File(path, "w") as file:
            file["a/first"] = first
            file["b/second"] = second
        self.refuse(path, "/a/first 4 x 6 x 5 uint16, /b/second 4 x 6 x 5 uint16")
        self.check(path, second, dataset="/b/second")
        self.check(path, first, dataset="a/first")
        self.refuse(path, "candidates: /a/first", dataset="c")

    def test_what_cannot_be_replayed_is_refused(self):
        path = self.directory / "a.h5"
        path.write_bytes(b"not an HDF5 file")
        self.refuse(path, "wrong magic bytes")
        whole = self.write(self.array((50, 20, 20), "<u2"), chunks=(1, 20, 20)).read_bytes()
        path.write_bytes(whole[:len(whole) // 2])
        self.refuse(path, "truncated")
        with h5py.File(path, "w") as file:
            file.create_dataset("sparse", (1 << 40, 2, 2), "u2", chunks=(1, 2, 2))
        self.refuse(path, "written in part only")
        with h5py.File(path, "w") as file:
            creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            creation.set_chunk((1, 4, 4))
            creation.set_filter(32099, h5py.h5z.FLAG_OPTIONAL, ())
            h5py.h5d.create(file.id, b"x", h5py.h5t.STD_U16LE, h5py.h5s.create_simple((2, 4, 4)),
                            creation)
        self.refuse(path, "filter 32099")

    @unittest.skipUnless((DATA / "xray").exists(), f"there is no {DATA}/xray")
    def test_real_projections(self):
        path = DATA / "xray/tooth_181x2x640_f32.h5"
        with h5py.File(path, "r") as file:
            self.check(path, file["exchange/data"][:])
            self.check(path, file["exchange/data_white"][:], dataset="exchange/data_white")


class Series(ReplayCase):
    @unittest.skipUnless((DATA / "diffraction").exists(), f"there is no {DATA}/diffraction")
    def test_real_patterns_in_numbered_files(self):
        star = numpy.load(DATA / "diffraction/siemens_star_128x128x128_u16.npy")
        self.check(DATA / "diffraction", star)
        folder = self.directory / "star"
        folder.mkdir()
        for number in range(12):
            numpy.save(folder / f"part{number}.npy", star[10 * number:10 * number + 10])
        segment = self.check(folder, star[:120])
        self.assertEqual([item["path"] for item in segment.provenance["files"]["inputs"]],
                         [str(folder / f"part{number}.npy") for number in range(12)])
        self.check(folder / "part1?.npy", star[100:120])

    def test_our_own_segments(self):
        """Rolled segments replay as the one recording that they are, with its losses."""
        for kind in ("hdf5", "raw"):
            with self.subTest(format=kind):
                first = self.directory / f"first-{kind}"
                files = "template = part_{segment:03}\n[roll]\nmax_frames = 16\n"
                self.record(self.simulate(f"[product.frames]\nformat = {kind}\n", files=files,
                                          faults="lose 5 at 20; corrupt at 40", frames=90),
                            "--set", f"files.base={first}")
                originals = recorder.finished(first, ".h5" if kind == "hdf5" else ".raw")
                self.assertGreater(len(originals), 4)
                copy = self.replay(first)
                self.assertTrue(numpy.array_equal(
                    copy.pixels, numpy.concatenate([s.pixels for s in originals])))
                for column in ("source_sequence", "crc32c", "dropped_before", "flags", "sum"):
                    told = numpy.concatenate([s.records[column] for s in originals])
                    self.assertTrue(numpy.array_equal(copy.records[column], told), column)
                self.assertEqual(copy.gaps, [(19, 5, "source", "sequence-gap")])

    def test_what_does_not_fit_together_is_refused(self):
        folder = self.directory / "folder"
        folder.mkdir()
        self.refuse(folder, "a directory without files of frames")
        self.refuse(folder / "*.npy", "no file fits the pattern")
        numpy.save(folder / "a1.npy", numpy.zeros((2, 4, 4), "u2"))
        numpy.save(folder / "a2.npy", numpy.zeros((2, 4, 5), "u2"))
        self.refuse(folder, "a2.npy: frames of 4 x 5 uint16")


@unittest.skipUnless(MERLIN.exists(), f"there is no {MERLIN}")
class Merlin(ReplayCase):
    SETS = ("u1", "u6", "u12", "u24", "r1", "r6", "r12", "r24")

    def test_every_depth_given_as_mib_and_as_hdr(self):
        for name in self.SETS:
            truth = numpy.load(MERLIN / name / "truth.npy")
            for suffix in (".mib", ".hdr"):
                with self.subTest(name, given=suffix):
                    path = MERLIN / name / f"default{suffix}"
                    segment = self.replay(path)
                    self.assertEqual(segment.pixels.dtype, truth.dtype)
                    self.assertTrue(numpy.array_equal(segment.pixels, truth))
                    self.assertEqual(segment.gaps, [])
                    # Frames of a Merlin are numbered from 1, and tell their exposure: 1 ms.
                    numpy.testing.assert_array_equal(segment.records["source_sequence"],
                                                     numpy.arange(len(truth)) + 1)
                    self.assertEqual(set(segment.records["exposure_ns"]), {1_000_000})
                    self.assertEqual({pathlib.Path(entry["path"]).name for entry
                                      in segment.provenance["files"]["inputs"]},
                                     {"default.mib", "default.hdr"})

    def test_what_the_file_says_of_its_detector_is_recorded(self):
        for name in ("u12", "r6"):
            segment = self.replay(MERLIN / name / "default.mib")
            depth = int(name[1:])
            settings = self.settings(segment)
            self.assertEqual(settings["Chip ID"], "W000_X0")
            self.assertEqual(settings["Gain"], "SLGM")
            self.assertEqual(settings["Counter Depth (number)"], str(depth))
            with h5py.File(segment.path) as file:
                self.assertEqual(file[DETECTOR + "/bit_depth_readout"][()], depth)
                self.assertEqual(file[DETECTOR + "/saturation_value"][()], 2 ** depth - 1)
                self.assertIn(f"Merlin, 1 chip, {depth} bit",
                              file[DETECTOR + "/description"][()].decode())
            full = (segment.pixels == 2 ** depth - 1).sum(axis=(1, 2))
            numpy.testing.assert_array_equal(segment.records["saturated"], full)

    def explained(self, path):
        return self.record(self.configure(f"[source]\ndriver = replay\npath = {path}\n"),
                           "--check")

    def test_a_scan_is_a_hint(self):
        """By the frames of a trigger, or by what a scan engine adds to the settings."""
        hint = "hint: the source has a scan of {0}: instrument.scan = {0}\n"
        self.assertIn(hint.format("4 x 4"), self.explained(MERLIN / "u12/default.hdr"))
        copy = self.directory / "default.mib"
        copy.write_bytes((MERLIN / "u12/default.mib").read_bytes())
        self.assertNotIn("hint", self.explained(copy))
        settings = (MERLIN / "u12/default.hdr").read_bytes()
        copy.with_suffix(".hdr").write_bytes(
            settings.replace(b"End\t", b"ScanX:\t8\r\nScanY:\t2\r\nEnd\t"))
        self.assertIn(hint.format("2 x 8"), self.explained(copy))

    def test_lost_frames_are_those_that_the_numbers_miss(self):
        data = (MERLIN / "u12/default.mib").read_bytes()
        stride = len(data) // 16
        path = self.directory / "holes.mib"
        kept = [0, 1, 2, 5, 6, 10, 15]
        path.write_bytes(b"".join(data[stride * i:stride * (i + 1)] for i in kept))
        segment = self.replay(path)
        truth = numpy.load(MERLIN / "u12/truth.npy")
        self.assertTrue(numpy.array_equal(segment.pixels, truth[kept]))
        numpy.testing.assert_array_equal(segment.records["source_sequence"], [i + 1 for i in kept])
        self.assertEqual([gap[1] for gap in segment.gaps], [2, 3, 4])

    def test_an_unfinished_frame_at_the_end_is_left_out_and_told(self):
        path = self.directory / "cut.mib"
        path.write_bytes((MERLIN / "u12/default.mib").read_bytes()[:-100])
        segment = self.replay(path)
        self.assertEqual(len(segment.pixels), 15)
        self.assertIn("bytes of an unfinished frame at the end", self.settings(segment)["format"])

    def test_what_cannot_be_replayed_is_refused(self):
        data = (MERLIN / "u12/default.mib").read_bytes()
        path = self.directory / "bad.mib"
        header = b"MQ1,000001,00384,01,0128,0128,U16,"
        self.assertTrue(data.startswith(header))
        for new, what in ((b"MQ2,000001,00384,01,0128,0128,U16,", ""),
                          (b"MQ1,000001,00384,01,0128,0128,U12,", "U08, U16, U32 or R64"),
                          (b"MQ1,000001,00384,01,0128,000x,U16,", "not the number"),
                          (b"MQ1,000001,00384,01,0000,0128,U16,", ""),
                          (b"MQ1,000001,99384,01,0128,0128,U16,", "absurd length"),
                          (b"MQ1,000001,00384,01,1099511627776,0128,U16,", "not the number"),
                          (b"MQ1,000001,00384,01,4294967295,4294967295,U32,", ""),
                          (b"MQ1,000001,00384,01,0128,9999,U16,", "")):
            with self.subTest(new):
                path.write_bytes(new + data[len(header):])
                self.refuse(path, what)
        path.write_bytes(data[:384 + 100])
        self.refuse(path, "no whole frame")
        path.write_bytes(data[:20])
        self.refuse(path, "cut off")
        path.write_bytes(b"")
        self.refuse(path)

    def test_a_damaged_header_costs_its_frame_alone(self):
        data = bytearray((MERLIN / "u12/default.mib").read_bytes())
        stride = len(data) // 16
        path = self.directory / "damaged.mib"
        data[5 * stride:5 * stride + 4] = b"????"
        path.write_bytes(data)
        segment = self.replay(path)
        kept = [n for n in range(16) if n != 5]
        truth = numpy.load(MERLIN / "u12/truth.npy")
        self.assertTrue(numpy.array_equal(segment.pixels, truth[kept]))
        self.assertEqual(segment.gaps, [(4, 1, "source", "disconnected")])
        self.assertEqual(self.messages.count("source lost"), 2, self.messages)
        self.assertIn("frame 5 of a Merlin file: no Merlin header", self.messages)

    def test_settings_without_their_frames_are_refused(self):
        path = self.directory / "alone.hdr"
        path.write_bytes((MERLIN / "u12/default.hdr").read_bytes())
        config = self.configure(f"[source]\ndriver = replay\npath = {path}\n")
        text = self.record(config, "--check", status=2)
        self.assertIn(str(path.with_suffix(".mib")), text)
        self.assertEqual(len(text.splitlines()), 1, text)
        path.write_bytes(b"something else\n")
        path.with_suffix(".mib").write_bytes((MERLIN / "u12/default.mib").read_bytes())
        self.refuse(path)


class Tiff(ReplayCase):
    @needs_tifffile
    @unittest.skipUnless(CAMERA.exists(), f"there is no {CAMERA}")
    def test_real_stacks(self):
        for name in ("particles_5x512x512_u16", "micromanager_256x64x64_u16"):
            path = CAMERA / f"{name}.tif"
            with tifffile.TiffFile(path) as file:
                wanted = numpy.stack([page.asarray() for page in file.pages])
            self.assertEqual("x".join(map(str, wanted.shape)), name.split("_")[1])
            self.check(path, wanted)

    @needs_tifffile
    @unittest.skipUnless((DATA / "ome").exists(), f"there is no {DATA}/ome")
    def test_a_real_ome_tiff(self):
        path = DATA / "ome/multi-channel.ome.tif"
        with tifffile.TiffFile(path) as file:
            self.assertEqual(file.byteorder, ">")
            wanted = numpy.stack([page.asarray() for page in file.pages])
        segment = self.check(path, wanted)
        self.assertEqual(self.settings(segment)["Pixels SizeC"], "3")
        with h5py.File(segment.path) as file:
            self.assertIn("OME-TIFF, 3 channels", file[DETECTOR + "/description"][()].decode())

    @needs_tifffile
    def test_every_way_to_store_a_stack(self):
        ways = ({}, {"bigtiff": True}, {"byteorder": ">"}, {"byteorder": ">", "bigtiff": True},
                {"tile": (16, 32)}, {"tile": (16, 16), "byteorder": ">"}, {"rowsperstrip": 7},
                {"rowsperstrip": 7, "compression": "zlib"}, {"compression": "zlib", "tile": (16, 16)},
                {"compression": "zlib", "predictor": True}, {"photometric": "miniswhite"})
        for number, way in enumerate(ways):
            for dtype in ("u2", "i4") if "predictor" in way else ("u2", "i4", "f4"):
                with self.subTest(dtype=dtype, **way):
                    path = self.directory / f"{number}-{dtype}.tif"
                    wanted = self.array((4, 37, 50), dtype)
                    options = {"metadata": None, "photometric": "minisblack", **way}
                    try:
                        tifffile.imwrite(path, wanted, **options)
                    except (ImportError, KeyError, ValueError) as problem:
                        self.skipTest(f"tifffile cannot write {way}: {problem}")
                    self.check(path, wanted)

    @needs_tifffile
    def test_every_pixel_type(self):
        for dtype in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "f4", "f8"):
            with self.subTest(dtype):
                path = self.directory / f"{dtype}.tif"
                wanted = self.array((3, 9, 11), dtype)
                tifffile.imwrite(path, wanted, metadata=None, photometric="minisblack")
                self.check(path, wanted)

    @needs_tifffile
    def test_an_imagej_hyperstack(self):
        """Its frames lie behind the one directory, in the order T, Z, C."""
        path = self.directory / "hyper.tif"
        wanted = self.array((2, 3, 4, 20, 30), "u2")
        tifffile.imwrite(path, wanted, imagej=True, metadata={"axes": "TZCYX"})
        with tifffile.TiffFile(path) as file:
            self.assertTrue(file.is_imagej)
        segment = self.check(path, wanted)
        settings = self.settings(segment)
        self.assertEqual([settings[key] for key in ("images", "frames", "slices", "channels")],
                         ["24", "2", "3", "4"])
        # ImageJ itself writes one directory only, whatever the number of frames.
        data = bytearray(path.read_bytes())
        (start,) = struct.unpack_from(file.byteorder + "I", data, 4)
        (count,) = struct.unpack_from(file.byteorder + "H", data, start)
        struct.pack_into(file.byteorder + "I", data, start + 2 + 12 * count, 0)
        path.write_bytes(data)
        self.check(path, wanted)
        path.write_bytes(data[:wanted.nbytes])
        self.refuse(path, "cut off: 24 images announced, 23 found")

    @needs_tifffile
    def test_an_ome_tiff_with_its_times(self):
        path = self.directory / "times.ome.tif"
        wanted = self.array((5, 12, 8), "u2")
        tifffile.imwrite(path, wanted, metadata={
            "axes": "TYX", "SignificantBits": 12, "TimeIncrement": 0.5,
            "Plane": {"DeltaT": [0.0, 0.1, 0.2, 0.4, 0.5], "ExposureTime": [0.02] * 5}})
        with tifffile.TiffFile(path) as file:
            self.assertTrue(file.is_ome)
            self.assertIn("DeltaT", file.ome_metadata)
        segment = self.check(path, wanted)
        numpy.testing.assert_array_equal(segment.records["exposure_ns"], [20_000_000] * 5)
        numpy.testing.assert_array_equal(
            segment.records["device_ns"],
            [0, 100_000_000, 200_000_000, 400_000_000, 500_000_000])

    @needs_tifffile
    def test_a_directory_of_them(self):
        folder = self.directory / "folder"
        folder.mkdir()
        wanted = self.array((30, 16, 24), "u2")
        for number in range(12):
            tifffile.imwrite(folder / f"frame_{number}.tif", wanted[number], metadata=None)
        tifffile.imwrite(folder / "frame_12.tif", wanted[12:], metadata=None,
                         photometric="minisblack")
        self.check(folder, wanted)
        self.check(folder / "frame_1*.tif", numpy.concatenate([wanted[1:2], wanted[10:]]))
        tifffile.imwrite(folder / "frame_13.tif", wanted[0, :, 1:], metadata=None)
        self.refuse(folder, "frame_13.tif: frames of 16 x 23 uint16")

    @needs_tifffile
    def test_what_cannot_be_replayed_is_refused(self):
        path = self.directory / "bad.tif"
        frame = self.array((20, 30), "u2")
        tifffile.imwrite(path, self.array((3, 20, 30), "u2"), metadata=None,
                         photometric="minisblack")
        whole = path.read_bytes()
        with tifffile.TiffFile(path) as file:
            last_pixel = file.pages[2].dataoffsets[0] + frame.nbytes - 1
        for bytes_left in (last_pixel, len(whole) // 2, 100, 8, 4):
            with self.subTest(bytes_left=bytes_left):
                path.write_bytes(whole[:bytes_left])
                self.refuse(path)
        path.write_bytes(b"II*\0" + struct.pack("<I", 0) + bytes(100))
        self.refuse(path)
        path.write_bytes(b"JUNK" + whole[4:])
        self.refuse(path)
        tifffile.imwrite(path, self.array((9, 12, 3), "u1"), photometric="rgb", metadata=None)
        self.refuse(path, "3 samples")
        tifffile.imwrite(path, numpy.zeros((9, 12), "c8"), metadata=None)
        self.refuse(path, "sample format 6")
        tifffile.imwrite(path, numpy.zeros((9, 12), "f2"), metadata=None)
        self.refuse(path, "16 bit, sample format 3")
        with tifffile.TiffWriter(path) as file:
            file.write(frame, metadata=None)
            file.write(frame[:, 1:], metadata=None)
        self.refuse(path, "ragged pages: page 1 is 20 x 29 uint16")

    @needs_tifffile
    def test_a_page_that_cannot_be_decoded_costs_its_frame_alone(self):
        path = self.directory / "damaged.tif"
        wanted = self.array((6, 20, 30), "u2")
        tifffile.imwrite(path, wanted, compression="zlib", metadata=None, photometric="minisblack")
        with tifffile.TiffFile(path) as file:
            starts = [page.dataoffsets[0] for page in file.pages]
        data = bytearray(path.read_bytes())
        data[starts[3]:starts[3] + 40] = bytes(40)
        path.write_bytes(data)
        segment = self.replay(path)
        self.assertTrue(numpy.array_equal(segment.pixels, wanted[[0, 1, 2, 4, 5]]))
        self.assertEqual(segment.gaps, [(2, 1, "source", "disconnected")])
        self.assertEqual(self.messages.count("source lost"), 2, self.messages)
        self.assertIn("cannot be decoded", self.messages)
        data[starts[0]:starts[0] + 40] = bytes(40)
        path.write_bytes(data)
        self.refuse(path, "cannot be decoded")

    def one_page(self, **tags):
        """A little-endian TIFF of one page of 4 x 4 uint16 with these tags in place of its own."""
        entries = {256: (4, 4), 257: (4, 4), 258: (3, 16), 259: (3, 1), 262: (3, 1),
                   273: (4, 8), 277: (3, 1), 278: (4, 4), 279: (4, 32)}
        for tag, value in tags.items():
            kind = entries[int(tag[1:])][0]
            entries[int(tag[1:])] = (kind, value)
        directory = struct.pack("<H", len(entries))
        for tag, (kind, value) in sorted(entries.items()):
            directory += struct.pack("<HHII", tag, kind, 1, value)
        pixels = numpy.arange(16, dtype="<u2").tobytes()
        return (b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels + directory +
                struct.pack("<I", 0))

    def test_absurd_directories_are_refused(self):
        path = self.directory / "absurd.tif"
        path.write_bytes(self.one_page())
        self.check(path, numpy.arange(16, dtype="u2").reshape(1, 4, 4))
        for tags in ({"t256": 0}, {"t257": 0}, {"t256": 2 ** 32 - 1},
                     {"t256": 2 ** 20, "t257": 2 ** 20}, {"t258": 12}, {"t259": 7}, {"t259": 60000},
                     {"t273": 0}, {"t273": 2 ** 31}, {"t277": 5}, {"t278": 0}):
            with self.subTest(**tags):
                path.write_bytes(self.one_page(**tags))
                self.refuse(path)
        # A page that is its own successor.
        loop = bytearray(self.one_page())
        loop[-4:] = struct.pack("<I", 40)
        path.write_bytes(loop)
        self.refuse(path, "no end")

    def test_sizes_of_2_to_the_40_are_refused(self):
        path = self.directory / "big.tif"
        entries = [(256, 16, 2 ** 40), (257, 16, 2 ** 40), (258, 3, 16), (259, 3, 1), (262, 3, 1),
                   (273, 16, 16), (277, 3, 1), (278, 16, 2 ** 40), (279, 16, 2 ** 62)]
        directory = struct.pack("<Q", len(entries))
        directory += b"".join(struct.pack("<HHQQ", tag, kind, 1, value)
                              for tag, kind, value in entries)
        path.write_bytes(b"II+\0" + struct.pack("<HHQ", 8, 0, 16) + directory + struct.pack("<Q", 0))
        self.refuse(path)


class Raw(ReplayCase):
    def test_pixels_of_a_given_geometry(self):
        wanted = self.array((6, 7, 9), "<f4")
        path = self.directory / "pixels.bin"
        path.write_bytes(wanted.tobytes())
        self.check(path, wanted, shape="6x7x9", pixel_type="float32")
        self.check(path, wanted, shape="7x9", pixel_type="float32")
        self.refuse(path, shape="7x7x9", pixel_type="float32")
        self.refuse(path, shape=f"{2 ** 20}x{2 ** 20}", pixel_type="float64")
        path.write_bytes(b"")
        self.refuse(path, shape="7x9", pixel_type="float32")


if __name__ == "__main__":
    recorder.main()
