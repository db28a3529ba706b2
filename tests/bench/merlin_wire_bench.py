#!/usr/bin/python3
"""Records 128 x 128 uint16 from a Merlin that is simulated, over loopback to the disk of TMPDIR: what the sender
can deliver of 18 000 frames a second, and whether a frame of it is lost.

Usage: tests/bench/merlin_wire_bench.py [--seconds 20] [--rate 18000]     --rate 0: as fast as it goes
The programs are those of build/release, or FRAMELOGD and FRAMELOG name them. Exit status: 0 all that was sent is
recorded, at no less than 0.99 of the rate; 1 a frame is missing; 2 the sender was slower.
"""

import argparse
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/system"), str(ROOT / "tests/fakes")]
for variable, program in (("FRAMELOGD", "framelogd"), ("FRAMELOG", "framelog")):
    os.environ.setdefault(variable, str(ROOT / "build/release/bin" / program))
import merlin_simulator  # pylint: disable=import-error,wrong-import-position
import recorder  # pylint: disable=import-error,wrong-import-position

SIDE = 128
BATCH = 180  # Frames sent in one call: a hundredth of a second.
LATE_S = 0.01
LEAST_RATIO = 0.99


class Wire(recorder.Case):
    def measure(self, rate, seconds):
        """(share of the rate that was sent, frames missing)"""
        total = (rate or 18000) * seconds // BATCH * BATCH
        image = recorder.numpy.arange(SIDE * SIDE, dtype=">u2").tobytes()
        merlin = merlin_simulator.Merlin()
        self.addCleanup(merlin.close)
        process = self.start(self.configure(f"""
            [source]
            driver = merlin
            port = {merlin.port}
            control_port = off
            shape = {SIDE} x {SIDE}
            pixel_type = uint16"""), "--frames", str(total))
        burst = merlin_simulator.Burst(merlin, image, SIDE, SIDE, BATCH)
        merlin.wait_connected()
        merlin.send_message(merlin_simulator.acquisition_header(total))
        begin, late = time.monotonic(), 0
        for first in range(0, total, BATCH):
            due = begin + first / rate if rate else 0
            late += rate > 0 and time.monotonic() > due + LATE_S
            time.sleep(max(0, due - time.monotonic()))
            burst.send()
        taken = time.monotonic() - begin
        counts = next(iter(recorder.accounting_lines(self.wait(process)).values()))
        missing = total - counts["recorded"]
        self.verify()
        print(f"{total} frames of {SIDE} x {SIDE} uint16 in {taken:.1f} s: {total / taken:.0f}/s, "
              f"{late} of {total // BATCH} batches late; missing {missing}: {counts}")
        share = total / taken / (rate or total / taken)
        print(f"{'rate sent, of the rate asked for':<56} {share:9.4g}")
        print(f"{'frames recorded, of those sent':<56} {counts['recorded'] / total:9.4g}")
        return share, missing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rate", type=int, default=18000)
    options = parser.parse_args()
    wire = Wire()
    wire.setUp()
    try:
        share, missing = wire.measure(options.rate, options.seconds)
    finally:
        wire.doCleanups()
    if missing:
        return 1
    return 0 if share >= LEAST_RATIO else 2


if __name__ == "__main__":
    sys.exit(main())
