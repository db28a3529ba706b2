"""Aravis' fake GigE Vision camera at the other end of a cable of its own. For tests and benchmarks.

A pair of virtual Ethernet devices is the cable; the camera sits in a network namespace, because
nothing that is sent from one address of a machine to another of the same ever goes over a device.
Root's rights are needed, and the packages aravis-tools and iproute2.
"""

import contextlib
import os
import shutil
import subprocess
import time
import unittest

import recorder

PROGRAM = "arv-fake-gv-camera-0.8"
LIST = "arv-tool-0.8"
os.environ["PATH"] += ":/usr/sbin:/sbin"


def obstacle():
    """Why there can be no camera here; empty where there can."""
    for name in (PROGRAM, LIST, "ip"):
        if shutil.which(name) is None:
            return f"the program {name} is not installed"
    if os.geteuid() != 0:
        return "network namespaces need root's rights"
    said = subprocess.run([recorder.FRAMELOG, "config", "drivers"], capture_output=True, text=True,
                          check=False).stdout
    if "aravis" not in said:
        return "framelog is built without Aravis"
    try:
        with Cable():
            return ""
    except unittest.SkipTest as reason:
        return str(reason)


def is_possible():
    return not obstacle()


def need():
    """Ends the calling test program with status 77 where there can be no camera."""
    reason = obstacle()
    if reason:
        recorder.skip_all(reason)


def run(*words, check=True):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise unittest.SkipTest(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class Cable:
    """Two ends of a network, the far one in a namespace. Names and addresses are this process's."""

    count = 0

    def __init__(self):
        Cable.count += 1
        unique = f"{os.getpid() % 100000}x{Cable.count}"
        self.namespace = f"framelog-{unique}"
        self.near, self.far = f"fln{unique}", f"flf{unique}"
        # A network of 4 addresses out of 100.64.0.0/10, which is nobody's.
        block = (os.getpid() * 16 + Cable.count % 16) % (1 << 20)
        self.network = (100 << 24 | 64 << 16) + 4 * block

    def address(self, host):
        return ".".join(str((self.network + host) >> shift & 255) for shift in (24, 16, 8, 0))

    def __enter__(self):
        try:
            run("ip", "netns", "add", self.namespace)
            run("ip", "link", "add", self.near, "mtu", "9000", "type", "veth", "peer", "name",
                self.far, "mtu", "9000", "netns", self.namespace)
            run("ip", "addr", "add", self.address(1) + "/30", "broadcast", "+", "dev", self.near)
            run("ip", "link", "set", self.near, "up")
            run("ip", "-n", self.namespace, "addr", "add", self.address(2) + "/30", "broadcast",
                "+", "dev", self.far)
            run("ip", "-n", self.namespace, "link", "set", self.far, "up")
            run("ip", "-n", self.namespace, "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        run("ip", "link", "del", self.near, check=False)
        run("ip", "netns", "del", self.namespace, check=False)

    def pull(self):
        run("ip", "-n", self.namespace, "link", "set", self.far, "down")

    def plug_in(self):
        run("ip", "-n", self.namespace, "link", "set", self.far, "up")


class Camera:
    """The camera on a cable: a process that can be killed and started again."""

    def __init__(self, cable, lose_per_thousand=0):
        self.cable = cable
        self.serial = f"FL{cable.near[3:]}"
        self.lose_per_thousand = lose_per_thousand
        self.process = None

    @property
    def name(self):
        return f"Aravis-Fake-{self.serial}"

    @property
    def address(self):
        return self.cable.address(2)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        options = ["-r", str(self.lose_per_thousand)] if self.lose_per_thousand else []
        self.process = subprocess.Popen(
            # A camera does not pause within a frame because a machine is busy.
            ["nice", "-n", "-10", "ip", "netns", "exec", self.cable.namespace,
             shutil.which(PROGRAM), "-i", self.cable.far, "-s", self.serial, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + recorder.LONG_S
        while time.monotonic() < end and not self.answers():
            if self.process.poll() is not None:
                raise unittest.SkipTest(f"{PROGRAM} does not run here")
            time.sleep(0.2)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def answers(self):
        """Whether it listens to commands, which nobody needs to ask it for."""
        listening = run("ip", "netns", "exec", self.cable.namespace, "cat", "/proc/net/udp")
        return any(line.split()[1].endswith(":0F74") for line in listening.splitlines()[1:])


@contextlib.contextmanager
def camera(lose_per_thousand=0):
    """A camera on a cable, for the length of a block."""
    with Cable() as cable, Camera(cable, lose_per_thousand) as fake:
        yield fake
