"""Reads every format of an export with the programs and libraries that others use, and calculates
with NumPy what pictures of an array look like. For the system tests of exports."""

import csv
import io
import json
import pathlib
import re
import subprocess
import zipfile

import recorder
from recorder import h5py, numpy

try:
    import PIL.Image as Image
    import tifffile
    import zstandard
except ImportError as missing:
    recorder.skip_all(f"{missing} (needed: python3-pil, python3-tifffile, python3-zstandard)")

DATA = ("hdf5", "raw", "npy", "npz", "ome-tiff", "imagej-tiff", "csv")
PICTURES = ("png", "tif", "jpg", "bmp", "pgm", "ppm")
MOVIES = ("gif", "webm", "mp4", "zip")
FORMATS = DATA + PICTURES + MOVIES
EXTENSIONS = {"hdf5": ".h5", "raw": ".raw", "npy": ".npy", "npz": ".npz", "ome-tiff": ".ome.tif",
              "imagej-tiff": ".tif", "csv": ".csv",
              **{name: "." + name for name in PICTURES + MOVIES}}
LOSSY = {"jpg": 6, "webm": 10, "mp4": 10}  # Levels that pictures differ by in the mean at most.
PIXELS = {"nexus": "/entry/instrument/detector/data", "ilastik": "/exported_data",
          "playnano": "/data", "quant4d": "/STEM4D",
          "pymodaq": "/RawData/Detector000/Data2D/CH00/EnlData00"}
# The first, a middle and the last colour of each map, as matplotlib 3.6 tells them.
ANCHORS = {
    "gray": ((0, 0, 0), (128, 128, 128), (255, 255, 255)),
    "afmhot": ((0, 0, 0), (255, 128, 0), (255, 255, 255)),
    "viridis": ((68, 1, 84), (32, 144, 140), (253, 231, 36)),
    "magma": ((0, 0, 3), (182, 54, 121), (251, 252, 191)),
    "inferno": ((0, 0, 3), (187, 55, 84), (252, 254, 164)),
    "plasma": ((12, 7, 134), (203, 71, 119), (239, 248, 33)),
    "cividis": ((0, 34, 77), (124, 123, 120), (253, 231, 55)),
}
TABLES = recorder.ROOT / "daemon/export/picture_colour_tables.cpp"


def colours_of(name):
    """256 x 3: gray and afmhot by their formula, others by the table that is checked with
    matplotlib (toolchain/colour_maps --check)."""
    level = numpy.arange(256)
    if name == "gray":
        return level[:, None].repeat(3, 1)
    if name == "afmhot":
        steps = 2 * level[:, None] + numpy.array([0, -128, -255])
        return numpy.clip(numpy.rint(steps), 0, 255)
    body = re.search(rf"k{name.capitalize()}Table = \{{(.*?)\}};",
                     TABLES.read_text(encoding="utf-8"), re.DOTALL)[1]
    words = [int(word, 16) for word in re.findall(r"0x([0-9a-f]{6})", body)]
    return numpy.array([[word >> 16, word >> 8 & 255, word & 255] for word in words])


def slices_of(array):
    """What pictures are made of: the leftmost axes are the sequence."""
    return array.reshape((-1,) + array.shape[-2:])


def levels_of(array, low=None, high=None):
    """Brightness from 0 to 255 of each pixel; NaN is black."""
    values = array.astype("f8")
    low = numpy.nanmin(values) if low is None else low
    high = numpy.nanmax(values) if high is None else high
    scaled = numpy.floor((values - low) / (high - low) * 255 + 0.5)
    return numpy.nan_to_num(numpy.clip(scaled, 0, 255)).astype("u1")


