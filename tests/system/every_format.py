"""Every format that can be recorded: how to ask for it, and how to read it without framelog.

What is unfinished is read here as its own counters tell of it: HDF5 by h5py, the others by the
layouts that their headers document (daemon/formats/chunk_index.hpp, tiff_layout.hpp).
"""

import collections

import recorder
from recorder import READOUT, h5py, numpy

Format = collections.namedtuple("Format", "product format compression suffix")

# Products of one recording. Their frames are 32 x 64 uint16, but those of `odd`.
FORMATS = (
    Format("whole", "hdf5", "", ".h5"),
    Format("odd", "hdf5", "", ".h5"),
    Format("gzip", "hdf5", "gzip-1", ".h5"),
    Format("bitshuffle", "hdf5", "bitshuffle-lz4", ".h5"),
    Format("zstd", "hdf5", "zstd-1", ".h5"),
    Format("plain", "raw", "", ".raw"),
    Format("ome", "tiff", "", ".ome.tif"),
    Format("deflate", "tiff", "deflate", ".ome.tif"),
    Format("stack", "imagej-tiff", "", ".tif"),
)
NAMES = tuple(one.product for one in FORMATS)
HEIGHT, WIDTH = 32, 64
ODD = "roi = y=1:30, x=3:44"  # Of a size that no direct write has.
ODD_ORIGIN = (1, 3)

CHUNK_COUNTS_BYTE = 2048  # Of NAME.chunks: valid, synced.
CHUNK_ROW_RECORD_BYTE = 32
TIFF_BLOCK_BYTE = 16
TIFF_RECORDS, TIFF_PIXELS, TIFF_VALID, TIFF_SYNCED = (TIFF_BLOCK_BYTE + at
                                                     for at in (104, 112, 128, 136))


def products():
    """The sections of the configuration."""
    text = ""
    for one in FORMATS:
        text += f"[product.{one.product}]\nformat = {one.format}\n"
        text += f"compression = {one.compression}\n" if one.compression else ""
        text += ODD + "\n" if one.product == "odd" else ""
    return text


def segments(base, product):
    """The finished files of a product, in the order in which they were recorded."""
    [one] = [one for one in FORMATS if one.product == product]
    return recorder.finished(base, f"_{product}_*{one.suffix}")


def wrong_frames(product, pixels, numbers):
    """Indices of those that are not the frames of these numbers, of the simulator's ramp."""
    y, x = ODD_ORIGIN if product == "odd" else (0, 0)
    height, width = pixels.shape[1:]
    wanted = recorder.ramp(numbers, HEIGHT, WIDTH)[:, y:y + height, x:x + width]
    if pixels.shape != wanted.shape:
        return numpy.arange(len(wanted))
    return numpy.flatnonzero((pixels != wanted).any(axis=(1, 2)))


def parts(base):
    """The unfinished files with pixels, without those that are, or were, only prepared."""
    return sorted(path for path in base.rglob("*.part")
                  if ".framelog" not in path.parts and "quarantine" not in path.parts
                  and not path.name.startswith("recovered_")
                  and path.name.endswith((".h5.part", ".raw.part", ".tif.part")))


class Part:
    """An unfinished file of a recording that goes on, or has ended anyhow.

    Raises OSError where there is no such file any more, or nothing can be read in it."""

    def __init__(self, path):
        self.path = path
        self.product = path.name.split("_")[1]
        stem = path.name.split(".", 1)[0]
        self.number = int(stem.rsplit("_", 1)[1])
        self.chunks = path.with_name(stem + ".chunks.part")
        self.undo = path.with_name(stem + ".undo")
        if path.name.endswith(".tif.part"):
            self._find_in_tiff()
        elif path.name.endswith(".raw.part"):
            self.table = path.with_name(stem + ".frames.part")
            self.records_at, self.stride = recorder.RAW_HEAD_BYTES, 128
            self.valid_at, self.synced_at = 16, 24
        elif self.chunks.exists():
            self._find_in_chunks()
        else:
            self._find_in_hdf5()
        self.valid = self.integer(self.valid_at)
        self.synced = self.integer(self.synced_at)

    def _find_in_tiff(self):
        self.table, self.stride = self.path, 128
        self.valid_at, self.synced_at = TIFF_VALID, TIFF_SYNCED
        self.records_at = self.integer(TIFF_RECORDS)

    def _find_in_chunks(self):
        self.table = self.chunks
        self.valid_at, self.synced_at = CHUNK_COUNTS_BYTE, CHUNK_COUNTS_BYTE + 8
        self.stride = self.integer(16, 4)
        image_bytes = self.integer(48)
        rows = (4096 + image_bytes + 4095) // 4096 * 4096
        self.records_at = rows + CHUNK_ROW_RECORD_BYTE

    def _find_in_hdf5(self):
        self.table, self.stride = self.path, 128
        with h5py.File(self.path, "r") as file:
            self.records_at = place_of(file[READOUT + "/frame_table"])
            self.valid_at = place_of(file[READOUT + "/valid"])
            self.synced_at = place_of(file[READOUT + "/synced"])

    def read(self, at, size):
        with open(self.table, "rb") as file:
            file.seek(at)
            data = file.read(size)
        if len(data) != size:
            raise OSError(f"{self.table} ends early")
        return data

    def integer(self, at, size=8):
        return int.from_bytes(self.read(at, size), "little", signed=True)

    def record(self, frame):
        return numpy.frombuffer(self.read(self.records_at + frame * self.stride, 128),
                                recorder.RECORD)[0]

    def is_being_finished(self):
        """HDF5 without compression is then only whole again by its undo file."""
        return self.undo.exists() or self.path.with_suffix(".undo").exists()

    def frames(self):
        """(pixels, records) as other programs read them: of a TIFF those that are linked already."""
        if self.path.name.endswith(".h5.part"):
            with h5py.File(self.path, "r") as file:
                valid = int(file[READOUT + "/valid"][()])
                pixels = recorder.unpacked(file["/entry/data/data"], valid)
                return pixels, file[READOUT + "/frame_table"][:valid].astype(recorder.RECORD)
        if self.path.name.endswith(".raw.part"):
            pixels = numpy.fromfile(self.path, "<u2", count=self.valid * HEIGHT * WIDTH)
        else:
            pixels = self._tiff_pixels()
        pixels = numpy.asarray(pixels, "uint16").reshape(-1, HEIGHT, WIDTH)
        records = [self.record(frame) for frame in range(len(pixels))]
        return pixels, numpy.array(records, recorder.RECORD)

    def _tiff_pixels(self):
        import tifffile  # pylint: disable=import-outside-toplevel

        with tifffile.TiffFile(self.path) as file:
            return [page.asarray() for page in file.pages]


def place_of(dataset):
    """Where a dataset in one piece, a chunk or none, lies in its file."""
    if dataset.chunks:
        return dataset.id.get_chunk_info(0).byte_offset
    return dataset.id.get_offset()
