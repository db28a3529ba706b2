"""Starts the programs as a user does, and reads back what they recorded. For the system tests.

The environment names the programs (FRAMELOGD, FRAMELOG) and the test data (FRAMELOG_TEST_DATA).
"""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

SKIPPED = 77

# HDF5's own filters, and Debian's plugins for others.
os.environ.setdefault("HDF5_PLUGIN_PATH", ":".join(
    str(path) for path in [*sorted(pathlib.Path("/usr/lib").glob("*/hdf5/serial/plugins")),
                           *sorted(pathlib.Path("/usr/lib").glob("*/hdf5/plugins"))]))

try:
    import h5py
    import numpy
except ImportError as missing:
    print(f"skipped: {missing} (needed: python3-h5py and python3-numpy)")
    sys.exit(SKIPPED)

ROOT = pathlib.Path(__file__).resolve().parents[2]
FRAMELOGD = os.environ.get("FRAMELOGD", str(ROOT / "build/release/bin/framelogd"))
FRAMELOG = os.environ.get("FRAMELOG", str(ROOT / "build/release/bin/framelog"))
DATA = pathlib.Path(os.environ.get("FRAMELOG_TEST_DATA", ROOT.parent / "shared/data"))

os.environ["HDF5_USE_FILE_LOCKING"] = "FALSE"

DETECTOR = "/entry/instrument/detector"
READOUT = DETECTOR + "/readout"
LONG_S = 300  # For what ends by itself: only a hang takes so long.

RECORD = numpy.dtype([
    ("magic", "<u4"), ("record_crc", "<u4"), ("sequence", "<u8"), ("source_sequence", "<u8"),
    ("utc_ns", "<i8"), ("monotonic_ns", "<i8"), ("device_ns", "<i8"), ("exposure_ns", "<i8"),
    ("gpio", "<u8"), ("min", "<f8"), ("max", "<f8"), ("mean", "<f8"), ("std", "<f8"),
    ("sum", "<f8"), ("saturated", "<u4"), ("clipped", "<u4"), ("dropped_before", "<u4"),
    ("flags", "<u4"), ("crc32c", "<u4"), ("accumulated", "<u2"), ("detectors_check", "<u2")])
assert RECORD.itemsize == 128
RAW_HEAD_BYTES = 4096  # Of NAME.frames, before the first record.

CORRUPT, INCOMPLETE = 1, 2

CURSORS_BYTE, CACHE_LINE_BYTES = 128, 64  # Ring::Head in daemon/pipeline/ring_head.hpp.


def skip_all(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def need_programs(*names):
    for name in names:
        if shutil.which(name) is None and shutil.which(name, path="/usr/sbin:/sbin") is None:
            skip_all(f"the program {name} is not installed")


def main():
    """Runs the tests of the calling script. Status 77 when every one of them was skipped."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for program in (FRAMELOGD, FRAMELOG):
        if not os.access(program, os.X_OK):
            print(f"there is no program {program} (set FRAMELOGD and FRAMELOG)")
            sys.exit(1)
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    if result.wasSuccessful() and result.testsRun == len(result.skipped) and result.skipped:
        skip_all(result.skipped[0][1])
    sys.exit(0 if result.wasSuccessful() else 1)


def crc32c(data):
    """The checksum of Castagnoli, slowly."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def rings_of(directory):
    """What killed daemons, whose configurations lie there, have left in /dev/shm."""
    rings = []
    for config in pathlib.Path(directory).rglob("*.conf"):
        name = f"framelogd-{os.geteuid()}-{config.stem}-{crc32c(str(config.resolve()).encode()):08x}"
        rings += [str(path) for path in pathlib.Path("/dev/shm").glob(name + "*")]
    return sorted(rings)


def cursors(ring):
    """What a ring says: frames captured, frames written. They follow its head's identity."""
    try:
        with open(ring, "rb") as file:
            file.seek(CURSORS_BYTE)
            captured = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))[0]
            file.seek(CURSORS_BYTE + CACHE_LINE_BYTES)
            return captured, struct.unpack("<Q", file.read(8).ljust(8, b"\0"))[0]
    except FileNotFoundError:
        return 0, 0  # Written to its end meanwhile.


def ramp(sequence, height, width, dtype="uint16"):
    """Frame `sequence` of the simulator's pattern ramp; of several, where it is an array."""
    first = numpy.asarray(sequence, dtype="int64")[..., None] * 7
    pixels = first + numpy.arange(height * width)
    return pixels.astype(dtype).reshape(numpy.shape(sequence) + (height, width))


