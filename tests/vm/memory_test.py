"""A recorder under systemd whose memory is limited, beside programs that want more and more of it.

The limit is the kernel's, and its killer chooses whom it wants: the recorder goes on, or its next
process takes the ring over. In both cases every frame is accounted for.
"""

import os
import pathlib
import subprocess
import textwrap

import recorder
from recorder import numpy

LIMIT_MIB = 160
LONG_S = 600  # Emulated, on a busy machine.
UNIT = "recorder.service"
SLICE = "tight.slice"

# Each process takes 2 MiB at a time and keeps it, and has children that do the same.
BOMB = """
import os, time
children = 0
kept = []
while True:
    kept.append(bytearray(os.urandom(1 << 16)) * 32)
    if children < 2 and len(kept) >= 4:
        children += 1
        try:
            if os.fork() == 0:
                kept, children = [], 0
        except OSError:
            pass
    time.sleep(0.01)
"""


def systemctl(*arguments, check=True):
    return subprocess.run(["systemctl", *arguments], check=check, capture_output=True,
                          text=True).stdout.strip()


def show(what, unit=UNIT):
    return systemctl("show", "-P", what, unit)


class MemoryPressure(recorder.Case):
    def setUp(self):
        super().setUp()
        self.addCleanup(systemctl, "stop", UNIT, "bomb.service", SLICE, check=False)

    def until(self, condition, what, timeout=LONG_S):
        return super().until(condition, what, timeout)

    def start_recorder(self, slice_limit="infinity", unit_limit="infinity"):
        """With the unit's properties that matter here, from the programs under test."""
        socket = self.directory / "control"
        config = self.simulate(
            width=64, height=32, rate="200 Hz", files="sync_interval = 100 ms",
            extra=f"[ring]\nmemory = 32 MiB\n[roll]\nmax_frames = 400\n[retention]\nmin_free = 0 B\n"
                  f"[control]\nsocket = {socket}\n")
        systemctl("set-property", "--runtime", SLICE, f"MemoryMax={slice_limit}", "MemorySwapMax=0")
        pathlib.Path("/run/systemd/system", UNIT).write_text(textwrap.dedent(f"""\
            [Unit]
            StartLimitIntervalSec=0
            [Service]
            Type=notify
            ExecStart={recorder.FRAMELOGD} --config {config}
            Restart=always
            RestartSec=100ms
            FileDescriptorStoreMax=4
            KillMode=mixed
            TimeoutStartSec=600
            TimeoutStopSec=600
            Slice={SLICE}
            MemoryMax={unit_limit}
            """))
        systemctl("daemon-reload")
        systemctl("start", UNIT)
        self.until(lambda: self.received() > 100, "frames")

    def received(self):
        return sum(captured for captured, _ in map(recorder.cursors, self.ring_files()))

    def ring_files(self):
        """The ring is a nameless file in memory, which the recorder's process has open."""
        found = []
        for link in pathlib.Path(f"/proc/{show('MainPID')}/fd").glob("*"):
            try:
                if "memfd:framelog-ring" in os.readlink(link):
                    found.append(link)
            except OSError:
                continue
        return found[:1]

    def group(self, unit):
        return pathlib.Path("/sys/fs/cgroup" + show("ControlGroup", unit))

    def kills_in(self, unit):
        """How often the kernel has killed for want of memory there."""
        events = dict(line.split() for line in
                      (self.group(unit) / "memory.events").read_text().splitlines())
        return int(events["oom_kill"])

    def goes_on(self):
        """It records: now, and frames that were not there before."""
        first = self.until(lambda: show("ActiveState") == "active" and self.received(), "recording")
        self.until(lambda: self.received() > first + 100, "further frames")

    def stop_and_account(self):
        restarts = show("NRestarts")
        systemctl("stop", UNIT)
        self.assertEqual(show("Result"), "success")
        self.assertEqual(recorder.leftovers(self.base), [])
        self.verify()
        segments = recorder.finished(self.base)
        for segment in segments:
            self.check_ramp(segment)
        records = numpy.concatenate([segment.records for segment in segments])
        self.assertEqual(len({s.provenance["run"]["uuid"] for s in segments}), 1)
        numpy.testing.assert_array_equal(records["sequence"], numpy.arange(len(records)))
        received = sum(segment.accounting["received"] for segment in segments)
        dropped = sum(count for segment in segments for name, count in segment.accounting.items()
                      if name.startswith("dropped_"))
        self.assertEqual(received, len(records) + dropped)
        # Between two frames whose numbers of the instrument jump, there is a gap that says why.
        jumps = numpy.flatnonzero(numpy.diff(records["source_sequence"].astype("int64")) != 1)
        told = {after for segment in segments for after, *_ in segment.gaps}
        self.assertEqual(told, set(records["sequence"][jumps].tolist()))
        print(f"{len(records)} frames in {len(segments)} files, {dropped} dropped, "
              f"{len(jumps)} gaps, {restarts} restarts", flush=True)

    def test_a_fork_bomb_beside_it(self):
        self.start_recorder(slice_limit=f"{LIMIT_MIB}M")
        subprocess.run(["systemd-run", "--unit=bomb.service", "-p", f"Slice={SLICE}", "-p",
                        "TasksMax=40", "-p", "OOMPolicy=continue", "-p", "Restart=always", "-p",
                        "RestartSec=100ms", "-p", "StartLimitIntervalSec=0", "-p",
                        "KillSignal=SIGKILL", "/usr/bin/python3",
                        "-c", BOMB], check=True, capture_output=True)
        self.until(lambda: self.kills_in(SLICE) >= 3, "the kernel's killer")
        peak = int((self.group(SLICE) / "memory.peak").read_text())
        self.assertLessEqual(peak, LIMIT_MIB << 20)
        print(f"{self.kills_in(SLICE)} processes killed, at most {peak >> 20} MiB used", flush=True)
        systemctl("stop", "bomb.service", check=False)
        self.goes_on()
        self.stop_and_account()

    def test_one_in_its_own_limit(self):
        """As a program for alerts would be that leaks: all of the unit ends, and is started again."""
        self.start_recorder(unit_limit=f"{LIMIT_MIB}M")
        before = show("NRestarts")
        group = self.group(UNIT)
        hog = subprocess.Popen(["/bin/sh", "-c",
                                f'echo $$ >{group}/cgroup.procs; exec /usr/bin/python3 -c "$0"', BOMB])
        try:
            self.until(lambda: show("NRestarts") != before, "a restart")
            self.goes_on()
        finally:
            hog.kill()
            hog.wait()
        told = subprocess.run(["journalctl", "-u", UNIT, "--no-pager", "-o", "cat"], check=True,
                              capture_output=True, text=True).stdout
        self.assertIn("oom", told.lower())
        self.stop_and_account()


if __name__ == "__main__":
    if not os.path.exists("/run/framelog-vm/script"):
        recorder.skip_all("limits of memory are enforced in a machine of its own: toolchain/vm test memory")
    recorder.main()
