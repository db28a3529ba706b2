"""Every kind of bad input: refused with one line that says what, where and what is allowed."""

import json
import re

import recorder
from recorder import numpy


class Refusals(recorder.Case):
    SIMULATOR = "[source]\ndriver = simulator\nwidth = 64\nheight = 32\n"

    def refuse(self, text, *expected, line=None, overrides=()):
        """Status 2, one line per expectation (regular expressions, in any order), no file.

        `line`: the line of the configuration that the (only) message points at."""
        text = f"[files]\nbase = {self.base}\n" + text
        config = self.directory / "camera.conf"
        config.write_text(text)
        before = self.content()
        arguments = [argument for override in overrides for argument in ("--set", override)]
        for extra in (["--check"], ["--frames", "3"]):
            messages = self.record(config, *arguments, *extra, status=2)
            lines = messages.splitlines()
            self.assertEqual(len(lines), len(expected), messages)
            for pattern in expected:
                self.assertTrue(any(re.search(pattern, said) for said in lines),
                                f"{pattern} not in:\n{messages}")
            if line is not None:
                # The two lines of [files] are in front.
                self.assertTrue(lines[0].startswith(f"{config}:{line + 2}: "), messages)
        self.assertEqual(self.content(), before, "something was left behind")
        self.assertFalse(self.base.exists(), "the base was created in vain")

    def content(self):
        return {path: path.read_bytes() for path in self.directory.rglob("*")
                if path.is_file() and not path.name.startswith("stderr")}


class BadInput(Refusals):
    def test_keys(self):
        for text, what in {
            "hight = 32": r'source\.hight: unknown key \(did you mean "height"\?',
            "width = 65": r"source\.width: given twice \(first in line 5\)",
            "rate = 25": r'"25" has no unit \(a rate such as 25 Hz',
            "rate = 25 s": r"source\.rate: .*\(.*25 Hz",
            "rate = 3 GHz": r"source\.rate: .*\(.*0\.001 Hz to 1 MHz",
            "seed =": r"source\.seed: the value is empty",
            "pixel_type = uint12": r"source\.pixel_type: .*\(.*uint16",
            "pattern = rampe": r"source\.pattern: .*\(.*ramp",
            "faults = lose 3 at": r"source\.faults: column \d+: .*\(allowed",
            "dataset = x": r"source\.dataset: unknown key",
            "path = x": r"source\.path: ",
            "just words": r"",
        }.items():
            with self.subTest(key=text):
                self.refuse(self.SIMULATOR + text + "\n", what, line=5)

    def test_values_out_of_range(self):
        for text, what in {
            "width = 0": r"source\.width: .*\b1\b.*32768",
            "height = 40000": r"source\.height: .*\b1\b.*32768",
        }.items():
            with self.subTest(key=text):
                self.refuse("[source]\ndriver = simulator\n" + text + "\n", what, line=3)
        for text, what in {
            "[ring]\nmemory = 1 KiB": r"ring\.memory: .*1 MiB",
            "[roll]\nmax_frames = 0": r"roll\.max_frames: .*1",
            "[roll]\nmax_size = 10 MB/s": r"roll\.max_size: .*\(.*MiB",
            "[realtime]\nreduce_threads = 100": r"realtime\.reduce_threads: .*16",
            "[files2]\nbase = x": r"\[files2\]: unknown section \(did you mean \[files\]\?",
        }.items():
            with self.subTest(key=text):
                self.refuse(self.SIMULATOR + text + "\n", what)

    def test_all_errors_at_once(self):
        self.refuse("""[source]
driver = simulator
hight = 3
width = x
[ring]
overflow = panic
""", r":5: source\.hight", r":6: source\.width", r":8: ring\.overflow: .*drop.*wait")

    def test_overrides_are_checked_as_files_are(self):
        self.refuse(self.SIMULATOR, r"--set: source\.widht: unknown key .*width",
                    overrides=["source.widht=3"])
        self.refuse(self.SIMULATOR, r"--set", overrides=["nonsense"])

    def test_drivers(self):
        self.refuse("[ring]\nmemory = auto\n", r"source\.driver: .*simulator.*")
        self.refuse("[source]\ndriver = simulater\n",
                    r"source\.driver: .*\(.*simulator.*replay|replay.*simulator", line=2)

    def test_regions(self):
        for text, what in {
            "roi = y=0:33, x=:": r"product\.a\.roi: .*outside the frame.*y=0:32",
            "roi = y=5:5, x=:": r"product\.a\.roi: ",
            "roi = y=9:5, x=:": r"product\.a\.roi: ",
            "roi = middle": r"product\.a\.roi: .*\(.*y=",
            "bin = 2": r"product\.a\.bin: .*\(.*2x2",
            "bin = 0x2": r"product\.a\.bin: ",
            "bin = 33x2": r"product\.a\.bin: .*larger than the region.*32 x 64",
            "endian = big": r"product\.a\.endian: only raw files .*\(",
            "format = tiff": r"product\.a\.format: .*\(.*hdf5.*raw",
        }.items():
            with self.subTest(key=text):
                self.refuse(self.SIMULATOR + "[product.a]\n" + text + "\n", what, line=6)
        self.refuse(self.SIMULATOR + "[product.a]\nroi = y=0:4, x=0:4\nbin = 5x5\n",
                    r"product\.a\.bin: .*larger than the region.*4 x 4", line=7)

    def test_templates(self):
        for template, what in {
            "always_the_same": r"column 1: names would not be unique .*\{segment\}",
            "{start:%Y}": r"names would not be unique",
            "../{segment}": r"column 1: ",
            "a/../{segment}": r"column 3: ",
            "/tmp/{segment}": r"column 1: an absolute path",
            "{segmnt}": r'column 2: unknown field "segmnt" \(.*fields: .*segment',
            "{segment:zz}": r'column 10: bad format "zz"',
            "{segment": r"column 1: ",
            "{segment}}": r"column",
            "x" * 201 + "{segment}": r"column",
        }.items():
            with self.subTest(template=template):
                self.refuse(self.SIMULATOR + f"[product.a]\ntemplate = {template}\n",
                            r"product\.a\.template: name template, .*" + what, line=6)

    def test_a_ring_too_small_for_four_frames(self):
        self.refuse("[source]\ndriver = simulator\nwidth = 2000\nheight = 480\n"
                    "[ring]\nmemory = 1 MiB\n",
                    r"ring\.memory: .*fewer than 4 frames .*at least \d+ bytes", line=6)

    def test_a_missing_configuration(self):
        messages = self.record(self.directory / "none.conf", "--check", status=2)
        self.assertRegex(messages, r"none\.conf: .*No such file")

    def test_arguments(self):
        config = self.simulate()
        for arguments, what in {
            ("--frames", "0"): r"--frames: ", ("--frames", "many"): r"--frames: ",
            ("--duration", "10"): r"--duration: .*no unit", ("--fast",): r"--fast",
        }.items():
            with self.subTest(arguments=arguments):
                messages = self.record(config, *arguments, status=2)
                self.assertEqual(len(messages.splitlines()), 1, messages)
                self.assertRegex(messages, what)
        self.assertFalse(self.base.exists())


