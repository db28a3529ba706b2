"""The daemon's states: idle until told otherwise, waiting for its instrument, reloaded by a signal."""

import os
import signal
import time
import unittest

import recorder


class States(recorder.Case):
    def end(self, process, status=0, with_signal=signal.SIGTERM):
        os.kill(process.pid, with_signal)
        return self.wait(process, status)

    def until_said(self, process, text, count=1):
        self.until(lambda: process.messages.read_text().count(text) >= count, repr(text))

    def test_idle_until_a_command_comes(self):
        process = self.start(self.simulate("[record]\nstart = command", rate="200 Hz"),
                             "--duration", "3 s")
        messages = self.wait(process)
        counted = recorder.accounting_lines(messages)["frames"]
        self.assertGreater(counted["received"], 0)
        self.assertEqual(counted["not recorded"], counted["received"])
        self.assertEqual(counted["recorded"], 0)
        self.assertEqual(recorder.finished(self.base), [])
        self.assertNotIn("recording camera", messages)

    def test_an_instrument_that_appears_later(self):
        process = self.start(self.simulate(faults="absent 3 s"), "--frames", "100")
        messages = self.wait(process)
        self.assertRegex(messages, r"source: .*absent.*; trying again")
        self.assertIn("source there: simulated camera", messages)
        segment, = recorder.finished(self.base)
        self.assertEqual(len(segment.pixels), 100)
        self.check_ramp(segment)
        self.verify()

    def test_ending_while_the_instrument_is_absent(self):
        for name in ("SIGTERM", "SIGINT"):
            with self.subTest(signal=name):
                process = self.start(self.simulate(faults="absent 1 h"))
                self.until_said(process, "trying again")
                self.end(process, with_signal=getattr(signal, name))
        process = self.start(self.simulate(faults="absent 1 h"), "--duration", "10 s",
                             "--set", "source.on_disconnect=stop")
        messages = self.wait(process, 2)
        self.assertRegex(messages, r"^\S+camera\.conf:\d+: source\.driver: .*absent")

    def test_what_was_left_behind_is_recovered_although_the_instrument_is_absent(self):
        process = self.start(self.simulate(rate="200 Hz"))
        self.until(lambda: list(self.base.rglob("*.h5.part")), "a segment")
        self.kill(process)
        process = self.start(self.simulate(faults="absent 1 h"))
        self.until_said(process, "trying again")
        self.until(lambda: not list(self.base.rglob("*.h5.part")), "the recovery")
        self.end(process)

    def test_a_hangup_reloads_where_there_is_no_terminal(self):
        config = self.simulate(rate="200 Hz")
        process = self.start(config)
        self.until(lambda: list(self.base.rglob("*.h5.part")), "a segment")
        text = config.read_text()
        config.write_text(text + "[product.frames]\nbin = 3x3x3\n")
        os.kill(process.pid, signal.SIGHUP)
        self.until_said(process, "reload refused: ")
        config.write_text(text + "[product.frames]\nbin = 2x2\n")
        os.kill(process.pid, signal.SIGHUP)
        self.until_said(process, "reloaded: a new run begins")
        self.until(lambda: list(self.base.rglob("*.h5.part")), "a segment of the new run")
        self.end(process)
        first, second = recorder.finished(self.base)
        self.assertEqual(first.stop_reason, "reload")
        self.assertEqual(first.pixels.shape[1:], (32, 48))
        self.assertEqual(second.pixels.shape[1:], (16, 24))
        self.assertNotEqual(first.provenance["run"]["uuid"], second.provenance["run"]["uuid"])
        self.verify()

    def test_a_hangup_after_which_it_cannot_record_changes_nothing(self):
        config = self.simulate(rate="200 Hz")
        process = self.start(config)
        self.until(lambda: list(self.base.rglob("*.h5.part")), "a segment")
        text = config.read_text()
        taken = self.directory / "taken"
        taken.write_text("x")
        config.write_text(text.replace(f"base = {self.base}", f"base = {taken}/below"))
        os.kill(process.pid, signal.SIGHUP)
        self.until_said(process, "reload refused: ")
        time.sleep(0.3)
        self.end(process)
        [segment] = recorder.finished(self.base)
        self.assertEqual(segment.stop_reason, "stop")
        self.verify()

    def test_a_hangup_that_needs_another_ring_goes_back_where_it_cannot_record(self):
        config = self.simulate(rate="200 Hz")
        process = self.start(config)
        self.until(lambda: list(self.base.rglob("*.h5.part")), "a segment")
        text = config.read_text()
        taken = self.directory / "taken"
        taken.write_text("x")
        config.write_text(text.replace(f"base = {self.base}", f"base = {taken}/below")
                          + "[ring]\nmemory = 16 MiB\n")
        os.kill(process.pid, signal.SIGHUP)
        self.until_said(process, "reload refused: ")
        self.until_said(process, f"recording camera to {self.base}", 2)
        self.until(lambda: list(self.base.rglob("*.h5.part")), "a segment of the new run")
        self.end(process)
        self.assertEqual(len(recorder.finished(self.base)), 2)
        self.verify()

    def test_a_trigger_that_nobody_waits_for_is_told(self):
        process = self.start(self.simulate(rate="200 Hz"))
        self.until(lambda: list(self.base.rglob("*.h5.part")), "a segment")
        os.kill(process.pid, signal.SIGUSR1)
        self.until_said(process, "SIGUSR1: no trigger is waited for")
        self.end(process)
        self.assertEqual(len(recorder.finished(self.base)), 1)


if __name__ == "__main__":
    recorder.main()
