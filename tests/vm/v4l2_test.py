"""The V4L2 driver with the kernel's own virtual camera, vivid, and all that vivid can do wrong.

Runs in a machine of its own (toolchain/vm test v4l2). What is recorded is compared with what v4l2-ctl
takes from the same camera. FRAMELOG_V4L2_PULLS: how often it is pulled in one recording (20).
"""

import os
import pathlib
import re
import signal
import subprocess
import time

import recorder
from recorder import CORRUPT, numpy

DEVICE = "/dev/video0"
PLATFORM = pathlib.Path("/sys/bus/platform/drivers/vivid")
EXAMPLE = recorder.ROOT / "config" / "examples/usb-camera.conf"
CONFORMANCE = pathlib.Path(recorder.FRAMELOGD).with_name("driver_conformance")
WEBCAM, HDMI = 0, 1
NO_SIGNAL, SELECTED = 1, 4  # What vivid's HDMI input receives.
PULLS = int(os.environ.get("FRAMELOG_V4L2_PULLS", "20"))
BUFFERS = 32  # More than a second at vivid's rates, whatever else this computer has to do.
FULL_RATE_FRAMES = 150
SEGMENT = "128 MiB"  # By default 1 GiB, which the machine's disk has no room for.
# Without a text that counts, all frames are the same.
STILL = {"control__test_pattern": "Gray Ramp", "control__osd_text_mode": "None"}
UNBIND = f"echo vivid.0 >{PLATFORM}/unbind"
BIND = f"echo vivid.0 >{PLATFORM}/bind"


def run(*arguments, check=True):
    return subprocess.run([str(word) for word in arguments], check=check, capture_output=True,
                          text=True).stdout


def control(**values):
    """Sets controls as any program can while another one streams."""
    run("v4l2-ctl", "-d", DEVICE, "-c", ",".join(f"{name}={value}" for name, value in values.items()))


class Camera(recorder.Case):
    """With a virtual camera that has a webcam's and an HDMI input; all it can do wrong is allowed."""

    VIVID = {"n_devs": 1, "node_types": "0x1", "num_inputs": 2, "input_types": "0xC",
             "no_error_inj": 0}

    def setUp(self):
        super().setUp()
        run("modprobe", "-r", "vivid", check=False)
        run("modprobe", "vivid", *[f"{name}={value}" for name, value in self.VIVID.items()])
        self.until(pathlib.Path(DEVICE).exists, "the camera")

    def film(self, name="camera", **source):
        """A configuration; controls are written control__NAME."""
        keys = {"device": DEVICE, "input": WEBCAM, "width": 640, "height": 480, "rate": "100 Hz",
                "buffers": BUFFERS, **source}
        lines = "\n".join(f"{key.replace('__', '.')} = {value}" for key, value in keys.items()
                          if value is not None)
        return self.configure(f"[source]\ndriver = v4l2\n{lines}\n[product.whole]\n"
                              f"[roll]\nmax_size = {SEGMENT}\n", name)

    def told(self, process, text, times=1):
        self.until(lambda: process.messages.read_text().count(text) >= times, f"{times} x {text}")

    def more_frames(self, frames=5):
        """Waits until so many more have come."""
        ring = self.until(lambda: recorder.rings_of(self.directory), "the ring")[0]
        first = recorder.cursors(ring)[0]
        self.until(lambda: recorder.cursors(ring)[0] >= first + frames, "frames")

    def end(self, process):
        """Stops it; what it has counted, and its segments."""
        process.send_signal(signal.SIGINT)
        messages = self.wait(process)
        self.verify()
        self.assertEqual(recorder.leftovers(self.base), [])
        segments = recorder.finished(self.base)
        self.records = numpy.concatenate([segment.records for segment in segments])
        return recorder.accounting_lines(messages)["whole"], segments

    def check_numbers(self, counts):
        """What the kernel has numbered was recorded or is counted as lost; nothing else was lost."""
        steps = numpy.diff(self.records["source_sequence"].astype("int64"))
        self.assertEqual(counts["lost at source"], int((steps - 1).sum()))
        self.assertTrue((steps > 0).all())
        self.assertEqual(counts["recorded"], counts["received"])
        self.assertEqual(len(self.records), counts["recorded"])

    @staticmethod
    def settings_of(segment):
        return segment.provenance["instrument"]["settings"]


