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
            "dataset = x": r"source\.dataset: belongs to driver replay, but driver is simulator",
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
            "format = jpeg": r"product\.a\.format: .*\(.*hdf5.*raw",
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


class BadReductions(Refusals):
    """Corrections, detectors and scans. The source is the simulator, 32 x 64."""

    def setUp(self):
        super().setUp()
        self.image = self.directory / "image.npy"
        numpy.save(self.image, numpy.ones((32, 64)))

    def refuse_product(self, text, what, *more, line=6, **keywords):
        """`text` stands in [product.a], whose first key is in line 6."""
        self.refuse(f"{self.SIMULATOR}[product.a]\n{text}\n", rf":{line + 2}: .*{what}", *more,
                    line=None if more else line, **keywords)

    def test_calibration_images_of_another_size(self):
        other = self.directory / "other.npy"
        numpy.save(other, numpy.ones((16, 64)))
        for key in "dark", "flat", "bad_pixels":
            with self.subTest(key=key):
                self.refuse_product(f"{key} = {other}",
                                    rf"product\.a\.{key}: .*16 x 64.*32 x 64")

    def test_calibration_images_that_cannot_be_read(self):
        text = self.directory / "notes.txt"
        text.write_text("no image\n" * 50)
        cut = self.directory / "cut.npy"
        cut.write_bytes(self.image.read_bytes()[:-5])
        several = self.directory / "several.h5"
        with recorder.h5py.File(several, "w") as file:
            file["good"] = numpy.ones((32, 64), "float32")
            file["line"] = numpy.ones(64, "float32")
            file["text"] = "none"
        for name, what in {
            self.directory / "none.npy": "No such file",
            self.directory: "",
            text: "",
            cut: r"\d+",
            f"{several}::/missing": "missing",
            f"{several}::/line": "line",
            f"{several}::/text": "text",
            f"{self.image}::/data": "",
        }.items():
            for key in "dark", "flat", "bad_pixels":
                with self.subTest(name=name, key=key):
                    file = re.escape(str(name).partition("::")[0])
                    self.refuse_product(f"{key} = {name}",
                                        rf"product\.a\.{key}: (?=.*{file}).*{what}")

    def test_images_without_a_pixel_that_can_be_used(self):
        zeros = self.directory / "zeros.npy"
        numpy.save(zeros, numpy.zeros((32, 64), "uint16"))
        numpy.save(self.directory / "nan.npy", numpy.full((32, 64), numpy.nan))
        for text, what in {
            f"flat = {zeros}": r"product\.a\.flat: ",
            f"flat = {self.directory}/nan.npy": r"product\.a\.flat: ",
            f"dark = {self.directory}/nan.npy": r"product\.a\.dark: ",
            f"dark = {self.image}\nflat = {self.image}": r"product\.a\.(dark|flat): ",
            f"bad_pixels = {self.image}": r"product\.a\.bad_pixels: ",
        }.items():
            with self.subTest(key=text):
                self.refuse(f"{self.SIMULATOR}[product.a]\n{text}\n", what)

    def test_arithmetic(self):
        for text, what in {
            "accumulate = 0": r"product\.a\.accumulate: .*1.*65535",
            "accumulate = 65536": r"product\.a\.accumulate: .*1.*65535",
            "keep_every = 0": r"product\.a\.keep_every: .*1",
            "accumulate_mode = median": r"product\.a\.accumulate_mode: .*\(.*sum.*mean",
            "dtype = complex64": r"product\.a\.dtype: .*\(.*float32",
            "renormalise = 5, 5 -> 0, 255": r"product\.a\.renormalise: ",
            "renormalise = 0, inf -> 0, 255": r"product\.a\.renormalise: ",
            "renormalise = 0, nan -> 0, 255": r"product\.a\.renormalise: ",
            "renormalise = bright": r"product\.a\.renormalise: .*\(allowed: .*0, 4095 -> 0, 255",
            "renormalise = 0, 1": r"product\.a\.renormalise: .*\(allowed: ",
            "renormalise = 0 -> 255": r"product\.a\.renormalise: .*\(allowed: ",
            "renormalise = 0, 1 -> 2, 3, 4, 5": r"product\.a\.renormalise: .*\(allowed: ",
            "renormalise = 0, 1 -> 2, 3x": r"product\.a\.renormalise: .*\(allowed: ",
            "renormalise = 1, 2, 3 -> 4": r"product\.a\.renormalise: .*\(allowed: ",
        }.items():
            with self.subTest(key=text):
                self.refuse_product(text, what)

    def refuse_detector(self, text, what, key_line=None, extra=""):
        """`text` stands in [detector.d], whose first key is in line 8 (10 with [files])."""
        self.refuse(f"{self.SIMULATOR}[product.a]\ndetectors = d\n[detector.d]\n{text}\n{extra}",
                    what, line=key_line)

    def test_detectors(self):
        for text, what in {
            "shape = disc\ncenter = 100 px, 16 px\nouter = 4 px": r"product\.a\.detectors: .*\bd\b",
            "shape = rectangle\nroi = y=0:33, x=:": r"\bd\b.*outside the frame.*y=0:32, x=0:64",
            "shape = rectangle\nroi = y=5:5, x=:": r":11: detector\.d\.roi: .*not below its stop",
            "shape = disc": r":9: detector\.d\.outer: is required \(.*px\)",
            "shape = annulus\nouter = 4 px": r":9: detector\.d\.inner: is required \(.*px\)",
            "shape = annulus\ninner = 9 px\nouter = 4 px": r"\bd\b.*9.*4.*inner < outer",
            "shape = annulus\ninner = 4 px\nouter = 4 px": r"\bd\b.*inner < outer",
            "shape = disc\nouter = 0 px": r":11: detector\.d\.outer: .*not above zero \(",
            "shape = disc\nouter = 4": r":11: detector\.d\.outer: .*unit",
            "shape = disc\nouter = 4 um": r":11: detector\.d\.outer: is in um \(allowed: px.*\)",
            "shape = disc\nouter = 4 furlongs": r":11: detector\.d\.outer: .*\(",
            "shape = disc\nouter = 4 px, 5 px": r":11: detector\.d\.outer: must be one length",
            "shape = disc\nouter = 4 px\ncenter = 3 px": r":12: detector\.d\.center: .*y, x",
            "shape = disc\nouter = 4 px\ninner = 3 px": r":12: detector\.d\.inner: means nothing.*outer",
            "shape = rectangle": r":9: detector\.d\.roi: is required \(",
            "shape = mask": r":9: detector\.d\.file: is required \(",
            "shape = mask\nfile = /none.npy": r":11: detector\.d\.file: .*/none\.npy.*No such file",
            "shape = star": r":10: detector\.d\.shape: .*\(.*disc.*annulus.*rectangle.*mask",
            "outer = 4 px": r":9: detector\.d\.shape: is required \(.*disc",
        }.items():
            with self.subTest(key=text):
                self.refuse_detector(text, what)
        self.refuse_detector("shape = disc\nouter = 4 px",
                             r":8: product\.a\.detectors: .*hdf5.*raw",
                             extra="[product.a]\nformat = raw\n")
        self.refuse_detector("shape = disc", r":9: detector\.d\.outer: is required",
                             extra="[product.b]\ndetectors = d\n")
        self.refuse_detector("shape = mask\nfile = /none.npy", r":11: detector\.d\.file: .*No such",
                             extra="[product.b]\ndetectors = d\n")
        small = self.directory / "small.npy"
        numpy.save(small, numpy.ones((8, 8), "uint8"))
        self.refuse_detector(f"shape = mask\nfile = {small}", r"\bd\b.*8 x 8.*32 x 64")
        numpy.save(small, numpy.zeros((32, 64), "uint8"))
        self.refuse_detector(f"shape = mask\nfile = {small}", r"\bd\b")

    def test_names_of_detectors(self):
        disc = "shape = disc\nouter = 4 px\n"
        self.refuse_product("detectors = d, nobody",
                            r"product\.a\.detectors: .*\[detector\.nobody\] \(there are: d\)",
                            overrides=["detector.d.shape=disc", "detector.d.outer=4 px"])
        self.refuse_product("detectors = nobody", r"\[detector\.nobody\] \(there are: none\)")
        self.refuse_product(f"detectors = d, d\n[detector.d]\n{disc}", r'name "d" twice')
        for name in "time", "scan_mask", "bright_image":
            with self.subTest(name=name):
                self.refuse_product(f"detectors = {name}\n[detector.{name}]\n{disc}",
                                    rf"detector\.{name}.*cannot have this name", line=7)

    def test_scans(self):
        numpy.save(self.directory / "ten.npy", numpy.zeros((10, 6, 8), "uint16"))
        replay = f"[source]\ndriver = replay\npath = {self.directory}/ten.npy\n"
        self.refuse(replay + "[instrument]\nscan = 2 x 4\n",
                    r"instrument\.scan: .*2 x 4 points.*10 frames", line=5)
        self.refuse(replay + "[instrument]\nscan = 2 x 4\nflyback = 2\n",
                    r"instrument\.scan: .*2 flyback frames.*10 frames", line=5)
        for text, what in {
            "scan = 5": r"instrument\.scan: .*rows x columns",
            "scan = 2x3x4": r"instrument\.scan: .*rows x columns",
            "scan = 0x4": r"instrument\.scan: ",
            "scan = 100000x100000": r"instrument\.scan: .*at most \d+ points",
            "scan = many": r"instrument\.scan: .*\(",
            "flyback = -1": r"instrument\.flyback: .*\b0\b",
            "flyback = 2": r"instrument\.flyback: .*instrument\.scan",
            "scan_step = 1 um": r"instrument\.scan_step: .*instrument\.scan",
        }.items():
            with self.subTest(key=text):
                self.refuse(f"{self.SIMULATOR}[instrument]\n{text}\n", what, line=6)

    def test_scans_and_what_goes_not_with_them(self):
        scan = "\n[instrument]\nscan = 2x4"
        self.refuse_product("keep_every = 2" + scan, r"product\.a\.keep_every: .*instrument\.scan")
        self.refuse_product("accumulate = 2" + scan, r"product\.a\.accumulate: .*instrument\.scan")
        self.refuse_product("align = scan", r"product\.a\.align: .*instrument\.scan")
        self.refuse(self.SIMULATOR + "[roll]\nalign = scan\n",
                    r"roll\.align: .*instrument\.scan", line=6)
        self.refuse(self.SIMULATOR + "[roll]\nalign = scan\n[product.a]\n[product.b]\n",
                    r"roll\.align: .*instrument\.scan", line=6)


