"""Rolls, names, two recorders at once, the simulator's faults, and the ways to stop."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import recorder
from recorder import CORRUPT, INCOMPLETE, numpy


class Rolls(recorder.Case):
    def check_run(self, segments, frames):
        """Contiguous numbers over all segments, each frame the right one."""
        for segment in segments:
            self.check_ramp(segment)
        numbers = numpy.concatenate([segment.records["sequence"] for segment in segments])
        self.assertTrue(numpy.array_equal(numbers, numpy.arange(frames)))
        self.assertEqual([s.number for s in segments], list(range(1, len(segments) + 1)))

    def test_64_rolls_lose_nothing(self):
        for overflow, rate in (("wait", "max"), ("drop", "1 kHz")):
            with self.subTest(overflow=overflow):
                self.base = self.directory / overflow
                config = self.simulate(f"""
[product.frames]
[product.plain]
format = raw
[roll]
max_frames = 20
[ring]
overflow = {overflow}
""", rate=rate)
                messages = self.record(config, "--frames", str(65 * 20))
                for counts in recorder.accounting_lines(messages).values():
                    self.assertEqual(counts["recorded"], 65 * 20)
                    self.assertEqual(counts["received"], 65 * 20)
                    self.assertEqual(counts["segments"], 65)
                for suffix in (".h5", ".raw"):
                    self.check_run(recorder.finished(self.base, suffix), 65 * 20)
                self.verify()
                self.assertEqual(recorder.leftovers(self.base), [])

    def test_by_size(self):
        # 64 KiB a frame: at most 31 in 2 MiB, with their records and columns.
        config = self.simulate("[roll]\nmax_size = 2 MiB\n", width=256, height=128)
        self.record(config, "--frames", "100")
        segments = recorder.finished(self.base)
        self.check_run(segments, 100)
        self.assertEqual({s.stop_reason for s in segments[:-1]}, {"size"})
        for segment in segments:
            self.assertLessEqual(segment.pixels.nbytes, 2 << 20)
        self.assertGreaterEqual(len(segments), 4)

    def test_by_duration(self):
        config = self.simulate("[roll]\nmax_duration = 1 s\n", rate="50 Hz")
        self.record(config, "--frames", "125")
        segments = recorder.finished(self.base)
        self.assertGreaterEqual(len(segments), 2)
        self.assertEqual({s.stop_reason for s in segments[:-1]}, {"duration"})
        for segment in segments:
            self.check_ramp(segment)
            times = segment.records["monotonic_ns"]
            self.assertLess(times[-1] - times[0], 1_000_000_000)
        self.verify()

    def test_a_product_rolls_by_its_own_limit(self):
        config = self.simulate("""