class Pixels(Camera):
    WORDS = {"GREY": "u1", "Y10": "<u2", "Y12": "<u2", "Y16": "<u2", "BA81": "u1", "RG10": "<u2",
             "GB12": "<u2", "BYR2": "<u2", "YUYV": "u1", "UYVY": "u1", "NV12": "u1", "YU12": "u1"}

    def as_v4l2_ctl_takes_it(self, word):
        path = self.directory / "reference"
        run("v4l2-ctl", "-d", DEVICE, "--stream-mmap", "--stream-count=1", f"--stream-to={path}")
        pixels = numpy.fromfile(path, self.WORDS[word])
        if word in ("YUYV", "UYVY"):
            pixels = pixels[("YUYV", "UYVY").index(word)::2]
        return pixels[:640 * 480].reshape(480, 640)

    def compare(self, *words):
        for word in words:
            with self.subTest(word):
                self.base = self.directory / word
                self.record(self.film(word.lower(), format=word, **STILL), "--frames", "2")
                reference = self.as_v4l2_ctl_takes_it(word)
                self.assertGreater(len(numpy.unique(reference)), 20)
                segment, = recorder.finished(self.base)
                for pixels in segment.pixels:
                    numpy.testing.assert_array_equal(pixels, reference)
                self.assertEqual(self.settings_of(segment)["format"], word)

    def test_each_format_is_what_v4l2_ctl_takes(self):
        self.compare(*self.WORDS)

    def test_auto_is_the_mono_format_of_most_bits(self):
        self.record(self.film(), "--frames", "1")
        segment, = recorder.finished(self.base)
        self.assertEqual((segment.pixels.dtype, self.settings_of(segment)["format"]), ("uint16", "Y16"))

    def test_the_sensor_is_cropped(self):
        """The part is the same as of a whole frame; the size need not be told."""
        shape = {"format": "GREY", "input": HDMI, "width": None, "height": None, "rate": "auto"}
        self.record(self.film(**shape, **STILL), "--frames", "1")
        whole, = recorder.finished(self.base)
        self.base = self.directory / "part"
        self.record(self.film("part", crop="y=40:200, x=64:384", **shape, **STILL), "--frames", "1")
        part, = recorder.finished(self.base)
        numpy.testing.assert_array_equal(part.pixels[0], whole.pixels[0][40:200, 64:384])
        self.assertEqual(self.settings_of(part)["crop"], "y=40:200, x=64:384")


class MultiPlanar(Pixels):
    VIVID = {**Camera.VIVID, "multiplanar": 2}

    def test_each_format_is_what_v4l2_ctl_takes(self):
        self.compare("GREY", "Y16", "YUYV")


