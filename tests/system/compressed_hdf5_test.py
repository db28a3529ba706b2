"""Compressed HDF5: what other programs read of it while it is recorded, after a kill, and at the end."""

import os
import shutil
import signal
import subprocess
import time
import unittest

import recorder
from recorder import DETECTOR, READOUT, h5py, numpy

# By what h5py and h5dump know the filters; zstd has no plugin in Debian.
FILTERS = {"gzip-4": [2, 1], "lz4": [32004], "bitshuffle-lz4": [32008], "zstd-3": [32015]}
DATA = DETECTOR + "/data"
VALID = READOUT + "/valid"


def filters_of(dataset):
    creation = dataset.id.get_create_plist()
    return [creation.get_filter(i)[0] for i in range(creation.get_nfilters())]


def can_read(filters):
    return all(h5py.h5z.filter_avail(number) for number in filters)


class CompressedHdf5(recorder.Case):
    def configuration(self, compression, extra="", **source):
        return self.simulate(
            f"[product.frames]\ncompression = {compression}\n{extra}",
            files="sync_interval = 50 ms", **source)

    def part(self):
        return self.until(lambda: next(
            (path for path in self.base.rglob("*.h5.part") if ".framelog" not in path.parts
             and path.with_name(path.name.replace(".h5.", ".chunks.")).exists()), None), "a .part")

    def test_other_programs_read_every_codec(self):
        for compression, filters in FILTERS.items():
            with self.subTest(compression):
                self.base = self.directory / compression
                # Of one byte a pixel the ramp repeats itself, which LZ4 needs.
                self.record(self.configuration(compression, pixel_type="uint8"), "--frames", "300")
                path, = self.base.rglob("*.h5")
                with h5py.File(path, "r") as file:
                    self.assertEqual(filters_of(file[DATA]), filters)
                    self.assertEqual(file[DATA].chunks, (1, 32, 48))
                    self.assertEqual(file[VALID][()], 300)
                    self.assertLess(file[DATA].id.get_storage_size(), 300 * 32 * 48 * 0.8)
                if can_read(filters):
                    segment, = recorder.finished(self.base)
                    self.check_ramp(segment)
                if shutil.which("h5dump"):
                    head = subprocess.run(["h5dump", "-H", "-p", "-d", DATA, path], text=True,
                                          capture_output=True, check=True).stdout
                    for number in filters:
                        words = {1: "DEFLATE", 2: "SHUFFLE"}.get(number, f"FILTER_ID {number}")
                        self.assertIn(words, head)
                self.verify()
                self.assertEqual(recorder.leftovers(self.base), [])

    def test_frames_are_seen_coming_with_and_without_swmr(self):
        config = self.configuration("gzip-1", rate="300 Hz")
        process = self.start(config)
        part = self.part()
        with h5py.File(part, "r", libver="latest", swmr=True) as file:
            data = file[DATA]
            seen = []

            def has_grown():
                data.refresh()
                if not seen or len(data) > seen[-1]:
                    seen.append(len(data))
                return len(seen) > 5

            self.until(has_grown, "frames")
            frames = len(data)
            pixels = data[:]
            table = file[READOUT + "/frame_table"]
            table.refresh()
            # A machine that is busy with other tests may have lost some.
            sequence = table[:]["source_sequence"][:frames]
        self.assertEqual(seen, sorted(seen))
        self.assertTrue((pixels == recorder.ramp(sequence, 32, 48)).all())

        def read():
            try:
                with h5py.File(part, "r") as file:
                    return (file[DATA][:], file[READOUT + "/frame_table"][:],
                            len(file["/entry/data/time"]))
            except OSError:  # Without SWMR a reader may meet an index that is half written.
                return None

        plain, records, times = self.until(read, "a file that can be read")
        self.assertGreaterEqual(len(plain), frames)
        # Frames come while it is read: each has a record and a time before it is there.
        self.assertGreaterEqual(len(records), len(plain))
        self.assertGreaterEqual(times, len(plain))
        self.assertTrue((plain == recorder.ramp(records["source_sequence"][:len(plain)], 32, 48)).all())
        process.send_signal(signal.SIGTERM)
        self.wait(process)
        segment, = recorder.finished(self.base)
        self.check_ramp(segment)
        self.verify()

    def test_a_kill_loses_no_frame_that_was_counted(self):
        for compression in ("gzip-1", "bitshuffle-lz4", "zstd-1"):
            with self.subTest(compression):
                self.base = self.directory / compression
                process = self.start(self.configuration(compression, rate="2 kHz"))
                part = self.part()

                def valid(path=part):
                    with h5py.File(path, "r") as file:
                        return int(file[VALID][()])

                self.until(lambda: valid() > 200, "frames")
                self.kill(process)
                counted = valid()
                self.recover()
                path, = self.base.rglob("*.h5")
                with h5py.File(path, "r") as file:
                    self.assertGreaterEqual(len(file[DATA]), counted)
                    self.assertEqual(file[READOUT + "/stop_reason"][()].decode(), "recovered")
                self.assertEqual(list(self.base.rglob("*.chunks*")), [])
                done = recorder.command("verify", self.base)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_segment_is_as_large_as_was_asked_for(self):
        most = 4 << 20
        config = self.configuration("gzip-1", "[roll]\nmax_size = 4 MiB\n", width=256, height=256,
                                    pattern="counts")
        self.record(config, "--frames", "400")
        sizes = [path.stat().st_size for path in recorder.finished_paths(self.base, "frames")]
        self.assertGreater(len(sizes), 2)
        self.assertLess(max(sizes), most + (1 << 20))
        self.assertGreater(min(sizes[:-1]), most * 3 // 4)
        segments = recorder.finished(self.base)
        self.assertEqual([s.stop_reason for s in segments[:-1]], ["size"] * (len(sizes) - 1))
        self.assertEqual(sum(len(s.pixels) for s in segments), 400)
        self.verify()


@unittest.skipUnless(os.geteuid() == 0, "only root may mount")
class FullDisk(recorder.Case):
    def test_a_full_disk_costs_what_it_refused(self):
        image = self.directory / "image"
        with open(image, "wb") as file:
            file.truncate(24 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        small = self.enterContext(recorder.mounted(self.directory / "small", "-o", "loop", image))
        self.addCleanup(self.end_processes)
        self.base = small / "base"
        config = self.simulate("""
            [product.frames]
            compression = gzip-1
            [roll]
            max_size = 3 MiB
            """, width=128, height=128, rate="2 kHz", files="sync_interval = 50 ms")
        process = self.start(config)
        self.until(lambda: "cannot prepare the next segment" in process.messages.read_text(),
                   "a full disk")
        time.sleep(0.5)  # Some frames are refused.
        process.send_signal(signal.SIGTERM)
        counts = recorder.accounting_lines(self.wait(process))["frames"]
        self.assertGreater(counts["recorded"], 0)
        self.assertEqual(sum(len(s.pixels) for s in recorder.finished(self.base)),
                         counts["recorded"])
        for segment in recorder.finished(self.base):
            self.check_ramp(segment)
        self.verify()
        self.assertEqual(recorder.leftovers(self.base), [])


if __name__ == "__main__":
    recorder.main()
