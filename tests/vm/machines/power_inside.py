"""What happens inside the machine of power_test.py: recordings until the cut, and the recovery
of what they have left."""

import collections
import json
import os
import pathlib
import signal
import subprocess
import time

import every_format
import power_cut_test
import recorder

STATE = pathlib.Path("/results/state.json")
DISKS = {"ext4": "/dev/vdb", "xfs": "/dev/vdc"}
# The machine is emulated, so that there are fewer frames than on a real one.
SETTINGS = every_format.products() + """
[roll]
max_frames = 100
max_size = 8 MiB
[ring]
memory = 32 MiB
[retention]
min_free = 0 B
"""


def disk(kind):
    """A recorder's test whose files are all on that disk, which is mounted now."""
    one = power_cut_test.PowerCut()
    one.directory, one.processes, one.read = pathlib.Path("/mnt") / kind, [], {}
    one.base = one.directory / "recordings"
    one.directory.mkdir(exist_ok=True)
    subprocess.run(["mount", DISKS[kind], str(one.directory)], check=True)
    return one


class Recording(recorder.Case):
    def test_until_the_power_is_cut(self):
        ones = {kind: disk(kind) for kind in DISKS}
        for kind, one in ones.items():
            config = one.simulate(SETTINGS, width=every_format.WIDTH, height=every_format.HEIGHT,
                                  rate="50 Hz", name=kind, files="sync_interval = 200 ms")
            one.start(config, error=self.directory / kind)
        safe = {kind: dict.fromkeys(every_format.NAMES, 0) for kind in ones}
        whole = {kind: {} for kind in ones}
        while True:
            for kind, one in ones.items():
                self.assertIsNone(one.processes[0].poll(), one.processes[0].messages.read_text())
                one.update(safe[kind])
                for paths in one.ended().values():
                    new = [path for path in paths if str(path) not in whole[kind]]
                    whole[kind] |= {str(path): digest for path, digest
                                    in power_cut_test.digests(new).items()}
            if all(whole.values()) and all(min(counts.values()) > 0 for counts in safe.values()):
                self.tell({kind: {"safe": safe[kind], "whole": whole[kind]} for kind in ones})
            time.sleep(0.1)

    @staticmethod
    def tell(state):
        """This directory is not of this machine, so that it is there after the cut."""
        new = STATE.with_suffix(".new")
        new.write_text(json.dumps(state))
        os.replace(new, STATE)


class Recovery(recorder.Case):
    def test_by_the_command(self):
        one = disk("ext4")
        one.recover()
        self.check("ext4", one)

    def test_by_the_next_start(self):
        one = disk("xfs")
        process = one.start(one.directory / "xfs.conf", error=self.directory / "messages")
        one.until(lambda: one.captured() > 20, "frames of the next run")
        process.send_signal(signal.SIGTERM)
        one.wait(process)
        self.check("xfs", one)

    def check(self, kind, one):
        """All that was safe is there as it was, and nothing that cannot be read."""
        state = json.loads(STATE.read_text())[kind]
        self.assertEqual(recorder.leftovers(one.base), [])
        whole = {pathlib.Path(path): digest for path, digest in state["whole"].items()}
        self.assertEqual(power_cut_test.digests(whole), whole)
        for product, safe in state["safe"].items():
            runs = collections.defaultdict(list)
            for segment in every_format.segments(one.base, product):
                wrong = every_format.wrong_frames(product, segment.pixels,
                                                  segment.records["source_sequence"])
                self.assertEqual(wrong.tolist(), [], f"{segment.path}: wrong frames")
                runs[segment.provenance["run"]["start"]] += segment.records["sequence"].tolist()
            for numbers in runs.values():
                self.assertEqual(numbers, list(range(len(numbers))), product)
            first = runs[min(runs)]
            self.assertGreaterEqual(len(first), safe, product)
            print(f"{kind}: {product}: {safe} frames were safe, {len(first)} are there", flush=True)
        one.verify()
        one.recover()
        self.assertEqual(power_cut_test.digests(whole), whole)
        subprocess.run(["umount", str(one.directory)], check=True)


if __name__ == "__main__":
    recorder.main()
