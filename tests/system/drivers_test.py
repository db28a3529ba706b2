"""What every driver has to do: the conformance test, with each instrument that can be had here."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import gige_camera
import recorder
from recorder import numpy

CONFORMANCE = os.environ.get("FRAMELOG_DRIVER_CONFORMANCE",
                             str(recorder.ROOT / "build/debug/bin/driver_conformance"))


class Conformance(unittest.TestCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="framelog-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def conform(self, source, *pull_and_plug, only="*"):
        """All tests, or one, with an instrument that two shell commands take away and bring back."""
        configuration = self.folder / "instrument.conf"
        configuration.write_text(f"[source]\n{source}\n")
        done = subprocess.run([CONFORMANCE, f"--gtest_filter={only}", configuration,
                               *pull_and_plug], text=True, capture_output=True,
                              timeout=recorder.LONG_S * 4)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_simulator(self):
        self.conform("driver = simulator\nrate = 100 Hz\nwidth = 60\nheight = 50\npattern = counts")

    def test_simulator_that_is_pulled_by_its_script(self):
        self.conform("driver = simulator\nrate = 100 Hz\nwidth = 60\nheight = 50\n"
                     "faults = disconnect 500 ms at 20", "true", "true", only="*ComesBack")

    def test_replay(self):
        frames = numpy.random.default_rng(1).integers(0, 60000, (200, 20, 30), numpy.uint16)
        numpy.save(self.folder / "frames.npy", frames)
        self.conform(f"driver = replay\npath = {self.folder}/frames.npy\nrate = 100 Hz\nloop = yes")

    def test_camera_on_the_network(self):
        if not gige_camera.is_possible():
            self.skipTest("there can be no camera on a cable here")
        with gige_camera.camera() as camera:
            far = f"ip -n {camera.cable.namespace} link set {camera.cable.far}"
            self.conform(f"driver = aravis\ncamera = {camera.name}\nrate = 30 Hz\n"
                         "pixel_format = Mono16\nregion = y=0:60, x=0:50",
                         f"{far} down", f"{far} up")


class Devices(unittest.TestCase):

    def run_devices(self, *arguments):
        return subprocess.run([recorder.FRAMELOG, "devices", *arguments], text=True,
                              capture_output=True, timeout=recorder.LONG_S)

    def test_an_unknown_driver_is_named(self):
        done = self.run_devices("teapot")
        self.assertEqual(done.returncode, 2)
        self.assertIn('unknown driver "teapot"', done.stderr)

    def test_the_lines_of_the_board_are_asked_for_by_their_section(self):
        done = self.run_devices("gpio")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("gpio:"), done.stdout)
        found = json.loads(self.run_devices("--json").stdout)
        self.assertIn("v4l2", [each["driver"] for each in found])
        self.assertIsInstance(found[-1]["chips"], list)

    def test_one_that_cannot_look_says_so(self):
        done = self.run_devices("simulator")
        self.assertEqual(done.returncode, 2)
        self.assertIn("cannot look for instruments", done.stderr)


if __name__ == "__main__":
    if not pathlib.Path(CONFORMANCE).exists():
        print(f"skipped: {CONFORMANCE} is not built")
        sys.exit(recorder.SKIPPED)
    unittest.main()
