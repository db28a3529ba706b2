"""Records while the calls that write fail, are cut short, interrupted or slow.

FRAMELOG_FAULTS: how many calls are hit per kind of call and error (1). FRAMELOG_SEED: repeats.
After each: framelogd was not killed by it, what it wrote is recovered, verifies, and the accounting
of the process adds up.
"""

import os
import pathlib
import random
import shutil
import signal
import subprocess

import recorder

FAULTS = int(os.environ.get("FRAMELOG_FAULTS", "1"))
SEED = int(os.environ.get("FRAMELOG_SEED", str(random.randrange(1 << 30))))
SHIM = pathlib.Path(os.environ.get("FRAMELOG_UNRELIABLE_WRITES", ""))

PRODUCTS = """
[product.whole]
[product.odd]
roi = y=1:30, x=3:44
[product.plain]
format = raw
[roll]
max_frames = 60
[ring]
memory = 16 MiB
"""


class FaultCase(recorder.Case):
    def configuration(self, rate="300 Hz"):
        return self.simulate(PRODUCTS, width=64, height=32, rate=rate,
                             files="sync_interval = 50 ms")

    def look(self, messages):
        """What there is, is right and accounted for; the counts of the process."""
        if self.base.exists() and any(self.base.rglob("*.*")):
            self.recover()
            finished = [*recorder.finished(self.base, ".h5"),
                        *recorder.finished(self.base, ".raw")]
            if finished:
                self.verify()
        counts = recorder.accounting_lines(messages)
        for product, count in counts.items():
            known = sum(value for key, value in count.items()
                        if key not in ("received", "lost at source", "segments"))
            self.assertEqual(count["received"], known, (product, count))
        return counts


class Disturbed(FaultCase):
    """What POSIX allows any write to do, on every file of the recording."""

    def record_disturbed(self, kinds):
        if not SHIM.is_file():
            self.skipTest("set FRAMELOG_UNRELIABLE_WRITES to the library of tests/fakes")
        messages = self.record(
            self.configuration(), "--frames", "300", program=(
                "env", f"LD_PRELOAD={SHIM}", f"UNRELIABLE_WRITES={self.base}",
                f"UNRELIABLE_WRITES_KINDS={kinds}", f"UNRELIABLE_WRITES_SEED={SEED}"))
        counts = self.look(messages)
        for product in ("whole", "odd", "plain"):
            self.assertEqual(counts[product]["recorded"], 300, (kinds, SEED, messages))
        for segment in recorder.finished(self.base, product="whole"):
            self.check_ramp(segment)

    def test_short_writes(self):
        self.record_disturbed("short")

    def test_interrupted_calls(self):
        self.record_disturbed("eintr")

    def test_slow_writes(self):
        self.record_disturbed("slow")

    def test_all_of_it(self):
        self.record_disturbed("short,eintr,slow")


class Failing(FaultCase):
    """A call fails once, or from then on."""

    CALLS = {"pwrite64": ("EIO", "ENOSPC", "EDQUOT", "EROFS"), "fdatasync": ("EIO", "ENOSPC"),
             "fallocate": ("ENOSPC", "EIO", "EDQUOT"), "ftruncate": ("EIO",),
             "renameat2": ("EIO", "ENOSPC", "EROFS"), "openat": ("EMFILE", "EIO", "EROFS"),
             "fsync": ("EIO",), "unlink": ("EIO", "EROFS")}

    def setUp(self):
        super().setUp()
        recorder.need_programs("strace")
        tried = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True,
                               check=False)
        if tried.returncode != 0:
            self.skipTest("strace does not work here")

    def record_failing(self, call, error, when):
        """Its end may be a refusal to start, but never a signal."""
        arguments = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                     f"inject={call}:error={error}:when={when}", recorder.FRAMELOGD, "--config",
                     self.configuration(), "--frames", "150", "--set", "control.socket=off"]
        process = subprocess.Popen([*map(str, arguments)], stdout=subprocess.PIPE, text=True,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        self.processes.append(process)
        try:
            messages, _ = process.communicate(timeout=recorder.LONG_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            self.fail(f"it did not end with {error} of {call}: {process.communicate()[0]}")
        self.assertIn(process.returncode, (0, 1, 2), messages)
        return messages

    def opens_of_the_loader(self):
        """Where a program lies says how often it looks for its libraries before it begins."""
        calls = self.directory / "openat"
        subprocess.run(["strace", "-f", "-o", calls, "-e", "trace=openat", recorder.FRAMELOGD,
                        "--version"], check=True, stdout=subprocess.DEVNULL)
        return calls.read_text().count("openat(") + 1

    def test_calls_that_fail(self):
        chance = random.Random(SEED)
        print(f"FRAMELOG_SEED={SEED}")
        told = 0
        loaded = self.opens_of_the_loader()
        for call, errors in self.CALLS.items():
            for error in errors:
                for number in range(FAULTS):
                    # Once, or for good.
                    first, last = {"openat": (loaded, loaded + 150),
                                   "pwrite64": (20, 400)}.get(call, (1, 30))
                    when = chance.randrange(first, last)
                    self.base = self.directory / f"{call}-{error}-{number}"
                    for_good = chance.random() < 0.5
                    with self.subTest(call=call, error=error, when=when, for_good=for_good):
                        messages = self.record_failing(call, error, f"{when}{'+' * for_good}")
                        self.look(messages)
                        told += "received" in messages
                    for ring in recorder.rings_of(self.directory):
                        os.unlink(ring)
                    shutil.rmtree(self.base, ignore_errors=True)
        self.assertGreater(told, 5, "hardly any recording was begun")


if __name__ == "__main__":
    recorder.main()
