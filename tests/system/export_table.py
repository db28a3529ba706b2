"""Every option of `framelog export`: words that use it, the formats that it is for, and what NumPy
makes of the recording then. For the system tests of exports."""

import dataclasses
import re
import subprocess

import export_readers as readers
import recorder
from export_readers import DATA, FORMATS, MOVIES, PICTURES, levels_of, slices_of
from recorder import FRAMELOG, h5py, numpy

STILL = DATA + PICTURES
SHOWN = PICTURES + MOVIES
COLOURED = tuple(name for name in SHOWN if name != "pgm")
VERIFIED = tuple(name for name in DATA if name != "csv")
FREE_AXES = tuple(name for name in FORMATS if "tiff" not in name)
BOX = numpy.zeros((16, 20), bool)
BOX[3:6, 5:9] = True
KEEPS_VALUES = ("png", "tif", "pgm", "zip")


def auto(array):
    return [levels_of(one, array.min(), array.max()) for one in slices_of(array.astype("f8"))]


def between(low, high):
    return lambda array: list(levels_of(slices_of(array), low, high))


def percentiles(low, high):
    return lambda array: between(*numpy.percentile(array, (low, high)))(array)


def mapped(name):
    return lambda array: [readers.colours_of(name)[one] for one in auto(array)]


def sheet(array):
    """Four in a row, two pixels apart."""
    height, width = array.shape[1:]
    whole = numpy.zeros((2 * height + 2, 4 * width + 6), "u1")
    for place, one in enumerate(auto(array)):
        top, left = place // 4 * (height + 2), place % 4 * (width + 2)
        whole[top:top + height, left:left + width] = one
    return [whole]


def repeated(picture, by):
    return picture.repeat(by, 0).repeat(by, 1)


def halved(picture):
    height, width = picture.shape
    return picture.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))


def zoomed(picture, by):
    """Linear, between the centres of the pixels."""
    result = picture.astype("f8")
    for axis in (0, 1):
        size = result.shape[axis]
        at = numpy.clip((numpy.arange(round(size * by)) + 0.5) / by - 0.5, 0, size - 1)
        low = numpy.floor(at).astype(int)
        part = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        result = (result.take(low, axis) * (1 - part) +
                  result.take(numpy.minimum(low + 1, size - 1), axis) * part)
    return numpy.floor(result + 0.5)


def renormalised(array):
    return numpy.minimum(numpy.floor(array * 0.25 + 0.5), 255).astype("u1")


def truncated(array):
    factor = numpy.float32(80) / numpy.float32(320)
    return (array.astype("f4") * factor).astype("i8").astype("u1")


def binned(array, how):
    return how(array.reshape(len(array), 8, 2, 5, 4).astype("f8"), axis=(2, 4))


@dataclasses.dataclass
class Row:
    """An option, words that use it, and the formats that it is for: all others refuse it."""
    options: tuple
    words: list
    formats: tuple = FORMATS
    source: str = "run"
    array: object = lambda array: array  # What NumPy makes of the source.
    shown: object = auto                 # What pictures of that are: levels, or RGB.
    check: str = ""                      # A method that looks at what has been written.
    refused: list = None                 # Words, where others are refused than are exported.
    asks_all: bool = True                # Whether the other formats are asked.
    single: bool = False                 # One picture of the whole recording.
    raw: bool = False                    # Pictures have values instead of levels.
    tolerance: int = 0                   # Levels.
    ending: str = ""


def row(options, words, formats=FORMATS, **others):
    return Row(tuple(options.split()), words, formats, **others)


def same(options, words, formats=("png",), **others):
    """Another value of an option, looked at where it is easiest."""
    return row(options, words, formats, asks_all=False, **others)


