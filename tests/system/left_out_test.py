"""What is merged, skipped or not recorded, accounted for over kills, rolls and missing files."""

import recorder

SMALL = {"width": 16, "height": 8}


class KilledRecordings(recorder.Case):
    def kill_and_verify(self, extra, segments, **source):
        """Kills it in segment `segments`, recovers, and has it verified."""
        process = self.start(self.simulate(extra, **{**SMALL, **source}))

        def begun():
            found = [*self.base.rglob("*[0-9].h5"), *self.base.rglob("*.h5.part"),
                     *self.base.rglob("*.raw"), *self.base.rglob("*.raw.part")]
            return len([p for p in found if ".framelog" not in p.parts]) >= segments

        self.until(begun, f"{segments} segments")
        self.kill(process)
        self.recover()
        self.verify()
        return recorder.finished(self.base)

    def test_in_a_later_event(self):
        found = self.kill_and_verify("""
            [record]
            start = trigger
            trigger = statistic frames.max >= 250
            retrigger = ignore
            pre_frames = 1
            post_frames = 20
            [product.frames]
            [product.groups]
            accumulate = 4""", 5, pixel_type="uint8", rate="400 Hz")
        self.assertGreater(sum(s.accounting["not_recorded"] for s in found), 0)

    def test_with_frames_skipped(self):
        found = self.kill_and_verify("""
            [roll]
            max_frames = 1
            [product.frames]
            keep_every = 7
            [product.raw]
            format = raw
            keep_every = 5""", 8, rate="200 Hz")
        self.assertGreater(sum(s.accounting["skipped"] for s in found), 0)

    def test_with_flyback(self):
        self.kill_and_verify("""
            [instrument]
            scan = 3 x 4
            flyback = 2
            [roll]
            align = scan""", 4, rate="200 Hz", faults="lose 1 at 9; lose 3 at 30")

    def test_with_groups_cut_at_losses(self):
        self.kill_and_verify("""
            [roll]
            max_frames = 10
            [realtime]
            reduce_threads = 3
            [product.groups]
            accumulate = 5
            keep_every = 2""", 4, rate="1 kHz",
                             faults="lose 2 at 33; lose 1 at 101; lose 7 at 250")


class MissingFiles(recorder.Case):
    def test_a_missing_segment_is_found_although_frames_are_skipped(self):
        self.record(self.simulate("""
            [roll]
            max_frames = 10
            [product.frames]
            keep_every = 10""", **SMALL), "--frames", "500")
        self.verify()
        second = recorder.finished(self.base)[1]
        second.path.unlink()
        done = recorder.command("verify", self.base)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("a segment is missing", done.stdout + done.stderr)

    def test_groups_that_skipped_frames_follow_balance(self):
        """A group that a loss cuts short accounts for what was skipped behind it."""
        faults = "; ".join(f"lose 1 at {n}" for n in range(37, 2000, 41))
        self.record(self.simulate("""
            [roll]
            max_frames = 7
            [product.groups]
            accumulate = 5
            keep_every = 3""", faults=faults, **SMALL), "--frames", "1500")
        self.verify()


if __name__ == "__main__":
    recorder.main()
