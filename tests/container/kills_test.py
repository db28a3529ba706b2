"""Kills a recorder under systemd at random instants and accounts for every frame afterwards.

FRAMELOG_KILLS: how many kills (10). FRAMELOG_SEED: repeats a campaign.
"""

import collections
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
import recorder  # noqa: E402
from recorder import numpy  # noqa: E402

KILLS = int(os.environ.get("FRAMELOG_KILLS", "10"))
DROP_REASONS = ("ring-full", "segment-not-ready", "disk-full", "no-disk", "write-error",
                "incomplete", "reload", "crash", "no-process")
SEED = int(os.environ.get("FRAMELOG_SEED", str(random.randrange(1, 32768))))


class Kills(unittest.TestCase):
    def check_pixels(self, segment):
        frames = recorder.ramp(segment.records["source_sequence"], 32, 64)
        wrong = (segment.pixels != frames).any(axis=(1, 2))
        self.assertFalse(wrong.any(), f"{segment.path}: {numpy.flatnonzero(wrong)[:10]}")

    def check_gaps(self, product, segments, records):
        """A gap wherever the instrument's numbers jump, and nowhere else; frames by reason."""
        told = collections.defaultdict(list)
        for segment in segments:
            for after, frames, stage, reason in segment.gaps:
                told[after].append((frames, reason))
                # On a busy machine the simulator loses frames, as a camera does.
                self.assertEqual(stage, "source" if reason == "sequence-gap" else "capture")
                # The simulator begins at 0 again: what nobody received cannot be counted.
                self.assertEqual(frames < 0, reason == "no-process", f"{segment.path}: {reason}")
        source = records["source_sequence"].astype("int64")
        jumps = numpy.flatnonzero(numpy.diff(source) != 1)
        self.assertEqual(sorted(told), records["sequence"][jumps].tolist(), product)
        dropped = collections.Counter()
        for at in jumps:
            gaps = told[int(records["sequence"][at])]
            if source[at + 1] > source[at]:
                self.assertEqual(sum(frames for frames, _ in gaps), source[at + 1] - source[at] - 1)
            for frames, reason in gaps:
                dropped[reason] += max(frames, 0)
        print(f"{product}: {len(records)} frames in {len(segments)} files; "
              f"{len(jumps)} gaps; frames that are missing there: {dict(dropped)}", flush=True)
        return +dropped

    def account(self, product, segments, counted):
        """Every frame that was captured is in the files once, and the recorder's counters, the
        files' and the gaps are the same."""
        records = numpy.concatenate([segment.records for segment in segments])
        # The ring outlives each kill, so that it is one run to the end.
        self.assertEqual(len({s.provenance["run"]["uuid"] for s in segments}), 1)
        numpy.testing.assert_array_equal(records["sequence"], numpy.arange(len(records)))
        dropped = self.check_gaps(product, segments, records)
        lost = dropped.pop("sequence-gap", 0)
        self.assertEqual(counted["lost at source"], lost)
        self.assertEqual(sum(s.accounting["lost_at_source_sequence-gap"] for s in segments), lost)
        self.assertEqual(counted["recorded"], len(records))
        self.assertEqual(counted["received"], len(records) + dropped.total())
        self.assertEqual(counted["segments"], len(segments))
        for reason in DROP_REASONS:
            in_files = sum(segment.accounting["dropped_" + reason] for segment in segments)
            self.assertEqual(counted.get(reason, 0), dropped[reason], reason)
            self.assertEqual(in_files, dropped[reason], reason)
        for key in ("received", "recorded"):
            in_files = sum(segment.accounting[key] for segment in segments)
            self.assertEqual(in_files, counted[key], key)
        return len(records)

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
            journal = (pathlib.Path(directory) / "journal").read_text()
            counted = recorder.accounting_lines(journal)
            counts = {}
            for product, suffix in (("whole", ".h5"), ("raw", ".raw")):
                segments = recorder.finished(base, suffix, product)
                for segment in segments:
                    self.check_pixels(segment)
                counts[product] = self.account(product, segments, counted[product])
            self.assertEqual(len(set(counts.values())), 1, counts)
            took_over = len(re.findall("frames of its ring are written, and the run goes on",
                                       journal))
            print(f"{took_over} processes have taken a ring over")
            self.assertEqual(journal.count("and the run ends"), 0)
            # Every fourth one is killed around its start, before or behind its taking over.
            self.assertGreaterEqual(took_over, KILLS - KILLS // 4)
            self.assertLessEqual(took_over, KILLS)
            # At 2000 frames a second and some tenths of a second for each of them.
            self.assertGreater(min(counts.values()), 100 * KILLS)


if __name__ == "__main__":
    recorder.main()
