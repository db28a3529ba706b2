"""Kills recordings and starts them again: the next process goes on with the ring of the dead one.

FRAMELOG_TAKE_OVERS: how many kills in a row (8). FRAMELOG_SEED: repeats a campaign.
"""

import math
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time
import unittest

import every_format
import recorder
from recorder import numpy

TAKE_OVERS = int(os.environ.get("FRAMELOG_TAKE_OVERS", "8"))
SEED = int(os.environ.get("FRAMELOG_SEED", str(random.randrange(1 << 30))))
SHAPE = (32, 64)
MAX_FRAMES = 1000  # Of a segment.

PRODUCTS = f"""
[product.whole]
[product.plain]
format = raw
bin = 2x2
[product.some]
keep_every = 3
[product.sums]
accumulate = 7
[ring]
memory = 8 MiB
[roll]
max_frames = {MAX_FRAMES}
[control]
socket = off
"""


class TakeOverCase(recorder.Case):
    def record_some(self, config, frames, *arguments):
        """A process that has recorded so many frames or more, however slow the machine is."""
        process = self.start(config, *arguments)
        self.until(lambda: "recording" in process.messages.read_text()
                   or process.poll() is not None, "the recording")
        before = self.captured()
        self.until(lambda: self.captured() >= before + frames or process.poll() is not None,
                   f"{frames} frames")
        self.assertIsNone(process.poll(), process.messages.read_text())
        return process

    def run_killed(self, config, frames=300, seconds=0):
        """Records so many frames and a while, until killed; what the process has said."""
        process = self.record_some(config, frames)
        self.live(process, seconds)
        self.assertIsNone(process.poll(), process.messages.read_text())
        self.kill(process)
        return process.messages.read_text()

    idle_lives = 0
    written_before = 0

    def live(self, process, seconds):
        """A while. A frame that is in the hands of three processes in a row as they die is dropped,
        and should be: the third one lives until it has written some."""
        time.sleep(seconds)
        if self.idle_lives == 2:
            self.until(lambda: self.written() > self.written_before or process.poll() is not None,
                       "frames in files")
        self.idle_lives = self.idle_lives + 1 if self.written() == self.written_before else 0
        self.written_before = self.written()

    def run_to_end(self, config, frames=300):
        """Records so many frames, until stopped; what the process has said."""
        process = self.record_some(config, frames)
        process.send_signal(signal.SIGTERM)
        return self.wait(process)

    def captured(self):
        """Frames of the run that have come so far, by its ring."""
        return sum(captured for captured, _ in map(recorder.cursors, self.rings()))

    def written(self):
        """Frames of the run that are in its files, or were left out of them."""
        return sum(written for _, written in map(recorder.cursors, self.rings()))

    def rings(self):
        return recorder.rings_of(self.directory)

    def by_sequence(self, product, suffix=".h5"):
        segments = recorder.finished(self.base, suffix, product)
        return segments, numpy.concatenate([s.records["sequence"] for s in segments])

    def check_all(self, messages, lost=("crash", "no-process", "ring-full",
                                        "segment-not-ready")):
        """Each sequence exactly once; counters, files and gaps agree; nothing is left behind."""
        counts = recorder.accounting_lines(messages)
        self.assertEqual(self.rings(), [])
        self.assertEqual(recorder.leftovers(self.base), [])
        segments, whole = self.by_sequence("whole")
        self.assertEqual(len({s.provenance["run"]["uuid"] for s in segments}), 1)
        self.assertEqual([s.number for s in segments], list(range(1, len(segments) + 1)))
        self.assertEqual(whole.tolist(), list(range(len(whole))))
        dropped = sum(counts["whole"].get(reason, 0) for reason in lost)
        self.assertEqual(counts["whole"]["received"], len(whole) + dropped, messages)
        self.assertEqual(counts["whole"]["recorded"], len(whole))
        for product, suffix in (("whole", ".h5"), ("plain", ".raw"), ("some", ".h5"),
                                ("sums", ".h5")):
            files = recorder.finished(self.base, suffix, product)
            for key, word in (("received", "received"), ("recorded", "recorded"),
                              ("merged", "merged"), ("skipped", "skipped"),
                              ("dropped_crash", "crash")):
                self.assertEqual(sum(s.accounting[key] for s in files),
                                 counts[product].get(word, 0), f"{product}: {key}\n{messages}")
        for segment in segments:
            frames = recorder.ramp(segment.records["source_sequence"], *SHAPE)
            self.assertTrue((segment.pixels == frames).all(), segment.path)
        _, some = self.by_sequence("some")
        self.assertEqual(some.tolist(), list(range(0, len(whole), 3)))
        sums, _ = self.by_sequence("sums")
        self.check_groups(sums, len(whole))
        self.verify()
        return segments

    def check_groups(self, segments, frames):
        """Groups cover all frames, each of which is in one of them."""
        next_sequence = 0
        for segment in segments:
            for record, pixels in zip(segment.records, segment.pixels):
                last, count = int(record["sequence"]), int(record["accumulated"])
                self.assertEqual(last + 1 - count, next_sequence, segment.path)
                next_sequence = last + 1
                if count > 1 and record["dropped_before"] == 0:
                    first = int(record["source_sequence"]) - count + 1
                    frames_of_it = recorder.ramp(numpy.arange(first, first + count), *SHAPE)
                    self.assertTrue((pixels == frames_of_it.sum(axis=0, dtype="uint32")).all(),
                                    f"{segment.path}: group that ends with {last}")
        self.assertEqual(next_sequence, frames)


