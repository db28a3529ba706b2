"""The catalog, and what goes with it: list, pins, SHA256SUMS and master files."""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import unittest

import recorder
from recorder import command, h5py, numpy

DATA_SET = "/entry/data/data"


class Catalog(recorder.Case):
    def catalog(self):
        return self.base / ".framelog/camera/catalog.sqlite"

    def framelog(self, *arguments, status=0):
        done = command("--config", self.config, *arguments)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def listed(self, *arguments):
        return json.loads(self.framelog("list", "--json", *arguments))

    def record_some(self, frames=100, segment=20, extra="", files="", **source):
        self.config = self.simulate(f"[roll]\nmax_frames = {segment}\n{extra}", files=files, **source)
        self.record(self.config, "--frames", str(frames))

    def start_some(self, extra="", files=""):
        """A recorder with a socket, whose segments are short."""
        self.config = self.simulate(
            f"[roll]\nmax_frames = 10\n[control]\nsocket = {self.directory}/socket\n{extra}",
            files=files, rate="100 Hz")
        process = self.start(self.config)
        self.until(lambda: self.rows() >= 3, "three segments in the catalog")
        return process

    def rows(self, where="1"):
        """As another program counts them; 0 where there is no catalog."""
        if not self.catalog().exists():
            return 0
        with contextlib.suppress(sqlite3.Error):
            uri = f"file:{self.catalog()}?mode=ro"  # It must not make one.
            with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=30)) as database:
                return database.execute(f"SELECT count(*) FROM segments WHERE {where}").fetchone()[0]
        return 0

    def stop(self, process):
        process.send_signal(15)
        return self.wait(process)

    def finished_names(self):
        return sorted(str(segment.path) for segment in recorder.finished(self.base))

    def check(self):
        self.assertIn("the catalog says what the files say", self.framelog("catalog", "check"))


