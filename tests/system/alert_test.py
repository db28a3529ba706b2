"""Programs that are run for events."""

import json
import signal

import recorder


class Alerts(recorder.Case):
    def setUp(self):
        super().setUp()
        self.seen = self.directory / "seen with blanks"
        self.program = self.directory / "alert"

    def write_program(self, text):
        self.program.write_text("#!/bin/sh\n" + text)
        self.program.chmod(0o755)

    def alerts(self):
        if not self.seen.exists():
            return []
        return [json.loads(line) for line in self.seen.read_text().splitlines()]

    def simulate_alerts(self, more="", **source):
        return self.simulate(
            f"[alert]\ncommand = {self.program} '{self.seen}'\n{more}", **source)

    def test_a_finished_segment_is_told(self):
        self.write_program('cat >> "$1"\n')
        self.record(self.simulate_alerts(), "--frames", "50")
        alert, = self.alerts()
        segment, = recorder.finished(self.base)
        self.assertEqual(alert["kind"], "segment-finished")
        self.assertEqual(alert["instrument"], "camera")
        self.assertEqual(alert["suppressed"], 0)
        self.assertEqual(alert["fields"]["path"], str(segment.path))

    def test_only_the_events_that_were_asked_for(self):
        self.write_program('cat >> "$1"\n')
        self.record(self.simulate_alerts("events = watchdog, drops"), "--frames", "50")
        self.assertEqual(self.alerts(), [])

    def test_a_source_that_goes_and_comes(self):
        self.write_program('cat >> "$1"\n')
        process = self.start(self.simulate_alerts(
            "events = source-lost, degraded, recovered", rate="50 Hz",
            faults="disconnect 4 s at 50"))
        self.until(lambda: "recovered" in [alert["kind"] for alert in self.alerts()],
                   "the end of the trouble")
        process.send_signal(signal.SIGTERM)
        self.wait(process)
        self.assertEqual([alert["kind"] for alert in self.alerts()],
                         ["source-lost", "degraded", "recovered"])
        self.assertIn("source-lost", self.alerts()[1]["text"])

    def test_a_program_that_fails_is_logged_with_what_it_said(self):
        self.write_program('echo "no mail today" >&2; exit 7\n')
        messages = self.record(self.simulate_alerts(), "--frames", "50")
        self.assertIn(f"alert: {self.program} ended with status 7: no mail today", messages)

    def test_a_program_that_is_not_there_is_logged_and_harms_nothing(self):
        messages = self.record(self.simulate_alerts(), "--frames", "50")
        self.assertIn(f"alert: cannot run {self.program}", messages)
        self.verify()

    def test_a_program_that_hangs_does_not_hold_the_end_up(self):
        self.write_program('echo "{}" >> "$1"; sleep 1000\n')
        process = self.start(self.simulate_alerts(), "--frames", "50")
        self.wait(process)
        self.assertEqual(len(self.alerts()), 1)

    def test_a_wrong_command_is_refused(self):
        config = self.simulate("[alert]\ncommand = mail me")
        done = self.record(config, "--check", status=2)
        self.assertIn("alert.command: 'mail' is not an absolute path", done)


if __name__ == "__main__":
    recorder.main()
