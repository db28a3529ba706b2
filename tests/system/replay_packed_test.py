"""Replays HDF5 files that other programs have packed, without any plugin of HDF5, pixel by pixel."""

import os
import struct
import subprocess
import sys
import unittest

import recorder
from recorder import h5py, numpy
from replay_formats_test import ReplayCase

try:
    import zstandard
except ImportError:
    zstandard = None
try:
    from bitshuffle import bitshuffle
except ImportError:
    bitshuffle = None

GZIP, LZ4, BITSHUFFLE, ZSTD = "gzip", 32004, 32008, 32015
# Makes a dataset whose chunks have a filter that need not be there.
EMPTY = """
import ast, sys
import h5py, numpy
path, number, values, shape, dtype = sys.argv[1:]
shape = ast.literal_eval(shape)
with h5py.File(path, "w") as file:
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((1, *shape[1:]))
    creation.set_filter(int(number), h5py.h5z.FLAG_OPTIONAL, ast.literal_eval(values))
    h5py.h5d.create(file.id, b"frames", h5py.h5t.py_create(numpy.dtype(dtype)),
                    h5py.h5s.create_simple(shape), creation)
"""
needs_zstandard = unittest.skipIf(zstandard is None, "there is no python3-zstandard")


def setUpModule():
    # h5py has read it by now; the daemon finds nothing.
    h5py.h5z.filter_avail(LZ4)
    os.environ["HDF5_PLUGIN_PATH"] = "/nonexistent"


def needs_filter(number, package):
    return unittest.skipUnless(h5py.h5z.filter_avail(number), f"there is no {package}")


def planes_of(pixels):
    """The bits of an array in bitshuffle's order, from its definition."""
    bits = numpy.unpackbits(pixels.view("u1").reshape(-1, pixels.itemsize), axis=1,
                            bitorder="little")
    return numpy.packbits(bits.T, bitorder="little").tobytes()


class Packed(ReplayCase):
    def counts(self, shape, dtype="<u2", mean=2):
        return self.random.poisson(mean, shape).astype(dtype)

    def write(self, wanted, **storage):
        path = self.directory / f"file-{self.count}.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset("entry/frames", data=wanted, **storage)
            packed = file["entry/frames"].id.get_storage_size()
        self.assertLess(packed, wanted.nbytes, "nothing was packed")
        return path

    def write_chunks(self, wanted, pack, number, values):
        """One chunk a frame, packed by us."""
        path = self.directory / f"file-{self.count}.h5"
        # Elsewhere, because a plugin would have its own opinion of the values.
        made = subprocess.run([sys.executable, "-c", EMPTY, path, str(number), repr(values),
                               repr(wanted.shape), wanted.dtype.str], check=False)
        self.assertEqual(made.returncode, 0)
        with h5py.File(path, "r+") as file:
            for index, frame in enumerate(wanted):
                file["frames"].id.write_direct_chunk((index, 0, 0), pack(frame))
        return path

    def check_storages(self, **compression):
        for dtype, chunks in (("u1", (1, 33, 41)), ("<u2", (1, 33, 41)), (">f4", (1, 33, 41)),
                              ("<u2", (4, 33, 41)), (">i4", (2, 16, 16))):
            wanted = self.counts((6, 33, 41), dtype, 0.3)
            with self.subTest(dtype=dtype, chunks=chunks, **compression):
                self.check(self.write(wanted, chunks=chunks, **compression), wanted)
        scan = self.counts((2, 3, 40, 50))
        self.check(self.write(scan, chunks=(1, 1, 40, 50), **compression), scan)

    def test_gzip(self):
        self.check_storages(compression=GZIP, shuffle=True)
        wanted = self.counts((3, 40, 40))
        for more in ({}, {"fletcher32": True}):
            self.check(self.write(wanted, chunks=(1, 40, 40), compression=GZIP, **more), wanted)

    @needs_filter(LZ4, "hdf5-filter-plugin")
    def test_lz4(self):
        self.check_storages(compression=LZ4)
        blocks = self.counts((3, 40, 40))
        self.check(self.write(blocks, chunks=(1, 40, 40), compression=LZ4,
                              compression_opts=(512,), shuffle=True), blocks)

    @needs_filter(BITSHUFFLE, "bitshuffle")
    def test_bitshuffle(self):
        self.check_storages(compression=BITSHUFFLE, compression_opts=(0, 2))
        blocks = self.counts((3, 40, 43))
        self.check(self.write(blocks, chunks=(1, 40, 43), compression=BITSHUFFLE,
                              compression_opts=(64, 2)), blocks)

    @needs_filter(BITSHUFFLE, "bitshuffle")
    def test_bitshuffle_that_packs_nothing(self):
        wanted = self.counts((4, 61, 47), ">i4")
        for block in (0, 256):
            path = self.directory / f"plain-{block}.h5"
            with h5py.File(path, "w") as file:
                file.create_dataset("frames", data=wanted, chunks=(1, 61, 47),
                                    compression=BITSHUFFLE, compression_opts=(block, 0))
            self.check(path, wanted)

    @needs_zstandard
    def test_zstandard(self):
        packer = zstandard.ZstdCompressor(level=5)
        for dtype in ("<u2", ">i4", "<f4"):
            wanted = self.counts((5, 50, 61), dtype)
            self.check(self.write_chunks(wanted, lambda frame: packer.compress(frame.tobytes()),
                                         ZSTD, (5,)), wanted)

    @needs_zstandard
    def test_bitshuffle_with_zstandard(self):
        packer = zstandard.ZstdCompressor()
        block = 1024

        def pack(frame):
            flat = frame.reshape(-1)
            parts = [struct.pack(">QI", flat.nbytes, block * flat.itemsize)]
            whole = flat.size // 8 * 8
            for start in range(0, whole, block):
                packed = packer.compress(planes_of(flat[start:min(start + block, whole)]))
                parts += [struct.pack(">I", len(packed)), packed]
            return b"".join(parts) + flat[whole:].tobytes()

        wanted = self.counts((4, 51, 53), "<u2")
        path = self.write_chunks(wanted, pack, BITSHUFFLE, (0, 4, 2, block, 3))
        self.check(path, wanted)

    @needs_filter(BITSHUFFLE, "bitshuffle")
    def test_what_a_master_file_names(self):
        """As the detectors of an X-ray beamline write it: a virtual dataset of packed files."""
        wanted = self.counts((6, 32, 48))
        master = self.directory / "master.h5"
        layout = h5py.VirtualLayout(wanted.shape, wanted.dtype)
        for part in range(2):
            name = self.directory / f"data_{part}.h5"
            with h5py.File(name, "w") as file:
                file.create_dataset("data", data=wanted[3 * part:3 * part + 3],
                                    chunks=(1, 32, 48), compression=BITSHUFFLE,
                                    compression_opts=(0, 2))
            layout[3 * part:3 * part + 3] = h5py.VirtualSource(name.name, "data", (3, 32, 48))
        with h5py.File(master, "w") as file:
            file.create_virtual_dataset("entry/data", layout)
        self.check(master, wanted)

    @needs_filter(BITSHUFFLE, "bitshuffle")
    def test_the_definition_of_the_bit_planes(self):
        """Debian's bitshuffle and what the other test packs with are the same."""
        if bitshuffle is None:
            self.skipTest("there is no bitshuffle for Python")
        flat = self.counts((1024,), "<u2")
        self.assertEqual(bitshuffle(flat, 1024).tobytes(), planes_of(flat))


if __name__ == "__main__":
    recorder.main()
