"""Records with every compression, and reads the files back with other programs."""

import os
import random
import time

import recorder
from recorder import h5py, numpy

# HDF5's own filter, and Debian's plugins for the others.
os.environ.setdefault("HDF5_PLUGIN_PATH", ":".join(
    str(path) for path in sorted(recorder.pathlib.Path("/usr/lib").glob("*/hdf5/serial/plugins"))
    + sorted(recorder.pathlib.Path("/usr/lib").glob("*/hdf5/plugins"))))

CODECS = ("gzip-0", "gzip-4", "gzip-9", "lz4", "bitshuffle-lz4", "zstd-1", "zstd-19")
FILTERS = {"gzip": h5py.h5z.FILTER_DEFLATE, "lz4": 32004, "bitshuffle-lz4": 32008, "zstd": 32015}
SEED = int(os.environ.get("FRAMELOG_SEED", str(random.randrange(1 << 30))))
KILLS = int(os.environ.get("FRAMELOG_KILLS", "10"))


def product(codec):
    return codec.replace("-", "")


def filter_of(codec):
    return FILTERS[codec if codec in FILTERS else codec.rsplit("-", 1)[0]]


def products(codecs, more=""):
    return "".join(f"[product.{product(codec)}]\ncompression = {codec}\n{more}\n"
                   for codec in codecs)


class CompressionCase(recorder.Case):
    def look(self, codecs, frames=None):
        """What is recorded verifies; pixels of those filters that h5py has here are looked at."""
        self.verify()
        for codec in codecs:
            segments = recorder.finished_paths(self.base, product(codec))
            self.assertTrue(segments, codec)
            count = 0
            for path in segments:
                with h5py.File(path, "r") as file:
                    data = file["/entry/data/data"]
                    filters = data.id.get_create_plist()
                    codes = [filters.get_filter(i)[0] for i in range(filters.get_nfilters())]
                    self.assertIn(filter_of(codec), codes)
                    count += len(data)
                    if h5py.h5z.filter_avail(filter_of(codec)):
                        numbers = file[recorder.READOUT + "/frame_table"][:]["source_sequence"]
                        wanted = recorder.ramp(numbers, 32, 64)
                        self.assertTrue(numpy.array_equal(data[:], wanted), path)
            if frames is not None:
                self.assertEqual(count, frames, codec)


