"""Kills a recorder under systemd at random instants and accounts for every frame afterwards.

FRAMELOG_KILLS: how many kills (10). FRAMELOG_SEED: repeats a campaign.
"""

import collections
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
import recorder  # noqa: E402
from recorder import numpy  # noqa: E402

KILLS = int(os.environ.get("FRAMELOG_KILLS", "10"))
SEED = int(os.environ.get("FRAMELOG_SEED", str(random.randrange(1, 32768))))


def holes(numbers):
    """(number before, how many are missing) for each jump in an ascending list that begins at 0."""
    before = -1
    for number in numbers:
        if number != before + 1:
            yield before, number - before - 1
        before = number


class Kills(unittest.TestCase):
    def check_pixels(self, segment):
        frames = recorder.ramp(segment.records["source_sequence"], 32, 64)
        wrong = (segment.pixels != frames).any(axis=(1, 2))
        self.assertFalse(wrong.any(), f"{segment.path}: {numpy.flatnonzero(wrong)[:10]}")

    def account(self, product, segments):
        """Every number of every run: in the files once, or in a gap that says why."""
        runs = collections.defaultdict(list)
        for segment in segments:
            runs[segment.provenance["run"]["uuid"]].append(segment)
        recorded = missing = 0
        for run, parts in runs.items():
            numbers = [n for part in parts for n in part.records["sequence"].tolist()]
            self.assertEqual(len(set(numbers)), len(numbers), f"{product} {run}: written twice")
            self.assertEqual(numbers, sorted(numbers), f"{product} {run}: not in order")
            told = collections.Counter()
            for part in parts:
                for after, frames, stage, reason in part.gaps:
                    self.assertTrue(reason, f"{part.path}: a gap without its reason")
                    # What nobody received cannot be counted; what the ring held can.
                    self.assertFalse(frames < 0 and stage != "source",
                                     f"{part.path}: {reason}: how many is not known")
                    if stage == "write":
                        told[after] += frames
            for before, frames in holes(numbers):
                self.assertEqual(told.pop(before, 0), frames,
                                 f"{product} {run}: {frames} frames behind {before}")
                missing += frames
            recorded += len(numbers)
        reasons = collections.Counter(reason for part in segments for *_, reason in part.gaps)
        print(f"{product}: {recorded} frames recorded in {len(runs)} runs and {len(segments)} "
              f"files, {missing} lost with a reason; gaps: {dict(reasons)}")
        return recorded

    def test_every_frame_is_accounted_for(self):
        print(f"{KILLS} kills, FRAMELOG_SEED={SEED}", flush=True)
        with tempfile.TemporaryDirectory(dir=HERE.parents[1] / "build") as directory:
            os.chmod(directory, 0o755)  # The recorder is not root.
            done = subprocess.run([HERE / "run", "kills.sh", directory, f"KILLS={KILLS}",
                                   f"SEED={SEED}"], check=False, timeout=120 + 20 * KILLS)
            if done.returncode == 77:
                recorder.skip_all("no containers here")
            self.assertEqual(done.returncode, 0)
            base = pathlib.Path(directory) / "base"
            self.assertEqual(recorder.leftovers(base), [])
            counts = {}
            for product, suffix in (("whole", ".h5"), ("raw", ".raw")):
                segments = recorder.finished(base, suffix, product)
                for segment in segments:
                    self.check_pixels(segment)
                counts[product] = self.account(product, segments)
            # At 2000 frames a second and some tenths of a second for each of them.
            self.assertGreater(min(counts.values()), 100 * KILLS)


if __name__ == "__main__":
    recorder.main()