class Case(unittest.TestCase):
    """A test with a directory of its own, whose processes end with it."""

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="framelog-test-"))
        self.base = self.directory / "base"
        self.processes = []
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.addCleanup(self.end_processes)

    def end_processes(self):
        for process in self.processes:
            self.kill(process)
        for ring in rings_of(self.directory):
            os.unlink(ring)

    @staticmethod
    def kill(process):
        """SIGKILL to it and its children, unless it has ended."""
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def configure(self, text, name="camera"):
        """A configuration whose files go to self.base unless it has a [files] section."""
        path = self.directory / f"{name}.conf"
        if "[files]" not in text:
            text += f"\n[files]\nbase = {self.base}\n"
        path.write_text(text)
        return path

    def simulate(self, extra="", name="camera", files="", **source):
        """A configuration of the simulator: ramp, 32 x 48 uint16, as fast as it is read."""
        keys = {"driver": "simulator", "width": 48, "height": 32, "pattern": "ramp", "rate": "max"}
        keys.update(source)
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
        return self.configure(
            f"[source]\n{lines}\n[files]\nbase = {self.base}\n{files}\n{extra}\n", name)

    def start(self, config, *arguments, program=(), error=None):
        """Starts framelogd; its messages go to a file, so that it never waits for a reader."""
        error = error or self.directory / f"stderr-{len(self.processes)}"
        config = pathlib.Path(config)
        written = config.read_text() if config.exists() else ""
        if "[retention]" not in written:  # Small file systems are to be filled to the end.
            arguments = ("--set", "retention.min_free=0 B", *arguments)
        # By default all daemons of this name would want the same socket.
        if "[control]" not in written:
            socket = self.directory / f"control-{len(self.processes)}"
            arguments = ("--set", f"control.socket={socket}", *arguments)
        with open(error, "wb") as stream:
            process = subprocess.Popen(
                [*program, FRAMELOGD, "--config", str(config), *arguments], stderr=stream,
                stdout=stream, stdin=subprocess.DEVNULL, start_new_session=True)
        process.messages = error
        self.processes.append(process)
        return process

    def wait(self, process, status=0, timeout=LONG_S):
        """Waits for the end; its messages."""
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.fail(f"framelogd did not end:\n{process.messages.read_text()}")
        text = process.messages.read_text()
        self.assertEqual(process.returncode, status, text)
        return text

    def record(self, config, *arguments, status=0, program=()):
        """Records to the end; the messages."""
        return self.wait(self.start(config, *arguments, program=program), status)

    def until(self, condition, what, timeout=LONG_S):
        """Waits until the condition holds; returns its value."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.01)
        said = "".join(process.messages.read_text()[-2000:] for process in self.processes[-1:])
        return self.fail(f"in vain waited for {what}:\n{said}")

    def handled(self):
        """Frames that the recorders' writers are done with: those in files and dropped ones."""
        return sum(cursors(ring)[1] for ring in rings_of(self.directory))

    def until_dropped(self):
        """Where there is no segment, or it is full, only what is dropped leaves the ring."""
        before = self.handled()
        self.until(lambda: self.handled() > before, "frames that are dropped")

    def verify(self, *paths):
        """framelog verify has to be content; what it says."""
        done = command("verify", *(paths or (self.base,)))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("all frames are accounted for", done.stdout + done.stderr)
        return done.stdout

    def recover(self, *paths, status=0):
        done = command("recover", *(paths or (self.base,)))
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def check_ramp(self, segment):
        """Every frame that is not damaged is exactly the one with its number."""
        pixels, records = segment.pixels, segment.records
        self.assertEqual(len(pixels), len(records), segment.path)
        good = records["flags"] & (CORRUPT | INCOMPLETE) == 0
        wanted = ramp(records["source_sequence"][good], *pixels.shape[1:], pixels.dtype)
        wrong = numpy.flatnonzero((pixels[good] != wanted).any(axis=(1, 2)))
        self.assertEqual(len(wrong), 0, f"{segment.path}: wrong frames {wrong[:10]}")


def command(*arguments):
    """Runs framelog."""
    return subprocess.run([FRAMELOG, *map(str, arguments)], capture_output=True, text=True,
                          timeout=LONG_S, check=False)


def accounting_lines(messages):
    """{product: {received, recorded, <reason of a drop>, lost at source, segments}} at the end."""
    found = {}
    pattern = r"^(?:\S+ )?([\w-]+): (\d+) received = (.*)$"
    for product, received, rest in re.findall(pattern, messages, re.MULTILINE):
        counts = {"received": int(received), "lost at source": 0}
        for part in re.split(r" \+ |; ", rest):
            number, words = part.split(" ", 1)
            reason = re.fullmatch(r"dropped \((.*)\)", words)
            counts[reason.group(1) if reason else words] = int(number)
        found[product] = counts
    return found


ZSTD_FILTER = 32015


def unpacked(dataset, frames=None):
    """The first frames of a dataset, or all. Zstandard's by libzstd: Debian has no plugin for it."""
    creation = dataset.id.get_create_plist()
    codes = [creation.get_filter(i)[0] for i in range(creation.get_nfilters())]
    if codes != [ZSTD_FILTER] or h5py.h5z.filter_avail(ZSTD_FILTER):
        return dataset[:frames]
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_decompress.restype = ctypes.c_size_t
    library.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p,
                                        ctypes.c_size_t]
    pixels = numpy.zeros((len(dataset) if frames is None else frames, *dataset.shape[1:]),
                         dataset.dtype)
    for number, frame in enumerate(pixels):
        mask, chunk = dataset.id.read_direct_chunk((number, 0, 0))
        if mask == 0:
            size = library.ZSTD_decompress(frame.ctypes.data, frame.nbytes, chunk, len(chunk))
            if size != frame.nbytes:
                raise OSError(f"frame {number} is no Zstandard frame of its size")
        else:
            frame[...] = numpy.frombuffer(chunk, frame.dtype).reshape(frame.shape)
    return pixels


