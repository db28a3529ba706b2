"""Records every configuration in config/examples, as far as a test has the time."""

import sys
import threading
import unittest

import recorder
from recorder import ROOT, h5py, numpy

sys.path.insert(0, str(ROOT / "tests/fakes"))
import merlin_simulator  # pylint: disable=import-error,wrong-import-position

EXAMPLES = ROOT / "config/examples"
TRIGGER = 1 << 3
# Those whose instruments are in machines of their own are recorded there.
ELSEWHERE = {"usb-camera": ROOT / "tests/vm/v4l2_test.py",
             "gige-camera": ROOT / "tests/system/aravis_test.py",
             "gpio-triggered": ROOT / "tests/vm/gpio_test.py"}


class Examples(recorder.Case):
    def run_example(self, name, frames, **settings):
        """What --check says of the example as it is; its recording with these settings."""
        overrides = [f"files.base={self.base}"]
        overrides += [f"{key.replace('__', '.')}={value}" for key, value in settings.items()]
        arguments = [word for override in overrides for word in ("--set", override)]
        config = EXAMPLES / f"{name}.conf"
        text = self.record(config, "--check", *arguments)
        self.assertIn(f"instrument {name}: ", text)
        messages = self.record(config, "--frames", str(frames), *arguments)
        self.verify()
        self.assertEqual(recorder.leftovers(self.base), [])
        return recorder.accounting_lines(messages)

    def test_each_of_them_has_its_test_here(self):
        tested = {name.removeprefix("test_record_").replace("_", "-") for name in dir(self)
                  if name.startswith("test_record_")}
        for name, path in ELSEWHERE.items():
            self.assertIn(f'"examples/{name}.conf"', path.read_text(encoding="utf-8"))
        self.assertEqual({path.stem for path in EXAMPLES.glob("*.conf")}, tested | set(ELSEWHERE))

    def test_record_simulator(self):
        counts = self.run_example("simulator", 100, source__rate="max")
        self.assertEqual({name: product["recorded"] for name, product in counts.items()},
                         {"whole": 100, "center": 100})
        whole, = recorder.finished(self.base)
        center, = recorder.finished(self.base, ".raw")
        pixels = whole.pixels[:, 64:192, 64:192].astype("uint32")
        numpy.testing.assert_array_equal(
            center.pixels, pixels.reshape(100, 64, 2, 64, 2).sum(axis=(2, 4)))

    def test_record_replay(self):
        frames = numpy.arange(12 * 6 * 8, dtype="uint16").reshape(12, 6, 8)
        path = self.directory / "recording.npy"
        numpy.save(path, frames)
        self.run_example("replay", 12, source__path=path)
        segment, = recorder.finished(self.base)
        mean = frames.reshape(12, 3, 2, 4, 2).mean(axis=(2, 4))
        numpy.testing.assert_array_equal(segment.pixels, numpy.floor(mean + 0.5))

    def test_record_merlin_4dstem(self):
        """One scan, of fewer points and smaller patterns, from a Merlin that is simulated."""
        side, points = 32, 6 * 7
        parameters = {"IMAGEX": side, "IMAGEY": side, "COUNTERDEPTH": 12}
        pixels = numpy.arange(points * side * side, dtype="uint16").reshape(points, side, side) % 4096
        with merlin_simulator.Merlin(parameters=parameters) as merlin:
            def play():
                merlin.started.wait()
                merlin.play([merlin_simulator.frame_header(number + 1, side, side) + image.tobytes()
                             for number, image in enumerate(pixels.astype(">u2"))],
                            merlin_simulator.acquisition_header(points))

            threading.Thread(target=play, daemon=True).start()
            self.run_example("merlin-4dstem", points, source__host="127.0.0.1", source__port=merlin.port,
                             source__control_port=merlin.control_port, instrument__scan="6 x 7",
                             roll__max_size="64 MiB", detector__bright__outer="6 px",
                             detector__dark__inner="7 px", detector__dark__outer="15 px")
            self.assertIn("SET,NUMFRAMESTOACQUIRE,65536", merlin.commands)
        segment, = recorder.finished(self.base)
        numpy.testing.assert_array_equal(segment.pixels, pixels)
        yy, xx = numpy.mgrid[:side, :side]
        disc = numpy.hypot(yy - 15.5, xx - 15.5) < 6
        with h5py.File(segment.path) as file:
            image = file["/entry/virtual_detectors/bright_image"][:].reshape(points)
        numpy.testing.assert_array_equal(image, pixels[:, disc].sum(axis=1))

    def test_record_triggered(self):
        """Each event has frames before its trigger, and ends 30 frames behind the last one."""
        counts = self.run_example("triggered", 1500, source__rate="max")["events"]
        self.assertEqual(counts["recorded"] + counts["not recorded"], 1500)
        self.assertGreater(counts["not recorded"], 300)
        events = recorder.finished(self.base)
        self.assertGreaterEqual(len(events), 3)
        for event in events[:-1]:
            bright = event.pixels[:, 120:136, 120:136].max(axis=(1, 2)) > 20000
            first, last = numpy.flatnonzero(bright)[[0, -1]]
            triggers = numpy.flatnonzero(event.records["flags"] & TRIGGER)
            self.assertEqual((triggers[0], triggers[-1]), (first, last))
            self.assertEqual((first, len(bright) - 1 - last), (20, 30))

    def test_record_timelapse(self):
        """Whole groups of 25 frames of each interval; the rest is neither recorded nor lost."""
        counts = self.run_example("timelapse", 500, source__rate="100 Hz", record__repeat="2 s",
                                  record__length="600 ms")["lapse"]
        self.assertEqual(counts["received"], 500)
        self.assertGreater(counts["not recorded"], 0)
        segment, = recorder.finished(self.base)
        self.assertEqual(segment.pixels.dtype, "uint32")
        self.assertEqual(counts["recorded"], len(segment.pixels))
        summed = segment.records["accumulated"].astype("int64")
        self.assertEqual(summed.max(), 25)
        self.assertEqual(summed.sum(), counts["recorded"] + counts["merged"])
        # Photon counts, of mean 4 around the disc.
        for pixels, frames in zip(segment.pixels[:, :50, :50], summed):
            self.assertAlmostEqual(float(pixels.mean()) / frames, 4, delta=0.3)


if __name__ == "__main__":
    recorder.main()
