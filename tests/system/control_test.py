"""A running instrument is asked and told things: the command, and its socket by hand."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import unittest

import recorder
from recorder import h5py, numpy


class Control(recorder.Case):
    def setUp(self):
        super().setUp()
        self.socket = self.directory / "control"
        # Nothing of the machine's own instruments is found.
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.directory / "runtime")}

    def configuration(self, extra="", name="camera", **source):
        keys = {"rate": "50 Hz", **source}
        return self.simulate(f"[control]\nsocket = {self.socket}\n{extra}", name=name, **keys)

    def begin(self, extra="", state="recording", **source):
        """A daemon that answers; (configuration, process)."""
        self.config = self.configuration(extra, **source)
        process = self.start(self.config)
        self.until(self.socket.exists, "the socket")
        self.until(lambda: self.status()["state"] == state, state)
        return self.config, process

    def run_framelog(self, *arguments, env=None, program=()):
        return subprocess.run([*program, recorder.FRAMELOG, *map(str, arguments)],
                              capture_output=True, text=True, timeout=recorder.LONG_S, check=False,
                              env=env or self.environment)

    def ask(self, *arguments, status=0):
        """What the command prints; its exit status is what was expected."""
        done = self.run_framelog("--config", self.config, *arguments)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stdout + done.stderr

    def status(self):
        return json.loads(self.ask("status", "--json"))

    def recorded(self):
        return self.status()["products"][0]["accounting"]["recorded"]

    def end(self, process, status=0):
        process.send_signal(signal.SIGTERM)
        return self.wait(process, status)


class Commands(Control):
    def test_status_says_how_it_is_doing(self):
        self.begin()
        self.until(lambda: self.recorded() > 5, "frames")
        self.until(lambda: self.status()["frames_per_second"] > 0, "a rate")
        status = self.status()
        self.assertEqual(status["instrument"], "camera")
        self.assertEqual(status["base"], str(self.base))
        self.assertEqual(status["run"]["number"], 1)
        self.assertEqual(status["source"]["shape"], [32, 48])
        self.assertEqual(status["source"]["dtype"], "uint16")
        self.assertTrue(status["source"]["connected"])
        self.assertGreater(status["free_bytes"], 0)
        product, = status["products"]
        self.assertEqual(product["name"], "frames")
        self.assertTrue(product["path"].endswith(".part"), product)
        self.assertTrue(os.path.exists(product["path"]))
        accounting = product["accounting"]
        self.assertEqual(accounting["received"],
                         accounting["recorded"] + accounting["in_flight"])
        text = self.ask("status")
        self.assertRegex(text, r"^camera: recording [\d.]+ fps, [\d.]+ MB/s, run 1 since ")
        self.assertIn(product["path"], text)
        self.assertRegex(text, r"ring \d+ of \d+ frames")

    def test_check_is_for_monitoring(self):
        _, process = self.begin()
        done = self.run_framelog("--config", self.config, "status", "--check")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"^FRAMELOG OK - camera: recording .* \| fps=")
        self.assertEqual(done.stdout.count("\n"), 1)
        self.end(process)
        done = self.run_framelog("--config", self.config, "status", "--check")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("FRAMELOG CRITICAL - instrument camera is not running", done.stdout)

    def test_watch_appends_without_a_terminal_until_interrupted(self):
        self.begin()
        watch = subprocess.Popen(
            [recorder.FRAMELOG, "--config", str(self.config), "status", "--watch", "--json"],
            stdout=subprocess.PIPE, text=True, env=self.environment, start_new_session=True)
        self.processes.append(watch)
        watch.messages = self.config
        with watch.stdout:
            for _ in range(2):
                self.assertEqual(json.loads(watch.stdout.readline())["instrument"], "camera")
            watch.send_signal(signal.SIGINT)
            self.assertEqual(watch.wait(recorder.LONG_S), 0)

    def test_stop_and_start(self):
        _, process = self.begin("[record]\nstart = command", state="idle")
        self.assertIn("idle", self.ask("status"))
        self.assertEqual(self.ask("mark", "too early", status=1)[:10], "framelog: ")
        done = self.run_framelog("--config", self.config, "status", "--check")
        self.assertEqual(done.returncode, 2, done.stdout)
        for run in (1, 2):
            self.ask("start")
            self.until(lambda: self.status()["state"] == "recording", "the run")
            self.until(lambda: self.recorded() > 3, "frames")
            self.assertEqual(self.status()["run"]["number"], run)
            self.assertEqual(self.ask("start", status=1)[:10], "framelog: ")
            self.ask("stop")
            # It has answered: the files are finished.
            self.assertEqual(len(recorder.finished(self.base)), run)
            self.until(lambda: self.status()["state"] == "idle", "the state idle")
        self.end(process)
        first, second = recorder.finished(self.base)
        self.assertEqual([s.provenance["run"]["number"] for s in (first, second)], [1, 2])
        self.verify()

    def test_marks_and_values_are_in_the_file(self):
        _, process = self.begin()
        self.until(lambda: self.recorded() > 3, "frames")
        self.ask("mark", "sample moved \u00e4")
        self.assertIn("-273.15", self.ask("set", "temperature", "-273.15", "degC"))
        self.ask("set", "load", "3e2")
        self.end(process)
        segment, = recorder.finished(self.base)
        self.assertIn("sample moved \u00e4", segment.events)
        with h5py.File(segment.path) as file:
            values = {}
            file.visititems(lambda name, item: values.update({name: item[()]})
                            if isinstance(item, h5py.Dataset) and item.dtype.kind == "f"
                            and item.size == 1 else None)
        found = [float(numpy.ravel(value)[0]) for value in values.values()]
        self.assertIn(-273.15, found)
        self.assertIn(300.0, found)
        self.verify()

    def test_roll_begins_new_files_without_a_lost_frame(self):
        _, process = self.begin()
        for wanted in (1, 2):
            self.until(lambda: self.recorded() > 3, "frames")
            self.ask("roll")
            self.until(lambda: len(recorder.finished(self.base)) >= wanted, "a finished file")
        self.end(process)
        segments = recorder.finished(self.base)
        self.assertEqual(len(segments), 3)
        sequences = numpy.concatenate([s.records["sequence"] for s in segments])
        self.assertEqual([*sequences], [*range(len(sequences))])
        for segment in segments:
            self.check_ramp(segment)
        self.verify()

    def test_trigger(self):
        _, process = self.begin("[record]\nstart = trigger\ntrigger = command\npost_frames = 2",
                                state="armed")
        self.ask("trigger")
        self.until(lambda: recorder.finished(self.base), "the event")
        self.end(process)
        self.assertEqual(len(recorder.finished(self.base)[0].records), 3)

    def test_a_trigger_that_nobody_waits_for_is_refused(self):
        self.begin()
        self.assertIn("record.start = trigger", self.ask("trigger", status=1))

    def test_a_reload_keeps_the_old_configuration_where_the_new_one_is_wrong(self):
        config, process = self.begin()
        good = config.read_text()
        config.write_text(good + "\n[ring]\nmemroy = 1\n[roll]\nmax_frames = x\n")
        refused = self.ask("config", "reload", status=2)
        self.assertEqual(refused.count("\n"), 2, refused)
        self.assertRegex(refused, rf"(?m)^{config}:\d+: ring.memroy: ")
        self.assertRegex(refused, rf"(?m)^{config}:\d+: roll.max_frames: ")
        self.assertEqual(self.status()["state"], "recording")
        config.write_text(good + "\n[instrument]\nsample = other\n")
        self.ask("config", "reload")
        self.until(lambda: self.status()["state"] == "recording", "the new run")
        self.end(process)
        self.verify()

    def test_metrics_are_of_prometheus(self):
        self.begin()
        self.until(lambda: "framelog_frames_total{" in self.ask("metrics"), "metrics")
        self.assertIn("# TYPE framelog_frames_total counter", self.ask("metrics"))

    def test_events_are_told_as_they_come(self):
        _, process = self.begin()
        events = subprocess.Popen(
            [recorder.FRAMELOG, "--config", str(self.config), "events"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=self.environment,
            start_new_session=True)
        self.processes.append(events)
        events.messages = self.config
        # Which of the marks is the first to be heard depends on when it has subscribed.
        with events.stdout:
            def mark_until_heard():
                self.ask("mark", "hello")
                return select.select([events.stdout], [], [], 0.1)[0]
            self.until(mark_until_heard, "an event")
            heard = events.stdout.readline()
            self.assertRegex(heard, r"^\d{4}-\d\d-\d\dT[\d:.]+Z mark mark by .*: hello$")
            self.end(process)
            self.assertIn("recording-stopped", events.stdout.read())
            self.assertEqual(events.wait(recorder.LONG_S), 3)


class Grabs(Control):
    def grab(self, name, *arguments, status=0):
        path = self.directory / name
        text = self.ask("grab", *arguments, path, status=status)
        return path, text

    def test_hdf5_tiff_and_png_hold_the_frame(self):
        _, process = self.begin("[product.whole]\n[product.small]\nbin = 2x2\n")
        self.until(lambda: self.recorded() > 2, "frames")
        path, text = self.grab("a.h5", "--product", "whole")
        with h5py.File(path) as file:
            frame = file["/frame"]
            sequence = int(frame.attrs["sequence"])
            self.assertIn(f"frame {sequence} of whole, 32 x 48 uint16", text)
            self.assertEqual(frame.attrs["instrument"], "camera")
            # A camera whose frames are read late loses some: its numbers are others than ours.
            number = int(frame[0, 0]) // 7
            self.assertGreaterEqual(number, sequence)
            numpy.testing.assert_array_equal(frame[:], recorder.ramp(number, 32, 48))
        path, text = self.grab("b.h5", "--product", "small", "--json")
        about = json.loads(text[text.index("{"):])
        self.assertEqual(about["shape"], [16, 24])
        self.grab("c.png", "--product", "whole")
        self.grab("d.tif", "--product", "whole")
        self.end(process)
        records = numpy.concatenate([segment.records for segment in
                                     recorder.finished(self.base, product="whole")])
        recorded = dict(zip(records["sequence"].tolist(), records["source_sequence"].tolist()))
        self.assertEqual(recorded[sequence], number)
        try:
            from PIL import Image  # pylint: disable=import-outside-toplevel
        except ImportError:
            self.skipTest("python3-pil is not installed")
        for name in ("c.png", "d.tif"):
            with Image.open(self.directory / name) as image:
                pixels = numpy.array(image).astype("int64")
            first = int(pixels[0, 0])
            self.assertEqual(first % 7, 0, name)
            numpy.testing.assert_array_equal(pixels, recorder.ramp(first // 7, 32, 48), name)

    def test_nothing_is_ever_overwritten(self):
        self.begin()
        self.until(lambda: self.recorded() > 2, "frames")
        path = self.directory / "precious.h5"
        path.write_text("precious")
        self.assertIn("never overwrites", self.grab("precious.h5", status=1)[1])
        self.assertEqual(path.read_text(), "precious")

    def test_what_cannot_be_written_is_said(self):
        self.begin(pixel_type="float32", pattern="spot")
        self.until(lambda: self.recorded() > 2, "frames")
        path, text = self.grab("a.png", status=1)
        self.assertIn("float32", text)
        self.assertFalse(path.exists())
        self.assertIn("allowed: a PNG", self.grab("a.jpg", status=2)[1])
        self.assertIn("nosuch", self.grab("a.h5", "--product", "nosuch", status=1)[1])
        self.assertIn("a.h5", self.grab("absent/a.h5", status=1)[1])


class Statuses(Control):
    def test_what_does_not_run_is_3(self):
        self.config = self.configuration()
        text = self.ask("status", status=3)
        self.assertIn("instrument camera is not running", text)
        self.assertIn(str(self.socket), text)

    def test_wrong_usage_is_2(self):
        self.config = self.configuration()
        for arguments in (["mark"], ["set", "t"], ["set", "t", "warm"], ["set", "t", "1,5"],
                          ["stop", "now"], ["mark", ""], ["grab", "a.h5", "b.h5"],
                          ["status", "--product", "x"], ["status", "--check", "--watch"],
                          ["stop", "--watch"], ["config", "relaod"]):
            with self.subTest(arguments):
                self.ask(*arguments, status=2)

    def test_off_is_an_error_that_says_so(self):
        self.config = self.simulate("[control]\nsocket = off")
        self.assertIn("control.socket: off", self.ask("status", status=2))

    def test_the_only_one_that_runs_needs_no_name(self):
        runtime = self.directory / "runtime" / "framelogd"
        done = self.run_framelog("status")
        if done.returncode == 0 or "several" in done.stderr:
            self.skipTest("an instrument of this machine runs")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.socket = runtime / "one" / "control"
        self.begin()
        self.assertIn("camera: recording", self.run_framelog("status").stdout)
        self.assertIn("camera: recording", self.run_framelog("-i", "one", "status").stdout)
        first, self.socket = self.socket, runtime / "two" / "control"
        self.base = self.directory / "base2"
        self.begin()
        several = self.run_framelog("status")
        self.assertEqual(several.returncode, 2)
        self.assertIn("one, two", several.stderr)
        self.assertTrue(first.exists())

    def test_who_is_not_allowed_gets_4_and_the_group(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to become another user")
        self.begin("group = framelog-test")
        self.directory.chmod(0o755)
        self.socket.parent.chmod(0o755)
        self.config.chmod(0o644)
        if shutil.which("setpriv") is None:
            self.skipTest("the program setpriv is not installed")
        other = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]

        def as_other(*arguments):
            return self.run_framelog("--config", self.config, *arguments, program=other)
        done = as_other("stop")
        if done.returncode in (126, 127):
            self.skipTest("another user cannot run the program where it lies")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("framelog-test", done.stderr)
        self.assertEqual(as_other("status").returncode, 0)
        self.assertEqual(self.status()["state"], "recording")

    def test_a_second_daemon_of_the_same_socket_is_refused(self):
        config, process = self.begin()
        second = self.start(config)
        text = self.wait(second, 2)
        self.assertIn("control.socket", text)
        self.assertIn(str(self.socket), text)
        self.assertEqual(self.status()["pid"], process.pid)
        self.end(process)
        self.assertFalse(self.socket.exists())
        self.verify()

    def test_a_killed_daemons_socket_is_replaced(self):
        config, process = self.begin()
        self.kill(process)
        self.assertTrue(self.socket.exists())
        self.ask("status", status=3)
        again = self.start(config)
        self.until(lambda: self.run_framelog("--config", config, "status").returncode == 0, "it")
        self.assertEqual(self.status()["pid"], again.pid)


class ByHand(Control):
    def talk(self, data, timeout=recorder.LONG_S):
        """Everything that comes back until the other side closes."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(timeout)
            client.connect(str(self.socket))
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass
            answer = b""
            try:
                while part := client.recv(65536):
                    answer += part
            except ConnectionResetError:
                pass
            return [json.loads(line) for line in answer.splitlines()]

    def test_wrong_messages_are_answered_and_harm_nobody(self):
        _, process = self.begin()
        for data, code in (
                (b"\n", -32700), (b"hello\n", -32700), (b"\xff\xfe\0\n", -32700),
                (b"[" * 60000 + b"\n", -32700), (b"{}\n", -32600), (b"[]\n", -32600),
                (b'{"jsonrpc":"2.0","id":1,"method":"nosuch"}\n', -32601),
                (b'{"jsonrpc":"2.0","id":1,"method":"mark","params":{"text":1}}\n', -32602),
                (b"x" * 65536, -32700), (b"x" * 1000000 + b"\n", -32700)):
            with self.subTest(data[:60]):
                answer = self.talk(data)
                self.assertEqual(answer[0]["error"]["code"], code)
        self.assertEqual(self.talk(b'{"jsonrpc":"2.0","id":1,"meth'), [])
        self.assertEqual(self.talk(b'{"jsonrpc":"2.0","method":"status"}\n'), [])
        answers = self.talk(b'{"jsonrpc":"2.0","id":"a","method":"status"}\n' * 20)
        self.assertEqual([answer["id"] for answer in answers], ["a"] * 20)
        self.assertEqual(self.status()["state"], "recording")
        self.end(process)
        segment, = recorder.finished(self.base)
        self.check_ramp(segment)
        # What a late reader lost of the camera's frames is the machine's doing.
        self.assertEqual([gap for gap in segment.gaps if gap[2] != "source"], [])
        self.verify()

    def test_what_is_in_force_is_shown(self):
        self.begin()
        answer, = self.talk(b'{"jsonrpc":"2.0","id":1,"method":"config.show"}\n')
        values = {f"{v['section']}.{v['key']}": v for v in answer["result"]["values"]}
        self.assertEqual(values["control.socket"]["value"], str(self.socket))
        self.assertRegex(values["control.socket"]["origin"], r"camera\.conf:\d+$")


if __name__ == "__main__":
    unittest.TestCase.maxDiff = None
    recorder.main()
