"""GPIO lines of the kernel's simulated chip: edges with their times, triggers, the gate, outputs.

The chip is gpio-sim: its inputs are moved and its outputs read in sysfs, by somebody who knows nothing
of the recorder.
"""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import time

import recorder
from recorder import h5py, numpy

NAMES = ["BUTTON", "SHUTTER", "READY", "RECORDING", "ERROR", "STROBE", "SPARE", ""]
EDGES = "/entry/lines/edges/"
TRIGGER_FLAG = 1 << 3
TRIGGER, GATE, READY, RECORDING = 1, 2, 4, 8  # Bits of the column gpio.
NS = 1_000_000_000
TRACING = pathlib.Path("/sys/kernel/tracing")


class Chip:
    """One chip with named lines, which goes with the test."""

    def __init__(self, name):
        config = pathlib.Path("/sys/kernel/config")
        if not (config / "gpio-sim").exists():
            subprocess.run(["modprobe", "gpio-sim"], check=True)
            if not os.path.ismount(config):
                subprocess.run(["mount", "-t", "configfs", "none", str(config)], check=True)
        self.folder = config / "gpio-sim" / name
        bank = self.folder / "bank"
        bank.mkdir(parents=True)
        (bank / "num_lines").write_text(str(len(NAMES)))
        (bank / "label").write_text(f"sim-{name}")
        for offset, line in enumerate(NAMES):
            if line:
                (bank / f"line{offset}").mkdir()
                (bank / f"line{offset}" / "name").write_text(line)
        (self.folder / "live").write_text("1")
        self.name = (bank / "chip_name").read_text().strip()
        self.path = pathlib.Path("/dev") / self.name
        device = (self.folder / "dev_name").read_text().strip()
        self.sysfs = pathlib.Path("/sys/devices/platform") / device / self.name
        self.pulls = [os.open(self.sysfs / f"sim_gpio{i}/pull", os.O_WRONLY) for i in range(len(NAMES))]

    def move(self, offset, active):
        """Returns the monotonic times before and after."""
        before = time.monotonic_ns()
        os.pwrite(self.pulls[offset], b"pull-up" if active else b"pull-down", 0)
        return before, time.monotonic_ns()

    def value(self, offset):
        return (self.sysfs / f"sim_gpio{offset}/value").read_text().strip() == "1"

    def remove(self):
        for fd in self.pulls:
            os.close(fd)
        (self.folder / "live").write_text("0")
        bank = self.folder / "bank"
        for line in bank.glob("line*"):
            line.rmdir()
        bank.rmdir()
        self.folder.rmdir()


class Written:
    """What the kernel was told to make of a chip's lines, by its own trace."""

    EVENT = TRACING / "events/gpio/gpio_value/enable"

    def __init__(self, chip):
        if not self.EVENT.exists():
            subprocess.run(["mount", "-t", "tracefs", "none", str(TRACING)], check=True)
        self.EVENT.write_text("1")
        # The trace numbers all lines of the machine: that of the first one here is asked for.
        subprocess.run(["gpioget", chip.name, "0"], check=True, capture_output=True)
        self.first = int(self.told(r"gpio_value: (\d+) get")[-1])

    @staticmethod
    def told(pattern):
        return re.findall(pattern, (TRACING / "trace").read_text())

    def last_of(self, offset):
        """The level, 0 or 1, that it was given last."""
        return int(self.told(rf"gpio_value: {self.first + offset} set ([01])")[-1])

    def end(self):
        self.EVENT.write_text("0")