class Kills(TakeOverCase):
    def campaign(self, extra="", **source):
        chance = random.Random(SEED)
        print(f"{TAKE_OVERS} kills, FRAMELOG_SEED={SEED}")
        keys = {"width": 64, "height": 32, "rate": "2 kHz", **source}
        config = self.simulate(PRODUCTS + extra, files="sync_interval = 20 ms", **keys)
        said = ""
        for _ in range(TAKE_OVERS):
            said += self.run_killed(config, 1, seconds=chance.random() * 0.4)
        messages = self.run_to_end(config)
        self.assertIn("the run goes on", messages)
        return said + messages, self.check_all(messages)

    def test_no_frame_is_lost_or_written_twice(self):
        _, segments = self.campaign()
        gaps = [gap for s in segments for gap in s.gaps if gap[3] == "no-process"]
        self.assertEqual(len(gaps), TAKE_OVERS)
        # The simulator counts anew in each process: nobody can know how many it would have sent.
        self.assertEqual({gap[1] for gap in gaps}, {-1})
        self.assertEqual({gap[2] for gap in gaps}, {"capture"})

    def test_with_several_reducers(self):
        self.campaign("[realtime]\nreduce_threads = 3\n")


class KillsOfEveryFormat(TakeOverCase):
    """One recording in every format, killed again and again, at random instants."""

    EXTRA = every_format.products() + """
[ring]
memory = 32 MiB
[roll]
max_frames = 700
[control]
socket = off
"""

    def test_no_captured_frame_is_lost(self):
        chance = random.Random(SEED)
        print(f"{TAKE_OVERS} kills, FRAMELOG_SEED={SEED}")
        config = self.simulate(self.EXTRA, files="sync_interval = 50 ms", rate="500 Hz",
                               width=every_format.WIDTH, height=every_format.HEIGHT)
        captured = 0
        for number in range(TAKE_OVERS):
            process = self.record_some(config, 1)
            self.live(process, chance.random() * 0.3)
            self.assertIsNone(process.poll(), process.messages.read_text())
            self.kill(process)
            self.assertGreaterEqual(self.captured(), captured,
                                    (number, SEED, process.messages.read_text()))
            captured = self.captured()
        messages = self.run_to_end(config, 1)
        self.assertEqual(self.rings(), [])
        self.assertEqual(recorder.leftovers(self.base), [])
        counts = recorder.accounting_lines(messages)
        for product in every_format.NAMES:
            self.check_product(product, counts[product], captured)
        self.verify()
        print(f"{captured} frames had come before the last kill, all of them are there")

    def check_product(self, product, counts, captured):
        """Each frame that had come is there once, in order, and is the right one."""
        numbers = []
        segments = every_format.segments(self.base, product)
        for segment in segments:
            wrong = every_format.wrong_frames(product, segment.pixels,
                                              segment.records["source_sequence"])
            self.assertEqual(wrong.tolist(), [], (segment.path, SEED))
            numbers.extend(segment.records["sequence"].tolist())
        self.assertEqual(numbers, list(range(len(numbers))), (product, SEED))
        self.assertGreaterEqual(len(numbers), captured, (product, SEED))
        self.assertEqual(counts["recorded"], len(numbers), (product, SEED))
        # Frames that were counted and not captured yet, or found the ring full.
        lost = sum(counts.get(reason, 0) for reason in ("crash", "no-process", "ring-full",
                                                        "segment-not-ready"))
        self.assertEqual(counts["received"], len(numbers) + lost, (product, counts))
        self.assertEqual([s.number for s in segments], list(range(1, len(segments) + 1)), product)


