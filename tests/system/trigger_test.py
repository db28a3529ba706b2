"""Recording around triggers and by schedule: which frames are kept, and how they are accounted for."""

import os
import signal
import unittest

import recorder
from recorder import numpy

TRIGGER = 1 << 3

# The mean of frame n of a ramp of 2 x 4 pixels is 7 n + 3.5.
RAMP = {"width": 4, "height": 2}


class Triggers(recorder.Case):
    def events(self):
        """[(sequences, triggers, stop reason)] of the finished segments."""
        return [([int(n) for n in s.records["sequence"]],
                 [int(n) for n in s.records["sequence"][s.records["flags"] & TRIGGER != 0]],
                 s.stop_reason) for s in recorder.finished(self.base)]

    def simulate_triggers(self, record, frames=1000, extra="", **source):
        config = self.simulate(f"[record]\nstart = trigger\n{record}\n{extra}", **{**RAMP, **source})
        return self.record(config, "--frames", frames if isinstance(frames, str) else str(frames))

    def test_a_threshold_keeps_what_was_before_it_and_what_follows(self):
        messages = self.simulate_triggers("""
            trigger = statistic frames.mean > 700
            pre_frames = 5
            post_frames = 3
            retrigger = ignore""")
        self.assertEqual(self.events(), [([*range(95, 104)], [100], "event")])
        counted = recorder.accounting_lines(messages)["frames"]
        self.assertEqual(counted["received"], 1000)
        self.assertEqual(counted["recorded"], 9)
        self.assertEqual(counted["not recorded"], 991)
        segment, = recorder.finished(self.base)
        self.check_ramp(segment)
        self.assertEqual(segment.accounting["not_recorded"], 95)
        self.verify()

    def test_an_event_lasts_as_long_as_the_condition_holds(self):
        self.simulate_triggers("""
            trigger = statistic frames.mean < 100
            post_frames = 10""")
        # 7 n + 3.5 < 100 for n < 14.
        self.assertEqual(self.events(), [([*range(24)], [*range(14)], "event")])

    def test_each_crossing_is_an_event_with_a_segment_of_its_own(self):
        """uint8 pixels wrap: the mean of a frame falls and rises again and again."""
        self.simulate_triggers("""
            trigger = statistic frames.max >= 250
            retrigger = ignore
            pre_frames = 1
            post_frames = 1""", frames=200, pixel_type="uint8", pattern="ramp")
        maxima = (recorder.ramp(numpy.arange(200), 2, 4, "int64") % 256).max(axis=(1, 2))
        holds = maxima >= 250
        crossings = [n for n in range(200) if holds[n] and (n == 0 or not holds[n - 1])]
        wanted, free = [], 0
        for n in crossings:
            if n < free:
                continue
            wanted.append([*range(max(n - 1, free), min(n + 2, 200))])
            free = n + 2
        found = [sequences for sequences, _, _ in self.events()]
        self.assertEqual(found, wanted)
        self.assertGreater(len(found), 4)
        self.verify()

    def test_the_longest_event_and_the_hold_off(self):
        self.simulate_triggers("""
            trigger = statistic frames.mean > 70
            post_frames = 1000
            max_event = 1 s""", frames=300, rate="100 Hz", pattern="ramp")
        (sequences, triggers, reason), = self.events()
        segment, = recorder.finished(self.base)
        self.assertGreaterEqual(segment.records["source_sequence"][0], 10)
        self.assertEqual(triggers[0], sequences[0])
        self.assertEqual(reason, "event")
        times = segment.records["monotonic_ns"]
        self.assertLess(times[-1] - times[0], 1_000_000_000)
        self.assertLess(len(sequences), 290)

    def test_a_command_is_a_trigger(self):
        process = self.start(self.simulate(
            "[record]\nstart = trigger\npre_frames = 4\npost_frames = 5\nretrigger = ignore",
            **{**RAMP, "rate": "100 Hz"}))
        self.until(lambda: "recording" in process.messages.read_text(), "the start")
        for count in (1, 2):
            self.until(lambda: self.command_until_recorded(process, count), f"event {count}")
        process.send_signal(signal.SIGINT)
        self.wait(process)
        events = self.events()
        self.assertGreaterEqual(len(events), 2)
        for sequences, triggers, _ in events[:-1]:
            self.assertEqual(sequences, [*range(sequences[0], sequences[-1] + 1)])
            self.assertEqual(sequences[-1], triggers[-1] + 5)
            self.assertLessEqual(triggers[0] - sequences[0], 4)
        self.verify()

    def command_until_recorded(self, process, count):
        os.kill(process.pid, signal.SIGUSR1)
        finished = [p for p in self.base.rglob("*.h5")
                    if ".framelog" not in p.parts and not p.name.endswith("_master.h5")]
        return len(finished) >= count

    def test_time_around_a_trigger(self):
        self.simulate_triggers("""
            trigger = statistic frames.mean > 350
            retrigger = ignore
            pre_time = 100 ms
            post_time = 50 ms""", frames=200, rate="200 Hz")
        segment, = recorder.finished(self.base)
        times = segment.records["monotonic_ns"]
        trigger = times[segment.records["flags"] & TRIGGER != 0]
        self.assertEqual(len(trigger), 1)
        self.assertGreaterEqual(times[0], trigger[0] - 100_000_000)
        self.assertLessEqual(times[-1], trigger[0] + 50_000_000)
        numbers = [int(n) for n in segment.records["sequence"]]
        self.assertEqual(numbers, [*range(numbers[0], numbers[0] + len(numbers))])
        numbers = segment.records["source_sequence"][segment.records["flags"] & TRIGGER != 0]
        self.assertGreaterEqual(numbers[0], 50)
        self.verify()

    def test_no_event_leaves_no_file(self):
        messages = self.simulate_triggers("trigger = statistic frames.mean > 1e9\npre_frames = 3")
        self.assertEqual(self.events(), [])
        self.assertEqual(recorder.leftovers(self.base), [])
        self.assertEqual(recorder.accounting_lines(messages)["frames"]["not recorded"], 1000)

    def test_accumulated_frames_around_a_trigger(self):
        """The trigger looks at one product, all of them record."""
        messages = self.simulate_triggers("""
            trigger = statistic each.mean > 700
            retrigger = ignore
            pre_frames = 5
            post_frames = 3""", extra="""
            [product.each]
            [product.groups]
            accumulate = 2""")
        groups, = recorder.finished(self.base, product="groups")
        # Groups end with the odd frames: those of the frames 95 to 103.
        self.assertEqual([*groups.records["sequence"]], [95, 97, 99, 101, 103])
        self.assertEqual([*groups.records["accumulated"]], [2] * 5)
        counted = recorder.accounting_lines(messages)["groups"]
        self.assertEqual(counted["received"], 1000)
        self.assertEqual(counted["recorded"] + counted["merged"], 10)
        self.verify()

    def test_a_killed_event_is_recovered_and_accounted_for(self):
        process = self.start(self.simulate(
            "[record]\nstart = trigger\ntrigger = statistic frames.mean > 30\npre_frames = 2\n"
            "post_frames = 100000", **{**RAMP, "rate": "200 Hz"}))
        self.until(lambda: list(self.base.rglob("*.h5.part")), "an event")
        ring, = recorder.rings_of(self.directory)
        self.until(lambda: recorder.cursors(ring)[1] > 20, "frames in its file")
        self.kill(process)
        self.recover()
        segment, = recorder.finished(self.base)
        # The first frames wait in the camera: none is lost before the event.
        self.assertEqual(segment.records["sequence"][0], 2)
        self.check_ramp(segment)


