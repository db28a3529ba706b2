"""The metrics file, as Prometheus and promtool read it."""

import os
import re
import shutil
import signal
import subprocess

import recorder

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def promtool():
    """The program, or None."""
    given = os.environ.get("FRAMELOG_PROMTOOL") or shutil.which("promtool")
    if given:
        return given
    done = subprocess.run([recorder.ROOT / "toolchain/promtool"], capture_output=True, text=True,
                          check=False, timeout=recorder.LONG_S)
    return done.stdout.strip() if done.returncode == 0 else None


def samples(text):
    """{(name, labels without the instrument): value}"""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SAMPLE.match(line).groups()
        pairs = dict(LABEL.findall(labels or ""))
        assert pairs.pop("instrument") == "camera", line
        key = (name, *sorted(pairs.items()))
        assert key not in found, line
        found[key] = float(value)
    return found


class Metrics(recorder.Case):
    def record_with_metrics(self, *arguments, **source):
        self.file = self.directory / "camera.prom"
        config = self.simulate(f"[control]\nmetrics_file = {self.file}", **source)
        return self.record(config, *arguments)

    def test_the_numbers_are_those_of_the_recording(self):
        messages = self.record_with_metrics("--frames", "500", faults="lose 7 at 100")
        counted = recorder.accounting_lines(messages)["frames"]
        found = samples(self.file.read_text())
        frames = {dict(key[1:])["outcome"]: value for key, value in found.items()
                  if key[0] == "framelog_frames_total"}
        self.assertEqual(frames, {"received": 500, "recorded": 500, "merged": 0, "skipped": 0,
                                  "not_recorded": 0})
        self.assertEqual(counted["recorded"], 500)
        self.assertEqual(found[("framelog_lost_at_source_total", ("reason", "sequence-gap"))], 7)
        self.assertEqual(found[("framelog_bytes_total", ("product", "frames"))], 500 * 48 * 32 * 2)
        self.assertEqual(found[("framelog_segments_total", ("product", "frames"))], 1)
        self.assertGreater(found[("framelog_free_bytes",)], 0)
        dropped = [value for key, value in found.items()
                   if key[0] == "framelog_dropped_frames_total"]
        self.assertEqual((len(dropped), sum(dropped)), (9, 0))

    def test_counters_go_on_over_several_sessions(self):
        """A change of geometry ends one session and begins another, with counters of its own."""
        self.record_with_metrics("--frames", "300", faults="resize 16x24 at 100; resize 8x12 at 200")
        found = samples(self.file.read_text())
        received = found[("framelog_frames_total", ("outcome", "received"), ("product", "frames"))]
        recorded = found[("framelog_frames_total", ("outcome", "recorded"), ("product", "frames"))]
        # The two frames of another size are received and dropped.
        self.assertEqual((received, recorded), (300, 298))
        self.assertEqual(found[("framelog_segments_total", ("product", "frames"))], 3)
        self.assertEqual(recorded, sum(len(s.pixels) for s in recorder.finished(self.base)))

    def test_what_was_recorded_was_safe_in_time(self):
        self.record_with_metrics("--duration", "4 s", rate="50 Hz")
        found = samples(self.file.read_text())
        synced = found[("framelog_capture_to_disk_seconds_count",)]
        self.assertGreaterEqual(synced, 2)
        self.assertGreater(found[("framelog_capture_to_disk_seconds_sum",)], 0)
        for stage in ("capture", "reduce", "write", "sync", "files"):
            self.assertGreater(
                found[("framelog_stage_seconds_count", ("stage", stage))], 0, stage)
        bounds = [(float(dict(key[1:])["le"]), value) for key, value in found.items()
                  if key[0] == "framelog_capture_to_disk_seconds_bucket"]
        self.assertEqual(bounds, sorted(bounds))
        self.assertEqual([value for _, value in bounds], sorted(value for _, value in bounds))
        self.assertEqual(bounds[-1], (float("inf"), synced))

    def test_the_file_is_there_while_recording_and_always_whole(self):
        self.file = self.directory / "camera.prom"
        config = self.simulate(f"[control]\nmetrics_file = {self.file}", rate="50 Hz")
        process = self.start(config)
        self.until(lambda: self.file.exists() and
                   samples(self.file.read_text())[("framelog_recording",)] == 1,
                   "metrics that say it is recording")
        self.assertTrue(self.file.read_text().endswith("\n"))
        process.send_signal(signal.SIGTERM)
        self.wait(process)
        self.assertEqual([path.name for path in self.directory.glob("*.tmp")], [])

    def test_promtool_finds_nothing_to_say(self):
        program = promtool()
        if program is None:
            self.skipTest("there is no promtool, and toolchain/promtool cannot get it")
        self.record_with_metrics("--frames", "100")
        with open(self.file, "rb") as text:
            done = subprocess.run([program, "check", "metrics"], stdin=text, capture_output=True,
                                  text=True, check=False, timeout=recorder.LONG_S)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_a_file_that_cannot_be_written_is_told_once_and_harms_nothing(self):
        path = self.directory / "missing" / "camera.prom"
        messages = self.record(self.simulate(f"[control]\nmetrics_file = {path}"),
                               "--frames", "100")
        self.assertEqual(messages.count("cannot write"), 1, messages)
        self.verify()


if __name__ == "__main__":
    recorder.main()
