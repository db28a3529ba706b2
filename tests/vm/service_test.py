"""The package under the real systemd of a machine with device nodes: what its sandbox lets through,
and what it does not."""

import os
import pathlib
import stat

import installed
import recorder
from installed import run
from recorder import numpy


class Service(installed.Case):
    def test_it_records_from_a_camera(self):
        self.connect()
        node = os.stat("/dev/video0")
        self.assertEqual(stat.S_IMODE(node.st_mode), 0o660)
        self.assertIn("video", run("id", "-nG", "framelog").split())
        self.records_and_is_stopped()
        self.is_closed_without_its_device()

    def records_and_is_stopped(self):
        run("systemctl", "start", self.unit)
        self.until(lambda: self.recorded() > 50, "frames in files")
        run("framelog", "-i", "camera", "status", "--check")
        exposure = run("systemd-analyze", "security", "--no-pager", self.unit, check=False)
        points = float(exposure.split("Overall exposure level for")[1].split(":")[1].split()[0])
        print(f"exposure {points}, at most 1.8", flush=True)
        self.assertLessEqual(points, 1.8)
        process = pathlib.Path(f"/proc/{self.show('MainPID')}/status").read_text()
        self.assertIn("CapEff:\t0000000000000000", process)
        self.assertNotIn("Uid:\t0\t", process)
        run("systemctl", "stop", self.unit)
        self.assertEqual(self.show("Result"), "success")
        records = numpy.concatenate([segment.records for segment in self.read_back()])
        self.assertGreater(int(numpy.diff(records["monotonic_ns"].astype("int64")).min()), 0)
        print(f"{len(records)} frames recorded", flush=True)

    def is_closed_without_its_device(self):
        """It is DeviceAllow= that opens the camera: without, the group alone is not enough."""
        self.drop_in("DeviceAllow=\n")
        run("systemctl", "start", "--no-block", self.unit)
        self.until(lambda: "Operation not permitted" in self.journal(), "a camera that is closed")
        self.assertNotEqual(recorder.command("-i", "camera", "status", "--check").returncode, 0)
        run("systemctl", "stop", self.unit)


if __name__ == "__main__":
    installed.install()
    recorder.main()