[roll]
max_frames = 50
[product.slow]
[product.quick]
max_frames = 5
""")
        self.record(config, "--frames", "50")
        self.assertEqual(len(recorder.finished(self.base, product="slow")), 1)
        self.assertEqual(len(recorder.finished(self.base, product="quick")), 10)
        self.verify()


class Names(recorder.Case):
    FILES = "template = same_{product}_{segment}"
    PRODUCTS = "[product.a]\n[product.b]\nformat = raw\n[roll]\nmax_frames = 4\n"

    def test_nothing_is_overwritten(self):
        self.record(self.simulate(self.PRODUCTS, files=self.FILES), "--frames", "8")
        first = {path: path.read_bytes() for path in self.base.iterdir() if path.is_file()}
        self.assertEqual(len(first), 2 + 2 * 3 + 1)  # The last one: a master file of product a.
        self.record(self.simulate(self.PRODUCTS, files=self.FILES, width=16), "--frames", "8")
        for path, content in first.items():
            self.assertEqual(path.read_bytes(), content, path)
        second = {path.name for path in self.base.iterdir() if path.is_file()}
        second -= {path.name for path in first}
        wanted = {f"same_a_{n}_2.h5" for n in (1, 2)}
        wanted |= {f"same_b_{n}_2.{e}" for n in (1, 2) for e in ("raw", "json", "frames")}
        self.assertEqual({name for name in second if "_master" not in name}, wanted)
        self.assertEqual(len(second - wanted), 1, second)
        again = recorder.Segment(self.base / "same_a_1_2.h5")
        self.assertTrue(any("was taken" in event for event in again.events), again.events)
        self.verify()

    def test_files_of_others_are_left_alone(self):
        """Any file of the name counts, also a companion of RAW, and a .part of somebody."""
        self.base.mkdir()
        others = [self.base / name for name in
                  ("same_a_1.h5", "same_a_2.h5.part", "same_b_1.json", "same_b_2.frames")]
        for path in others:
            path.write_text("precious")
        self.record(self.simulate(self.PRODUCTS, files=self.FILES), "--frames", "8")
        kept = [path for path in self.base.rglob("*")
                if path.is_file() and path.read_bytes() == b"precious"]
        self.assertEqual(len(kept), len(others))
        self.assertEqual(others[0].read_text(), "precious")
        for segment in recorder.finished(self.base, ".raw"):
            self.check_ramp(segment)
            self.assertIn("_2", segment.path.stem[len("same_b_1"):])


class SeveralRecorders(recorder.Case):
    def test_two_of_one_instrument_refuse(self):
        config = self.simulate(rate="200 Hz")
        first = self.start(config)
        self.until(lambda: list(self.base.rglob("*.part")), "the first recording")
        messages = self.record(config, "--frames", "3", status=2)
        self.assertIn(f"process id {first.pid}", messages)
        self.assertEqual(len(messages.splitlines()), 1, messages)
        first.terminate()
        counts = recorder.accounting_lines(self.wait(first))["frames"]
        (segment,) = recorder.finished(self.base)
        self.check_ramp(segment)
        self.assertEqual(len(segment.pixels), counts["recorded"])
        self.verify()

    def test_two_instruments_share_a_base(self):
        configs = [self.simulate("[roll]\nmax_frames = 10\n", name, rate="200 Hz")
                   for name in ("north", "south")]
        processes = [self.start(config, "--frames", "100") for config in configs]
        for process in processes:
            self.wait(process)
        for name in ("north", "south"):
            segments = [s for s in recorder.finished(self.base)
                        if s.provenance["instrument"]["name"] == name]
            self.assertEqual(sum(len(s.pixels) for s in segments), 100)
        self.verify()

    def test_a_reader_does_not_stop_the_recorder(self):
        """A file held open by a reader, with HDF5's locks, is still finished."""
        process = self.start(self.simulate(rate="200 Hz"))
        part = self.until(lambda: list(self.base.rglob("camera*.part")), "a segment")[0]
        script = "import h5py, sys; f = h5py.File(sys.argv[1], 'r'); print(1); sys.stdin.read()"
        environment = {k: v for k, v in os.environ.items() if k != "HDF5_USE_FILE_LOCKING"}
        with subprocess.Popen([sys.executable, "-c", script, str(part)], env=environment,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
            self.assertEqual(reader.stdout.readline(), b"1\n")
            process.terminate()
            counts = recorder.accounting_lines(self.wait(process))["frames"]
            reader.stdin.close()
        (segment,) = recorder.finished(self.base)
        self.assertEqual(len(segment.pixels), counts["recorded"])
        self.check_ramp(segment)
        self.verify()


class Faults(recorder.Case):
    def one(self, faults, frames=100, rate="500 Hz"):
        """Source numbers 0 to frames - 1, with these faults; the segments and the counts."""
        config = self.simulate(faults=faults, rate=rate, frames=frames)
        messages = self.record(config)
        segments = recorder.finished(self.base)
        for segment in segments:
            self.check_ramp(segment)
        self.verify()
        return segments, recorder.accounting_lines(messages)["frames"]

    def check_sum(self, counts, frames):
        self.assertEqual(counts["received"] + counts["lost at source"], frames)

    def test_lost_frames(self):
        (segment,), counts = self.one("lose 3 at 20; lose 1 at 50", rate="max")
        self.assertEqual(segment.gaps, [(19, 3, "source", "sequence-gap"),
                                        (46, 1, "source", "sequence-gap")])
        self.assertEqual(counts["lost at source"], 4)
        self.assertEqual(counts["recorded"], 96)
        self.assertEqual(segment.accounting["lost_at_source_sequence-gap"], 4)
        lost = segment.records["dropped_before"]
        self.assertEqual({int(i): int(lost[i]) for i in numpy.flatnonzero(lost)}, {20: 3, 47: 1})

    def test_corrupt_and_incomplete_frames_are_kept_and_flagged(self):
        (segment,), counts = self.one("corrupt at 10; incomplete at 11", rate="max")
        flags = segment.records["flags"] & (CORRUPT | INCOMPLETE)
        self.assertEqual(numpy.flatnonzero(flags).tolist(), [10, 11])
        self.assertEqual(flags[10:12].tolist(), [CORRUPT, INCOMPLETE])
        whole = recorder.ramp(11, 32, 48)
        self.assertTrue(numpy.array_equal(segment.pixels[11, :16], whole[:16]))
        self.assertFalse(segment.pixels[11, 16:].any())
        self.assertEqual(counts["recorded"], 100)

    def test_or_dropped_and_counted(self):
        config = self.simulate(faults="corrupt at 10; incomplete at 11", frames=100)
        messages = self.record(config, "--set", "source.incomplete=drop")
        counts = recorder.accounting_lines(messages)["frames"]
        self.assertEqual((counts["received"], counts["recorded"], counts["incomplete"]),
                         (100, 98, 2))
        (segment,) = recorder.finished(self.base)
        self.assertEqual(segment.gaps, [(9, 2, "capture", "incomplete")])
        self.assertEqual(segment.accounting["dropped_incomplete"], 2)
        self.check_ramp(segment)
        self.verify()

    def test_a_stall_is_waited_for(self):
        (segment,), counts = self.one("stall 700 ms at 30")
        self.check_sum(counts, 100)
        times = segment.records["monotonic_ns"]
        at = int(numpy.searchsorted(segment.records["source_sequence"], 30))
        self.assertGreaterEqual(times[at] - times[at - 1], 600_000_000)

    def test_a_disconnect_is_survived(self):
        (segment,), counts = self.one("disconnect 300 ms at 40", frames=1000)
        self.check_sum(counts, 1000)
        gap = next(gap for gap in segment.gaps if gap[3] == "disconnected")
        self.assertEqual(gap[2], "source")
        self.assertEqual(gap[1], segment.accounting["lost_at_source_disconnected"])
        self.assertGreater(gap[1], 0)
        self.assertEqual(segment.provenance["run"]["stop_reason"], "end of source")

    def test_a_source_that_ends_while_it_is_away(self):
        # The first 8 frames wait in the camera, however late they are read.
        (segment,), counts = self.one("disconnect 3 s at 8", frames=3000, rate="1 kHz")
        self.assertEqual(counts["recorded"], 8)
        self.check_sum(counts, 3000)
        self.assertEqual(segment.gaps, [(7, 2992, "source", "disconnected")])
        self.assertEqual(segment.accounting["lost_at_source_disconnected"], 2992)

    def test_frames_lost_at_both_ends(self):
        (segment,), counts = self.one("lose 3 at 0; lose 5 at 95", rate="max")
        self.assertEqual(counts["recorded"], 92)
        self.check_sum(counts, 100)
        self.assertEqual(segment.gaps, [(-1, 3, "source", "sequence-gap"),
                                        (91, 5, "source", "sequence-gap")])
        self.assertEqual(segment.accounting["lost_at_source_sequence-gap"], 8)

    def test_a_recorder_that_stands_still_as_the_source_ends(self):
        process = self.start(self.simulate(rate="1 kHz", frames=1000))
        self.until(lambda: list(self.base.rglob("*.h5*")), "the first segment")
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.2)
        process.send_signal(signal.SIGCONT)
        counts = recorder.accounting_lines(self.wait(process))["frames"]
        self.check_sum(counts, 1000)
        segment, = recorder.finished(self.base)
        self.assertEqual(segment.accounting["lost_at_source_sequence-gap"],
                         counts["lost at source"])
        self.verify()

    def test_a_disconnect_ends_the_recording_where_wanted(self):
        config = self.simulate(faults="disconnect 300 ms at 40", frames=100)
        messages = self.record(config, "--set", "source.on_disconnect=stop", status=1)
        self.assertEqual(recorder.accounting_lines(messages)["frames"]["recorded"], 40)
        self.verify()

    def test_a_clock_step_is_in_the_clock_log(self):
        (segment,), _ = self.one("step -10 s at 4")
        self.assertGreaterEqual(len(segment.clock), 2)
        self.assertAlmostEqual(int(segment.clock[-1] - segment.clock[0]) / 1e9, -10, delta=0.1)
        utc = segment.records["utc_ns"]
        self.assertEqual(int((numpy.diff(utc) < 0).sum()), 1)
        self.assertTrue((numpy.diff(segment.records["monotonic_ns"]) > 0).all())

    def test_a_change_of_geometry_begins_a_new_run(self):
        segments, _ = self.one("resize 16x24 at 40", rate="max")
        before, after = segments
        self.assertEqual(before.pixels.shape, (40, 32, 48))
        self.assertEqual(after.pixels.shape[1:], (16, 24))
        self.assertEqual(before.stop_reason, "change of geometry")
        self.assertNotEqual(before.provenance["run"]["uuid"], after.provenance["run"]["uuid"])
        # The frame of the wrong size is counted, in the run that it ended.
        self.assertEqual(before.accounting["dropped_incomplete"], 1)
        self.assertEqual(after.records["source_sequence"].tolist(), list(range(41, 100)))