def read_dataset(dataset):
    """Chunks of Zstandard, for which Debian 12 has no plugin, by the library that is behind it."""
    codes = [code for code, *_ in (dataset.id.get_create_plist().get_filter(index) for index in
                                   range(dataset.id.get_create_plist().get_nfilters()))]
    if 32015 not in codes:
        return dataset[()]
    whole = numpy.empty(dataset.shape, dataset.dtype)
    for index in range(dataset.id.get_num_chunks()):
        chunk = dataset.id.get_chunk_info(index)
        _, packed = dataset.id.read_direct_chunk(chunk.chunk_offset)
        plain = zstandard.ZstdDecompressor().decompress(
            packed, max_output_size=int(numpy.prod(dataset.chunks)) * dataset.dtype.itemsize)
        pixels = numpy.frombuffer(plain, dataset.dtype).reshape(dataset.chunks)
        places = tuple(slice(start, start + size)
                       for start, size in zip(chunk.chunk_offset, dataset.chunks))
        inside = whole[places]
        inside[...] = pixels[tuple(slice(size) for size in inside.shape)]
    return whole


def read_data(form, path, dataset=PIXELS["nexus"]):
    if form == "hdf5":
        with h5py.File(path) as file:
            return read_dataset(file[dataset])
    if form == "raw":
        told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return numpy.fromfile(path, told["dtype"]).reshape(told["shape"])
    if form == "npy":
        return numpy.load(path, allow_pickle=False)
    if form == "npz":
        with numpy.load(path, allow_pickle=False) as bundle:
            return bundle["data"]
    with tifffile.TiffFile(path) as file:
        codecs = tifffile.COMPRESSION
        if file.pages[0].compression in (codecs.ZSTD, codecs.LZW):  # Which it leaves to others.
            plain = path.with_suffix(".plain")
            subprocess.run(["tiffcp", "-c", "none", path, plain], check=True, capture_output=True)
            return tifffile.imread(plain, is_ome=False)
        if not (file.is_ome if form == "ome-tiff" else file.is_imagej):
            raise ValueError(f"{path} has no description of {form}")
        return numpy.stack([page.asarray() for page in file.pages])


def read_table(path):
    """The columns of a CSV by their names without units; what is empty is NaN."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name.split(" [")[0]: [row[name] for row in rows] for name in rows[0]}


def read_video(path):
    """All frames, RGB, as ffmpeg decodes them, and their times in seconds."""
    recorder.need_programs("ffprobe", "ffmpeg")
    told = json.loads(subprocess.run(
        ["ffprobe", "-v", "error", "-show_streams", "-show_packets", "-of", "json", path],
        capture_output=True, check=True).stdout)
    stream, = told["streams"]
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-vsync",
         "passthrough", "-"], capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout
    frames = numpy.frombuffer(raw, "u1").reshape(-1, stream["height"], stream["width"], 3)
    return frames, sorted(float(packet["pts_time"]) for packet in told["packets"])


def picture_of(file):
    with Image.open(file) as image:
        if image.mode in ("F", "I;16", "I;16B", "I"):
            return numpy.array(image)
        return numpy.array(image.convert("RGB"))


def read_pictures(form, paths):
    """Of a sequence, or of the frames of a movie: RGB, or raw values as they are."""
    if form == "tif":
        pictures = [tifffile.imread(path) for path in paths]
        return [picture if picture.ndim == 3 or picture.dtype != "u1"
                else picture[..., None].repeat(3, -1) for picture in pictures]
    if form in PICTURES:
        return [picture_of(path) for path in paths]
    path, = paths
    if form != "zip":  # Pillow forgets the second frame's own palette behind a grey one.
        return list(read_video(path)[0])
    with zipfile.ZipFile(path) as archive:
        return [picture_of(io.BytesIO(archive.read(name))) for name in sorted(archive.namelist())]


def found_files(folder, form, stem="x"):
    """What an export of that format left, named by {format}."""
    return sorted(path for path in pathlib.Path(folder).iterdir()
                  if re.fullmatch(rf"{stem}_{form}(_\d+|_filtered|_raw)*"
                                  rf"(_\d+x\d+x\d+x\d+)?{re.escape(EXTENSIONS[form])}", path.name))