class BadRecording(Refusals):
    """What [record] says."""

    def refuse_record(self, text, what, line, extra=""):
        """`line`: within [record], whose header is line 0."""
        self.refuse(f"{self.SIMULATOR}{extra}[record]\n{text}\n",
                    what, line=5 + extra.count("\n") + line)

    def test_triggers(self):
        for trigger, what in {
            "statistic nobody.mean > 3": r'no product "nobody" \(there are: frames\)',
            "statistic frames.median > 3": r'"frames\.median" is no statistic.*\(allowed: .*mean',
            "statistic mean > 3": r'"mean" is no statistic',
            "statistic frames.mean": r"compares nothing \(allowed: .*>=",
            "statistic frames.mean > ": r"is no number \(allowed: ",
            "statistic frames.mean > bright": r'"bright" is no number',
            "statistic frames.mean > nan": r"is no number",
            "statistic frames.mean > 3 Hz": r'"3 Hz" is no number',
            "statistic frames.mean => 3": r"is no statistic",
            "statistic frames.mean == 3": r"compares nothing",
            "statistic > 3": r"is no statistic",
            "edge": r'"edge" is no trigger \(allowed: command, statistic ',
            "statistics frames.mean > 3": r"is no trigger",
        }.items():
            with self.subTest(trigger=trigger):
                self.refuse_record(f"start = trigger\ntrigger = {trigger}",
                                   r"record\.trigger: .*" + what, 2)

    def test_frames_that_the_ring_cannot_keep(self):
        ring = "[ring]\nmemory = 1 MiB\n"
        self.refuse_record("start = trigger\npre_frames = 100000",
                           r"record\.pre_frames: .*at most \d+ of its \d+.*ring\.memory", 2, ring)
        self.refuse_record("start = trigger\npre_time = 10 min",
                           r"record\.pre_time: .*at most \d+ of its \d+.*ring\.memory", 2,
                           "rate = 100 Hz\n" + ring)

    def test_keys_that_are_missing_or_of_another_start(self):
        self.refuse_record("start = schedule", r"record\.repeat: is required .*\(such as", 0)
        for text, what in {
            "start = trigger\nrepeat = 1 s": r"record\.repeat: .*start = schedule.*trigger",
            "start = schedule\npre_frames = 1\nrepeat = 1 s":
                r"record\.pre_frames: .*start = trigger.*schedule",
            "start = always\nhold_off = 1 s": r"record\.hold_off: .*start = trigger.*always",
            "start = schedule\nlength = 2 s\nrepeat = 1 s": r"record\.length: .*record\.repeat",
            "start = command\ntrigger = statistic frames.mean > 1":
                r"record\.trigger: .*start = trigger.*command",
            "start = command\nrepeat = 1 s": r"record\.repeat: .*start = schedule.*command",
            "start = trigger\nretrigger = never": r"record\.retrigger: .*\(.*extend.*ignore",
            "start = trigger\nmax_event = 0 s": r"record\.max_event: .*1 ms",
            "start = trigger\npre_frames = -1": r"record\.pre_frames: .*\b0\b",
        }.items():
            with self.subTest(key=text):
                self.refuse_record(text, what, 2)
        self.refuse_record("start = sometimes",
                           r"record\.start: .*\(.*always.*trigger.*schedule.*command", 1)
        self.refuse_record("pre_frames = 1", r"record\.pre_frames: .*start = trigger", 1)
        self.refuse_record("start = trigger\npre_frames = 1\npre_time = 1 s",
                           r"record\.pre_time: .*record\.pre_frames", 3)
        self.refuse_record("start = trigger\npost_frames = 1\npost_time = 1 s",
                           r"record\.post_time: .*record\.post_frames", 3)


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