class OneKill(TakeOverCase):
    def config(self, extra="", **source):
        keys = {"width": 64, "height": 32, "rate": "1 kHz", **source}
        return self.simulate(PRODUCTS + extra, **keys)

    def test_a_ring_full_of_frames_that_the_disk_did_not_take(self):
        """The disk is frozen while frames come, and the process is killed before it thaws."""
        recorder.need_programs("mkfs.ext4", "fsfreeze")
        image = self.directory / "disk"
        with open(image, "wb") as file:
            file.truncate(256 << 20)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
        with recorder.mounted(self.base, "-o", "loop", image):
            config = self.config()
            process = self.start(config)
            self.until(lambda: list(self.base.rglob("*_whole_*.part")), "a first segment")
            self.until(lambda: self.captured() > 300, "300 frames")
            subprocess.run(["fsfreeze", "-f", str(self.base)], check=True)
            [ring] = self.rings()
            self.until(lambda: numpy.subtract(*recorder.cursors(ring)) > 150, "frames that nobody writes")
            os.kill(process.pid, signal.SIGKILL)
            subprocess.run(["fsfreeze", "-u", str(self.base)], check=True)
            self.wait(process, -signal.SIGKILL)
            messages = self.run_to_end(config)
            taken = int(messages.split(" frames of its ring")[0].rsplit(" ", 1)[1])
            self.assertGreater(taken, 100, messages)
            shutil.rmtree(self.base / "lost+found", ignore_errors=True)
            self.check_all(messages)

    def test_a_changed_configuration_ends_the_run(self):
        config = self.config()
        self.run_killed(config)
        config.write_text(config.read_text().replace(f"max_frames = {MAX_FRAMES}", "max_frames = 900"))
        messages = self.run_to_end(config)
        self.assertIn("and the run ends", messages)
        segments = recorder.finished(self.base, ".h5", "whole")
        runs = {}
        for segment in segments:
            runs.setdefault(segment.provenance["run"]["number"], []).append(segment)
        self.assertEqual(sorted(runs), [1, 2])
        for number, reason in ((1, "crash"), (2, "stop")):
            sequence = numpy.concatenate([s.records["sequence"] for s in runs[number]])
            self.assertEqual(sequence.tolist(), list(range(len(sequence))))
            self.assertEqual(runs[number][-1].stop_reason, reason)
        self.assertEqual(runs[1][-1].gaps[-1][1:], (-1, "capture", "no-process"))
        self.assertEqual(self.rings(), [])
        self.verify()

    def test_an_absent_source_keeps_no_frame_waiting(self):
        config = self.config()
        self.run_killed(config)
        config.write_text(config.read_text().replace("[source]", "[source]\nfaults = absent 100 s"))
        process = self.start(config)
        self.until(lambda: "and the run ends" in process.messages.read_text(), "the end of the run")
        self.until(lambda: not self.rings(), "the ring to be written")
        self.assertEqual(list(self.base.rglob("*.part")), [])
        segments, sequence = self.by_sequence("whole")
        self.assertEqual(sequence.tolist(), list(range(len(sequence))))
        self.assertEqual(len(segments), math.ceil(len(sequence) / MAX_FRAMES))
        process.send_signal(signal.SIGTERM)
        self.wait(process)

    def test_the_command_has_recovered_the_files_before(self):
        config = self.config()
        process = self.record_some(config, 300)
        self.until(lambda: self.written() > 0, "frames in files")
        self.kill(process)
        self.recover()
        before, recovered = self.by_sequence("whole")
        messages = self.run_to_end(config)
        segments, sequence = self.by_sequence("whole")
        self.assertEqual(sequence.tolist(), list(range(len(sequence))))
        self.assertEqual(len(segments), len(before) +
                         math.ceil((len(sequence) - len(recovered)) / MAX_FRAMES))
        counts = recorder.accounting_lines(messages)
        self.assertEqual(counts["whole"]["recorded"], len(sequence))

    def test_an_armed_recorder_remembers(self):
        """Killed in an event, or armed: pre-trigger frames are those of the dead process."""
        config = self.simulate("""
[record]
start = trigger
trigger = command
pre_frames = 300
post_frames = 300
[ring]
memory = 8 MiB
[control]
socket = off
""", width=64, height=32, rate="1 kHz")
        self.run_killed(config, frames=301)
        second = self.start(config)
        self.until(lambda: "recording" in second.messages.read_text(), "the second process")
        second.send_signal(signal.SIGUSR1)
        # By its name: what the first process had prepared is a .part for a moment, too.
        self.until(lambda: list(self.base.rglob("*_0001.h5*")), "the event")
        self.kill(second)
        third = self.start(config)
        self.until(lambda: list(self.base.rglob("*_0001.h5")), "the event's file")
        third.send_signal(signal.SIGTERM)
        self.wait(third)
        segments = recorder.finished(self.base)
        self.assertEqual(len(segments), 1)
        records = segments[0].records
        # The frame of the trigger, 300 before it and 300 behind it, over three processes.
        self.assertEqual(len(records), 601)
        self.assertTrue((numpy.diff(records["sequence"].astype("int64")) == 1).all())
        self.assertEqual(int(records["flags"][300]) & 8, 8)
        self.verify()


