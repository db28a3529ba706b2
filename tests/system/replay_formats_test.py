"""Replays files of every readable format, and checks every pixel against h5py and NumPy."""

import unittest

import recorder
from recorder import DATA, h5py, numpy


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
        config = self.configure(f"[source]\n{lines}\n[files]\nbase = {base}\n{extra}\n")
        self.record(config)
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

    def refuse(self, path, *parts, **source):
        """The daemon says in one line what is wrong, and records nothing."""
        base = self.directory / "refused"
        keys = {"driver": "replay", "path": path, "rate": "max", **source}
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
        text = self.record(self.configure(f"[source]\n{lines}\n[files]\nbase = {base}\n"),
                           "--check", status=2)
        for part in (str(path), *parts):
            self.assertIn(part, text)
        self.assertEqual(recorder.finished(base), [])

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


if __name__ == "__main__":
    recorder.main()
