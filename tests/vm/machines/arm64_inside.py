"""What happens inside the machine of arm64_test.py: recording by a line until a reboot, and after."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import installed  # noqa: E402
import recorder  # noqa: E402
from installed import run  # noqa: E402
from recorder import h5py, numpy  # noqa: E402

RESULTS = pathlib.Path("/results")
PULSES = 3
POST_FRAMES = 60
TRIGGER_FLAG = 1 << 3
# The chip of the board is the only one.
SETTINGS = f"""
[record]
start = trigger
trigger = gpio rising
pre_frames = 5
post_frames = {POST_FRAMES}
[gpio]
trigger = 0
"""


def tell(name):
    (RESULTS / name).touch()


class Arm64(installed.Case):
    def waits(self):
        """It owns the line, and frames come that nobody wants yet."""
        answers = recorder.command("-i", "camera", "status").returncode == 0
        return answers and "framelogd-camera" in run("gpioinfo")


class First(Arm64):
    def test_by_a_line_until_the_reboot(self):
        self.connect(SETTINGS)
        run("systemctl", "enable", "--now", self.unit)
        self.until(self.waits, "the line")
        tell("waits")
        for number in range(PULSES):
            wanted = (number + 1) * POST_FRAMES
            self.until(lambda: self.recorded() >= wanted, "the frames of an event")
            # Behind the event, so that the next edge begins another one.
            before = -1
            while before != self.recorded():
                before = self.recorded()
                time.sleep(1)
            tell(f"event-{number}")
        self.until(lambda: self.recorded() > before, "the event that the reboot cuts short")
        tell("reboots")
        run("systemctl", "reboot")
        time.sleep(installed.recorder.LONG_S)


class Second(Arm64):
    def test_it_has_started_by_itself(self):
        self.until(lambda: self.show("ActiveState") == "active" and self.waits(), "the recorder")
        before = self.recorded()
        tell("waits-again")
        self.until(lambda: self.recorded() >= before + POST_FRAMES, "frames after the reboot")
        run("systemctl", "stop", self.unit)
        self.assertEqual(self.show("Result"), "success")
        segments = self.read_back()
        runs = {segment.provenance["run"]["uuid"] for segment in segments}
        self.assertEqual(len(runs), 2)
        self.check_first(segments[:-1])
        frames = sum(len(segment.records) for segment in segments)
        print(f"{frames} frames in {len(segments)} files of {len(runs)} runs", flush=True)

    def check_first(self, segments):
        """The events before the reboot; it was the recorder's end that ended the last of them."""
        first = segments[0].provenance["run"]["uuid"]
        self.assertEqual({segment.provenance["run"]["uuid"] for segment in segments}, {first})
        self.assertEqual([segment.stop_reason for segment in segments],
                         ["event"] * PULSES + ["stop"])
        for segment in segments:
            flagged = numpy.flatnonzero(segment.records["flags"] & TRIGGER_FLAG)
            risen = self.risen(segment)
            self.assertGreater(len(risen), 0)
            self.assertGreaterEqual(segment.records["monotonic_ns"][flagged[0]], risen[0])
        self.assertEqual([len(self.risen(segment)) for segment in segments[:PULSES]], [1] * PULSES)
        self.assertGreaterEqual(sum(len(segment.records) for segment in segments),
                                PULSES * POST_FRAMES)

    @staticmethod
    def risen(segment):
        """The kernel's times of the edges that rise."""
        with h5py.File(segment.path) as file:
            edges = file["/entry/lines/edges"]
            return edges["monotonic_ns"][:][edges["value"][:] == 1]


if __name__ == "__main__":
    if not pathlib.Path("/usr/bin/framelogd").exists():
        installed.install()
    recorder.main()
