"""An instrument that is pulled again and again: what is lost, and what is told of it."""

import json
import signal
import subprocess

import recorder
from recorder import h5py

PULLS = 3
APART = 400  # Frames: far more than are away while the camera is.
AWAY_S = 0.3


class Pulls(recorder.Case):
    def ask(self, config, *arguments):
        return subprocess.run([recorder.FRAMELOG, "--config", config, *arguments], text=True,
                              capture_output=True, timeout=recorder.LONG_S, check=True).stdout

    def status(self, config):
        return json.loads(self.ask(config, "status", "--json"))

    def test_each_pull_is_a_gap_with_its_length(self):
        script = "; ".join(f"disconnect 300 ms at {APART * (i + 1)}" for i in range(PULLS))
        config = self.simulate(rate="100 Hz", faults=script)
        process = self.start(config, "--frames", str(APART * PULLS))
        messages = self.wait(process)
        self.assertEqual(messages.count("source back after"), PULLS)
        segment, = recorder.finished(self.base)
        gaps = [gap for gap in segment.gaps if gap[3] == "disconnected"]
        self.assertEqual(len(gaps), PULLS)
        with h5py.File(segment.path) as file:
            pulled = [gap for gap in file[recorder.READOUT + "/gaps"][:]
                      if gap["reason"] == b"disconnected"]
            lengths = [int(gap["duration_ns"]) / 1e9 for gap in pulled]
            lost = [int(gap["frames"]) for gap in pulled]
            environment = file["/entry/environment"]
            self.assertEqual(environment["source.interruptions/value"][-1], PULLS)
        for length, frames in zip(lengths, lost):
            self.assertGreater(length, AWAY_S)
            # The camera counted on: a frame every 10 ms.
            self.assertAlmostEqual(length * 100, frames + 1, delta=1.5)
        self.verify()

    def test_status_says_why_it_is_away_and_for_how_long(self):
        config = self.simulate(f"[control]\nsocket = {self.directory}/control\n", rate="100 Hz",
                               faults="disconnect 1 h at 20; corrupt at 5")
        process = self.start(config)
        self.until((self.directory / "control").exists, "the socket")
        self.until(lambda: self.status(config)["source"].get("away_s", 0) > 0.5, "the absence")
        source = self.status(config)["source"]
        self.assertFalse(source["connected"])
        self.assertIn("absent", source["error"])
        self.assertEqual(source["counts"], {"damaged-frames": 1, "interruptions": 1})
        self.assertRegex(self.ask(config, "status"), r"absent for \d+ s: ")
        counter = 'framelog_source_events_total{instrument="camera",cause="damaged-frames"} 1'
        self.until(lambda: counter in self.ask(config, "metrics"), counter)
        process.send_signal(signal.SIGTERM)
        self.wait(process)
        segment, = recorder.finished(self.base)
        with h5py.File(segment.path) as file:
            counts = file["/entry/environment/source.damaged_frames"]
            self.assertEqual(counts["value"][-1], 1)


if __name__ == "__main__":
    recorder.main()
