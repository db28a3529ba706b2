"""Damages what a killed recording has left, in named ways, and checks what recovery makes of each.

The table DAMAGE is the documentation: what happened to the file, and what recovery then does. Of
each the same holds: nothing that was not understood is shortened or deleted, what is finished
verifies or says what is wrong, other segments are not touched, and a second recovery changes
nothing.
"""

import collections
import hashlib
import json
import os
import pathlib
import shutil
import time

import every_format
import recorder
from every_format import place_of
from recorder import READOUT, h5py, numpy

PRODUCTS = ("h5", "raw", "ome", "stack", "gzip", "lz4")
FRAMES = 40  # At least so many are in the file that is damaged.

# What a case must come to. `frames`: how many of the frames that were there are in the finished
# file (a number below zero: so many fewer); `problems`: what verify then says.
Outcome = collections.namedtuple("Outcome", "word frames problems", defaults=(None, ""))
FINISHED, EMPTY, QUARANTINED, FAILED = "finished", "empty", "quarantined", "failed"


class Left:
    """A .part that a dead process has left, and where its parts lie."""

    def __init__(self, path):
        self.path = path
        self.raw = path.name.endswith(".raw.part")
        self.name = path.name.split(".", 1)[0]
        self.log = path.with_suffix(".events")
        self.stride = 128
        self.is_packed = self.beside(".chunks.part").exists()
        self.frame_bytes = 64 * 32 * 2
        if path.name.endswith(".tif.part") or self.is_packed:
            self.take_places(every_format.Part(path))
        elif self.raw:
            self.pixels = 0
            self.table = self.beside(".frames.part")
            self.records, self.valid_at, self.synced_at = recorder.RAW_HEAD_BYTES, 16, 24
        else:
            with h5py.File(path, "r") as file:
                data = file["/entry/data/data"]
                self.frame_bytes = int(numpy.prod(data.shape[1:])) * data.dtype.itemsize
                self.pixels = data.id.get_chunk_info(0).byte_offset
                self.records = place_of(file[READOUT + "/frame_table"])
                self.valid_at = place_of(file[READOUT + "/valid"])
                self.synced_at = place_of(file[READOUT + "/synced"])
            self.table = path
        self.valid = self.number(self.valid_at)
        self.synced = self.number(self.synced_at)

    def take_places(self, part):
        self.records, self.stride = part.records_at, part.stride
        self.valid_at, self.synced_at, self.table = part.valid_at, part.synced_at, part.table
        if self.path.name.endswith(".tif.part"):
            self.pixels = part.integer(every_format.TIFF_PIXELS)

    def beside(self, suffix):
        return self.path.with_name(self.name + suffix)

    def number(self, at):
        with open(self.table, "rb") as file:
            file.seek(at)
            return int.from_bytes(file.read(8), "little", signed=True)

    def write(self, path, at, data):
        with open(path, "r+b") as file:
            file.seek(at)
            file.write(data)

    def put_number(self, at, value):
        self.write(self.table, at, value.to_bytes(8, "little", signed=True))

    def pixel_at(self, frame):
        return self.pixels + frame * self.frame_bytes

    def record_at(self, frame):
        return self.records + frame * self.stride

    def packed_at(self, frame):
        """Where the packed bytes of a frame of compressed HDF5 are, by the index."""
        row = self.record_at(frame) - every_format.CHUNK_ROW_RECORD_BYTE
        return self.number(row + 8)


def truncate(path, size):
    os.truncate(path, size)


def unsynced(left):
    """From now on every frame is checked."""
    left.put_number(left.synced_at, 0)


def torn_record(left):
    unsynced(left)
    left.write(left.table, left.record_at(left.valid - 1) + 64, bytes(64))


def record_damaged(left):
    unsynced(left)
    left.write(left.table, left.record_at(10) + 30, b"\xff\x55")


def zeros_behind_synced(left):
    unsynced(left)
    left.write(left.path, left.pixel_at(20), bytes(100))


def zeros_before_synced(left):
    left.put_number(left.synced_at, left.valid)
    left.write(left.path, left.pixel_at(20), bytes(100))