class Recordings(CompressionCase):
    def test_every_codec(self):
        config = self.simulate(products(CODECS) + "[roll]\nmax_frames = 70\n", width=64, height=32)
        messages = self.record(config, "--frames", "200")
        self.look(CODECS, 200)
        self.assertEqual(recorder.leftovers(self.base), [])
        counts = recorder.accounting_lines(messages)
        self.assertEqual({count["recorded"] for count in counts.values()}, {200})

    def test_several_reducers_and_groups(self):
        config = self.simulate(
            products(["bitshuffle-lz4"]) + products(["gzip-1"], "accumulate = 3\ndtype = float32")
            + "[realtime]\nreduce_threads = 3\n[roll]\nmax_frames = 30\n", width=64, height=32)
        self.record(config, "--frames", "100")
        self.verify()
        merged = [segment for path in recorder.finished_paths(self.base, "gzip1")
                  for segment in [recorder.Segment(path)]]
        sums = numpy.concatenate([segment.pixels for segment in merged])
        self.assertEqual(len(sums), 34)
        wanted = recorder.ramp(numpy.arange(3), 32, 64).sum(axis=0, dtype="float32")
        self.assertTrue(numpy.array_equal(sums[0], wanted))
        self.look(["bitshuffle-lz4"], 100)

    def test_what_cannot_be_packed_is_stored(self):
        """Noise does not become smaller: its chunks lie in the file as they are."""
        source = numpy.random.default_rng(SEED).integers(
            0, 1 << 16, (40, 32, 64), dtype="uint16")
        numpy.save(self.directory / "noise.npy", source)
        config = self.configure(
            f"[source]\ndriver = replay\npath = {self.directory}/noise.npy\nrate = max\n"
            + products(["gzip-4", "bitshuffle-lz4", "zstd-3"]))
        self.record(config)
        self.verify()
        for codec in ("gzip4", "bitshufflelz4", "zstd3"):
            [path] = recorder.finished_paths(self.base, codec)
            with h5py.File(path, "r") as file:
                data = file["/entry/data/data"]
                for i in range(len(data)):
                    mask, chunk = data.id.read_direct_chunk((i, 0, 0))
                    self.assertNotEqual(mask, 0)
                    self.assertEqual(chunk, source[i].tobytes())

    def test_the_file_can_be_read_while_it_grows(self):
        config = self.simulate(products(["gzip-1"]), width=64, height=32, rate="500 Hz",
                               files="sync_interval = 100 ms")
        process = self.start(config)
        part = self.until(lambda: next(self.base.rglob("*.h5.part"), None), "the file")
        seen = []

        def grown():
            try:
                with h5py.File(part, "r", swmr=True) as file:
                    valid = int(file[recorder.READOUT + "/valid"][()])
                    data = file["/entry/data/data"][:valid]
                    numbers = file[recorder.READOUT + "/frame_table"][:valid]["source_sequence"]
                    wanted = recorder.ramp(numbers[:len(data)], 32, 64)
                    self.assertTrue(numpy.array_equal(data, wanted))
                    seen.append(len(data))
            except OSError:
                pass  # In the middle of a change of the file's index.
            return len({count for count in seen if count > 0}) > 3

        self.until(grown, "frames that a reader sees")
        process.terminate()
        self.wait(process)
        self.verify()


class Killed(CompressionCase):
    def test_no_frame_is_lost(self):
        """Kill after kill: the next process finds every frame in the ring or in the files."""
        chance = random.Random(SEED)
        codecs = ("gzip-1", "bitshuffle-lz4", "zstd-1")
        config = self.simulate(products(codecs) + "[roll]\nmax_frames = 150\n[ring]\n"
                               "memory = 16 MiB\n[control]\nsocket = off\n", width=64, height=32, rate="1 kHz",
                               files="sync_interval = 50 ms")
        for _ in range(KILLS):
            process = self.start(config)
            self.until(lambda: "recording" in process.messages.read_text()
                       or process.poll() is not None, "the recording")
            time.sleep(chance.random() * 0.3)
            self.kill(process)
        process = self.start(config)
        self.until(lambda: "recording" in process.messages.read_text(), "the recording")
        process.terminate()
        messages = self.wait(process)
        self.look(codecs)
        counts = recorder.accounting_lines(messages)
        for codec in codecs:
            numbers = numpy.concatenate([
                recorder.Segment.records_of(path)
                for path in recorder.finished_paths(self.base, product(codec))])
            numbers.sort()
            self.assertEqual(numbers.tolist(), list(range(len(numbers))), (codec, SEED))
            self.assertEqual(counts[product(codec)]["recorded"], len(numbers), (codec, SEED))

    def test_without_the_ring(self):
        """Nothing but the files is left: what they counted is there after recovery."""
        chance = random.Random(SEED)
        for number in range(max(2, KILLS // 2)):
            self.base = self.directory / f"base-{number}"
            config = self.simulate(products(("gzip-1", "lz4")) + "[roll]\nmax_frames = 100\n",
                                   width=64, height=32, rate="2 kHz", files="sync_interval = 20 ms")
            process = self.start(config)
            self.until(lambda: list(self.base.rglob("*_0002.*part")), "a second segment")
            time.sleep(chance.random() * 0.1)
            self.kill(process)
            for ring in recorder.rings_of(self.directory):
                os.unlink(ring)
            self.recover()
            self.assertEqual(recorder.leftovers(self.base), [])
            self.look(("gzip-1", "lz4"))


if __name__ == "__main__":
    recorder.main()
