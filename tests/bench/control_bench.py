#!/usr/bin/python3
"""What 32 clients of the control socket, one of them malicious, cost a recording of 1 GB/s.

Frames of 2 MiB come 500 times a second, first to nobody but the recorder, then to the recorder
while 10 000 requests a second are asked for. The recordings go to /dev/shm.
Usage: control_bench.py [--quick]
Exit status: 0 all bounds are met, 1 one is missed, 2 it could not be measured.
"""

import os
import pathlib
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "system"))

import control_load  # noqa: E402  pylint: disable=wrong-import-position
import recorder  # noqa: E402  pylint: disable=wrong-import-position

RATE_HZ = 500
SIDE_PX = 1024
BYTES_PER_S = RATE_HZ * SIDE_PX * SIDE_PX * 2
REQUESTS_HZ = 10_000
NO_LOSS = 1e-3
MEMORY = pathlib.Path("/dev/shm")

# Recorded as long as there is memory for it, and without end where only a corner is recorded.
CASES = {
    "all recorded": ("[product.frames]\nformat = raw", 3),
    "a corner recorded": ("[product.whole]\nformat = none\n[product.corner]\n"
                          "roi = y=0:128, x=0:128", 15),
}


class Report:
    """As the other benchmarks print theirs (report.hpp)."""

    def __init__(self):
        self.missed = False

    def at_most(self, name, measured, bound, unit=""):
        is_met = measured <= bound
        self.missed |= not is_met
        print(f"{name:<56} {measured:9.4g} {unit:<9} {f'<= {bound:.4g}':<9} "
              f"{'ok' if is_met else 'MISSED'}", flush=True)

    @staticmethod
    def note(text):
        print(f"    {text}", flush=True)


class Recording(recorder.Case):
    """One daemon, from its start until everything is accounted for."""

    def begin(self, products):
        self.setUp()
        self.socket = self.directory / "control"
        config = self.simulate(
            f"[control]\nsocket = {self.socket}\n[ring]\noverflow = drop\n{products}",
            width=SIDE_PX, height=SIDE_PX, rate=f"{RATE_HZ} Hz")
        self.process = self.start(config)
        self.until(self.socket.exists, "the socket")
        self.until(self.has_gone_round, "a ring that was full once")

    def has_gone_round(self):
        with control_load.connected(self.socket) as client:
            ring, received = client.ring_and_received()
        return ring is not None and received > ring["slots"]

    def end(self):
        """The share of the frames that were lost, here or by the late simulator."""
        self.process.send_signal(signal.SIGTERM)
        messages = self.wait(self.process)
        counts = next(iter(recorder.accounting_lines(messages).values()))
        here = counts["received"] - counts.get("recorded", 0) - counts.get("not recorded", 0)
        at_source = counts["lost at source"]
        return (here + at_source) / (counts["received"] + at_source)


def alone(products, seconds):
    recording = Recording()
    try:
        recording.begin(products)
        time.sleep(seconds)
        return recording.end()
    finally:
        recording.doCleanups()


def under_load(products, seconds):
    """(share lost, memory that the daemon has grown by, the clients)"""
    recording = Recording()
    try:
        recording.begin(products)
        pid = recording.process.pid
        before = control_load.memory_beside_ring_bytes(pid)
        good = control_load.GoodClients(recording.socket, REQUESTS_HZ)
        malicious = control_load.MaliciousClient(recording.socket)
        malicious.start()
        end = time.monotonic() + seconds
        try:
            good.run(lambda: time.monotonic() > end)
        finally:
            malicious.stop()
            good.close()
        grown = control_load.memory_beside_ring_bytes(pid) - before
        return recording.end(), grown, good
    finally:
        recording.doCleanups()


def run(name, products, seconds, report):
    lost_alone = alone(products, seconds)
    lost, grown, good = under_load(products, seconds)
    times_ms = sorted(1000 * took_s for took_s in good.times_s)
    report.note(f"{name}, {BYTES_PER_S / 1e9:.2f} GB/s for {seconds} s: lost {100 * lost_alone:.3g} % "
                f"without clients, {100 * lost:.3g} % with them")
    report.note(f"answered {good.answered / seconds:.0f} of {REQUESTS_HZ} requests/s, "
                f"median {times_ms[len(times_ms) // 2]:.2g} ms, "
                f"99 % {times_ms[len(times_ms) * 99 // 100]:.2g} ms, worst {times_ms[-1]:.2g} ms")
    report.at_most(f"requests without an answer, {name}", good.asked - good.answered, 0)
    report.at_most(f"memory that clients leave behind, {name}", grown / 2**20, 2, "MiB")
    if lost_alone > NO_LOSS:
        report.note("this machine loses frames by itself: what clients cost it says nothing")
    else:
        report.at_most(f"frames lost because of clients, {name}", 100 * lost, 1, "%")


def main():
    quick = "--quick" in sys.argv[1:]
    report = Report()
    for name, (products, seconds) in CASES.items():
        needed = 2 * BYTES_PER_S * seconds if name == "all recorded" else 0
        free = os.statvfs(MEMORY)
        if free.f_bavail * free.f_frsize < needed:
            report.note(f"{name}: left out, {MEMORY} has no {needed / 1e9:.0f} GB")
            continue
        run(name, products, 2 if quick else seconds, report)
    return 1 if report.missed else 0


if __name__ == "__main__":
    os.environ["TMPDIR"] = str(MEMORY)
    try:
        sys.exit(main())
    except (AssertionError, OSError) as error:
        print(f"control_bench: {error}", file=sys.stderr)
        sys.exit(2)