class Aside(TakeOverCase):
    """Rings that are not understood are never guessed at."""

    def damaged(self, damage):
        config = self.simulate("[control]\nsocket = off\n", width=64, height=32, rate="1 kHz")
        self.run_killed(config)
        [ring] = self.rings()
        before = pathlib.Path(ring)
        damage(before)
        kept = before.read_bytes()
        messages = self.run_to_end(config)
        self.assertIn("cannot be taken over", messages)
        [copy] = list(self.base.rglob("quarantine/ring_*.memory"))
        self.assertEqual(copy.read_bytes(), kept)
        self.assertIn("ring", copy.with_name(copy.name + ".why").read_text())
        self.assertEqual(self.rings(), [])
        # The files of the dead process are recovered, and the new run is whole.
        self.verify()
        return messages

    @staticmethod
    def overwrite(path, offset, data):
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write(data)

    def test_another_version(self):
        messages = self.damaged(lambda ring: self.overwrite(ring, 8, b"\x63\0\0\0"))
        self.assertIn("version 99", messages)

    def test_a_damaged_head(self):
        self.assertIn("damaged",
                      self.damaged(lambda ring: self.overwrite(ring, 16, b"\xff" * 8)))

    def test_no_ring_at_all(self):
        self.damaged(lambda ring: self.overwrite(ring, 0, b"\0" * 4096))

    def test_a_truncated_ring(self):
        self.damaged(lambda ring: os.truncate(ring, 8192))


class Together(TakeOverCase):
    def test_a_second_daemon_leaves_the_ring_of_the_first_alone(self):
        config = self.simulate("[control]\nsocket = off\n", width=64, height=32, rate="1 kHz")
        first = self.start(config)
        self.until(lambda: list(self.base.rglob("*.part")), "a first segment")
        rings = self.rings()
        second = self.start(config)
        self.wait(second, 2)
        self.assertIn("already recorded by", second.messages.read_text())
        self.assertEqual(self.rings(), rings)
        first.send_signal(signal.SIGTERM)
        self.wait(first)
        self.verify()
        self.assertEqual(self.rings(), [])


if __name__ == "__main__":
    recorder.main()
