#!/usr/bin/env python3
"""How fast recordings are exported, beside a plain copy of the same bytes on the same disk.

Usage: tests/bench/export_bench.py [--gigabytes N] [--folder DIR] [--rounds N] [--formats a,b,c]

Each round copies the input with cp and syncs the copy, and then exports it; the ratio is that of
the two rates in one round, because a machine that others use is not the same a minute later. Says
the largest resident memory as well. The input is a sparse RAW, as a foreign one is read.
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
SIDE = 1024
FRAME_BYTES = 2 * SIDE * SIDE
EXTENSIONS = {"hdf5": ".h5", "raw": ".raw", "ome-tiff": ".ome.tif", "npy": ".npy", "npz": ".npz"}


def run(words):
    """Seconds, and MiB of resident memory at most."""
    start = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(map(str, words))} ended with {status}")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def copy(source, target):
    start = time.monotonic()
    subprocess.run(["cp", "--sparse=never", source, target], check=True)
    with open(target, "rb") as file:
        os.fsync(file.fileno())
    taken = time.monotonic() - start
    target.unlink()
    return taken


def export(source, form, folder, options):
    taken, memory = run([FRAMELOG, "export", source, "--to", form, "--output-folder", folder,
                         "--output-name", "out", "--input-shape", f"{SIDE}x{SIDE}",
                         "--input-dtype", "uint16", *options])
    for path in folder.glob("out*"):
        path.unlink()
    return taken, memory


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", default="hdf5,raw,ome-tiff")
    parser.add_argument("--verify", action="store_true", help="read back as well")
    given = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="export-bench.", dir=given.folder))
    try:
        source = folder / "source.bin"
        frames = max(2, int(given.gigabytes * 1e9 / FRAME_BYTES))
        with open(source, "wb") as file:
            file.truncate(frames * FRAME_BYTES)
        out = folder / "out"
        out.mkdir()
        options = () if given.verify else ("--no-verify",)
        for form in given.formats.split(","):
            ratios, most = [], 0.0
            for _ in range(given.rounds):
                plain = copy(source, folder / "copy")
                taken, memory = export(source, form, out, options)
                ratios.append(plain / taken)
                most = max(most, memory)
                rate = frames * FRAME_BYTES / 1e6
                print(f"  {form}: copy {rate / plain:.0f} MB/s, export {rate / taken:.0f} MB/s",
                      flush=True)
            print(f"{form}: {statistics.median(ratios):.2f} of a copy's rate "
                  f"({min(ratios):.2f} to {max(ratios):.2f}), {most:.0f} MiB")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