class Listing(Catalog):
    def test_the_catalog_says_what_the_files_say(self):
        self.record_some()
        listed = self.listed()
        segments = recorder.finished(self.base)
        self.assertEqual([entry["path"] for entry in listed], [str(s.path) for s in segments])
        for entry, segment in zip(listed, segments):
            self.assertEqual(entry["frames"], len(segment.records))
            self.assertEqual(entry["first_sequence"], segment.records["sequence"][0])
            self.assertEqual(entry["last_sequence"], segment.records["sequence"][-1])
            self.assertEqual(entry["run_uuid"], segment.provenance["run"]["uuid"])
            self.assertEqual(entry["segment"], segment.number)
            self.assertEqual((entry["product"], entry["lost"], entry["gaps"]), ("frames", 0, 0))
            self.assertFalse(entry["pinned"] or entry["acknowledged"])
        self.assertIn("5 segments, 100 frames", self.framelog("list"))
        self.check()

    def test_the_program_of_sqlite_agrees(self):
        self.record_some()
        if shutil.which("sqlite3") is None:
            self.skipTest("there is no sqlite3")
        done = subprocess.run(
            ["sqlite3", "-json", self.catalog(), "SELECT path, frames, bytes FROM segments ORDER BY path"],
            capture_output=True, text=True, check=True)
        rows = json.loads(done.stdout)
        self.assertEqual([row["path"] for row in rows], self.finished_names())
        self.assertEqual(sum(row["frames"] for row in rows), 100)
        self.assertEqual([row["bytes"] for row in rows],
                         [os.stat(row["path"]).st_blocks * 512 for row in rows])
        sums = subprocess.run(["sqlite3", self.catalog(), "SELECT segments, bytes FROM sums; PRAGMA integrity_check"],
                              capture_output=True, text=True, check=True).stdout
        self.assertEqual(sums, f"5|{sum(row['bytes'] for row in rows)}\nok\n")

    def test_every_filter_finds_what_it_says(self):
        self.record_some(extra="[product.whole]\n[product.small]\nbin = 2x2\nformat = raw\n",
                         faults="lose 3 at 50")
        self.record(self.config, "--frames", "20")
        everything = self.listed()
        self.assertEqual(len(everything), 12)
        self.assertEqual(self.listed("--product", "small"),
                         [e for e in everything if e["product"] == "small"])
        self.assertEqual(len(self.listed("--run", "2")), 2)
        uuid = everything[0]["run_uuid"]
        self.assertEqual(self.listed("--run", uuid[:10]),
                         [e for e in everything if e["run_uuid"] == uuid])
        gaps = self.listed("--gaps")
        self.assertEqual(gaps, [e for e in everything if e["gaps"] > 0])
        self.assertEqual({e["product"] for e in gaps}, {"whole", "small"})
        second = self.listed("--run", "2")
        begin = second[0]["first_frame"]
        self.assertEqual(self.listed("--since", begin), second)
        self.assertEqual(len(self.listed("--until", begin)), 10)
        self.assertEqual(self.listed("--since", "1 h ago", "--until", "now"), everything)
        self.assertEqual(self.listed("--since", "yesterday", "--gaps", "--product", "whole"),
                         [e for e in gaps if e["product"] == "whole"])
        self.assertEqual(self.listed("--until", "2026-01-02"), [])

    def test_what_makes_no_sense_is_refused(self):
        self.record_some(frames=20)
        for arguments in (["list"], ["list", "--since", "now", self.base], ["list", "--gaps", self.base],
                          ["verify", "--gaps", self.base], ["info", "--since", "now", self.base],
                          ["list", self.base, self.base]):
            self.assertEqual(command(*arguments).returncode, 2, arguments)
        for text in ("tomorrowish", "2026-13-01", "2026-11-31", "5 parsecs ago", "2026-11-21T25:00"):
            said = self.framelog("list", "--since", text, status=2)
            self.assertIn("allowed: 2026-11-21", said)
        self.assertIn("allowed: rebuild, check", self.framelog("catalog", "clean", status=2))

    def test_without_a_catalog_it_says_how_to_make_one(self):
        self.record_some()
        self.catalog().unlink()
        self.assertIn("framelog catalog rebuild", self.framelog("list", status=1))
        self.framelog("catalog", "rebuild")
        self.assertEqual(len(self.listed()), 5)
        self.check()

    def test_check_finds_every_kind_of_difference(self):
        self.record_some()
        paths = self.finished_names()
        os.unlink(paths[0])
        with contextlib.closing(sqlite3.connect(self.catalog())) as database:
            database.execute("DELETE FROM segments WHERE path = ?", (paths[1],))
            database.execute("UPDATE segments SET frames = 7 WHERE path = ?", (paths[2],))
            database.commit()
        said = self.framelog("catalog", "check", status=1)
        self.assertIn(f"{paths[0]}: in the catalog, but not on the disk", said)
        self.assertIn(f"{paths[1]}: not in the catalog", said)
        self.assertIn(f"{paths[2]}: frames is 20, not 7", said)
        self.framelog("catalog", "rebuild")
        self.check()
        self.assertEqual([entry["path"] for entry in self.listed()], paths[1:])


class Pins(Catalog):
    def test_without_a_daemon(self):
        self.record_some()
        paths = self.finished_names()
        self.framelog("pin", *paths[:2])
        self.framelog("unpin", paths[0])
        self.framelog("ack", paths[3])
        self.assertEqual([e["path"] for e in self.listed() if e["pinned"]], [paths[1]])
        self.assertEqual([e["path"] for e in self.listed() if e["acknowledged"]], [paths[3]])
        self.assertIn("not a finished segment", self.framelog("pin", self.config, status=1))
        self.catalog().unlink()
        self.framelog("catalog", "rebuild")
        self.assertEqual([e["path"] for e in self.listed() if e["pinned"]], [paths[1]])
        self.assertEqual([e["path"] for e in self.listed() if e["acknowledged"]], [paths[3]])

    def test_through_the_daemon_and_a_lost_catalog(self):
        process = self.start_some()
        path = self.listed()[0]["path"]
        self.assertIn(f"pinned: {path}", self.framelog("pin", os.path.relpath(path)))
        self.framelog("ack", path)
        # Both a lost and a damaged one are filled again while it records.
        for damage in (pathlib.Path.unlink, lambda file: file.write_bytes(b"x" * 5000)):
            before = len(recorder.finished(self.base))
            damage(self.catalog())
            self.until(lambda: self.rows() >= before + 2, "the catalog to be filled again")
            self.until(lambda: self.rows("pinned = 1 AND acknowledged = 1") == 1, "the pin")
        messages = self.stop(process)
        self.assertIn("was lost or damaged", messages)
        self.assertEqual([e["path"] for e in self.listed() if e["pinned"]], [path])
        self.assertEqual([e["path"] for e in self.listed()], self.finished_names())
        self.check()
        self.verify()

    def test_a_client_has_to_name_the_file(self):
        process = self.start_some()
        self.assertIn("not a finished segment", self.framelog("pin", self.directory / "none.h5", status=1))
        self.assertEqual(self.rows("pinned = 1"), 0)
        self.stop(process)