class Recording(Camera):
    def test_at_full_rate_no_frame_is_lost(self):
        """Where this computer has other things to do, vivid itself may miss its time: once more then."""
        for attempt in range(5):
            self.base = self.directory / f"attempt-{attempt}"
            messages = self.record(self.film(f"attempt-{attempt}", format="GREY"), "--frames",
                                   str(FULL_RATE_FRAMES))
            self.verify()
            self.records = numpy.concatenate([s.records for s in recorder.finished(self.base)])
            counts = recorder.accounting_lines(messages)["whole"]
            self.check_numbers(counts)
            if counts["lost at source"] == 0:
                break
        segment = recorder.finished(self.base)[0]
        rate = float(self.settings_of(segment)["rate"].split()[0])
        seconds = (self.records["monotonic_ns"][-1] - self.records["monotonic_ns"][0]) / 1e9
        print(f"{len(self.records)} frames of 640 x 480 at {rate} Hz, {counts['lost at source']} lost, "
              f"{(len(self.records) - 1) / seconds:.2f} a second by the kernel's clock", flush=True)
        self.assertEqual(counts["lost at source"], 0)
        self.assertGreaterEqual(rate, 15)

    def test_the_kernels_times_are_kept(self):
        before = time.monotonic_ns()
        self.record(self.film(format="GREY"), "--frames", "20")
        segment, = recorder.finished(self.base)
        times = segment.records["monotonic_ns"].astype("int64")
        self.assertTrue((numpy.diff(times) > 0).all())
        self.assertTrue(((times > before) & (times < time.monotonic_ns())).all())
        self.assertTrue((times % 1000 == 0).all())  # V4L2 tells microseconds.

    def test_controls_are_set_and_what_became_of_them_recorded(self):
        wanted = {"brightness": "77", "boolean": "no", "menu": "Menu Item 4", "bitmask": "0x80002000",
                  "integer_64_bits": "-5000000000", "string": "abc", "integer_menu": "6"}
        made = {**wanted, "boolean": "0", "menu": "4 (Menu Item 4)", "integer_menu": "6 (13)"}
        self.record(self.film(**{f"control__{name}": text for name, text in wanted.items()}),
                    "--frames", "1")
        segment, = recorder.finished(self.base)
        settings = self.settings_of(segment)
        self.assertEqual({name: settings[f"control.{name}"] for name in wanted}, made)
        told = run("v4l2-ctl", "-d", DEVICE, "-C", "brightness,menu,integer_64_bits")
        for line in ("brightness: 77", "menu: 4", "integer_64_bits: -5000000000"):
            self.assertIn(line, told)

    def test_the_example(self):
        messages = self.record(EXAMPLE, "--frames", "10", "--set", f"files.base={self.base}",
                               "--set", f"roll.max_size={SEGMENT}", "--set", "retention.min_free=0 B")
        self.verify()
        self.assertEqual(recorder.accounting_lines(messages)["whole"]["recorded"], 10)


