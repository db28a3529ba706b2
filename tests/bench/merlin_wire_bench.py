#!/usr/bin/python3
"""Records 128 x 128 uint16 from a Merlin that is simulated, over loopback to the disk: what the sender can deliver
of 18 000 frames a second, and whether a frame of it is lost.

Usage: tests/bench/merlin_wire_bench.py [--seconds 20] [--rate 18000]
The programs are those of build/release, or FRAMELOGD and FRAMELOG name them.
"""

import argparse
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/system"), str(ROOT / "tests/fakes")]
import merlin_simulator  # pylint: disable=import-error,wrong-import-position
import recorder  # pylint: disable=import-error,wrong-import-position

SIDE = 128
BATCH = 180  # Frames sent in one call: a hundredth of a second.


class Wire(recorder.Case):
    rate, seconds = 18000, 20

    def test_wire(self):
        total = self.rate * self.seconds // BATCH * BATCH
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
        # The same pixels in each: what the sender does between two calls is to number the headers.
        batch = bytearray(b"".join(merlin.message(merlin_simulator.frame_header(i, SIDE, SIDE) + image)
                                   for i in range(BATCH)))
        stride = len(batch) // BATCH
        merlin.wait_connected()
        merlin.send_message(merlin_simulator.acquisition_header(total))
        begin, late = time.monotonic(), 0
        for first in range(0, total, BATCH):
            for index in range(BATCH):
                at = index * stride + merlin_simulator.PREFIX_BYTES + 4
                batch[at:at + 6] = b"%06d" % (first + index + 1)
            due = begin + first / self.rate
            late += time.monotonic() > due + 0.01
            time.sleep(max(0, due - time.monotonic()))
            merlin.send(batch)
        seconds = time.monotonic() - begin
        messages = self.wait(process)
        counts = next(iter(recorder.accounting_lines(messages).values()))
        recorded = counts["recorded"]
        print(f"{total} frames of {SIDE} x {SIDE} uint16 sent in {seconds:.1f} s: {total / seconds:.0f}/s of "
              f"{self.rate}/s ({late} of {total // BATCH} batches late); recorded {recorded}, "
              f"lost at source {counts['lost at source']}, the rest: {counts}")
        self.assertEqual(recorded, total)
        self.verify()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=Wire.seconds)
    parser.add_argument("--rate", type=int, default=Wire.rate)
    options = parser.parse_args()
    Wire.seconds, Wire.rate = options.seconds, options.rate
    sys.argv[1:] = []
    recorder.main()


if __name__ == "__main__":
    main()
