#!/usr/bin/python3
"""What recording from a GigE Vision camera costs, beside Aravis' own test program.

Both receive the same frames (Mono16, 1024 x 1024) of a fake camera, in turn, several times, each
time one that was just switched on. Processor time per byte that came over the cable, as a ratio,
median of the pairs: of the threads that receive, with packets of the same size; and of the whole
process, which records to the disk of TMPDIR, each program with packets of its own choice.
Usage: aravis_bench.py [--quick]      Root's rights, aravis-tools and iproute2 are needed.
Exit status: 0 all bounds are met, 1 one is missed, 2 it could not be measured, 77 no camera here.
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
RECEIVING = {"arv_gv_stream", "capture"}


def processor_s(pid, threads=None):
    """Of the whole process, or of the threads with these names."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if threads is None or (task / "comm").read_text().strip() in threads:
            fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def received_bytes(cable):
    return int(pathlib.Path(f"/sys/class/net/{cable.near}/statistics/rx_bytes").read_text())


def until_streaming(process, cable):
    begin = received_bytes(cable)
    end = time.monotonic() + recorder.LONG_S
    while received_bytes(cable) < begin + LEAST_BYTES:
        if process.poll() is not None or time.monotonic() > end:
            raise OSError(f"{process.args[0]} receives nothing")
        time.sleep(0.05)


def seconds_per_gigabyte(process, cable, seconds, threads=None):
    """In the steady state: how a program starts and ends is another matter."""
    until_streaming(process, cable)
    bytes_before, processor_before = received_bytes(cable), processor_s(process.pid, threads)
    time.sleep(seconds)
    processor, moved = processor_s(process.pid, threads), received_bytes(cable)
    return (processor - processor_before) / ((moved - bytes_before) / 1e9)


def peer(camera, seconds, packet_bytes):
    words = [shutil.which(PEER), "-n", camera.name, "-w", str(SIDE_PX), "-h", str(SIDE_PX), "-f",
             str(RATE_HZ), "--features", "PixelFormat=Mono16"]
    if packet_bytes:
        words += ["-j", "never", "-i", str(packet_bytes)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            return seconds_per_gigabyte(process, camera.cable, seconds)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def ours(camera, seconds, packet_bytes, threads):
    """(processor seconds per gigabyte, frames lost at the source)"""
    case = recorder.Case()
    case.setUp()
    try:
        config = case.configure(
            f"[source]\ndriver = aravis\ncamera = {camera.name}\npixel_format = Mono16\n"
            f"region = y=0:{SIDE_PX}, x=0:{SIDE_PX}\nrate = {RATE_HZ} Hz\n"
            f"packet_size = {packet_bytes or 'auto'}\n")
        process = case.start(config)
        taken = seconds_per_gigabyte(process, camera.cable, seconds, threads)
        process.send_signal(signal.SIGTERM)
        counts = next(iter(recorder.accounting_lines(case.wait(process)).values()))
        return taken, counts["lost at source"]
    finally:
        case.doCleanups()


def compare(name, pairs, seconds, packet_bytes, threads):
    """True when the bound is met."""
    costs, lost = [], 0
    for _ in range(pairs):
        with gige_camera.camera() as camera:
            theirs = peer(camera, seconds, packet_bytes)
        with gige_camera.camera() as camera:
            taken, lost_now = ours(camera, seconds, packet_bytes, threads)
        costs.append((taken, theirs))
        lost += lost_now
    ratios = [taken / theirs for taken, theirs in costs]
    ratio = statistics.median(ratios)
    print(f"    {statistics.median(cost[0] for cost in costs):.3g} s/GB, {PEER} "
          f"{statistics.median(cost[1] for cost in costs):.3g} s/GB, ratios {min(ratios):.2f} to "
          f"{max(ratios):.2f}; lost at source {lost}")
    print(f"{f'processor time, {name}':<56} {ratio:9.4g} {'':<9} {f'<= {BOUND}':<9} "
          f"{'ok' if ratio <= BOUND else 'MISSED'}", flush=True)
    return ratio <= BOUND


def main():
    pairs, seconds = (2, 3) if "--quick" in sys.argv[1:] else (5, 10)
    met = [compare("receiving, packets of the same size", pairs, seconds, PACKET_BYTES, RECEIVING),
           compare("recording, packets of one's choice", pairs, seconds, None, None)]
    return 0 if all(met) else 1


if __name__ == "__main__":
    gige_camera.need()
    recorder.need_programs(PEER)
    try:
        sys.exit(main())
    except (AssertionError, OSError) as error:
        print(f"aravis_bench: {error}", file=sys.stderr)
        sys.exit(2)