TABLE = [
    row("to output-folder output-name", []),
    row("on-exists", ["--on-exists", "rename"], check="again"),
    row("verify", ["--verify"], VERIFIED),
    row("no-verify", ["--no-verify"]),
    row("layout", ["--layout", "nexus"], ("hdf5",)),
    same("layout", ["--layout", "ilastik"], ("hdf5",)),
    same("layout", ["--layout", "playnano"], ("hdf5",)),
    same("layout", ["--layout", "pymodaq"], ("hdf5",)),
    same("layout", ["--layout", "quant4d"], ("hdf5",), source="scan"),
    row("dataset-name", ["--layout", "ilastik", "--dataset-name", "volume/data"], ("hdf5",),
        refused=["--dataset-name", "volume/data"]),
    row("compression", ["--compression", "gzip-4"], ("hdf5",), source="even", check="packed"),
    *[same("compression", ["--compression", name], ("hdf5",), source="even", check="packed")
      for name in ("gzip-0", "gzip-9", "lz4", "bitshuffle-lz4", "zstd-3", "none")],
    *[same("compression", ["--compression", name], ("ome-tiff",), source="even",
           check="packed")
      for name in ("deflate", "lzw", "zstd", "none")],
    row("endian", ["--endian", "big"], ("hdf5", "raw"), check="big"),

    row("product", ["--product", "small", "--run", "1"], source="two",
        array=lambda array: array[:, 2:14, 4:18]),
    row("run", ["--run", "2", "--product", "whole"], source="second"),
    row("all", ["--all"]),
    row("dataset", ["--dataset", "/b", "--fps", "9"], source="foreign"),
    same("dataset", ["--dataset", "/entry/data/data"], ("npy",)),
    row("input-shape input-dtype",
        ["--input-shape", "6x16x20", "--input-dtype", "uint16", "--fps", "9"], source="bytes"),

    row("cutout", ["--cutout", "t=1:5, y=2:14, x=4:18"], array=lambda a: a[1:5, 2:14, 4:18]),
    row("since", ["--since", "@2"], array=lambda a: a[2:]),
    row("until", ["--until", "@4"], array=lambda a: a[:4]),
    row("every", ["--every", "2"], array=lambda a: a[::2]),
    row("subsample", ["--subsample", "sy=2,sx=3", "--fps", "9"], source="scan",
        array=lambda a: a[::2, ::3]),

    row("bin", ["--bin", "2x4"], array=lambda a: binned(a, numpy.sum)),
    row("bin-mode", ["--bin", "2x4", "--bin-mode", "mean"],
        array=lambda a: numpy.floor(binned(a, numpy.mean) + 0.5)),
    row("process", ["--process", "zero_mean"], ending="_filtered",
        array=lambda a: a - a.mean(axis=(1, 2), keepdims=True)),
    row("raw", ["--raw"], source="bundle"),
    row("mask", ["--mask", "@mask"], array=lambda a: numpy.where(BOX, 0, a)),
    same("mask", ["--mask", "@mask", "--dtype", "float32"], ("npy", "hdf5", "raw", "npz"),
         array=lambda a: numpy.where(BOX, numpy.nan, a)),
    row("renormalise", ["--renormalise", "0, 400 -> 0, 100", "--dtype", "uint8"],
        array=renormalised),
    row("compat", ["--renormalise", "0, 320 -> 0, 80", "--compat", "ilastik", "--dtype", "uint8"],
        array=truncated),
    row("dtype", ["--dtype", "float32"], array=lambda a: a.astype("f4")),
    row("saturate", ["--saturate", "--dtype", "uint8"],
        array=lambda a: numpy.minimum(a, 255).astype("u1")),
    row("axes", ["--axes", "xyt"], FREE_AXES, array=lambda a: a.transpose(2, 1, 0)),
    row("flat", ["--flat", "--fps", "9"], source="scan", array=lambda a: a.reshape(-1, 12, 12)),

    row("projection", ["--projection", "max"], STILL, single=True, array=lambda a: a.max(axis=0)),
    *[same("projection", ["--projection", name], ("npy", "hdf5"), single=True, array=how)
      for name, how in (("min", lambda a: a.min(axis=0)), ("mean", lambda a: a.mean(axis=0)),
                        ("std", lambda a: a.std(axis=0)), ("sum", lambda a: a.sum(axis=0)))],
    row("kymograph", ["--kymograph", "y=3"], STILL, single=True, array=lambda a: a[:, 3]),
    same("kymograph", ["--kymograph", "x=7:9"], ("npy", "png"), single=True,
         array=lambda a: a[:, :, 7:9].mean(axis=2)),
    row("contact-sheet", ["--contact-sheet=4"], PICTURES, single=True, shown=sheet),
    row("list-images", ["--list-images"], (), source="scan", check="listed"),
    row("image", ["--image", "sum"], STILL, source="scan", single=True,
        array=lambda a: a.sum(axis=(0, 1))),
    same("image", ["--image", "sum"], ("png",), source="scan", single=True,
         array=lambda a: a.sum(axis=(0, 1))),
    row("detector", ["--image", "box", "--detector", "box rectangle y=0:4 x=0:6"], STILL,
        source="scan", single=True, array=lambda a: a[..., :4, :6].sum(axis=(2, 3)),
        refused=["--image", "box", "--detector", "box rectangle y=0:4 x=0:6"]),
    row("images", ["--images", "raw"], KEEPS_VALUES, raw=True),
    same("images", ["--images", "displayed"], SHOWN),
    same("images", ["--images", "both"], ("png", "tif", "pgm"), shown=None, check="both"),
    row("composite", ["--composite", "whole=red", "--run", "1"], COLOURED, source="two",
        shown=lambda a: [one[..., None] * numpy.array([1, 0, 0]) for one in auto(a)]),

    row("colour-map", ["--colour-map", "viridis"], COLOURED, shown=mapped("viridis")),
    *[same("colour-map", ["--colour-map", name], shown=mapped(name), tolerance=1)
      for name in readers.ANCHORS],
    row("color-map", ["--color-map", "gray"], SHOWN),
    row("contrast", ["--contrast", "50, 250"], SHOWN, shown=between(50, 250)),
    same("contrast", ["--contrast", "auto"]),
    same("contrast", ["--contrast", "none"], shown=between(0, 65535)),
    same("contrast", ["--contrast", "percentile"], SHOWN, shown=percentiles(1, 99)),
    same("contrast", ["--contrast", "percentile 5 90"], shown=percentiles(5, 90)),
    same("contrast", ["--contrast", "per-frame"], SHOWN,
         shown=lambda a: [levels_of(one) for one in a]),
    row("zmin", ["--zmin", "60"], SHOWN, shown=lambda a: between(60, a.max())(a)),
    row("zmax", ["--zmax", "percentile"], SHOWN,
        shown=lambda a: between(a.min(), numpy.percentile(a, 99))(a)),
    same("zmax", ["--zmin", "auto", "--zmax", "200"], shown=lambda a: between(a.min(), 200)(a)),

    row("timestamps", ["--timestamps"], SHOWN, shown=None, check="drawn"),
    row("scale-bar", ["--scale-bar"], SHOWN, shown=None, check="drawn"),
    same("scale-bar", ["--scale-bar=4 um"], ("png", "tif"), shown=None, check="bar_of_4_um"),
    row("scale-bar-nm", ["--scale-bar-nm", "4000"], SHOWN, shown=None, check="bar_of_4_um"),
    row("pixel-size", ["--pixel-size", "1 um", "--scale-bar=8 um"], SHOWN, shown=None, check="bar_of_4_um",
        refused=["--pixel-size", "1 um"]),
    row("outlines", ["--outlines"], COLOURED, shown=None, check="drawn"),
    row("ticks", ["--ticks"], SHOWN, shown=None, check="framed"),
    row("title", ["--title", "Title"], SHOWN, shown=None, check="drawn"),
    row("ink", ["--ink", "#ff0000", "--scale-bar"], COLOURED, shown=None, check="red",
        refused=["--ink", "#ff0000"]),
    row("dpi", ["--dpi", "200"], ("png", "tif", "jpg", "bmp", "zip"), check="resolution"),
    row("zoom", ["--zoom", "3"], SHOWN, shown=lambda a: [repeated(one, 3) for one in auto(a)]),
    same("zoom", ["--zoom", "2.5"], tolerance=1,
         shown=lambda a: [zoomed(one, 2.5) for one in auto(a)]),
    same("zoom", ["--zoom", "0.5"], tolerance=1, shown=lambda a: [halved(one) for one in auto(a)]),
    row("jpeg-quality", ["--jpeg-quality", "20"], ("jpg",), shown=None, check="smaller"),
    row("preview", ["--preview", "@preview"], (), check="previewed"),

    row("fps", ["--fps", "5"], ("gif", "webm", "mp4"), check="paced"),
    row("initial-time", ["--initial-time", "4"], SHOWN, shown=None, check="drawn"),
    row("time-step", ["--time-step", "0.5"], SHOWN, shown=None, check="drawn"),
    row("time-unit", ["--time-unit", "h", "--time-step", "2"], SHOWN, shown=None, check="drawn"),
    row("movie-quality", ["--movie-quality", "50"], ("webm", "mp4"), shown=None, check="smaller"),
    row("zip-of", ["--zip-of", "bmp"], ("zip",), check="bitmaps"),
    same("zip-of", ["--zip-of", "jpg", "--jpeg-quality", "100"], ("zip",), tolerance=4),

    row("dry-run", ["--dry-run"], (), check="dry"),
    row("jobs", [], (), check="by_list"),
    row("split", ["--split", "2"], (), check="in_two"),
    row("delete yes", [], check="deleted"),
    row("memory", ["--memory", "16 MiB"]),
    row("json", ["--json"]),
    row("help", ["--help"], (), check="helped"),
]