class Segment:
    """A finished file, read with h5py or NumPy alone."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        {".h5": self._read_hdf5, ".tif": self._read_tiff}.get(self.path.suffix, self._read_raw)()

    def _read_hdf5(self):
        with h5py.File(self.path, "r") as file:
            self.pixels = unpacked(file["/entry/data/data"])
            self.records = file[READOUT + "/frame_table"][:].astype(RECORD)
            self.provenance = json.loads(file["/entry/provenance/data"][()])
            accounting = file[READOUT + "/accounting"][()]
            self.accounting = {name: int(accounting[name]) for name in accounting.dtype.names}
            self.gaps = [(int(gap["after_sequence"]), int(gap["frames"]),
                          gap["stage"].decode(), gap["reason"].decode())
                         for gap in file[READOUT + "/gaps"][:]]
            self.clock = file[READOUT + "/clock/value"][:]
            self.events = [file[f"/entry/marks/{name}/data"][()].decode()
                           for name in file["/entry/marks"]]
            self.stop_reason = file[READOUT + "/stop_reason"][()].decode()

    def _read_raw(self):
        about = json.loads(self.path.with_suffix(".json").read_text())
        self.about = about
        self.pixels = numpy.fromfile(self.path, about["dtype"]).reshape(about["shape"])
        self.records = numpy.fromfile(self.path.with_suffix(".frames"), RECORD,
                                      offset=RAW_HEAD_BYTES, count=about["shape"][0])
        self.provenance = about["provenance"]
        self._read_about(about)

    def _read_tiff(self):
        import tifffile  # pylint: disable=import-outside-toplevel

        with tifffile.TiffFile(self.path) as file:
            tags = file.pages[0].tags
            self.pixels = numpy.stack([page.asarray() for page in file.pages])
            self.records = numpy.frombuffer(tags[65001].value, RECORD)
            self.provenance = json.loads(tags[65000].value)
            self.about = json.loads(tags[65002].value)
        self._read_about(self.about)

    def _read_about(self, about):
        self.accounting = {}
        for key, value in about["accounting"].items():
            if isinstance(value, dict):
                self.accounting.update({f"{key}_{name}": count for name, count in value.items()})
            else:
                self.accounting[key] = value
        self.gaps = [(gap["after_sequence"], gap["frames"], gap["stage"], gap["reason"])
                     for gap in about["gaps"]]
        self.clock = numpy.array([entry["utc_minus_monotonic_ns"] for entry in about["clock"]])
        self.events = [event["text"] for event in about["events"]]
        self.stop_reason = about["stop_reason"]

    @staticmethod
    def records_of(path):
        """The frames' numbers in a finished HDF5 file."""
        with h5py.File(path, "r") as file:
            return file[READOUT + "/frame_table"][:]["sequence"].astype("int64")

    @property
    def number(self):
        return self.provenance["run"]["segment"]


def finished(base, suffix=".h5", product=None):
    """The finished files below, in the order in which they were recorded."""
    paths = [path for path in pathlib.Path(base).rglob("*" + suffix)
             if ".framelog" not in path.parts and "quarantine" not in path.parts
             and not path.name.endswith("_master.h5")]
    segments = [Segment(path) for path in paths]
    if product:
        segments = [s for s in segments if s.provenance["instrument"]["product"] == product]
    return sorted(segments, key=lambda s: (s.provenance["run"]["start"], s.number))


def finished_paths(base, product):
    """The finished HDF5 files of one product, by name."""
    return sorted(path for path in pathlib.Path(base).rglob(f"*_{product}_*.h5")
                  if ".framelog" not in path.parts and "quarantine" not in path.parts
                  and not path.name.endswith("_master.h5"))


def leftovers(base):
    """What a clean end does not leave behind: parts, undos, prepared segments, logs, quarantine."""
    return [str(path) for path in pathlib.Path(base).rglob("*")
            if path.is_file() and path.name not in ("lock", "runs")
            and not path.name.startswith("catalog.")
            and path.suffix not in (".h5", ".raw", ".json", ".frames", ".tif")]


@contextlib.contextmanager
def mounted(directory, *arguments):
    """A mount for the length of a block; skips the test where this is not allowed."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *map(str, arguments), str(directory)], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise unittest.SkipTest(f"cannot mount here: {done.stderr.strip()}")
    try:
        yield directory
    finally:
        unmount(directory)


def unmount(directory):
    for _ in range(50):
        done = subprocess.run(["umount", str(directory)], capture_output=True, text=True,
                              check=False)
        if done.returncode == 0 or not os.path.ismount(directory):
            return
        time.sleep(0.1)
    subprocess.run(["umount", "-l", str(directory)], check=False)
