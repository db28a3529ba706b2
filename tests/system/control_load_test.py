"""Recording while 32 clients ask as fast as they can, one of them malicious."""

import signal
import time
import unittest

import control_load
import recorder

LOAD_S = 4
FLAT_BYTES = 2 << 20
SURROUNDINGS = """
    [ring]
    memory = {memory}
    overflow = {overflow}
    [product.whole]
    format = none
    [product.kept]
    bin = 8x8
    keep_every = {keep_every}
    """


class ControlLoad(recorder.Case):
    def begin(self, overflow, keep_every, memory="8 MiB", **source):
        """A daemon that has used all of its ring once."""
        self.socket = self.directory / "control"
        process = self.start(self.simulate(
            SURROUNDINGS.format(overflow=overflow, keep_every=keep_every, memory=memory)
            + f"[control]\nsocket = {self.socket}", width=256, height=256, **source))
        self.until(self.socket.exists, "the socket")
        self.until(lambda: self.has_gone_round(process), "a ring that was full once")
        return process

    def has_gone_round(self, process):
        self.assertIsNone(process.poll(), process.messages.read_text())
        with control_load.connected(self.socket) as client:
            ring, received = client.ring_and_received()
        return ring is not None and received > 2 * ring["slots"]

    def load(self):
        """All that good clients asked was answered, whatever the malicious one did."""
        good = control_load.GoodClients(self.socket, rate_hz=10_000)
        malicious = control_load.MaliciousClient(self.socket)
        malicious.start()
        end = time.monotonic() + LOAD_S
        try:
            good.run(lambda: time.monotonic() > end and malicious.has_done_everything())
        finally:
            malicious.stop()
            good.close()
        self.assertEqual(good.answered, good.asked)
        self.assertGreaterEqual(good.answered, control_load.GOOD)
        return good

    def record_under_load(self, **settings):
        """What became of the frames of the products whole and kept."""
        process = self.begin(**settings)
        open_before = control_load.descriptors(process.pid)
        memory_before = control_load.memory_beside_ring_bytes(process.pid)
        self.load()
        self.until(lambda: control_load.descriptors(process.pid) <= open_before,
                   "the end of all connections")
        if not control_load.is_sanitized(process.pid):
            grown = control_load.memory_beside_ring_bytes(process.pid) - memory_before
            self.assertLessEqual(grown, FLAT_BYTES)
        process.send_signal(signal.SIGTERM)
        counted = recorder.accounting_lines(self.wait(process))
        self.verify()
        return counted["whole"], counted["kept"]

    def test_no_frame_is_lost_where_the_source_waits(self):
        whole, kept = self.record_under_load(overflow="wait", keep_every=100)
        self.assertEqual(whole["not recorded"], whole["received"])
        self.assertEqual(kept["recorded"] + kept["skipped"], kept["received"])
        self.assertEqual(whole["lost at source"], 0)
        segment, = recorder.finished(self.base)
        self.assertEqual(segment.gaps, [])
        sequences = segment.records["sequence"]
        self.assertEqual([*sequences], [*range(0, 100 * len(sequences), 100)])

    def test_no_frame_is_dropped_at_a_modest_rate(self):
        # A ring of some seconds: nobody promises more than the machine's disk and scheduler have.
        whole, kept = self.record_under_load(overflow="drop", keep_every=1, memory="48 MiB",
                                             rate="100 Hz")
        # What a late simulator loses is the machine's fault; `received` has what was dropped.
        self.assertEqual(whole["not recorded"], whole["received"])
        self.assertEqual(kept["recorded"], kept["received"])


if __name__ == "__main__":
    unittest.TestCase.maxDiff = None
    recorder.main()
