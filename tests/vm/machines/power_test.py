"""Cuts the power of a whole machine while every format is recorded to ext4 and to xfs, boots it
again, and checks what recovery makes of it.

What the machine had handed to its disks is there after the cut; what was in its memory is not.
FRAMELOG_POWER_CUTS: how many cuts (1).
"""

import json
import os
import random
import subprocess
import time

import machine

CUTS = int(os.environ.get("FRAMELOG_POWER_CUTS", "1"))
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}
CHECK = {"ext4": ["e2fsck", "-fn"], "xfs": ["xfs_repair", "-n", "-f"]}


class PowerCut(machine.Case):
    def test_everything_that_was_safe_is_there(self):
        for number in range(CUTS):
            with self.subTest(cut=number):
                self.cut_once()

    def cut_once(self):
        disks = []
        for kind, make in MAKE.items():
            disk = self.directory / kind
            with open(disk, "wb") as file:
                file.truncate(2 << 30)
            subprocess.run([*make, str(disk)], check=True, capture_output=True)
            disks += ["--disk", disk]
        state = self.results / "state.json"
        state.unlink(missing_ok=True)
        self.boot("exec /usr/bin/python3 power_inside.py Recording", *disks)
        self.until(state.exists, "files that are safe on both disks")
        time.sleep(random.random() * 3)
        self.cut_power()
        safe = json.loads(state.read_text())
        print("cut:", {kind: f"{len(one['whole'])} files whole, {sum(one['safe'].values())} frames safe"
                       for kind, one in safe.items()}, flush=True)
        self.boot("exec /usr/bin/python3 power_inside.py Recovery", *disks)
        self.finish()
        for kind, check in CHECK.items():
            done = subprocess.run([*check, str(self.directory / kind)], capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    machine.main()