def order_wrong(left):
    """Two records have changed places."""
    unsynced(left)
    data = left.table.read_bytes()
    a, b = left.record_at(12), left.record_at(13)
    left.write(left.table, a, data[b:b + 128])
    left.write(left.table, b, data[a:a + 128])


def tail_cut(left):
    unsynced(left)
    truncate(left.path, left.pixel_at(25) + left.frame_bytes // 2)


def tiff_place(left, member):
    """What a member of the head, an offset in the file, says."""
    return left.number(every_format.TIFF_BLOCK_BYTE + member)


def of_another(left, suffix):
    """The sidecar of another segment."""
    others = sorted(set(left.path.parent.glob("*" + suffix.removesuffix(".part"))) |
                    set(left.path.parent.glob("*" + suffix)))
    other = next(path for path in others if not path.name.startswith(left.name + "."))
    shutil.copyfile(other, left.beside(suffix))


BOTH = {
    "nothing": (lambda left: None, Outcome(FINISHED, 0)),
    "empty file": (lambda left: truncate(left.path, 0), None),
    "torn record": (torn_record, Outcome(FINISHED, -1)),
    "record damaged": (record_damaged, Outcome(FINISHED, 10)),
    "zeros in the middle, not synced": (zeros_behind_synced, Outcome(FINISHED, 20)),
    "zeros in the middle, synced": (
        zeros_before_synced, Outcome(FINISHED, 0, "the pixels of frame 20")),
    "records out of order": (order_wrong, Outcome(FINISHED, 12)),
    "count too high": (lambda left: left.put_number(left.valid_at, left.valid + 5),
                       Outcome(FINISHED, 0)),
    "count negative": (lambda left: (unsynced(left), left.put_number(left.valid_at, -7)),
                       Outcome(FINISHED, 0)),
    "synced beyond the frames": (lambda left: left.put_number(left.synced_at, left.valid + 9),
                                 Outcome(FINISHED, 0)),
    "log missing": (lambda left: left.log.unlink(), Outcome(FINISHED, 0)),
    "log damaged": (lambda left: left.log.write_bytes(b"\0\xff{]not json\n" * 50),
                    Outcome(FINISHED, 0)),
}

HDF5 = {
    **BOTH,
    "empty file": (BOTH["empty file"][0], Outcome(QUARANTINED)),
    "header cut off": (lambda left: truncate(left.path, 100), Outcome(QUARANTINED)),
    "header zeroed": (lambda left: left.write(left.path, 0, bytes(512)), Outcome(QUARANTINED)),
    "metadata torn": (lambda left: left.write(left.path, 600, b"\xa5" * 3000),
                      Outcome(QUARANTINED)),
    "tail cut off": (tail_cut, Outcome(QUARANTINED)),
    "undo damaged": (lambda left: left.beside(".h5.undo").write_bytes(b"undone? no" * 30),
                     Outcome(QUARANTINED)),
}

RAW = {
    **BOTH,
    "empty file": (BOTH["empty file"][0], Outcome(QUARANTINED)),
    "tail cut off": (tail_cut, Outcome(FINISHED, 25)),
    "frames missing": (lambda left: left.beside(".frames.part").unlink(), Outcome(QUARANTINED)),
    "description missing": (lambda left: left.beside(".json.part").unlink(),
                            Outcome(QUARANTINED)),
    "frames of nobody": (lambda left: left.write(left.table, 0, b"\xa5" * 64),
                         Outcome(QUARANTINED)),
    "frames of another segment": (lambda left: of_another(left, ".frames.part"),
                                  Outcome(QUARANTINED)),
    "description damaged": (lambda left: left.beside(".json.part").write_bytes(b'{"shape": [1'),
                            Outcome(QUARANTINED)),
}

# One file holds all: what its head says is believed only as a whole.
TIFF = {
    **BOTH,
    "empty file": (BOTH["empty file"][0], Outcome(QUARANTINED)),
    "header cut off": (lambda left: truncate(left.path, 100), Outcome(QUARANTINED)),
    "header zeroed": (lambda left: left.write(left.path, 0, bytes(16)), Outcome(QUARANTINED)),
    "header leads nowhere": (lambda left: left.write(left.path, 4, b"\xff\xff\xff\x7f"),
                             Outcome(QUARANTINED)),
    "head torn": (lambda left: left.write(left.path, 40, b"\xa5" * 64), Outcome(QUARANTINED)),
    "head zeroed": (lambda left: left.write(left.path, 0, bytes(512)), Outcome(QUARANTINED)),
    "description torn": (lambda left: left.write(left.path, tiff_place(left, 72), b"\xa5" * 64),
                         Outcome(QUARANTINED)),
    "directories zeroed": (
        lambda left: left.write(left.path, tiff_place(left, 96), bytes(2000)),
        Outcome(FINISHED, 0)),
    "tail cut off": (tail_cut, Outcome(FINISHED, 25)),
}

# The pixels are packed in NAME.h5.part; NAME.chunks.part tells of them, and HDF5's metadata too.
PACKED = {
    "nothing": BOTH["nothing"],
    "empty file": (BOTH["empty file"][0], Outcome(QUARANTINED)),
    "header cut off": (lambda left: truncate(left.path, 100), Outcome(QUARANTINED)),
    "header zeroed": (lambda left: left.write(left.path, 0, bytes(512)), Outcome(FINISHED, 0)),
    "metadata torn": (lambda left: left.write(left.path, 600, b"\xa5" * 3000),
                      Outcome(FINISHED, 0)),
    "row torn": (torn_record, Outcome(FINISHED, 0)),
    "rows zeroed": (lambda left: (unsynced(left), left.write(
        left.table, left.record_at(9) - 32, bytes(3 * left.stride))), Outcome(FINISHED, 0)),
    "zeros in the middle, not synced": (
        lambda left: (unsynced(left), left.write(left.path, left.packed_at(20), bytes(100))),
        Outcome(FINISHED, 20)),
    "zeros in the middle, synced": (
        lambda left: (left.put_number(left.synced_at, left.valid),
                      left.write(left.path, left.packed_at(20), bytes(100))),
        Outcome(FINISHED, 0, "frame 20")),
    "tail cut off": (lambda left: (unsynced(left), truncate(left.path, left.packed_at(25) + 9)),
                     Outcome(FINISHED, 25)),
    "count too high": BOTH["count too high"],
    "count negative": BOTH["count negative"],
    "synced beyond the frames": BOTH["synced beyond the frames"],
    "index missing": (lambda left: left.table.unlink(), Outcome(FINISHED, 0)),
    "index empty": (lambda left: truncate(left.table, 0), Outcome(FINISHED, 0)),
    "index's head torn": (lambda left: left.write(left.table, 20, b"\xa5" * 40),
                          Outcome(FINISHED, 0)),
    "index's image torn": (lambda left: left.write(left.table, 4200, b"\xa5" * 400),
                           Outcome(FINISHED, 0)),
    "index cut off": (lambda left: truncate(left.table, left.record_at(15)), Outcome(FINISHED, 0)),
    "index of another segment": (lambda left: of_another(left, ".chunks.part"),
                                 Outcome(FINISHED, 0)),
    "index missing and metadata torn": (
        lambda left: (left.table.unlink(), left.write(left.path, 600, b"\xa5" * 3000)),
        Outcome(QUARANTINED)),
    "index and header zeroed": (
        lambda left: (left.write(left.table, 0, bytes(512)),
                      left.write(left.path, 0, bytes(512))), Outcome(QUARANTINED)),
    "log missing": BOTH["log missing"],
    "log damaged": BOTH["log damaged"],
}


def contents(tree):
    """What of each file: its path, size and digest."""
    return {str(path.relative_to(tree)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(tree.rglob("*")) if path.is_file() and not path.is_symlink()}


class Damage(recorder.Case):
    @classmethod
    def setUpClass(cls):
        """One killed recording serves all cases: they damage copies."""
        cls.keeper = cls("leave")
        cls.addClassCleanup(cls.keeper.doCleanups)
        cls.keeper.setUp()
        cls.left = cls.keeper.leave()

    def leave(self):
        for attempt in range(20):
            # Slower, the slower this machine is: files are open for longer than they are finished.
            rate_hz = 200 / (1 + attempt // 2)
            config = self.simulate(
                "[product.h5]\n[product.raw]\nformat = raw\n[product.ome]\nformat = tiff\n"
                "[product.stack]\nformat = imagej-tiff\n[product.gzip]\ncompression = gzip-1\n"
                "[product.lz4]\ncompression = bitshuffle-lz4\n"
                "[roll]\nmax_frames = 300\n[ring]\nmemory = 32 MiB\n",
                width=64, height=32, rate=f"{rate_hz:.0f} Hz",
                files="sync_interval = 50 ms")
            process = self.start(config)
            end = time.monotonic() + 20 + 2 * 300 / rate_hz  # Two segments.
            while time.monotonic() < end and not self.is_to_be_damaged():
                time.sleep(0.01)
            self.kill(process)
            for ring in recorder.rings_of(self.directory):
                os.unlink(ring)
            if self.is_to_be_damaged():
                return self.base
            shutil.rmtree(self.base)  # One of them had come to its end meanwhile.
        return self.fail("there is always one that has just come to its end")

    def is_to_be_damaged(self):
        """Of each product there is one open segment, not the first, and finished ones."""
        found = sorted(path.name.split("_")[1] for path in every_format.parts(self.base))
        if found != sorted(PRODUCTS) or not list(self.base.rglob("*_0001.h5")):
            return False
        try:
            parts = [Left(path) for path in every_format.parts(self.base)]
        except (OSError, KeyError):
            return False  # It is being finished.
        return all(left.synced >= FRAMES and "_0001." not in left.path.name and
                   not left.beside(".undo").exists() for left in parts)

    def copy(self, name):
        tree = self.directory / name.replace(" ", "-")
        shutil.copytree(self.left, tree, symlinks=True)
        return tree

    def damage(self, table, suffix, product):
        for name, (change, outcome) in table.items():
            with self.subTest(product=product, damage=name):
                tree = self.copy(name)
                [path] = tree.rglob(f"*_{product}_*{suffix}.part")
                left = Left(path)
                change(left)
                self.look(tree, left, outcome)
                shutil.rmtree(tree)

    def look(self, tree, left, outcome):
        before = contents(tree)
        said = recorder.command("recover", "--json", tree)
        told = {pathlib.Path(entry["part"]).name: entry
                for entry in json.loads(said.stdout)}
        entry = told[left.path.name]
        self.assertEqual(entry["outcome"], outcome.word, entry)
        self.assertEqual(said.returncode, 0 if outcome.word == FINISHED else 1, said.stdout)
        after = contents(tree)
        if outcome.word == QUARANTINED:
            self.look_at_quarantine(left, before, after)
        else:
            self.look_at_finished(left, outcome)
        unfinished = {pathlib.Path(name).name.split(".")[0] for name in before
                      if name.endswith(".part")}
        others = [name for name in before if ".framelog" not in name
                  and pathlib.Path(name).name.lstrip(".").split(".")[0] not in unfinished]
        self.assertTrue(others)
        for name in others:
            self.assertEqual(before[name], after.get(name), f"{name} was touched")
        again = recorder.command("recover", tree)
        self.assertEqual(again.returncode, 0, again.stdout)
        self.assertEqual(contents(tree), after, "a second recovery changed something")

    def look_at_quarantine(self, left, before, after):
        mine = {pathlib.Path(name).name: digest for name, digest in before.items()
                if pathlib.Path(name).name.startswith(left.name + ".")}
        kept = {pathlib.Path(name).name: digest for name, digest in after.items()
                if "quarantine" in name}
        for name, digest in mine.items():
            self.assertEqual(kept.get(name), digest, f"{name} is not in quarantine as it was")
        [why] = [name for name in kept if name.endswith(".why")]
        self.assertTrue(next(left.path.parent.glob("quarantine/" + why)).read_text(errors="replace").strip())

    def look_at_finished(self, left, outcome):
        final = left.path.with_suffix("")
        if left.is_packed and outcome.problems:  # Other programs refuse that one frame.
            with h5py.File(final, "r") as file:
                records = file[READOUT + "/frame_table"][:]
        else:
            segment = recorder.Segment(final)
            records = segment.records
        wanted = outcome.frames if outcome.frames > 0 else left.valid + outcome.frames
        if outcome.frames > 0:
            self.assertEqual(len(records), wanted)
        else:  # Whole frames behind the count are kept, too.
            self.assertGreaterEqual(len(records), wanted)
        said = recorder.command("verify", "--json", final)
        [told] = json.loads(said.stdout)["segments"]
        if outcome.problems:
            self.assertTrue(any(outcome.problems in text for text in told["problems"]), told)
        else:
            self.assertEqual(told["problems"], [])
            self.check_ramp(segment)

    def test_hdf5(self):
        self.damage(HDF5, ".h5", "h5")

    def test_raw(self):
        self.damage(RAW, ".raw", "raw")

    def test_tiff(self):
        self.damage(TIFF, ".ome.tif", "ome")

    def test_imagej_tiff(self):
        self.damage(TIFF, ".tif", "stack")

    def test_gzip(self):
        self.damage(PACKED, ".h5", "gzip")

    def test_bitshuffle(self):
        self.damage(PACKED, ".h5", "lz4")

    def test_what_is_not_ours(self):
        """Files of others that are called .part."""
        tree = self.copy("strangers")
        (tree / "download.zip.part").write_bytes(b"PK\3\4")
        (tree / "thesis.h5.part").write_text("a thesis\n")
        with h5py.File(tree / "other.h5.part", "w") as file:
            file["values"] = numpy.arange(5)
        (tree / "folder.h5.part").mkdir()
        (tree / "link.h5.part").symlink_to("/etc/hostname")
        before = contents(tree)
        said = recorder.command("recover", "--json", tree)
        told = {pathlib.Path(entry["part"]).name: entry["outcome"]
                for entry in json.loads(said.stdout)}
        self.assertEqual(told.get("thesis.h5.part"), QUARANTINED)
        self.assertEqual(told.get("other.h5.part"), QUARANTINED)
        after = contents(tree)
        self.assertEqual(after["download.zip.part"], before["download.zip.part"])
        for name in ("thesis.h5.part", "other.h5.part"):
            self.assertEqual(after["quarantine/" + name], before[name])
        self.assertTrue((tree / "folder.h5.part").is_dir())
        self.assertTrue((tree / "link.h5.part").is_symlink())
        self.assertEqual(pathlib.Path("/etc/hostname").exists(), True)

    def test_a_name_that_is_taken(self):
        tree = self.copy("taken")
        [path] = tree.rglob("*_h5_*.h5.part")
        path.with_suffix("").write_text("mine")
        said = recorder.command("recover", tree)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
        self.assertEqual(path.with_suffix("").read_text(), "mine")
        self.assertTrue(path.with_name(path.name.replace(".h5.part", "_2.h5")).exists())

    def test_interrupted_again_and_again(self):
        """Recovery itself is killed: the next one finds what the first would have found."""
        for delay in (0.0, 0.002, 0.005, 0.01, 0.02, 0.05):
            tree = self.copy("interrupted")
            process = recorder.subprocess.Popen(
                [recorder.FRAMELOG, "recover", str(tree)], stdout=recorder.subprocess.DEVNULL,
                stderr=recorder.subprocess.DEVNULL)
            time.sleep(delay)
            process.kill()
            process.wait()
            self.recover(tree)
            self.assertEqual(recorder.leftovers(tree), [])
            for suffix in (".h5", ".raw", ".tif"):
                for segment in recorder.finished(tree, suffix):
                    self.check_ramp(segment)
                    self.verify(segment.path)
            shutil.rmtree(tree)


if __name__ == "__main__":
    recorder.main()
