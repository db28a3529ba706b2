"""Records from a Merlin that is simulated, over both of its TCP ports."""

import json
import signal
import subprocess
import sys
import threading
import unittest

import recorder
from recorder import DATA, h5py, numpy

sys.path.insert(0, str(recorder.ROOT / "tests/fakes"))
import merlin_simulator  # pylint: disable=import-error,wrong-import-position

MERLIN = DATA / "merlin"
KINDS = [kind + depth for kind in "ur" for depth in ("1", "6", "12", "24")]
DETECTORS = "/entry/virtual_detectors"
SIDE = 16


def made_up(first, last):
    """Frames first to last of SIDE x SIDE, headers in front; and their pixels."""
    numbers = numpy.arange(first, last + 1)
    pixels = (numbers[:, None, None] * 3 + numpy.arange(SIDE * SIDE).reshape(SIDE, SIDE)) % 4096
    frames = [merlin_simulator.frame_header(number, SIDE, SIDE) + image.astype(">u2").tobytes()
              for number, image in zip(numbers, pixels)]
    return frames, pixels.astype("uint16")


class Merlins(recorder.Case):
    def simulate_merlin(self, **keys):
        merlin = merlin_simulator.Merlin(**keys)
        self.addCleanup(merlin.close)
        return merlin

    def config(self, merlin, extra="", control="off", **source):
        keys = {"driver": "merlin", "port": merlin.port, "control_port": control}
        keys.update(source)
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
        return self.configure(f"[source]\n{lines}\n{extra}\n")

    def shaped(self, merlin, extra="", **source):
        """For frames made up, whose shape is told by the configuration."""
        return self.config(merlin, extra, shape=f"{SIDE} x {SIDE}", pixel_type="uint16", **source)

    def recorded(self, process, messages=None):
        messages = messages if messages is not None else self.wait(process)
        self.verify()
        return messages, recorder.finished(self.base)

    def test_every_counter_depth_processed_and_raw(self):
        """The project's .mib files through the wire, against what they were made of."""
        if not MERLIN.is_dir():
            self.skipTest(f"there is no {MERLIN} (set FRAMELOG_TEST_DATA)")
        for number, kind in enumerate(KINDS):
            with self.subTest(kind=kind):
                frames = merlin_simulator.mib_frames(MERLIN / kind / "default.mib")
                header = (MERLIN / kind / "default.hdr").read_bytes()
                merlin = self.simulate_merlin(comma=number % 2 == 0)
                process = self.start(self.config(merlin, f"[files]\nbase = {self.base}/{kind}"),
                                     "--frames", str(len(frames)))
                merlin.wait_connected()
                merlin.play(frames, header)
                self.wait(process)
                segment, = recorder.finished(self.base / kind)
                truth = numpy.load(MERLIN / kind / "truth.npy")
                numpy.testing.assert_array_equal(segment.pixels, truth)
                self.assertEqual(segment.pixels.dtype, truth.dtype)
                self.assertEqual(list(segment.records["source_sequence"]),
                                 list(range(1, len(frames) + 1)))
                with h5py.File(segment.path) as file:
                    depth = file[recorder.DETECTOR + "/bit_depth_readout"][()]
                self.assertEqual(depth, int(kind[1:]))

    def test_the_acquisitions_header_is_in_the_provenance_with_fields_nobody_knows(self):
        merlin = self.simulate_merlin()
        process = self.start(self.config(merlin), "--frames", "2")
        merlin.wait_connected()
        frames, pixels = made_up(1, 2)
        merlin.play(frames, merlin_simulator.acquisition_header(
            2, extra=[("Colour of the beam (name)", "green, mostly")]))
        _, (segment,) = self.recorded(process)
        numpy.testing.assert_array_equal(segment.pixels, pixels)
        text = str(segment.provenance)
        self.assertIn("Colour of the beam (name)", text)
        self.assertIn("green, mostly", text)
        self.assertIn("W529_F5", text)
        self.assertEqual(list(segment.records["exposure_ns"]), [1_000_000] * 2)
        self.assertEqual([time % 10 ** 9 for time in segment.records["device_ns"]], [1178, 2178])

    def test_a_scan_becomes_4_d_with_the_detectors_images(self):
        """5 x 6 points with a flyback frame each line, garbage between some, lengths without comma."""
        merlin = self.simulate_merlin(comma=False)
        process = self.start(self.shaped(merlin, """
            [instrument]
            scan = 5 x 6
            flyback = 1
            [product.points]
            detectors = bright, box
            [detector.bright]
            shape = disc
            outer = 5 px
            [detector.box]
            shape = rectangle
            roi = y=2:9, x=3:8"""), "--frames", "35")
        merlin.wait_connected()
        frames, pixels = made_up(1, 35)
        merlin.play(frames, merlin_simulator.acquisition_header(35, 7),
                    between=lambda number: b"xx garbage MPX,00" if number % 5 == 3 else b"")
        _, (segment,) = self.recorded(process)
        points = pixels.reshape(5, 7, SIDE, SIDE)[:, :6]
        numpy.testing.assert_array_equal(segment.pixels, points.reshape(30, SIDE, SIDE))
        yy, xx = numpy.mgrid[:SIDE, :SIDE]
        disc = numpy.hypot(yy - 7.5, xx - 7.5) < 5
        with h5py.File(segment.path) as file:
            self.assertEqual(list(file[recorder.READOUT + "/scan_shape_yx"][:]), [5, 6])
            group = file[DETECTORS]
            numpy.testing.assert_array_equal(group["box_image"][:],
                                             points[:, :, 2:9, 3:8].sum(axis=(2, 3)))
            numpy.testing.assert_array_equal(group["bright_image"][:],
                                             points[:, :, disc].sum(axis=2))
            self.assertFalse(group["scan_mask"][:].any())

    def test_two_acquisitions_in_a_run_are_numbered_through_and_nothing_is_lost(self):
        merlin = self.simulate_merlin()
        process = self.start(self.shaped(merlin), "--frames", "30")
        merlin.wait_connected()
        first, pixels = made_up(1, 10)
        second, more = made_up(1, 20)
        merlin.play(first, merlin_simulator.acquisition_header(10))
        merlin.play(second, merlin_simulator.acquisition_header(20))
        messages, (segment,) = self.recorded(process)
        numpy.testing.assert_array_equal(segment.pixels, numpy.concatenate([pixels, more]))
        self.assertEqual(list(segment.records["source_sequence"]), list(range(1, 31)))
        counts = next(iter(recorder.accounting_lines(messages).values()))
        self.assertEqual(counts["lost at source"], 0)

    def test_a_scan_that_was_broken_off_leaves_holes_and_the_next_one_its_own_image(self):
        merlin = self.simulate_merlin()
        process = self.start(self.shaped(merlin, """
            [instrument]
            scan = 3 x 4
            [roll]
            align = scan
            [product.points]
            detectors = box
            [detector.box]
            shape = rectangle
            roi = y=0:4, x=0:4"""), "--frames", "17")
        merlin.wait_connected()
        frames, pixels = made_up(1, 12)
        merlin.play(frames[:5], merlin_simulator.acquisition_header(12))
        merlin.play(frames, merlin_simulator.acquisition_header(12, extra=[("Try", "2")]))
        _, (broken, whole) = self.recorded(process)
        self.assertEqual(len(broken.pixels), 5)
        numpy.testing.assert_array_equal(whole.pixels, pixels)
        with h5py.File(whole.path) as file:
            numpy.testing.assert_array_equal(
                file[DETECTORS + "/box_image"][:].reshape(12),
                pixels[:, :4, :4].sum(axis=(1, 2)))

    def test_pulled_20_times_only_the_frames_of_the_gaps_are_lost(self):
        """Each time the connection ends within a frame; two more pass before it is back."""
        pulls, each = 20, 5
        merlin = self.simulate_merlin()
        process = self.start(self.shaped(merlin), "--frames", str((pulls + 1) * each))
        number, arrived = 1, []

        def send_some():
            nonlocal number
            frames, _ = made_up(number, number + each - 1)
            for frame in frames:
                merlin.send_message(frame)
            arrived.extend(range(number, number + each))
            number += each

        merlin.wait_connected()
        merlin.send_message(merlin_simulator.acquisition_header(1000))
        for pull in range(pulls):
            send_some()
            half = merlin.message(made_up(number, number)[0][0])
            merlin.send(half[:len(half) // 2])
            number += 3
            merlin.cut(reset=False)
            merlin.wait_connected(pull + 2)
        send_some()
        messages, (segment,) = self.recorded(process)
        self.assertEqual(list(segment.records["source_sequence"]), arrived)
        numpy.testing.assert_array_equal(
            segment.pixels, numpy.stack([made_up(n, n)[1][0] for n in arrived]))
        gaps = [gap for gap in segment.gaps if gap[3] == "disconnected"]
        self.assertEqual([gap[1] for gap in gaps], [3] * pulls)
        with h5py.File(segment.path) as file:
            durations = file[recorder.READOUT + "/gaps"]["duration_ns"]
        # Each time it is tried again at once; nothing says how soon that is done.
        self.assertTrue((durations > 0).all(), durations)
        counts = next(iter(recorder.accounting_lines(messages).values()))
        self.assertEqual(counts["lost at source"], 3 * pulls)

    def received(self, config):
        done = subprocess.run([recorder.FRAMELOG, "--config", config, "status", "--json"], capture_output=True,
                              text=True, check=False)
        products = json.loads(done.stdout).get("products") if done.returncode == 0 else None
        return products[0]["accounting"]["received"] if products else 0

    def test_after_a_crash_in_a_later_acquisition_its_numbers_go_on(self):
        merlin = self.simulate_merlin()
        config = self.shaped(merlin, f"[control]\nsocket = {self.directory}/control")
        process = self.start(config)
        merlin.wait_connected()
        merlin.play(made_up(1, 20)[0], merlin_simulator.acquisition_header(20))
        second, _ = made_up(1, 100)
        merlin.play(second[:10], merlin_simulator.acquisition_header(100))
        self.until(lambda: self.received(config) == 30, "30 frames")
        process.kill()
        process.wait()
        merlin.cut()
        process = self.start(config)
        merlin.wait_connected(2)
        # The bare numbers are greater than all before, and would tell of 29 fewer lost frames than there are.
        merlin.play(second[50:])
        self.until(lambda: self.received(config) == 120, "all frames")
        process.send_signal(signal.SIGTERM)
        messages, segments = self.recorded(process)
        numbers = numpy.concatenate([segment.records["source_sequence"] for segment in segments])
        self.assertEqual(numbers.tolist(), [*range(1, 31), *range(71, 121)])
        counts = recorder.accounting_lines(messages)["frames"]
        self.assertEqual((counts["recorded"], counts["no-process"]), (80, 40))

    def test_a_first_frame_that_is_not_the_acquisitions_first_tells_of_lost_ones(self):
        merlin = self.simulate_merlin()
        process = self.start(self.shaped(merlin), "--frames", "5")
        merlin.wait_connected()
        merlin.play(made_up(4, 8)[0], merlin_simulator.acquisition_header(8))
        messages, (segment,) = self.recorded(process)
        self.assertEqual(recorder.accounting_lines(messages)["frames"]["lost at source"], 3)
        self.assertEqual(segment.gaps[0][3], "sequence-gap")

    def test_a_slow_sender_is_waited_for(self):
        """Frames that come in pieces, some of them later than read() waits."""
        merlin = self.simulate_merlin()
        process = self.start(self.shaped(merlin), "--frames", "4")
        merlin.wait_connected()
        frames, pixels = made_up(1, 4)
        pause = threading.Event()
        for number, frame in enumerate(frames):
            message = merlin.message(frame)
            for at in range(0, len(message), 173):
                merlin.send(message[at:at + 173])
                pause.wait(1.3 if number == 1 and at == 173 * 3 else 0.01)
        _, (segment,) = self.recorded(process)
        numpy.testing.assert_array_equal(segment.pixels, pixels)
        self.assertEqual(segment.gaps, [])

    def test_nobody_listens_and_then_somebody_does(self):
        merlin = self.simulate_merlin()
        port = merlin.port
        merlin.close()
        process = self.start(self.shaped(merlin), "--frames", "3")
        self.until(lambda: "trying again" in process.messages.read_text(), "the first try")
        self.assertIn(f"127.0.0.1:{port}", process.messages.read_text())
        merlin = self.simulate_merlin(port=port)
        merlin.wait_connected()
        frames, pixels = made_up(1, 3)
        merlin.play(frames)
        _, (segment,) = self.recorded(process)
        numpy.testing.assert_array_equal(segment.pixels, pixels)

    def test_parameters_are_set_the_shape_is_asked_for_and_the_acquisition_started(self):
        parameters = {"IMAGEX": SIDE, "IMAGEY": SIDE, "COUNTERDEPTH": 12, "ACQUISITIONTIME": "1.0",
                      "NUMFRAMESTOACQUIRE": 1, "SOFTWAREVERSION": "0.77.0.16", "GAIN": 2}
        for comma in (True, False):
            with self.subTest(comma=comma):
                merlin = self.simulate_merlin(parameters=parameters, comma=comma)
                base = self.base / str(comma)
                keys = {"start": "yes", "set.NUMFRAMESTOACQUIRE": "6",
                        "set.ACQUISITIONTIME": "1.0"}
                process = self.start(
                    self.config(merlin, f"[files]\nbase = {base}", merlin.control_port, **keys),
                    "--frames", "6")
                self.assertTrue(merlin.started.wait(recorder.LONG_S))
                frames, pixels = made_up(1, 6)
                merlin.play(frames, merlin_simulator.acquisition_header(6))
                self.wait(process)
                segment, = recorder.finished(base)
                numpy.testing.assert_array_equal(segment.pixels, pixels)
                text = str(segment.provenance)
                for said in ("NUMFRAMESTOACQUIRE", "0.77.0.16", "GAIN"):
                    self.assertIn(said, text)
                self.assertIn("SET,NUMFRAMESTOACQUIRE,6", merlin.commands)
                self.assertNotIn("SET,ACQUISITIONTIME,1.0", merlin.commands, "it was so before")
                self.assertIn("CMD,STARTACQUISITION", merlin.commands)
                self.assertEqual(merlin.commands[-1], "CMD,STOPACQUISITION")

    def test_what_the_merlin_refuses_is_told_with_the_command(self):
        for status, said in ((merlin_simulator.BUSY, "busy"),
                             (merlin_simulator.UNKNOWN, "does not know"),
                             (merlin_simulator.OUT_OF_RANGE, "out of range")):
            with self.subTest(status=status):
                merlin = self.simulate_merlin(refused={"GAIN": status})
                process = self.start(self.config(merlin, "", merlin.control_port,
                                                 **{"set.GAIN": "9", "on_disconnect": "stop"}))
                text = self.wait(process, status=2)
                self.assertIn(said, text)
                self.assertIn("SET,GAIN,9", text)

    def test_a_configuration_that_cannot_be_meant_is_refused(self):
        merlin = self.simulate_merlin()
        for keys, said in (({"start": "yes"}, "control_port = off"),
                           ({"set.GAIN": "1"}, "control_port = off"),
                           ({"shape": "4 x 4"}, "pixel_type"),
                           ({"shape": "2 x 4 x 4", "pixel_type": "uint16"}, "height x width"),
                           ({"shape": "4 x 4", "pixel_type": "float32"}, "uint8, uint16, uint32"),
                           ({"port": "70000"}, "65535"),
                           ({"control_port": merlin.control_port, "set.GAIN": "1,2"}, "commas")):
            with self.subTest(keys=keys):
                text = self.record(self.config(merlin, **keys), "--check", status=2)
                self.assertIn(said, text)


if __name__ == "__main__":
    recorder.main()
