"""The package in a virtual machine: installed, and recording from the kernel's virtual camera under
systemd. For service_test.py and machines/arm64_inside.py."""

import json
import os
import pathlib
import subprocess

os.environ["FRAMELOGD"], os.environ["FRAMELOG"] = "/usr/bin/framelogd", "/usr/bin/framelog"

import recorder  # noqa: E402

SETTINGS = """
[source]
driver = v4l2
device = /dev/video0
format = GREY
width = 320
height = 180
[ring]
memory = 32 MiB
[roll]
max_size = 128 MiB
[retention]
min_free = 0 B
"""


def package():
    """The file, for this machine's architecture; None where none was built."""
    machine = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True,
                             text=True).stdout.strip()
    directory = pathlib.Path(os.environ.get("FRAMELOG_PACKAGES", recorder.ROOT / "build/package"))
    return max(directory.glob(f"framelog_*_{machine}.deb"), default=None)


def run(*words, check=True):
    done = subprocess.run(list(map(str, words)), check=False, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def install():
    """The package, or status 77."""
    if not os.path.exists("/run/framelog-vm/script"):
        recorder.skip_all("it needs a machine of its own: toolchain/vm test")
    if package() is None:
        recorder.skip_all("there is no package (toolchain/package makes it)")
    run("dpkg", "--install", package())


class Case(recorder.Case):
    """A test of framelogd@camera."""

    unit = "framelogd@camera.service"
    base = pathlib.Path("/var/lib/framelogd/camera")

    def setUp(self):
        super().setUp()
        self.base = Case.base

    def connect(self, extra=""):
        """A camera, at every boot, and the configuration of its recorder."""
        pathlib.Path("/etc/modules-load.d/vivid.conf").write_text("vivid\n")
        # One camera that only captures.
        pathlib.Path("/etc/modprobe.d/vivid.conf").write_text(
            "options vivid n_devs=1 node_types=0x1\n")
        run("modprobe", "vivid")
        run("udevadm", "settle")
        pathlib.Path("/etc/framelogd/camera.conf").write_text(SETTINGS + extra)

    def show(self, what):
        return run("systemctl", "show", "-P", what, self.unit)

    def recorded(self):
        """Frames of the run so far; 0 while nobody answers."""
        told = run("framelog", "-i", "camera", "status", "--json", check=False)
        products = json.loads(told)["products"] if told else []
        return products[0]["accounting"]["recorded"] if products else 0

    def journal(self):
        return run("journalctl", "--no-pager", "--output=cat", "-u", self.unit, check=False)

    def drop_in(self, text):
        """Further lines of the unit, for the rest of the test."""
        directory = pathlib.Path(f"/etc/systemd/system/{self.unit}.d")
        directory.mkdir(exist_ok=True)
        (directory / "test.conf").write_text(f"[Service]\n{text}")
        self.addCleanup(run, "systemctl", "daemon-reload")
        self.addCleanup((directory / "test.conf").unlink)
        run("systemctl", "daemon-reload")

    def read_back(self):
        """What was recorded, by h5py: its frames' records, one after the other."""
        self.assertEqual(recorder.leftovers(self.base), [])
        self.verify()
        segments = recorder.finished(self.base)
        self.assertGreater(len(segments), 0)
        for segment in segments:
            self.assertEqual(segment.pixels.shape[1:], (180, 320))
            # The test picture's bars: some are light, some are dark.
            self.assertGreater(int(segment.pixels.max()) - int(segment.pixels.min()), 100)
        return segments
