"""What systemd is told: a socket of the test stands where systemd listens."""

import array
import os
import signal
import socket
import time

import recorder


class Systemd:
    """Listens at NOTIFY_SOCKET, and lets go of descriptors as soon as they have come."""

    def __init__(self, directory):
        self.path = str(directory / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.messages = []  # (time, {name: value})

    def close(self):
        self.socket.close()

    def listen(self):
        """Takes what has come."""
        while True:
            try:
                text, control, _, _ = self.socket.recvmsg(
                    65536, socket.CMSG_SPACE(64), socket.MSG_DONTWAIT)
            except BlockingIOError:
                return self.messages
            for level, kind, data in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds = array.array("i")
                    fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
                    for fd in fds:
                        os.close(fd)
            fields = dict(line.split("=", 1) for line in text.decode().splitlines())
            self.messages.append((time.monotonic(), fields))

    def names(self):
        return [name for _, fields in self.listen() for name in fields]

    def values(self, name):
        return [fields[name] for _, fields in self.listen() if name in fields]


class Notify(recorder.Case):
    def setUp(self):
        super().setUp()
        self.systemd = Systemd(self.directory)
        self.addCleanup(self.systemd.close)

    def start_watched(self, config, *arguments, watchdog_us=None):
        program = ["/usr/bin/env", f"NOTIFY_SOCKET={self.systemd.path}"]
        if watchdog_us:
            program.append(f"WATCHDOG_USEC={watchdog_us}")
        return self.start(config, *arguments, program=program)

    def test_it_is_ready_tells_how_it_is_and_stops(self):
        process = self.start_watched(self.simulate(rate="50 Hz"), watchdog_us=10_000_000)
        self.until(lambda: len(self.systemd.values("STATUS")) >= 2, "two lines of status")
        self.until(lambda: "WATCHDOG" in self.systemd.names(), "WATCHDOG=1")
        self.assertIn("READY", self.systemd.names())
        self.assertNotIn("STOPPING", self.systemd.names())
        self.assertRegex(self.systemd.values("STATUS")[-1],
                         r"^recording [\d.]+ fps, [\d.]+ MB/s, \d+ frames, 0 dropped")
        process.send_signal(signal.SIGTERM)
        self.wait(process)
        names = self.systemd.names()
        self.assertLess(names.index("READY"), names.index("STOPPING"))
        self.assertEqual(names.count("READY"), 1)
        self.assertEqual(names.count("STOPPING"), 1)
        self.assertIn("EXTEND_TIMEOUT_USEC", names)

    def test_a_reload_is_announced_and_ended(self):
        path = self.directory / "camera.prom"
        config = self.simulate(rate="50 Hz")
        process = self.start_watched(config)
        self.until(lambda: "READY" in self.systemd.names(), "READY=1")
        config.write_text(config.read_text() + f"[control]\nmetrics_file = {path}\n")
        process.send_signal(signal.SIGHUP)
        self.until(lambda: self.systemd.names().count("READY") == 2, "the end of the reload")
        reloading, = [fields for _, fields in self.systemd.messages if "RELOADING" in fields]
        self.assertGreater(int(reloading["MONOTONIC_USEC"]), 0)
        self.until(path.exists, "what the new configuration asks for")
        process.send_signal(signal.SIGTERM)
        self.wait(process)

    def test_an_instrument_that_is_silent_does_not_trip_the_watchdog(self):
        config = self.simulate(rate="50 Hz", faults="silent at 5", extra="")
        process = self.start_watched(config, watchdog_us=12_000_000)
        self.until(lambda: self.systemd.names().count("WATCHDOG") >= 4, "WATCHDOG=1 for long")
        self.assertNotIn("hangs", process.messages.read_text())
        process.send_signal(signal.SIGTERM)
        self.wait(process)

    def names_since(self, count):
        return [name for _, fields in self.systemd.messages[count:] for name in fields]

    def test_a_driver_that_hangs_is_named_and_the_watchdog_falls_silent(self):
        process = self.start_watched(self.simulate(rate="50 Hz", faults="hang at 8"),
                                     watchdog_us=4_000_000)
        self.until(lambda: self.systemd.listen() and "hangs" in process.messages.read_text(),
                   "the watchdog's event")
        told = len(self.systemd.listen())
        # Longer than the interval: by now systemd would kill it.
        time.sleep(5)
        self.until(lambda: self.systemd.listen() and "STATUS" in self.names_since(told),
                   "a line of status")
        self.assertNotIn("WATCHDOG", self.names_since(told))
        text = process.messages.read_text()
        self.assertIn("the stage capture (reading from the source) hangs", text)
        self.assertEqual(text.count("hangs"), 1)
        # What systemd does then; everything that was captured is found.
        self.kill(process)
        self.recover()
        segment, = recorder.finished(self.base)
        self.check_ramp(segment)
        self.assertEqual(len(segment.pixels), 8)

    def test_a_hang_is_told_without_systemd_too(self):
        process = self.start(self.simulate(rate="50 Hz", faults="hang at 8"))
        self.until(lambda: "the stage capture (reading from the source) hangs"
                   in process.messages.read_text(), "the watchdog's event")

    def test_a_watchdog_for_another_process_is_not_ours(self):
        config = self.simulate(rate="50 Hz")
        program = ["/usr/bin/env", f"NOTIFY_SOCKET={self.systemd.path}", "WATCHDOG_USEC=1000000",
                   "WATCHDOG_PID=1"]
        process = self.start(config, program=program)
        self.until(lambda: len(self.systemd.values("STATUS")) >= 2, "two lines of status")
        self.assertNotIn("WATCHDOG", self.systemd.names())
        process.send_signal(signal.SIGTERM)
        self.wait(process)


if __name__ == "__main__":
    recorder.main()