class Lines(recorder.Case):
    def setUp(self):
        super().setUp()
        self.chip = Chip("test")
        self.addCleanup(self.chip.remove)
        self.addCleanup(self.end_processes)  # A chip goes when nobody has its lines.

    def lines(self, gpio, record="", name="camera", rate="100 Hz", extra="", chip=None):
        text = f"[gpio]\nchip = {chip or self.chip.name}\n{gpio}\n"
        if record:
            text += f"[record]\nstart = trigger\n{record}\n"
        text += f"[control]\nsocket = {self.directory}/{name}.socket\n[roll]\nmax_frames = 2000\n{extra}\n"
        return self.simulate(text, name=name, rate=rate)

    def ask(self, config):
        done = recorder.command("--config", config, "status", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def begin(self, config, state=("recording", "armed")):
        process = self.start(config)
        self.until(lambda: (self.ask(config) or {}).get("state") in state, "the recorder")
        return process

    def line(self, config, role):
        status = self.ask(config)
        return next(line for line in status["gpio"]["lines"] if line["role"] == role)

    def edges(self, config, role):
        return sum(self.line(config, role)["edges"].values())

    def received(self, config):
        return self.ask(config)["products"][0]["accounting"]["received"]

    def stop(self, process):
        process.terminate()
        return self.wait(process)

    def stored(self):
        """[(monotonic ns, UTC ns, line, level)] of all files, in order."""
        rows = []
        for path in sorted(self.base.rglob("*.h5")):
            with h5py.File(path) as file:
                if EDGES not in file:
                    continue
                self.assertEqual(file[EDGES + "left_out"][()], 0)
                rows += zip(*(file[EDGES + column][:].tolist()
                              for column in ("monotonic_ns", "utc_ns", "line", "value")))
        return sorted(rows)

    def move_at(self, rate, count, within_s):
        """Moves the first line until `count` moves in a row took no longer than `within_s`; the times of
        each call. Waiting takes instructions, not sleep: that is what this machine's time is made of, and
        a processor that sleeps is woken when the computer outside finds time for it."""
        moves, due = [], time.monotonic_ns()
        while len(moves) < count or moves[-1][1] - moves[-count][0] > within_s * NS:
            self.assertLess(len(moves), 4 * count, "this machine does not move a line so often")
            # The kernel keeps 16 edges for who is late: no more than some are made up for at once.
            due = max(due + NS // rate, time.monotonic_ns() - 4 * NS // rate)
            while time.monotonic_ns() < due:
                pass
            moves.append(self.chip.move(0, len(moves) % 2 == 0))
        return moves

    def test_a_thousand_edges_a_second_are_counted_and_kept_to_the_nanosecond(self):
        config = self.lines("trigger = BUTTON", rate="50 Hz")
        process = self.begin(config)
        stretch, seconds = 5000, 5
        moves = self.move_at(1200, stretch, seconds)
        wanted = len(moves)
        rate = stretch * NS / (moves[-1][1] - moves[-stretch][0])
        print(f"{rate:.0f} edges/s over {stretch / rate:.1f} s, {wanted} in all", flush=True)
        self.assertGreaterEqual(rate, stretch / seconds)
        self.until(lambda: self.edges(config, "trigger") >= wanted, "all edges")
        line = self.line(config, "trigger")
        self.assertEqual(line["edges"], {"rising": (wanted + 1) // 2, "falling": wanted // 2})
        self.assertEqual((line["lost"], line["overflows"], line["bounces"]), (0, 0, 0))
        metrics = recorder.command("--config", config, "metrics").stdout
        self.assertRegex(metrics, r'framelog_gpio_edges_total\{[^}]*line="trigger",edge="rising"\} \d+')
        self.stop(process)
        self.verify()
        rows = self.stored()
        self.assertEqual(len(rows), wanted)
        for number, ((before, after), (monotonic, utc, line, level)) in enumerate(zip(moves, rows)):
            # The interrupt may come late where the processor is not a real one.
            self.assertTrue(before <= monotonic <= after + NS, (number, before, monotonic, after))
            self.assertEqual((line, level), (0, (number + 1) % 2))
        self.assertGreater(len({monotonic % 1000 for monotonic, *_ in rows}), 50, "below microseconds")
        within = numpy.mean([before <= row[0] <= after for (before, after), row in zip(moves, rows)])
        print(f"{within:.1%} of the times lie within the call that moved the line", flush=True)
        self.assertGreater(within, 0.9)
        segment = recorder.finished(self.base)[0]
        offsets = {utc - monotonic for monotonic, utc, *_ in rows}
        self.assertLess(max(offsets) - min(offsets), NS)
        self.assertLess(abs(min(offsets) - int(segment.records["utc_ns"][0] -
                                               segment.records["monotonic_ns"][0])), NS)

    def test_each_edge_is_an_event_that_begins_with_the_first_frame_of_its_time(self):
        config = self.lines("trigger = BUTTON", "trigger = gpio rising\npre_frames = 3\npost_frames = 2")
        process = self.begin(config)
        count = 6
        for number in range(count):
            seen = self.received(config)
            self.until(lambda seen=seen: self.received(config) > seen + 12, "frames before")
            self.chip.move(0, True)
            self.until(lambda n=number: self.line(config, "trigger")["edges"]["rising"] > n, "the edge")
            self.chip.move(0, False)
        seen = self.received(config)
        self.until(lambda: self.received(config) > seen + 12, "frames behind")
        self.stop(process)
        self.verify()
        risen = [monotonic for monotonic, _, _, level in self.stored() if level]
        events = sorted(recorder.finished(self.base), key=lambda s: s.records["sequence"][0])
        self.assertEqual((len(risen), len(events)), (count, count))
        for edge, event in zip(risen, events):
            times = event.records["monotonic_ns"]
            flagged = numpy.flatnonzero(event.records["flags"] & TRIGGER_FLAG)
            self.assertEqual(flagged.tolist(), [3])
            self.assertTrue(times[2] < edge <= times[3], (edge, times))
            self.assertEqual(len(times), 6)
            self.assertEqual(event.stop_reason, "event")
            self.check_ramp(event)
            lines = event.provenance["instrument"]["lines"]
            self.assertEqual([(line["bit"], line["role"], line["line"]) for line in lines],
                             [(0, "trigger", "BUTTON")])

    def test_the_gate_lets_frames_through_while_it_is_open(self):
        config = self.lines("trigger = BUTTON\ngate = SHUTTER", "trigger = gate")
        process = self.begin(config)
        for opening in range(3):
            self.chip.move(1, True)
            self.until(lambda: self.ask(config)["state"] == "recording", "the open gate")
            seen = self.received(config)
            self.until(lambda seen=seen: self.received(config) > seen + 10, "frames")
            self.chip.move(1, False)
            self.until(lambda: self.ask(config)["state"] == "armed", "the closed gate")
        self.stop(process)
        self.verify()
        gate = [(monotonic, level) for monotonic, _, line, level in self.stored() if line == 1]
        events = sorted(recorder.finished(self.base), key=lambda s: s.records["sequence"][0])
        self.assertEqual([level for _, level in gate], [1, 0] * 3)
        self.assertEqual(len(events), 3)
        for opening, event in enumerate(events):
            times = event.records["monotonic_ns"]
            opened, closed = gate[2 * opening][0], gate[2 * opening + 1][0]
            self.assertGreaterEqual(times[0], opened)
            self.assertLess(times[-1], closed + NS // 2, "what is read late may be a few frames more")
            self.assertTrue(int(event.records["gpio"][len(times) // 2]) & GATE)

    def test_outputs_show_what_the_recorder_does_and_rest_behind_it(self):
        config = self.lines("gate = SHUTTER\nready = READY\nrecording = RECORDING\n"
                            "error = ERROR, active_low\nstrobe = STROBE, length 1 ms", "trigger = gate")
        written = Written(self.chip)
        self.addCleanup(written.end)
        process = self.begin(config)
        self.until(lambda: self.chip.value(2), "ready")
        self.assertFalse(self.chip.value(3))
        self.until(lambda: self.chip.value(4), "no error: the line is active low")
        self.chip.move(1, True)
        self.until(lambda: self.chip.value(3), "recording")
        self.until(lambda: self.chip.value(5), "a pulse")
        self.until(lambda: self.received(config) > 50, "frames")
        self.chip.move(1, False)
        self.until(lambda: not self.chip.value(3), "no longer recording")

        def strobe():
            status = self.ask(config)
            line = next(line for line in status["gpio"]["lines"] if line["role"] == "strobe")
            received = status["products"][0]["accounting"]["received"]
            return line["pulses"] > 0 and received - line["pulses"] - line["missed"] <= 2

        self.until(strobe, "a pulse or a count for each frame")
        self.assertIn("gpio " + self.chip.name, recorder.command("--config", config, "status").stdout)
        self.stop(process)
        # Who reads a line that is nobody's reads how it is pulled.
        self.assertEqual([written.last_of(i) for i in (2, 3, 4, 5)], [0, 0, 1, 0])
        event, = recorder.finished(self.base)
        self.assertTrue((event.records["gpio"] & READY).any())

    def test_a_killed_recorder_leaves_the_lines_to_the_next_one(self):
        config = self.lines("gate = SHUTTER\nready = READY", "trigger = gate")
        process = self.begin(config)
        self.chip.move(1, True)
        self.until(lambda: self.ask(config)["state"] == "recording", "recording")
        seen = self.received(config)
        self.until(lambda: self.received(config) > seen + 20, "frames")
        self.kill(process)
        process = self.begin(config, ("recording",))
        seen = self.received(config)
        self.until(lambda: self.received(config) > seen + 20, "frames of the next process")
        self.assertTrue(self.line(config, "gate")["active"])
        self.chip.move(1, False)
        self.until(lambda: self.ask(config)["state"] == "armed", "the closed gate")
        self.stop(process)
        self.verify()
        event, = recorder.finished(self.base)
        self.assertIn("no-process", [reason for _, _, _, reason in event.gaps])

    def test_what_cannot_be_had_is_an_error_of_the_configuration(self):
        first = self.begin(self.lines("trigger = BUTTON", name="first"))
        cases = {
            "trigger = BUTTON": 'gpio.trigger: line "BUTTON" of NAME is in use by "framelogd-first" '
                                "(a line that is free)",
            "trigger = NOBODY": 'gpio.trigger: there is no line "NOBODY" (NAME has 0 to 7, and BUTTON, '
                                "SHUTTER, READY, RECORDING, ERROR, STROBE, SPARE)",
            "trigger = 8": 'gpio.trigger: there is no line "8"',
            "gate = SHUTTER, sideways": 'gpio.gate: "sideways" is nothing that a line can be',
        }
        for gpio, told in cases.items():
            config = self.lines(gpio, name="second")
            messages = self.record(config, status=2)
            self.assertIn(told.replace("NAME", self.chip.name), messages)
            self.assertIn("second.conf:", messages)
        self.chip.path.chmod(0o600)
        self.directory.chmod(0o755)
        nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
        messages = self.record(self.lines("gate = SHUTTER", name="second"), status=2, program=nobody)
        self.assertIn(f"gpio.chip: cannot open {self.chip.path}: Permission denied", messages)
        second = self.begin(self.lines("gate = SHUTTER", name="second"))  # Another line of the chip.
        for process in (first, second):
            self.stop(process)

    def test_a_chip_that_is_not_there_is_waited_for(self):
        config = self.lines("gate = SHUTTER", chip="sim-late")
        process = self.begin(config)

        def trouble():
            return self.ask(config)["gpio"]["trouble"]

        def without():
            return trouble() and "lines-lost" in self.ask(config)["degraded"]

        self.until(without, "no lines")
        self.assertIn('there is no chip "sim-late" (there are: ', trouble())
        late = Chip("late")
        self.addCleanup(late.remove)
        self.addCleanup(self.end_processes)
        self.until(lambda: not trouble(), "the lines")
        late.move(1, True)
        self.until(lambda: self.edges(config, "gate") == 1, "an edge")
        self.until(lambda: "lines-lost" not in self.ask(config)["degraded"], "all is well")
        self.stop(process)
        self.verify()

    def test_a_reload_takes_other_lines_and_refuses_those_that_are_taken(self):
        config = self.lines("trigger = BUTTON")
        process = self.begin(config)
        self.chip.move(0, True)
        self.until(lambda: self.edges(config, "trigger") == 1, "an edge")
        with contextlib.ExitStack() as stack:
            holder = stack.enter_context(subprocess.Popen(
                ["gpiomon", self.chip.name, "6"], stdout=subprocess.DEVNULL))
            stack.callback(holder.kill)
            self.until(lambda: "gpiomon" in subprocess.run(
                ["gpioinfo", self.chip.name], capture_output=True, text=True, check=True).stdout,
                "the other program")
            self.lines("trigger = SPARE")
            refused = recorder.command("--config", config, "config", "reload")
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("is in use by", refused.stdout + refused.stderr)
            self.chip.move(0, False)
            self.until(lambda: self.edges(config, "trigger") == 2, "an edge of the line before")
        self.lines("trigger = SHUTTER")
        done = recorder.command("--config", config, "config", "reload")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.until(lambda: self.line(config, "trigger")["line"] == "SHUTTER", "the other line")
        self.chip.move(1, True)
        self.until(lambda: self.edges(config, "trigger") == 3, "its edge")
        self.stop(process)
        self.verify()
        self.assertEqual([level for _, _, _, level in self.stored()], [1, 0, 1])

    def test_the_example_records_around_each_press_of_the_button(self):
        example = recorder.ROOT / "config" / "examples/gpio-triggered.conf"
        socket = self.directory / "example.socket"
        process = self.start(example, *(word for setting in (
            f"files.base={self.base}", f"control.socket={socket}", "roll.max_frames=500")
            for word in ("--set", setting)))
        self.until(lambda: self.chip.value(2), "ready")
        for press in range(2):
            time.sleep(1)  # Frames before it.
            self.chip.move(0, True)
            self.until(lambda: self.chip.value(3), "recording")
            self.chip.move(0, False)
            self.until(lambda: not self.chip.value(3), f"the end of event {press}")
        self.stop(process)
        self.verify()
        self.assertEqual(len(recorder.finished(self.base)), 2)


if __name__ == "__main__":
    recorder.main()
