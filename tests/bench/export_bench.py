#!/usr/bin/env python3
"""How fast recordings are exported, beside a plain copy of the same bytes on the same disk.

Usage: tests/bench/export_bench.py [--gigabytes N] [--frame HxW] [--rounds N] [--formats a,b,c]
                                   [--verify] [--folder DIR]

Each round exports the input and copies it with cp, both down to the disk, in turns: a machine that
others use is not the same a minute later. Says of each format the ratio of the two rates, the
same ratio of the processor's time (which others change less), and the largest resident memory; the
page cache is the system's and not counted. Reading back (--verify) has a copy that is compared
with cmp as its peer. The input is a sparse RAW. For example:

    tests/bench/export_bench.py --gigabytes 20 --rounds 1
    tests/bench/export_bench.py --gigabytes 65.5 --frame 128x128 --formats csv --no-copy
"""

import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FRAMELOG = os.environ.get("FRAMELOG", str(ROOT / "build/release/bin/framelog"))
PIXEL_BYTES = 2


class Taken:
    """What one command took: seconds by the clock and of the processor, and MiB at most."""

    def __init__(self, seconds=0.0, processor=0.0, memory=0.0):
        self.seconds, self.processor, self.memory = seconds, processor, memory

    def __add__(self, other):
        return Taken(self.seconds + other.seconds, self.processor + other.processor,
                     max(self.memory, other.memory))


def run(words):
    start = time.monotonic()
    process = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(map(str, words))} ended with {process.returncode}:\n{said.decode()}")
    return Taken(time.monotonic() - start, usage.ru_utime + usage.ru_stime,
                 usage.ru_maxrss / 1024)


def forget(source):
    """The system's cache has the source no more: who reads first would fill it for who comes next."""
    descriptor = os.open(source, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def copy(source, folder, verify):
    target = folder / "copy"
    forget(source)
    taken = run(["cp", "--sparse=never", source, target]) + run(["sync", target])
    if verify:
        taken += run(["cmp", source, target])
    target.unlink()
    return taken


def export(source, form, folder, given):
    forget(source)
    taken = run([FRAMELOG, "export", source, "--to", form, "--output-folder", folder / "out",
                 "--output-name", "out", "--input-shape", given.frame, "--input-dtype", "uint16",
                 "--verify" if given.verify else "--no-verify"])
    for path in (folder / "out").glob("out*"):
        path.unlink()
    return taken


def measure(form, source, folder, given):
    bytes_ = source.stat().st_size
    rates, processors, most = [], [], 0.0
    for _ in range(given.rounds):
        ours = export(source, form, folder, given)
        most = max(most, ours.memory)
        line = f"  {form}: export {bytes_ / 1e6 / ours.seconds:.0f} MB/s"
        if not given.no_copy:
            plain = copy(source, folder, given.verify)
            rates.append(plain.seconds / ours.seconds)
            processors.append(plain.processor / ours.processor)
            line += f", copy {bytes_ / 1e6 / plain.seconds:.0f} MB/s; of the processor"
            line += f" {1e9 * plain.processor / bytes_:.2f} s/GB"
        line += f" (export {1e9 * ours.processor / bytes_:.2f} s/GB), load {os.getloadavg()[0]:.1f}"
        print(line, flush=True)
    text = f"{form}: {most:.0f} MiB"
    if rates:
        text += (f", {statistics.median(rates):.2f} of a copy's rate ({min(rates):.2f} to "
                 f"{max(rates):.2f}), {statistics.median(processors):.2f} by processor time")
    print(text, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--frame", default="1024x1024", help="pixels of a frame, of uint16")
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--formats", default="hdf5,raw,ome-tiff")
    parser.add_argument("--verify", action="store_true", help="read back as well")
    parser.add_argument("--no-copy", action="store_true", help="memory alone")
    given = parser.parse_args()
    height, width = map(int, given.frame.split("x"))
    frame_bytes = PIXEL_BYTES * height * width
    folder = pathlib.Path(tempfile.mkdtemp(prefix="export-bench.", dir=given.folder))
    try:
        source = folder / "source.bin"
        with open(source, "wb") as file:
            file.truncate(max(2, int(given.gigabytes * 1e9 / frame_bytes)) * frame_bytes)
        for form in given.formats.split(","):
            measure(form, source, folder, given)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
