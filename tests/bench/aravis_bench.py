#!/usr/bin/python3
"""What recording from a GigE Vision camera costs, beside Aravis' own test program.

Both receive the same stream (Mono16, 1024 x 1024, packets of 9000 bytes) of the same fake camera,
in turn, several times; the recorder records it to memory, or throws it away. Processor time of the
process per byte that came over the cable, as a ratio, median of the pairs.
Usage: aravis_bench.py [--quick]      Root's rights, aravis-tools and iproute2 are needed.
Exit status: 0 the bound is met, 1 it is missed, 2 it could not be measured, 77 there is no camera.
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
LEAST_BYTES = 20 << 20
MEMORY = pathlib.Path("/dev/shm")
CASES = {"recorded": "[product.frames]\nformat = raw", "not recorded": "[product.frames]\nformat = none"}


def processor_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
    """In the steady state: how a program starts and ends is another matter."""
    until_streaming(process, cable)
    bytes_before, processor_before = received_bytes(cable), processor_s(process.pid)
    time.sleep(seconds)
    processor, moved = processor_s(process.pid), received_bytes(cable)
    return (processor - processor_before) / ((moved - bytes_before) / 1e9)


def peer(camera, seconds):
    words = [shutil.which(PEER), "-n", camera.name, "-w", str(SIDE_PX), "-h", str(SIDE_PX), "-f",
             str(RATE_HZ), "-i", str(PACKET_BYTES), "-j", "never", "-a", "--features",
             "PixelFormat=Mono16"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            return seconds_per_gigabyte(process, camera.cable, seconds)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def ours(camera, product, seconds):
    case = recorder.Case()
    case.setUp()
    try:
        config = case.configure(
            f"[source]\ndriver = aravis\ncamera = {camera.name}\npixel_format = Mono16\n"
            f"region = y=0:{SIDE_PX}, x=0:{SIDE_PX}\nrate = {RATE_HZ} Hz\n"
            f"packet_size = {PACKET_BYTES}\n{product}\n")
        process = case.start(config)
        taken = seconds_per_gigabyte(process, camera.cable, seconds)
        process.send_signal(signal.SIGTERM)
        counts = next(iter(recorder.accounting_lines(case.wait(process)).values()))
        return taken, counts["lost at source"]
    finally:
        case.doCleanups()


def main():
    quick = "--quick" in sys.argv[1:]
    pairs, seconds = (2, 3) if quick else (5, 10)
    free = os.statvfs(MEMORY)
    if free.f_bavail * free.f_frsize < 2 * seconds * 120e6:
        raise OSError(f"{MEMORY} is too small")
    missed = False
    with gige_camera.camera() as camera:
        for name, product in CASES.items():
            ratios, lost, costs = [], 0, []
            for _ in range(pairs):
                theirs = peer(camera, seconds)
                taken, lost_now = ours(camera, product, seconds)
                ratios.append(taken / theirs)
                costs.append((taken, theirs))
                lost += lost_now
            ratio = statistics.median(ratios)
            is_met = ratio <= 1.15
            missed |= not is_met
            print(f"    {name}: {statistics.median(c[0] for c in costs):.3g} s/GB, {PEER} "
                  f"{statistics.median(c[1] for c in costs):.3g} s/GB; ratios "
                  f"{min(ratios):.2f} to {max(ratios):.2f}; lost at source {lost}")
            print(f"{f'processor time, {name}, of {PEER}':<56} {ratio:9.4g} {'':<9} "
                  f"{'<= 1.15':<9} {'ok' if is_met else 'MISSED'}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    os.environ["TMPDIR"] = str(MEMORY)
    gige_camera.need()
    recorder.need_programs(PEER)
    try:
        sys.exit(main())
    except (AssertionError, OSError) as error:
        print(f"aravis_bench: {error}", file=sys.stderr)
        sys.exit(2)