class WhatGoesWrong(Camera):
    def test_damaged_buffers_are_marked(self):
        process = self.start(self.film(format="GREY"))
        self.more_frames()
        for _ in range(5):
            control(inject_v4l2_buf_flag_error=1)
            self.more_frames(3)
        counts, _ = self.end(process)
        self.check_numbers(counts)
        self.assertEqual(int((self.records["flags"] & CORRUPT != 0).sum()), 5)

    def test_dropped_buffers_are_counted(self):
        control(percentage_of_dropped_buffers=30)
        process = self.start(self.film(format="GREY"))
        self.more_frames(60)
        counts, _ = self.end(process)
        self.check_numbers(counts)
        self.assertGreater(counts["lost at source"], 5)

    def test_a_buffer_that_is_not_taken_back_costs_no_frame(self):
        process = self.start(self.film(format="GREY"))
        self.more_frames()
        control(inject_vidioc_qbuf_error=1)
        self.more_frames(50)
        counts, _ = self.end(process)
        self.check_numbers(counts)
        self.assertNotIn("source lost", process.messages.read_text())

    def comes_back(self, prepare=None, **button):
        process = self.start(self.film(format="GREY"))
        self.more_frames()
        if prepare:
            control(**prepare)
        control(**button)
        self.told(process, "source back")
        self.more_frames()
        counts, segments = self.end(process)
        self.assertEqual(counts["recorded"], counts["received"])
        gaps = [gap for segment in segments for gap in segment.gaps if gap[2:] == ("source", "disconnected")]
        self.assertEqual(len(gaps), 1, [segment.gaps for segment in segments])
        return process.messages.read_text()

    def test_a_fatal_error_of_streaming_ends_in_a_new_start(self):
        self.assertIn("source lost", self.comes_back(inject_fatal_streaming_error=1))

    def test_starting_that_fails_is_tried_again(self):
        messages = self.comes_back({"inject_vidioc_streamon_error": 1}, inject_fatal_streaming_error=1)
        self.assertIn("trying again", messages)

    def test_buffers_that_are_refused_are_asked_for_again(self):
        messages = self.comes_back({"inject_vidioc_reqbufs_error": 1}, inject_fatal_streaming_error=1)
        self.assertIn("trying again", messages)

    def test_it_is_disconnected_and_connected(self):
        self.comes_back(disconnect=1)

    def test_it_is_pulled_and_plugged_in_again_and_again(self):
        """Only the frames of the gaps are lost; each gap is in the files with its duration."""
        process = self.start(self.film(format="GREY", width=320, height=180))
        for times in range(1, PULLS + 1):
            self.more_frames(3)
            (PLATFORM / "unbind").write_text("vivid.0")
            self.told(process, "source lost", times)
            (PLATFORM / "bind").write_text("vivid.0")
            self.told(process, "source back", times)
        self.more_frames(3)
        counts, segments = self.end(process)
        self.assertEqual(counts["recorded"], counts["received"])
        gaps = [gap for segment in segments for gap in segment.gaps if gap[3] == "disconnected"]
        self.assertEqual(len(gaps), PULLS)
        self.assertEqual({gap[1] for gap in gaps}, {-1})  # The camera counts anew: how many is unknown.
        numpy.testing.assert_array_equal(self.records["sequence"], numpy.arange(len(self.records)))

    def receive(self, size):
        """Gives the HDMI input a signal of this name, such as 640x480p59."""
        listed = run("v4l2-ctl", "-d", DEVICE, "--list-ctrls-menus").split("dv_timings ")[1]
        control(dv_timings=re.search(rf"(\d+): {size}", listed)[1], dv_timings_signal_mode=SELECTED)

    def test_another_signal_is_another_recording(self):
        """A source of another size: what was recorded ends, and goes on with the new one."""
        run("v4l2-ctl", "-d", DEVICE, "-i", HDMI)
        self.receive("640x480p59")
        process = self.start(self.film(format="GREY", input=HDMI, width=None, height=None, rate="auto"))
        self.more_frames()
        control(dv_timings_signal_mode=NO_SIGNAL)
        self.told(process, "source lost: the camera's signal has changed")
        self.told(process, "the camera's input has no signal")
        self.receive("720x576p50")
        self.told(process, "source back")
        self.more_frames()
        counts, segments = self.end(process)
        self.assertEqual(counts["recorded"], counts["received"])
        shapes = [segment.pixels.shape[1:] for segment in segments]
        self.assertEqual(list(dict.fromkeys(shapes)), [(480, 640), (576, 720)])

    def test_a_camera_in_use_is_waited_for(self):
        with subprocess.Popen(["v4l2-ctl", "-d", DEVICE, "--stream-mmap"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as other:
            self.until(lambda: "in use by another program" in recorder.command("devices", "v4l2").stdout,
                       "framelog devices to say so")
            process = self.start(self.film(format="GREY"))
            self.told(process, "in use by another program")
            other.terminate()
        self.more_frames()
        self.end(process)


class Texts(Camera):
    def test_an_unknown_control_is_told_with_those_there_are(self):
        process = self.start(self.film(control__brightnes="1"))
        self.told(process, 'the camera has no control "brightnes" (did you mean brightness? it has ')
        self.told(process, "brightness 0..255")

    def test_an_odd_size_is_told_with_those_there_are(self):
        process = self.start(self.film(width=641, format="GREY"))
        self.told(process, "the camera does not deliver 641 x 480 GREY")
        self.told(process, "it offers 320 x 180, 640 x 360, 640 x 480")

    def test_devices_tells_what_opens_it(self):
        text = recorder.command("devices", "v4l2").stdout
        self.assertIn("vivid", text)
        self.assertIn(DEVICE, text)

    def test_it_opens_by_the_name_of_its_bus(self):
        self.record(self.film(device="platform:vivid-000"), "--frames", "1")
        self.verify()


class Conformance(Camera):
    def test_it_does_what_every_driver_does(self):
        config = self.film(format="GREY")
        done = subprocess.run([CONFORMANCE, config, UNBIND, BIND], capture_output=True, text=True,
                              timeout=recorder.LONG_S * 4, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    if not os.path.exists("/run/framelog-vm/script"):
        recorder.skip_all("the virtual camera is in a machine of its own: toolchain/vm test v4l2")
    recorder.main()