class Schedules(recorder.Case):
    def test_one_frame_every_so_often(self):
        messages = self.record(self.simulate("[record]\nstart = schedule\nrepeat = 100 ms",
                                             **{**RAMP, "rate": "100 Hz"}), "--frames", "100")
        segment, = recorder.finished(self.base)
        since = segment.records["monotonic_ns"] - segment.records["monotonic_ns"][0]
        intervals = since // 100_000_000
        self.assertEqual(len(set(intervals)), len(intervals))
        self.assertGreaterEqual(len(intervals), 5)
        counted = recorder.accounting_lines(messages)["frames"]
        self.assertEqual(counted["recorded"] + counted["not recorded"], 100)
        self.check_ramp(segment)
        self.verify()

    def test_a_stretch_every_so_often(self):
        self.record(self.simulate("[record]\nstart = schedule\nrepeat = 200 ms\nlength = 100 ms",
                                  **{**RAMP, "rate": "100 Hz"}), "--frames", "100")
        segment, = recorder.finished(self.base)
        since = segment.records["monotonic_ns"] - segment.records["monotonic_ns"][0]
        # However late it comes, the first frame of an interval is recorded.
        is_first = numpy.diff(since // 200_000_000, prepend=-1) > 0
        self.assertTrue(((since % 200_000_000 < 100_000_000) | is_first).all())
        self.assertGreater(len(segment.pixels), 5)
        self.verify()


if __name__ == "__main__":
    recorder.main()