class Stops(recorder.Case):
    def test_a_signal_drains_the_ring(self):
        """What was captured is recorded."""
        for sig in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=sig.name):
                self.base = self.directory / sig.name
                process = self.start(self.simulate("[roll]\nmax_frames = 70\n", rate="2 kHz"))
                self.until(lambda: list(self.base.rglob("*_0003.h5*")), "a third segment")
                process.send_signal(sig)
                counts = recorder.accounting_lines(self.wait(process))["frames"]
                self.assertEqual(counts["received"], counts["recorded"])
                segments = recorder.finished(self.base)
                self.assertEqual(sum(len(s.pixels) for s in segments), counts["recorded"])
                self.assertEqual(segments[-1].stop_reason, "stop")
                self.assertEqual(recorder.leftovers(self.base), [])
                self.verify()

    def test_a_silent_source_leaves_no_file(self):
        config = self.simulate(faults="silent at 0")
        process = self.start(config)
        self.until(lambda: "recording" in process.messages.read_text(), "the start")
        process.terminate()
        counts = recorder.accounting_lines(self.wait(process))["frames"]
        self.assertEqual(counts["received"], 0)
        self.assertEqual([path for path in self.base.rglob("*.h5*")], [])
        self.assertEqual(recorder.leftovers(self.base), [])

    def test_the_status_line_on_a_terminal(self):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [recorder.FRAMELOGD, "--config", str(self.simulate(rate="100 Hz")), "--set",
             "control.socket=off"], stderr=theirs,
            stdin=theirs, stdout=theirs, start_new_session=True)
        self.processes.append(process)
        os.close(theirs)
        try:
            line = r"recording [\d.]+ fps, [\d.]+ MB/s, \d+ frames, \d+ dropped.*ring \d+/\d+"
            text = self.read_until(ours, line)
            self.assertNotIn("\n", re.split(line, text)[0].split("recording")[-1])
            process.send_signal(signal.SIGINT)
            text = self.read_until(ours, r"\d+ received = \d+ recorded(; \d+ lost at source)?; 1 segments")
            self.assertEqual(process.wait(recorder.LONG_S), 0)
        finally:
            os.close(ours)

    def read_until(self, terminal, pattern):
        text, end = "", time.monotonic() + recorder.LONG_S
        while not re.search(pattern, text):
            self.assertLess(time.monotonic(), end, text)
            if select.select([terminal], [], [], 1)[0]:
                try:
                    text += os.read(terminal, 65536).decode()
                except OSError:  # The other end is gone.
                    self.assertRegex(text, pattern)
        return text


if __name__ == "__main__":
    recorder.main()
