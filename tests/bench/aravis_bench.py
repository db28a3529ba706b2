#!/usr/bin/python3
"""What taking frames from a GigE Vision camera costs, beside Aravis' own test program.

Both receive the same frames (Mono16, 1024 x 1024) of a fake camera, in turn, several times, each time one that was
just switched on, with packets of 9000 bytes. Processor time of the whole process (user and system, by the scheduler's
own account) per byte that came over the cable, as a ratio, median of the pairs:
- taking the frames into the ring and counting them, all that arv-camera-test does, with a bound of 1.15;
- recording them to the disk of TMPDIR, with statistics and checksums, which it does not do: what each thread adds.
Usage: aravis_bench.py [--quick]      Root's rights, aravis-tools and iproute2 are needed.
Exit status: 0 the bound is met, 1 it is missed, 2 it could not be measured, 77 no camera here.
"""

import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "system"))

import gige_camera  # noqa: E402  pylint: disable=wrong-import-position
import recorder  # noqa: E402  pylint: disable=wrong-import-position

SIDE_PX = 1024
RATE_HZ = 100  # More than it can.
PACKET_BYTES = 9000
PEER = "arv-camera-test-0.8"
LEAST_BYTES = 300 << 20  # The ring has gone round once: its pages are there.
BOUND = 1.15
COUNTED = "[product.counted]\nformat = none\nkeep_every = 1000000\n"


def processor_s(pid):
    """Of each thread, by its name."""
    times = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        ran_ns = int((task / "schedstat").read_text().split()[0])
        times[name] = times.get(name, 0) + ran_ns / 1e9
    return times


def received_bytes(cable):
    return int(pathlib.Path(f"/sys/class/net/{cable.near}/statistics/rx_bytes").read_text())


def until_streaming(process, cable):
    begin = received_bytes(cable)
    end = time.monotonic() + recorder.LONG_S
    while received_bytes(cable) < begin + LEAST_BYTES:
        if process.poll() is not None or time.monotonic() > end:
            raise OSError(f"{process.args[0]} receives nothing")
        time.sleep(0.05)


def seconds_per_gigabyte(process, cable, seconds):
    """Of each thread in the steady state: how a program starts and ends is another matter."""
    until_streaming(process, cable)
    bytes_before, before = received_bytes(cable), processor_s(process.pid)
    time.sleep(seconds)
    after, moved = processor_s(process.pid), received_bytes(cable)
    return {name: (ran - before.get(name, 0)) / ((moved - bytes_before) / 1e9) for name, ran in after.items()}


def peer(camera, seconds):
    words = [shutil.which(PEER), "-n", camera.name, "-w", str(SIDE_PX), "-h", str(SIDE_PX), "-f",
             str(RATE_HZ), "--features", "PixelFormat=Mono16", "-j", "never", "-i", str(PACKET_BYTES)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            return seconds_per_gigabyte(process, camera.cable, seconds)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def ours(camera, seconds, product):
    """(processor seconds per gigabyte of each thread, frames lost at the source)"""
    case = recorder.Case()
    case.setUp()
    try:
        config = case.configure(
            f"[source]\ndriver = aravis\ncamera = {camera.name}\npixel_format = Mono16\n"
            f"region = y=0:{SIDE_PX}, x=0:{SIDE_PX}\nrate = {RATE_HZ} Hz\n"
            f"packet_size = {PACKET_BYTES}\n{product}")
        process = case.start(config)
        taken = seconds_per_gigabyte(process, camera.cable, seconds)
        process.send_signal(signal.SIGTERM)
        counts = next(iter(recorder.accounting_lines(case.wait(process)).values()))
        return taken, counts["lost at source"]
    finally:
        case.doCleanups()


def compare(name, product, pairs, seconds):
    """The ratio."""
    costs, lost = [], 0
    for _ in range(pairs):
        with gige_camera.camera() as camera:
            theirs = peer(camera, seconds)
        with gige_camera.camera() as camera:
            taken, lost_now = ours(camera, seconds, product)
        costs.append((taken, theirs))
        lost += lost_now
    ratios = [sum(taken.values()) / sum(theirs.values()) for taken, theirs in costs]
    shares = {thread: statistics.median(taken.get(thread, 0) / sum(theirs.values()) for taken, theirs in costs)
              for thread in sorted(set().union(*(taken for taken, _ in costs)))}
    print(f"    {PEER} {statistics.median(sum(theirs.values()) for _, theirs in costs):.3g} s/GB; ratios "
          f"{', '.join(f'{ratio:.2f}' for ratio in ratios)}; lost at source {lost}; of it: "
          + ", ".join(f"{thread} {share:.2f}" for thread, share in shares.items() if share >= 0.005))
    ratio = statistics.median(ratios)
    print(f"{f'processor time, {name}':<56} {ratio:9.4g}", end="", flush=True)
    return ratio


def main():
    pairs, seconds = (2, 3) if "--quick" in sys.argv[1:] else (5, 10)
    met = compare("taking frames and counting them", COUNTED, pairs, seconds) <= BOUND
    print(f" {'':<9} {f'<= {BOUND}':<9} {'ok' if met else 'MISSED'}")
    compare("recording them as well", "", pairs, seconds)
    print()
    return 0 if met else 1


if __name__ == "__main__":
    gige_camera.need()
    recorder.need_programs(PEER)
    try:
        sys.exit(main())
    except (AssertionError, OSError) as error:
        print(f"aravis_bench: {error}", file=sys.stderr)
        sys.exit(2)
