"""Records while the wall clock is set, passes a year's end and daylight saving, or was never set.

The wall clock of the process alone is moved, by libfaketime; the monotonic clock runs on.
"""

import calendar
import datetime
import pathlib
import re
import time

import recorder
from recorder import numpy

LIBRARIES = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
RATE_HZ = 500


def utc_s(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


class ClockCase(recorder.Case):
    """A daemon whose wall clock set_clock() sets."""

    def setUp(self):
        super().setUp()
        self.offset = self.directory / "offset"
        self.offset_s = 0.0
        self.zone = "UTC"

    def set_clock(self, text):
        self.shift(utc_s(text) - time.time() - self.offset_s)

    def shift(self, seconds):
        """By so much, atomically: the library may read at any time."""
        self.offset_s += seconds
        fresh = self.offset.with_suffix(".new")
        fresh.write_text(f"{self.offset_s:+.6f}\n")
        fresh.replace(self.offset)

    def begin(self, extra, **options):
        config = self.simulate(extra, width=16, height=8, rate=f"{RATE_HZ} Hz", **options)
        return self.start(config, program=(
            "env", f"LD_PRELOAD={LIBRARIES[0]}", "DONT_FAKE_MONOTONIC=1", "FAKETIME_NO_CACHE=1",
            f"FAKETIME_TIMESTAMP_FILE={self.offset}", f"TZ={self.zone}"))

    def files(self):
        return list(self.base.rglob("*.h5"))

    def until_more_files(self, count=2):
        """So many segments are finished behind those that there are now."""
        before = len(self.files())
        self.until(lambda: len(self.files()) >= before + count, "more segments")

    def end(self, process):
        process.terminate()
        self.wait(process)
        segments = sorted(recorder.finished(self.base), key=lambda s: s.number)
        sequence = numpy.concatenate([s.records["sequence"] for s in segments]).astype("int64")
        self.assertTrue((numpy.diff(sequence) == 1).all(), "an order was lost")
        self.assertEqual([s.number for s in segments], list(range(1, len(segments) + 1)))
        monotonic = numpy.concatenate([s.records["monotonic_ns"] for s in segments])
        self.assertTrue((numpy.diff(monotonic) > 0).all())
        for segment in segments:
            self.check_ramp(segment)
        self.assertEqual(recorder.leftovers(self.base), [])
        return segments, self.verify()


class Steps(ClockCase):
    NAMES = "template = {utc:%Y%m%d}/{instrument}_{utc:%H%M%S}\n"

    def test_back_and_forward(self):
        self.set_clock("2026-05-05 12:00:00")
        process = self.begin("[roll]\nmax_frames = 100\n", files=self.NAMES)
        self.until_more_files()
        for seconds in (-3600, -86400, 90000, 0.5):
            self.shift(seconds)
            self.until_more_files()
        segments, said = self.end(process)
        steps = [float(number) * (-1 if way == "back" else 1) for way, number in
                 re.findall(r"the clock was set (back|forward) by ([\d.]+) s", said)]
        for wanted in (-3600, -86400, 90000, 0.5):
            self.assertTrue(any(abs(step - wanted) < 0.2 for step in steps), (wanted, steps))
        self.assertIn("the order is that of the frames' numbers", said)
        # Every change is in the files, where it was.
        logged = [value for segment in segments for value in segment.clock]
        jumps = numpy.abs(numpy.diff(numpy.array(logged, dtype="float64")))
        self.assertGreaterEqual((jumps > 0.1 * (1e9 if max(jumps) > 1e6 else 1)).sum(), 4)

    def test_the_same_second_again_and_again(self):
        """A clock that is set back before each segment: names that are taken get a number."""
        self.set_clock("2026-05-05 12:00:00")
        process = self.begin("[roll]\nmax_frames = 50\n", files=self.NAMES)
        for _ in range(5):
            self.until_more_files(1)
            self.set_clock("2026-05-05 12:00:00")
        segments, _ = self.end(process)
        names = [segment.path.name for segment in segments]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(any(name.endswith("_2.h5") for name in names), names)


class Calendar(ClockCase):
    def test_the_year_ends(self):
        self.set_clock("2026-12-31 23:00:00")
        process = self.begin("[roll]\nmax_frames = 100000\nalign = day\n",
                             files="template = {utc:%Y}/{utc:%Y%m%d}_{utc:%H%M%S}\n")
        self.until(lambda: list(self.base.glob("2026/*.part")), "a segment")
        self.set_clock("2026-12-31 23:59:58")
        self.until(lambda: list(self.base.glob("2027/*.part")), "the new year's segment")
        segments, _ = self.end(process)
        self.assertEqual([s.path.parent.name for s in segments], ["2026", "2027"])
        self.assertEqual(segments[0].stop_reason, "day")
        year = utc_s("2027-01-01 00:00:00") * 10**9
        self.assertTrue((segments[0].records["utc_ns"] < year).all())
        self.assertTrue((segments[1].records["utc_ns"] >= year).all())
        self.assertEqual(segments[1].path.name[:8], "20270101")

    def test_summer_time_ends(self):
        """The hour from 2 to 3 comes twice: local names are numbered, those in UTC go on."""
        self.zone = "Europe/Berlin"
        if not pathlib.Path("/usr/share/zoneinfo/Europe/Berlin").exists():
            self.skipTest("no time zones here (tzdata)")
        self.set_clock("2026-10-25 00:30:00")
        process = self.begin(
            "[product.local]\ntemplate = {product}/{local:%Y%m%d_%H}_{segment}\n"
            "[product.utc]\ntemplate = {product}/{utc:%Y%m%d_%H}_{segment}\n"
            "[roll]\nmax_frames = 100000\nalign = hour\n")
        self.until(lambda: len(list(self.base.rglob("*.part"))) >= 2, "segments")
        self.set_clock("2026-10-25 00:59:58")
        self.until(lambda: len(list(self.base.rglob("*.part"))) >= 2
                   and len(self.files()) >= 2, "the second hour")
        process.terminate()
        self.wait(process)
        names = {product: [s.path.stem for s in recorder.finished(self.base, product=product)]
                 for product in ("local", "utc")}
        self.assertEqual(names["local"], ["20261025_02_1", "20261025_02_2"])
        self.assertEqual(names["utc"], ["20261025_00_1", "20261025_01_2"])
        self.verify()

    def test_a_board_without_a_clock(self):
        """It starts in 1970, and somebody sets the clock when the network is there."""
        self.set_clock("1970-01-01 00:00:20")
        process = self.begin("[roll]\nmax_frames = 150\n")
        self.until_more_files()
        self.set_clock("2026-11-21 08:00:00")
        self.until_more_files()
        segments, said = self.end(process)
        years = [datetime.datetime.fromtimestamp(int(s.records["utc_ns"][-1]) / 1e9,
                                                 datetime.timezone.utc).year for s in segments]
        self.assertEqual((years[0], years[-1]), (1970, 2026))
        self.assertIn("the clock was set forward by", said)


if __name__ == "__main__":
    if not LIBRARIES:
        recorder.skip_all("libfaketime is not installed")
    recorder.main()
