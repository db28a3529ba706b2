"""The driver for GigE Vision cameras with Aravis' fake camera at the other end of a cable.

FRAMELOG_PULLS: how often the cable is pulled. FRAMELOG_CAMERA_S: so many seconds at full speed.
"""

import json
import os
import signal
import subprocess
import sys
import time

import gige_camera
import recorder
from recorder import h5py, numpy

EXAMPLE = recorder.ROOT / "config" / "examples/gige-camera.conf"
PULLS = int(os.environ.get("FRAMELOG_PULLS", "2"))
FULL_SPEED_S = int(os.environ.get("FRAMELOG_CAMERA_S", "0"))
DAMAGED = recorder.CORRUPT | recorder.INCOMPLETE
CAUSES = ("timeouts", "missing-parts", "wrong-packets", "size-mismatch", "aborted")


def ramp(ids, height, width, dtype):
    """What the camera shows: a ramp that moves with the frame's id, which has 16 bits."""
    ids = (numpy.asarray(ids, dtype="int64")[:, None, None] - 1) % 65535 + 1
    y, x = numpy.mgrid[:height, :width]
    step = 256 if dtype == "uint16" else 1
    return (step * (ids + y + x) % numpy.iinfo(dtype).max).astype(dtype)


class Aravis(recorder.Case):
    def camera_config(self, camera, extra="", side=256, rate="30 Hz", **source):
        keys = {"driver": "aravis", "camera": camera.name, "pixel_format": "Mono16",
                "region": f"y=0:{side}, x=0:{side}", "rate": rate, **source}
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items() if value)
        return self.configure(f"[source]\n{lines}\n[control]\nsocket = {self.directory}/control\n"
                              f"[files]\nbase = {self.base}\n{extra}\n")

    def status(self, config):
        done = subprocess.run([recorder.FRAMELOG, "--config", config, "status", "--json"],
                              capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout else {}

    def received(self, config):
        products = self.status(config).get("products")
        return products[0]["accounting"]["received"] if products else 0

    def end(self, process):
        process.send_signal(signal.SIGTERM)
        return self.wait(process)

    def segments(self):
        found = recorder.finished(self.base)
        records = numpy.concatenate([segment.records for segment in found])
        return found, records

    @staticmethod
    def gaps(segment):
        with h5py.File(segment.path) as file:
            return [(gap["reason"].decode(), int(gap["frames"]), int(gap["duration_ns"]) / 1e9)
                    for gap in file[recorder.READOUT + "/gaps"][:]]

    def check_pixels(self, segment):
        """Whole frames are what the camera shows; of others each pixel is that, or zero."""
        shape = segment.pixels.shape[1:]
        for pixels, record in zip(segment.pixels, segment.records):
            wanted = ramp([record["source_sequence"]], *shape, segment.pixels.dtype)[0]
            right = pixels == wanted
            if record["flags"] & DAMAGED:
                right |= pixels == 0
            self.assertTrue(right.all(), f"frame {record['sequence']}: {numpy.count_nonzero(~right)}")

    def expect_all(self, counts, records):
        """Nothing is missing; where a busy machine has lost packets beside other tests, each of them is told."""
        damaged = numpy.count_nonzero(records["flags"] & DAMAGED)
        jumps = numpy.diff(records["source_sequence"].astype("int64")) - 1
        self.assertEqual(counts["received"], counts["recorded"])
        self.assertTrue((jumps >= 0).all())
        self.assertEqual(jumps.sum(), counts["lost at source"])
        self.assertLess(damaged + counts["lost at source"], len(records) / 2)
        if FULL_SPEED_S:
            self.assertEqual((damaged, counts["lost at source"]), (0, 0))

    def test_every_frame_is_recorded(self):
        with gige_camera.camera() as camera:
            side, rate = (1024, "100 Hz") if FULL_SPEED_S else (512, "25 Hz")
            config = self.camera_config(camera, side=side, rate=rate)
            length = (("--duration", f"{FULL_SPEED_S} s") if FULL_SPEED_S else ("--frames", "60"))
            messages = self.record(config, *length)
        counts = recorder.accounting_lines(messages)["frames"]
        self.assertGreaterEqual(counts["received"], 60)
        found, records = self.segments()
        self.expect_all(counts, records)
        whole = records[records["flags"] & DAMAGED == 0]
        for clock in ("device_ns", "monotonic_ns"):
            self.assertTrue((numpy.diff(whole[clock]) > 0).all(), clock)
        self.assertTrue((whole["exposure_ns"] == 10_000_000).all())
        self.check_pixels(found[0])
        seconds = (records["monotonic_ns"][-1] - records["monotonic_ns"][0]) / 1e9
        print(f"{(len(records) - 1) / seconds:.1f} frames/s, {counts['lost at source']} lost ... ", end="",
              file=sys.stderr)
        self.verify()

    def test_without_the_right_to_packet_sockets(self):
        """As the service runs: through an ordinary socket, whose buffer holds megabytes."""
        with gige_camera.camera() as camera:
            config = self.camera_config(camera, packet_socket="no")
            self.record(config, "--frames", "30")
        segment, = recorder.finished(self.base)
        # A busy machine may lose a packet now and then; nobody sends it again.
        self.assertLess(numpy.count_nonzero(segment.records["flags"] & DAMAGED), 15)
        self.check_pixels(segment)
        self.verify()

    def test_ids_that_come_round_are_carried_on(self):
        with gige_camera.camera() as camera:
            config = self.camera_config(camera, side=64, rate="200 Hz", pixel_format="Mono8")
            messages = self.record(config, "--frames", "400")
        segment, = recorder.finished(self.base)
        self.expect_all(recorder.accounting_lines(messages)["frames"], segment.records)
        numbers = segment.records["source_sequence"].astype("int64")
        self.assertLess(numbers[0], 65536)
        self.assertGreater(numbers[-1], 65536)
        self.check_pixels(segment)
        self.verify()

    def test_incomplete_frames_are_marked_and_explained(self):
        with gige_camera.camera(lose_per_thousand=10) as camera:
            config = self.camera_config(camera, side=1024, rate="10 Hz")
            process = self.start(config)
            self.until(lambda: self.received(config) >= 20, "20 frames")
            # Nothing comes any more, so that what is counted is what the file has.
            camera.cable.pull()
            self.until_quiet(config)
            told = self.status(config)["source"]["counts"]
            counts = recorder.accounting_lines(self.end(process))["frames"]
        self.assertEqual(counts["received"], counts["recorded"])
        segment, = recorder.finished(self.base)
        damaged = segment.records["flags"] & DAMAGED != 0
        self.assertGreater(numpy.count_nonzero(damaged), 5)  # Of 236 packets 1 % are missing.
        self.assertEqual(sum(told.get(cause, 0) for cause in CAUSES),
                         numpy.count_nonzero(damaged) + told.get("unnumbered", 0))
        self.assertGreater(told["missing-packets"], 0)
        self.check_pixels(segment)
        self.assertGreater(numpy.count_nonzero(segment.pixels[damaged] == 0), 4000)
        jumps = numpy.diff(segment.records["source_sequence"].astype("int64")) - 1
        self.assertEqual(jumps.sum(), counts["lost at source"])
        self.verify()

    def until_quiet(self, config):
        last = -1
        while last != self.received(config):
            last = self.received(config)
            time.sleep(1)

    def test_a_camera_that_is_killed_and_comes_back(self):
        with gige_camera.camera() as camera:
            config = self.camera_config(camera)
            process = self.start(config)
            self.until(lambda: self.received(config) > 10, "frames")
            camera.kill()
            self.until(lambda: "source lost" in process.messages.read_text(), "the loss")
            before = self.received(config)
            camera.start()
            self.until(lambda: "source back" in process.messages.read_text(), "the return")
            self.until(lambda: self.received(config) > before + 10, "frames again")
            self.end(process)
        found, _ = self.segments()
        gaps = [gap for segment in found for gap in self.gaps(segment)]
        self.assertEqual([gap[:2] for gap in gaps], [("disconnected", -1)])
        self.assertGreater(gaps[0][2], 1)
        for segment in found:
            self.check_pixels(segment)
        self.verify()

    def test_each_pull_of_the_cable_is_a_gap_with_its_length(self):
        """The camera does not notice, and counts on: so many frames are missing."""
        lengths = []
        with gige_camera.camera() as camera:
            config = self.camera_config(camera)
            process = self.start(config)
            for _ in range(PULLS):
                before = self.received(config)
                self.until(lambda: self.received(config) > before + 5, "frames")
                camera.cable.pull()
                pulled = time.monotonic()
                time.sleep(0.7)
                lengths.append(time.monotonic() - pulled)
                camera.cable.plug_in()
            before = self.received(config)
            self.until(lambda: self.received(config) > before + 5, "frames")
            messages = self.end(process)
        found, records = self.segments()
        gaps = [gap for segment in found for gap in self.gaps(segment)]
        long_gaps = [gap for gap in gaps if gap[2] > 0.5]
        self.assertEqual(len(long_gaps), PULLS, gaps)
        for length, (_, frames, told) in zip(lengths, long_gaps):
            self.assertGreater(told, length)
            self.assertGreater(frames, 5)
        counts = recorder.accounting_lines(messages)["frames"]
        jumps = numpy.diff(records["source_sequence"].astype("int64")) - 1
        self.assertEqual(jumps.sum(), counts["lost at source"])
        self.assertEqual(sum(gap[1] for gap in gaps), counts["lost at source"])
        # A pull cuts through one frame, and plugging in through another.
        most = 2 * PULLS if FULL_SPEED_S else len(records) / 2
        self.assertLessEqual(numpy.count_nonzero(records["flags"] & DAMAGED), most)
        for segment in found:
            self.check_pixels(segment)
        self.verify()

    def test_a_camera_that_another_daemon_has(self):
        with gige_camera.camera() as camera:
            config = self.camera_config(camera)
            process = self.start(config)
            self.until(lambda: self.received(config) > 3, "frames")
            other = self.configure(f"[source]\ndriver = aravis\ncamera = {camera.address}\n"
                                   f"[files]\nbase = {self.directory}/other\n", name="other")
            second = self.start(other)
            self.until(lambda: "another program controls camera" in second.messages.read_text(),
                       "the refusal")
            before = self.received(config)
            self.until(lambda: self.received(config) > before + 5, "frames")
            messages = self.end(process)
            self.until(lambda: "source there" in second.messages.read_text(), "the second's turn")
            self.end(second)
        segment, = recorder.finished(self.base)
        self.expect_all(recorder.accounting_lines(messages)["frames"], segment.records)

    def test_what_the_camera_does_not_have_is_told_at_the_start(self):
        with gige_camera.camera() as camera:
            config = self.camera_config(camera, **{"feature.Widht": "64"})
            messages = self.record(config, status=2)
            self.assertIn("the camera has no feature.Widht (nearest: Width)", messages)
            config = self.camera_config(camera, **{"feature.GainAuto": "Sometimes"})
            self.assertIn("feature.GainAuto = Sometimes (allowed: Off, Once, Continuous)",
                          self.record(config, status=2))

    def test_features_are_read_back_into_the_file(self):
        with gige_camera.camera() as camera:
            config = self.camera_config(camera, **{"feature.TestStringReg": "a label",
                                                   "exposure": "3 ms", "gain": "2"})
            self.record(config, "--frames", "3")
        segment, = recorder.finished(self.base)
        settings = json.dumps(segment.provenance)
        for words in ('"TestStringReg": "a label"', '"ExposureTimeAbs": "3000"', '"GainRaw": "2"',
                      '"PixelFormat": "Mono16"', f'"camera": "{camera.name}"'):
            self.assertIn(words, settings)
        self.assertTrue((segment.records["exposure_ns"] == 3_000_000).all())

    def test_frames_that_the_program_triggers(self):
        with gige_camera.camera() as camera:
            config = self.camera_config(camera, trigger="software", rate="20 Hz")
            self.record(config, "--frames", "20")
        segment, = recorder.finished(self.base)
        self.assertTrue((numpy.diff(segment.records["source_sequence"].astype("int64")) >= 1).all())
        # No sooner than asked for; on a busy machine the first may have been late.
        taken = segment.records["monotonic_ns"]
        self.assertGreater(taken[-1] - taken[0], 19 * 50_000_000 * 0.5)
        self.verify()

    def test_the_example_records(self):
        with gige_camera.camera() as camera:
            self.record(EXAMPLE, "--frames", "10", "--set", f"source.camera={camera.serial}",
                        "--set", f"files.base={self.base}")
        segment, = recorder.finished(self.base)
        self.assertEqual(segment.pixels.shape, (10, 512, 512))
        self.check_pixels(segment)
        self.verify()

    def test_devices_lists_the_line_to_paste(self):
        with gige_camera.camera() as camera:
            done = subprocess.run([recorder.FRAMELOG, "devices", "aravis"], capture_output=True,
                                  text=True, check=False)
        self.assertIn(f"camera = {camera.name}", done.stdout, done.stderr)


if __name__ == "__main__":
    gige_camera.need()
    recorder.main()