class Filling(Catalog):
    def test_what_a_killed_process_finished_is_there_after_the_next_start(self):
        self.record_some()
        paths = self.finished_names()
        with contextlib.closing(sqlite3.connect(self.catalog())) as database:
            database.execute("DELETE FROM segments WHERE path = ?", (paths[-1],))
            database.commit()
        # Fast enough that there is hardly a moment for it, and not so fast that a full ring is left.
        process = self.start(self.config, "--set", "source.rate=200 Hz")
        self.until(lambda: self.rows(f"path = '{paths[-1]}'") == 1, "the missing one")
        self.stop(process)
        self.check()

    def test_recovered_segments_are_in_it(self):
        process = self.start_some()
        self.kill(process)
        before = self.rows()
        process = self.start(self.config)
        self.until(lambda: self.rows() > before + 2, "more segments")
        self.stop(process)
        self.check()

    def test_a_catalog_that_cannot_be_written_stops_nothing(self):
        self.config = self.simulate("[roll]\nmax_frames = 20\n")
        (self.catalog() / "in the way").mkdir(parents=True)
        messages = self.record(self.config, "--frames", "100")
        self.assertIn("recording goes on", messages)
        self.assertEqual(len(recorder.finished(self.base)), 5)
        self.verify()


class Digests(Catalog):
    def test_sha256sum_is_content(self):
        self.record_some(extra="[product.whole]\n[product.small]\nformat = raw\n",
                         files="checksum = sha256")
        sums = list(self.base.rglob("SHA256SUMS"))
        self.assertEqual(len(sums), 1)
        done = subprocess.run(["sha256sum", "-c", "--strict", sums[0].name], cwd=sums[0].parent,
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertEqual(done.stdout.count(": OK"), 10)
        for entry in self.listed():
            self.assertEqual(entry["sha256"],
                             hashlib.sha256(pathlib.Path(entry["path"]).read_bytes()).hexdigest())
        # A lost catalog has them again from the lists.
        before = self.listed()
        self.catalog().unlink()
        self.framelog("catalog", "rebuild")
        self.assertEqual(self.listed(), before)

    def test_verify_deep_sees_a_byte_that_nothing_else_looks_at(self):
        self.record_some(files="checksum = sha256")
        self.framelog("verify", "--deep", self.base)
        path = pathlib.Path(self.listed()[1]["path"])
        with h5py.File(path, "r+") as file:
            file.attrs["creator"] = "somebody else"
        self.verify()
        said = self.framelog("verify", "--deep", self.base, status=1)
        self.assertIn("SHA256SUMS says", said)
        self.assertIn("the catalog says", said)
        self.assertEqual(said.count(f"{path}: its SHA-256"), 2)

    def test_without_the_option_there_is_no_list(self):
        self.record_some()
        self.assertEqual(list(self.base.rglob("SHA256SUMS")), [])
        self.assertEqual({entry["sha256"] for entry in self.listed()}, {None})
        said = self.framelog("verify", "--deep", self.base)
        self.assertIn("there is no SHA-256 to compare", said)


class Masters(Catalog):
    def masters(self):
        return sorted(self.base.rglob("*_master.h5"))

    def test_one_data_set_over_all_segments(self):
        self.record_some()
        [master] = self.masters()
        segments = recorder.finished(self.base)
        self.assertEqual(master.parent, segments[0].path.parent)
        with h5py.File(master) as file:
            data = file[DATA_SET]
            self.assertEqual(data.shape, (100, 32, 48))
            self.assertEqual([source.file_name for source in data.virtual_sources()],
                             [s.path.name for s in segments])
            numpy.testing.assert_array_equal(
                data[:], numpy.concatenate([s.pixels for s in segments]))
            numpy.testing.assert_array_equal(file["/entry/frames/sequence_number"][:],
                                             numpy.arange(100))
            times = file["/entry/data/time"][:]
            self.assertTrue((numpy.diff(times) > 0).all())
            group = file["/entry/data"]
            self.assertEqual(list(group.attrs["axes"]), ["time", "y", "x"])
            self.assertEqual(group.attrs["signal"], "data")
            self.assertEqual((group["y"].shape, group["x"].shape), ((32,), (48,)))
        self.assertEqual(len(self.listed()), 5)
        self.verify()
        self.check()
        # It moves with its segments.
        moved = self.directory / "moved"
        self.base.rename(moved)
        with h5py.File(moved / master.relative_to(self.base)) as file:
            numpy.testing.assert_array_equal(file[DATA_SET][99], segments[-1].pixels[-1])

    def test_segments_in_other_directories(self):
        self.record_some(files="template = {segment:02}/{instrument}_{start:%Y%m%d_%H_%M_%S}_{segment:04}")
        [master] = self.masters()
        self.assertEqual(master.parent.name, "01")
        with h5py.File(master) as file:
            numpy.testing.assert_array_equal(
                file[DATA_SET][:], numpy.concatenate([s.pixels for s in recorder.finished(self.base)]))

    def test_a_single_segment_needs_none(self):
        self.record_some(frames=20)
        self.assertEqual(self.masters(), [])

    def test_a_complete_scan_has_four_dimensions(self):
        self.config = self.simulate("[roll]\nmax_frames = 11\n[instrument]\nscan = 6 x 8\n")
        self.record(self.config, "--frames", "48")
        [master] = self.masters()
        pixels = numpy.concatenate([s.pixels for s in recorder.finished(self.base)])
        with h5py.File(master) as file:
            numpy.testing.assert_array_equal(file[DATA_SET][:], pixels.reshape(6, 8, 32, 48))
            self.assertEqual(list(file["/entry/data"].attrs["axes"]), ["scan_y", "scan_x", "y", "x"])

    def test_a_scan_with_holes_stays_a_row_of_frames(self):
        self.config = self.simulate("[roll]\nmax_frames = 11\n[instrument]\nscan = 6 x 8\n",
                                    faults="lose 2 at 20")
        self.record(self.config, "--frames", "40")
        [master] = self.masters()
        with h5py.File(master) as file:
            self.assertEqual(file[DATA_SET].shape, (40, 32, 48))

    def test_a_name_that_is_taken_is_left_alone(self):
        self.record_some(files="template = {product}_{run}_{segment:04}")
        self.assertEqual([master.name for master in self.masters()], ["frames_1_master.h5"])
        foreign = self.base / "frames_2_master.h5"
        foreign.write_text("mine")
        self.record(self.config, "--frames", "100")
        self.assertEqual(foreign.read_text(), "mine")
        self.assertEqual([master.name for master in self.masters()],
                         ["frames_1_master.h5", "frames_2_2_master.h5", "frames_2_master.h5"])

    def test_nothing_takes_it_for_a_segment(self):
        self.record_some()
        [master] = self.masters()
        self.assertNotIn(str(master), command("list", self.base).stdout)
        self.assertEqual(command("recover", self.base).returncode, 0)
        self.assertTrue(master.exists())
        again = self.configure(
            f"[source]\ndriver = replay\npath = {master.parent}\nrate = max\n"
            f"[files]\nbase = {self.directory}/again\n", "again")
        self.record(again)
        self.assertEqual(sum(len(s.records) for s in recorder.finished(self.directory / "again")), 100)


if __name__ == "__main__":
    recorder.main()
