#!/usr/bin/env python3
"""Uses `framelog` as a user does: on recordings, living and dead, whole and damaged."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import recorder
from recorder import h5py, numpy

FRAMELOGD = os.environ.get("FRAMELOGD", "framelogd")
FRAMELOG = os.environ.get("FRAMELOG", "framelog")

CONFIGURATION = """
[instrument]
title = \u00fcber alles
[source]
driver = simulator
width = 64
height = 48
rate = max
pattern = counts
faults = lose 3 at 20
[files]
base = {base}
sync_interval = 100 ms
[roll]
max_frames = {max_frames}
[product.whole]
[product.middle]
format = raw
endian = big
roi = y=8:40, x=16:48
"""


def framelog(*arguments):
    return subprocess.run([FRAMELOG, *map(str, arguments)], capture_output=True, text=True,
                          timeout=120)


class Recordings(unittest.TestCase):
    """One recording of 100 frames in three segments of each of two products, copied for each test."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="framelog-")
        cls.original = pathlib.Path(cls.scratch.name) / "original"
        configuration = cls.configure(cls.original, max_frames=40)
        subprocess.run([FRAMELOGD, "--config", configuration, "--frames", "100", "--set",
                        "control.socket=off"], check=True, capture_output=True, timeout=120)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    @classmethod
    def configure(cls, base, max_frames):
        path = pathlib.Path(cls.scratch.name) / f"{base.name}-bench.conf"
        path = path.with_name(path.name.lower())
        path.write_text(CONFIGURATION.format(base=base, max_frames=max_frames))
        return path

    def setUp(self):
        self.base = pathlib.Path(self.scratch.name) / self.id().rsplit(".", 1)[1]
        shutil.copytree(self.original, self.base)

    def tearDown(self):
        shutil.rmtree(self.base)

    def find(self, pattern):
        return sorted(path for path in self.base.rglob(pattern) if ".framelog" not in path.parts
                      and not path.name.endswith("_master.h5"))

    def run_json(self, *arguments, status=0):
        done = framelog(*arguments, "--json")
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)

    def flip(self, path, offset):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1]))

    def record_and_kill(self):
        """A recording whose process dies; returns its .part files."""
        base = self.base / "dead"
        configuration = self.configure(base, max_frames=10000)
        with subprocess.Popen([FRAMELOGD, "--config", configuration, "--set",
                               "source.rate=200 Hz", "--set", "control.socket=off"], stderr=subprocess.DEVNULL) as daemon:
            try:
                deadline = time.monotonic() + 60
                while time.monotonic() < deadline:
                    parts = sorted(base.rglob("*.part")) if base.exists() else []
                    listed = self.run_json("list", base) if parts else []
                    if len(listed) == 2 and all(s["frames"] > 30 for s in listed):
                        break
                    time.sleep(0.1)
                yield base
            finally:
                daemon.send_signal(signal.SIGKILL)
        for ring in recorder.rings_of(pathlib.Path(configuration).parent):
            os.unlink(ring)
        yield base

    def test_list_shows_every_segment(self):
        done = framelog("list", self.base)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 1 + 6 + 1)
        self.assertTrue(lines[-1].startswith("6 segments, 200 frames, "))
        column = lines[0].index("state")
        self.assertTrue(all(line[column:].startswith("finished") for line in lines[1:-1]))
        rows = self.run_json("list", self.base)
        self.assertEqual(sorted(row["frames"] for row in rows), [20, 20, 40, 40, 40, 40])
        self.assertEqual({tuple(row["shape"]) for row in rows}, {(48, 64), (32, 32)})
        self.assertEqual(sum(row["lost"] for row in rows), 6)

    def test_list_goes_on_past_damage_and_loops(self):
        (self.base / "loop").symlink_to(self.base, target_is_directory=True)
        (self.base / "broken.h5").write_bytes(b"nothing")
        rows = self.run_json("list", self.base, status=1)
        self.assertEqual(len(rows), 7)
        self.assertEqual([row["path"] for row in rows if "error" in row],
                         [str(self.base / "broken.h5")])
        self.assertEqual(framelog("list", self.base / "absent").returncode, 1)

    def test_output_that_nobody_reads_is_no_noise(self):
        done = subprocess.run(f"'{FRAMELOG}' list '{self.base}' | true", shell=True,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")

    def test_info_tells_what_it_is(self):
        for pattern in ("*whole*_0001.h5", "*middle*_0001.raw"):
            path = self.find(pattern)[0]
            done = framelog("info", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("40 received = 40 recorded; 3 lost at source (sequence-gap 3)",
                          done.stdout)
            self.assertRegex(done.stdout, r"19 +3 +\S+ ms +source +sequence-gap")
            facts = self.run_json("info", path)
            self.assertEqual(facts["frames"], 40)
            self.assertEqual(facts["stop_reason"], "frames")
            self.assertEqual(facts["gaps"][0]["frames"], 3)
            self.assertEqual(facts["accounting"]["recorded"], 40)
            self.assertEqual(framelog("info", "--tree", path).returncode, 0)

    def test_info_agrees_with_the_pixels(self):
        path = self.find("*whole*_0001.h5")[0]
        with h5py.File(path) as file:
            pixels = file["/entry/data/data"][...]
        statistics = self.run_json("info", path)["statistics"]
        self.assertEqual(statistics["min"], pixels.min())
        self.assertEqual(statistics["max"], pixels.max())
        self.assertAlmostEqual(statistics["mean"], float(numpy.mean(pixels)), places=6)

    def test_verify_finds_nothing_wrong_with_a_whole_recording(self):
        done = framelog("verify", self.base)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1],
                         "200 frames in 6 segments of 1 run, all frames are accounted for")
        self.assertTrue(self.run_json("verify", self.base, self.base)["ok"])

    def test_verify_names_the_frame_with_a_wrong_pixel(self):
        path = self.find("*whole*_0002.h5")[0]
        with h5py.File(path) as file:
            data = file["/entry/data/data"]
            chunk = data.id.get_chunk_info(0)
            frame = 7
            per_chunk = data.chunks[0]
            offset = data.id.get_chunk_info(frame // per_chunk).byte_offset
            offset += frame % per_chunk * data[0].nbytes + 100
            self.assertGreaterEqual(offset, chunk.byte_offset)
        self.flip(path, offset)
        raw = self.find("*middle*_0003.raw")[0]
        self.flip(raw, 3 * 32 * 32 * 2 + 5)
        done = framelog("verify", self.base)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{path}: the pixels of frame 7 are not those", done.stdout)
        self.assertIn(f"{raw}: the pixels of frame 3 are not those", done.stdout)
        self.assertIn("2 segments with problems", done.stdout)
        self.assertNotIn("all frames are accounted for", done.stdout)

    def test_verify_finds_truncation_and_damaged_metadata(self):
        segments = self.find("*whole*.h5")
        os.truncate(segments[0], segments[0].stat().st_size // 2)
        self.flip(segments[1], 20)
        raw = self.find("*middle*.raw")[0]
        os.truncate(raw, raw.stat().st_size - 1)
        records = self.find("*middle*_0002.frames")[0]
        self.flip(records, 4096 + 128 * 5 + 20)
        found = self.run_json("verify", self.base, status=1)
        bad = {segment["path"] for segment in found["segments"] if not segment["ok"]}
        self.assertEqual(bad, {str(segments[0]), str(segments[1]), str(raw),
                               str(records.with_suffix(".raw"))})

    def test_verify_misses_a_segment_and_knows_a_copy(self):
        first, second, _ = self.find("*whole*.h5")
        (self.base / "copies").mkdir()
        shutil.copy(first, self.base / "copies")
        done = framelog("verify", self.base)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("is a copy of", done.stdout)
        self.assertIn("200 frames in 6 segments of 1 run, all", done.stdout)
        second.unlink()
        done = framelog("verify", self.base)
        self.assertEqual(done.returncode, 1)
        self.assertIn("a segment is missing", done.stdout)

    def test_verify_of_nothing_is_an_error(self):
        (self.base / "empty").mkdir()
        done = framelog("verify", self.base / "empty")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no segment", done.stderr)
        self.assertNotIn("all frames are accounted for", done.stdout)
        self.assertEqual(framelog("verify", self.base / "absent.h5").returncode, 1)

    def test_a_killed_recording_is_seen_recovered_and_verified(self):
        life = self.record_and_kill()
        base = next(life)
        rows = self.run_json("list", base)
        self.assertEqual({row["state"] for row in rows}, {"recording"})
        facts = self.run_json("info", rows[0]["path"])
        self.assertEqual(facts["state"], "recording")
        self.assertIsNone(facts["accounting"])
        done = framelog("verify", base)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count(": being recorded\n"), 2)
        self.assertEqual({row["outcome"] for row in self.run_json("recover", base)}, {"in use"})

        next(life)
        rows = self.run_json("list", base)
        self.assertEqual({row["state"] for row in rows}, {"unfinished"})
        done = framelog("verify", base)
        self.assertEqual(done.returncode, 1)
        self.assertIn("framelog recover", done.stdout)
        recovered = self.run_json("recover", base)
        self.assertEqual({row["outcome"] for row in recovered}, {"finished"})
        self.assertEqual(framelog("recover", base).stdout, "nothing to recover\n")
        done = framelog("verify", base)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("all frames are accounted for", done.stdout)
        self.assertEqual({row["state"] for row in self.run_json("list", base)}, {"finished"})

    def test_recover_puts_away_what_it_does_not_understand(self):
        (self.base / "strange.h5.part").write_bytes(b"nothing")
        self.assertEqual(self.run_json("recover", self.base, status=1)[0]["outcome"],
                         "quarantined")
        self.assertTrue((self.base / "quarantine" / "strange.h5.part.why").exists())
        finished = self.find("*whole*.h5")[0]
        before = finished.read_bytes()
        self.assertEqual(framelog("recover", finished).returncode, 1)
        self.assertEqual(finished.read_bytes(), before)

    def test_config_says_what_a_configuration_means(self):
        configuration = self.configure(self.base / "new", max_frames=10)
        done = framelog("config", "check", "--config", configuration)
        self.assertEqual(done.returncode, 0, done.stderr)
        daemon = subprocess.run([FRAMELOGD, "--config", configuration, "--check"],
                                capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.splitlines()[:5], daemon.stdout.splitlines()[:5])
        names = self.run_json("config", "names", "--config", configuration)
        self.assertEqual(len(names), 6)
        self.assertTrue(names[0]["path"].endswith("_0001.h5"))
        self.assertFalse((self.base / "new").exists())
        shown = self.run_json("config", "show", "--config", configuration, "--set",
                              "source.width=32")
        width = [v for v in shown["values"] if (v["section"], v["key"]) == ("source", "width")]
        self.assertEqual([(v["value"], v["origin"]) for v in width], [("32", "--set")])
        drivers = self.run_json("config", "drivers")
        self.assertIn("simulator", [driver["driver"] for driver in drivers])
        self.assertIn("## [source]", framelog("config", "reference").stdout)

    def test_a_wrong_configuration_is_told_in_full(self):
        configuration = self.configure(self.base / "new", max_frames=10)
        text = configuration.read_text().replace("height", "heigth").replace("rate = max", "rate = 1")
        configuration.write_text(text)
        done = framelog("config", "check", "--config", configuration)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(done.stderr.splitlines()), 2, done.stderr)
        self.assertFalse(self.run_json("config", "check", "--config", configuration,
                                       status=2)["ok"])

    def test_bad_usage_is_refused_with_a_hint(self):
        for arguments, hint in [
                ([], "no command"), (["verfy", "x"], "did you mean verify?"),
                (["list"], "takes a directory"), (["list", "a", "b"], "takes [DIR]"),
                (["list", ""], "a name is empty"), (["list", "--tree", "."], "has no --tree"),
                (["list", ".", "--wrong"], "wrong"), (["config", "check"], "needs -i NAME"),
                (["config", "shwo"], "did you mean show?"),
                (["config", "show", "-i", "a", "--config", "b"], "exclude each other"),
                (["config", "show", "-i", "../x"], "no instrument's name"),
                (["info", self.base], "is a directory"),
                (["config", "check", "-i", "there-is-none"], "/etc/framelogd/there-is-none.conf")]:
            done = framelog(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(hint, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_help_and_version(self):
        self.assertIn("verify", framelog("--help").stdout)
        for command in ("list", "info", "verify", "recover", "config"):
            done = framelog(command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn(f"framelog {command}", done.stdout)
        self.assertRegex(framelog("--version").stdout, r"^framelog \d+\.\d+\.\d+ ")


DETECTORS = """
[detector.box]
shape = rectangle
roi = y=8:24, x=40:
[detector.middle]
shape = disc
outer = 6 px
"""


class Detectors(recorder.Case):
    """What framelog info tells of virtual detectors and scans, beside sums of NumPy."""

    def sums(self, numbers):
        frames = recorder.ramp(numpy.asarray(numbers), 32, 48).astype("float64")
        y, x = numpy.mgrid[:32, :48]
        middle = numpy.hypot(y - 15.5, x - 23.5) < 6
        return {"box": (frames[:, 8:24, 40:].sum(axis=(1, 2)), 128),
                "middle": (frames[:, middle].sum(axis=1), int(middle.sum()))}

    def check_detectors(self, facts, numbers, missing=0):
        self.assertEqual([d["name"] for d in facts["detectors"]], ["box", "middle"])
        for found, (sums, pixels) in zip(facts["detectors"], self.sums(numbers).values()):
            self.assertEqual((found["min"], found["max"], found["last"]),
                             (sums.min(), sums.max(), sums[-1]), found["name"])
            self.assertEqual(found["pixels"], pixels)
            self.assertEqual(found["frames_without_sums"], missing)

    def info(self, path):
        done = framelog("info", path, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_a_scan_with_its_detectors(self):
        self.record(self.simulate(f"""
            [instrument]
            scan = 4 x 5
            flyback = 1
            [product.points]
            detectors = box, middle
            {DETECTORS}"""), "--frames", "24")
        (segment,) = recorder.finished(self.base)
        numbers = [n for n in range(24) if n % 6 < 5]
        facts = self.info(segment.path)
        self.assertEqual(facts["scan"], {"rows": 4, "columns": 5, "flyback": 1, "first_number": 0})
        self.check_detectors(facts, numbers)
        text = framelog("info", segment.path).stdout
        self.assertIn("scan         4 x 5 points, 1 flyback frames a line\n", text)
        sums, pixels = self.sums(numbers)["box"]
        self.assertRegex(text, rf"\n +box +{pixels} +{sums.min():.6g} +{sums.max():.6g} "
                               rf"+{sums[-1]:.6g}\n")

    def test_sums_that_are_not_those_recorded_are_counted_and_left_out(self):
        self.record(self.simulate(f"[product.a]\ndetectors = box, middle\n{DETECTORS}"),
                    "--frames", "20")
        (segment,) = recorder.finished(self.base)
        with h5py.File(segment.path, "r+") as file:
            file["/entry/virtual_detectors/box"][19] = 1e12
        self.check_detectors(self.info(segment.path), range(19), missing=1)
        self.assertIn("1 frame without sums", framelog("info", segment.path).stdout)

    def test_a_living_segment_tells_of_its_valid_frames(self):
        process = self.start(self.simulate(f"[product.a]\ndetectors = box, middle\n{DETECTORS}",
                                           rate="100 Hz"))

        def living():
            parts = list(self.base.rglob("*.h5.part"))
            facts = self.info(parts[0]) if parts else {"frames": 0}
            return facts["frames"] >= 5 and facts

        facts = self.until(living, "five frames")
        self.assertEqual(facts["state"], "recording")
        self.assertIsNone(facts["scan"])
        self.kill(process)
        with h5py.File(facts["path"], "r") as file:
            numbers = file[recorder.READOUT + "/frame_table"]["source_sequence"][:facts["frames"]]
        self.check_detectors(facts, numbers)

    def test_without_any_of_them_nothing_is_told(self):
        self.record(self.simulate("[product.a]\nformat = raw\n"), "--frames", "3")
        (segment,) = recorder.finished(self.base, ".raw")
        facts = self.info(segment.path)
        self.assertEqual((facts["scan"], facts["detectors"]), (None, []))
        self.assertNotIn("detectors", framelog("info", segment.path).stdout)


class Explanations(recorder.Case):
    """framelogd --check and framelog config check say what a configuration means."""

    def explained(self, config):
        text = self.record(config, "--check")
        done = framelog("config", "check", "--config", config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([line for line in done.stdout.splitlines() if "disk: " not in line],
                         [line for line in text.splitlines() if "disk: " not in line])
        return text.splitlines()

    def test_the_scan_of_the_source_is_a_hint_until_it_is_configured(self):
        path = self.directory / "scan.npy"
        numpy.save(path, numpy.zeros((8, 16, 6, 4), "uint16"))
        config = f"[source]\ndriver = replay\npath = {path}\n"
        hint = "hint: the source has a scan of 8 x 16: instrument.scan = 8 x 16"
        self.assertIn(hint, self.explained(self.configure(config)))
        lines = self.explained(self.configure(config + "[instrument]\nscan = 16 x 8\n"))
        self.assertIn("scan: 16 x 8 points", lines)
        self.assertFalse([line for line in lines if line.startswith("hint")])
        self.record(self.configure(config))
        (segment,) = recorder.finished(self.base)
        self.assertIsNone(json.loads(framelog("info", segment.path, "--json").stdout)["scan"])

    def test_a_source_without_a_scan_gives_no_hint(self):
        self.assertFalse([line for line in self.explained(self.simulate())
                          if line.startswith(("hint", "scan"))])

    def test_products_tell_their_detectors_and_how_frames_are_combined(self):
        lines = self.explained(self.simulate(f"""
            [product.every]
            keep_every = 10
            [product.sums]
            accumulate = 4
            detectors = box, middle
            [product.both]
            keep_every = 2
            accumulate = 5
            accumulate_mode = mean
            {DETECTORS}""", rate="100 Hz"))
        self.assertIn("product every: one of 10 frames is kept", lines)
        self.assertIn("product sums: 4 frames become one, their sum", lines)
        self.assertIn("product sums: detectors box (128 pixels), middle (112 pixels)", lines)
        self.assertIn("product both: one of 2 frames is kept, 5 of these frames become one, "
                      "their mean", lines)
        # 32 x 48 pixels of 2 bytes at 10 Hz, of 4 bytes at 25 Hz.
        for start, rate in (("product every: 32 x 48", 0.0307), ("product sums: 32 x 48", 0.154)):
            (line,) = [line for line in lines if line.startswith(start)]
            self.assertIn(f", {rate} MB/s, ", line)

    def test_what_is_recorded_when(self):
        lines = self.explained(self.simulate(
            "[record]\nstart = trigger\ntrigger = statistic frames.mean > 700\npre_frames = 5"))
        self.assertIn("record: start = trigger, trigger = statistic frames.mean > 700, "
                      "pre_frames = 5", lines)
        always = self.simulate(rate="100 Hz")
        days = [self.days(self.explained(always))]
        lines = self.explained(self.simulate(
            "[record]\nstart = schedule\nrepeat = 100 s\nlength = 2 s", rate="100 Hz"))
        self.assertIn("record: start = schedule, repeat = 100 s, length = 2 s", lines)
        days.append(self.days(lines))
        self.assertAlmostEqual(days[1] / days[0], 50, delta=1)

    def days(self, lines):
        (line,) = [line for line in lines if line.startswith("disk: ")]
        return float(line.split("full in ")[1].split(" days")[0])


if __name__ == "__main__":
    recorder.main()