INSTRUMENT = """
[instrument]
pixel_size = 0.5 um
[detector.disc]
shape = disc
outer = 4 px
"""
RUN = INSTRUMENT + "[product.frames]\ndetectors = disc\n[roll]\nmax_frames = 4\n"
TWO = INSTRUMENT + "[product.whole]\n[product.small]\nroi = y=2:14, x=4:18\n"
SCAN = """
[instrument]
scan = 3 x 4
scan_step = 2 nm
[detector.bright]
shape = disc
outer = 4 px
[product.patterns]
detectors = bright
"""


def run_framelog(words, **others):
    return subprocess.run([FRAMELOG, *map(str, words)], capture_output=True, text=True,
                          timeout=recorder.LONG_S, check=False, stdin=subprocess.DEVNULL, **others)


class Sources:
    """What is exported, each with its pixels: recorded once, and never changed."""

    def __init__(self, folder):
        self.folder = folder
        self.record("run", RUN, 6, rate="50 Hz")
        self.record("two", TWO, 6, rate="50 Hz")
        self.record("two", TWO, 5, rate="50 Hz")
        self.record("scan", SCAN, 12, width=12, height=12)
        segments = recorder.finished(folder / "run")
        pixels = numpy.concatenate([segment.pixels for segment in segments])
        self.times = numpy.concatenate([segment.records["utc_ns"] for segment in segments])
        paths = [segment.path for segment in segments]
        scan, = recorder.finished(folder / "scan")
        with h5py.File(folder / "foreign.h5", "w") as file:
            file["a"], file["b"] = pixels * 0, pixels
        pixels.tofile(folder / "patterns.bin")
        even = numpy.full((5, 48, 64), 300, "u2")  # What every codec makes smaller.
        numpy.save(folder / "even.npy", even)
        numpy.save(folder / "mask.npy", BOX.astype("u1"))
        done = run_framelog(["export", *paths, "--to", "npz", "--process", "zero_mean",
                             "--output-folder", folder, "--output-name", "bundle"])
        if done.returncode:
            raise RuntimeError(done.stderr)
        self.of = {
            "run": (paths, pixels),
            "two": ([folder / "two"], pixels), "second": ([folder / "two"], pixels[:5]),
            "scan": ([scan.path], scan.pixels.reshape(3, 4, 12, 12)),
            "foreign": ([folder / "foreign.h5"], pixels),
            "bytes": ([folder / "patterns.bin"], pixels),
            "even": ([folder / "even.npy"], even),
            "bundle": ([folder / "bundle_filtered.npz"], pixels)}

    def record(self, name, extra, frames, **source):
        keys = {"driver": "simulator", "pattern": "ramp", "rate": "max", "width": 20,
                "height": 16, **source}
        config = self.folder / f"{name}.conf"
        config.write_text("[source]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
                          + f"[files]\nbase = {self.folder / name}\n{extra}")
        subprocess.run([recorder.FRAMELOGD, "--config", config, "--frames", str(frames), "--set",
                        "control.socket=off", "--set", "retention.min_free=0 B"], check=True,
                       capture_output=True, timeout=recorder.LONG_S)

    def words(self, words, folder):
        """What the table could not know."""
        def known(word):
            if word == "@mask":
                return self.folder / "mask.npy"
            if re.fullmatch(r"@\d", word):
                at = numpy.datetime64(int(self.times[int(word[1:])]), "ns")
                return f"{at}Z"
            return folder / "preview.png" if word == "@preview" else word
        return [known(word) for word in words]