class BadRecordings(Refusals):
    """Files to replay."""

    def setUp(self):
        super().setUp()
        self.file = self.directory / "input.npy"
        numpy.save(self.file, numpy.arange(4 * 6 * 8, dtype="uint16").reshape(4, 6, 8))

    def refuse_file(self, named, what, extra="", path=None):
        """The message names the file, and what is wrong with it."""
        name = re.escape(str(named))
        self.refuse(f"[source]\ndriver = replay\npath = {path or named}\n{extra}",
                    rf"source.*{name}.*{what}|source.*{what}.*{name}")

    def test_missing(self):
        self.refuse_file(self.directory / "none.npy", "No such file")
        self.refuse("[source]\ndriver = replay\n", r"source\.path: is required")

    def test_truncated(self):
        self.file.write_bytes(self.file.read_bytes()[:-10])
        self.refuse_file(self.file, r"\d+")

    def test_cut_in_the_head(self):
        self.file.write_bytes(self.file.read_bytes()[:40])
        self.refuse_file(self.file, "")

    def test_empty(self):
        self.file.write_bytes(b"")
        self.refuse_file(self.file, "")

    def test_without_frames(self):
        numpy.save(self.file, numpy.zeros((0, 6, 8), "uint16"))
        self.refuse_file(self.file, "")

    def test_of_another_type(self):
        numpy.save(self.file, numpy.zeros((4, 6, 8), "complex64"))
        self.refuse_file(self.file, "c8")
        text = self.directory / "notes.txt"
        text.write_text("no frames here\n" * 100)
        self.refuse_file(text, "")

    def test_raw_that_is_shorter_than_its_description(self):
        made = self.directory / "made"
        config = self.simulate("[product.frames]\nformat = raw\n",
                               files="template = input_{segment}")
        self.record(config, "--frames", "10", "--set", f"files.base={made}")
        raw = made / "input_1.raw"
        raw.write_bytes(raw.read_bytes()[:-1])
        self.refuse_file(raw, r"\d+")
        description = raw.with_suffix(".json")
        about = json.loads(description.read_text())
        about["dtype"] = "<c8"
        description.write_text(json.dumps(about))
        self.refuse_file(description, "c8", path=raw)
        description.write_text("{")
        self.refuse_file(description, "", path=raw)
        description.unlink()
        self.refuse_file(raw, "")

    def test_headerless_that_does_not_fit(self):
        plain = self.directory / "plain.bin"
        plain.write_bytes(bytes(100))
        self.refuse_file(plain, "", "shape = 4x6x8\npixel_type = uint16\n")
        self.refuse(f"[source]\ndriver = replay\npath = {plain}\nshape = 4x6x8\n",
                    r"source\.shape: goes with source\.pixel_type only", line=4)

    def test_the_file_is_not_touched(self):
        before = self.file.read_bytes()
        config = self.configure(f"[source]\ndriver = replay\npath = {self.file}\nrate = max\n")
        self.record(config)
        self.assertEqual(self.file.read_bytes(), before)
        self.verify()


class WhileRecording(recorder.Case):
    def test_frames_of_another_size_are_an_event(self):
        messages = self.record(self.simulate(faults="resize 8x8 at 5", frames=10))
        self.assertIn("another size than announced", messages)
        self.assertEqual([s.pixels.shape[1:] for s in recorder.finished(self.base)],
                         [(32, 48), (8, 8)])
        self.verify()

    def test_a_source_that_delivers_nothing_is_an_event(self):
        config = self.simulate(faults="silent at 4", frames=10)
        messages = self.record(config, "--set", "source.stall_timeout=200 ms")
        self.assertIn("no frame for too long", messages)
        (segment,) = recorder.finished(self.base)
        self.assertEqual(len(segment.pixels), 10)
        self.check_ramp(segment)
        times = segment.records["monotonic_ns"]
        self.assertGreaterEqual(int(times[4] - times[3]), 200_000_000)
        self.verify()


if __name__ == "__main__":
    recorder.main()
