"""The journal: its catalog, and the fields of an entry."""

import os
import pathlib
import re
import shutil
import socket
import subprocess

import recorder

CATALOG = recorder.ROOT / "systemd/framelog.catalog"
JOURNAL = pathlib.Path("/run/systemd/journal/socket")


class Journal(recorder.Case):
    def test_the_catalog_is_one_that_journalctl_takes(self):
        if shutil.which("journalctl") is None:
            self.skipTest("there is no journalctl")
        folder = self.directory / "usr/lib/systemd/catalog"
        folder.mkdir(parents=True)
        (self.directory / "var/lib/systemd/catalog").mkdir(parents=True)
        shutil.copy(CATALOG, folder)
        done = subprocess.run(["journalctl", f"--root={self.directory}", "--update-catalog"],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        done = subprocess.run(["journalctl", f"--root={self.directory}", "--list-catalog"],
                              capture_output=True, text=True, check=True)
        listed = re.findall(r"^([0-9a-f]{32}) framelog: \S", done.stdout, re.MULTILINE)
        ids = re.findall(r"^-- ([0-9a-f]{32})$", CATALOG.read_text(), re.MULTILINE)
        self.assertEqual(sorted(listed), sorted(ids), done.stdout)

    def test_events_become_entries_with_fields(self):
        if JOURNAL.parent.exists():
            self.skipTest("a journal runs here")
        if os.geteuid() != 0:
            self.skipTest("only root can stand where the journal listens")
        JOURNAL.parent.mkdir(parents=True)
        self.addCleanup(shutil.rmtree, JOURNAL.parent)
        journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(journal.close)
        journal.bind(str(JOURNAL))
        stream = self.directory / "stderr"
        stream.touch()
        about = stream.stat()
        process = self.start(
            self.simulate(), "--frames", "50", error=stream,
            program=["/usr/bin/env", f"JOURNAL_STREAM={about.st_dev}:{about.st_ino}"])
        journal.settimeout(recorder.LONG_S)
        entries = []
        while not any(entry.get("FRAMELOG_EVENT") == "segment-finished" for entry in entries):
            entries.append(dict(line.split("=", 1)
                                for line in journal.recv(65536).decode().splitlines()))
        journal.setblocking(False)
        self.assertEqual(self.wait(process), "", "nothing is said twice")
        entry = entries[-1]
        segment, = recorder.finished(self.base)
        self.assertEqual(entry["FRAMELOG_PATH"], str(segment.path))
        self.assertEqual(entry["FRAMELOG_INSTRUMENT"], "camera")
        self.assertEqual(entry["PRIORITY"], "6")
        self.assertEqual(entry["SYSLOG_IDENTIFIER"], "framelogd")
        self.assertIn(f"-- {entry['MESSAGE_ID']}\nSubject: A segment is finished",
                      CATALOG.read_text())


if __name__ == "__main__":
    recorder.main()
