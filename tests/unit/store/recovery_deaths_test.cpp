#include <sys/wait.h>

#include "segment_fixture.hpp"
#include "store/examination.hpp"
#include "store/recovery.hpp"
#include "store/verify.hpp"
#include "tests/fakes/faulty_files.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

/// What is left by recorders that die while they recover what another one has left.
class RecoveryDeaths : public SegmentTest, public testing::WithParamInterface<const char*> {
 protected:
  /// A segment that a dead daemon had prepared, and perhaps begun.
  void leave_prepared(std::int64_t number, std::int64_t frames) {
    const auto workshop = directory_ / ".framelog" / "bench";
    fs::create_directories(workshop);
    std::ofstream(workshop / "lock") << "1";
    auto prepared =
        prepare(GetParam(), workshop / ("whole-" + std::to_string(number)), description(number));
    if (frames > 0) record(prepared, frames);
    kill(prepared);
  }

  /// Whether the process that recovers the directory has come to a call so far, on a path with
  /// such a part, and died there.
  [[nodiscard]] bool recover_and_die(Call call, int step, const std::string& on = "") {
    const pid_t child = ::fork();
    if (child == 0) {
      FaultyFiles files;
      files.add({.call = call, .first = step, .path = on, .deadly = true});
      static_cast<void>(recover(files, directory_));
      ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

  /// A segment that counts frames, where there are zeros in place of their records and pixels.
  fs::path leave_blank(const std::string& format, std::int64_t frames) {
    auto recording = start(format, "a", 0);
    record(recording, frames);
    kill(recording);
    FrameRecord sealed;
    seal(sealed);
    const std::string magic(reinterpret_cast<const char*>(&sealed.magic), sizeof sealed.magic);
    for (const std::string& name : left()) {
      auto bytes = read_text(files_, directory_ / name, 1 << 24).value();
      for (std::int64_t frame = 0; frame < frames; ++frame) {
        const auto pixels = pixels_of(static_cast<std::uint64_t>(frame));
        const std::string_view text(reinterpret_cast<const char*>(pixels.data()), pixels.size());
        if (const auto at = bytes.find(text); at != std::string::npos) {
          bytes.replace(at, text.size(), text.size(), '\0');
        }
      }
      for (auto at = bytes.find(magic); at != std::string::npos; at = bytes.find(magic, at + 1)) {
        bytes.replace(at, sizeof sealed, sizeof sealed, '\0');
      }
      std::ofstream(directory_ / name, std::ios::binary) << bytes;
    }
    return recording.part;
  }

  [[nodiscard]] fs::path kept_segment() const {
    for (const std::string& name : left()) {
      const fs::path file = directory_ / name;
      if (format_of(file) != nullptr && file.extension() != ".part") return file;
    }
    return {};
  }
};

/// Of packed frames nobody knows what they are when their index is damaged, or parted from them.
class PlainRecoveryDeaths : public RecoveryDeaths {};

/// A recorder that is killed at any moment of its start leaves nothing that the next one does not
/// understand.
TEST_P(RecoveryDeaths, DyingBetweenAnyTwoStepsOfARecoveryLosesNothingAndLeavesNothing) {
  for (const Call call : {Call::kRename, Call::kRemove}) {
    int deaths = 0;
    for (int step = 1; step == deaths + 1; ++step) {
      fs::remove_all(directory_);
      leave_prepared(1, 0);
      leave_prepared(2, 4);
      kill(start(GetParam(), "0", 0));
      kill(start(GetParam(), "z", 0));
      if (recover_and_die(call, step)) ++deaths;
      const auto recovered = recover(files_, directory_);
      ASSERT_TRUE(recovered);
      for (const RecoveredSegment& segment : *recovered) {
        EXPECT_TRUE(segment.outcome == RecoveryOutcome::kFinished ||
                    segment.outcome == RecoveryOutcome::kEmpty)
            << segment.part << ": " << segment.note << ", step " << step;
      }
      const fs::path kept = kept_segment();
      EXPECT_EQ(verify_segment(files_, kept).problems, std::vector<std::string>{});
      EXPECT_EQ(verify_segment(files_, kept).accounting.recorded, 4U) << kept << ", step " << step;
      EXPECT_EQ(files_.list(directory_ / ".framelog" / "bench")->size(), 1U) << "step " << step;
      EXPECT_EQ(files_.list(directory_)->size(), GetParam() == std::string("raw") ? 4U : 2U)
          << testing::PrintToString(left()) << ", step " << step;
    }
    EXPECT_GT(deaths, 1);
  }
}

/// As a library may that meets damage which it does not expect.
TEST_P(RecoveryDeaths, ASegmentThatKillsWhoeverReadsItIsPutAside) {
  auto deadly = start(GetParam(), "deadly", 0);
  record(deadly, 5);
  kill(deadly);
  auto other = start(GetParam(), "other", 0);
  record(other, 3);
  kill(other);
  const fs::path tries = directory_ / (deadly.part.stem().string() + ".tries");
  int step = 0;
  do {
    ++step;
    ASSERT_TRUE(recover_and_die(Call::kOpen, step, deadly.part.stem().stem().string()));
  } while (!fs::exists(tries));
  ++step;  // The count is read first where there is one.
  for (int death = 1; death < Examination::kMost; ++death) {
    ASSERT_TRUE(recover_and_die(Call::kOpen, step, deadly.part.stem().stem().string()));
    EXPECT_EQ(read_text(files_, tries).value(), std::to_string(death + 1) + "\n");
    // A look that ends says nothing of one that does more.
    if (death + 1 < Examination::kMost) {
      EXPECT_EQ(last_sequence(files_, deadly.part), 4);
    }
    EXPECT_EQ(read_text(files_, tries).value(), std::to_string(death + 1) + "\n");
  }
  EXPECT_EQ(last_sequence(files_, deadly.part), -1);
  std::ofstream(directory_ / "mine.tries") << "a file of somebody";
  const auto recovered = recover(files_, directory_);
  ASSERT_TRUE(recovered);
  EXPECT_TRUE(fs::exists(directory_ / "mine.tries"));
  ASSERT_EQ(recovered->size(), 2U);
  EXPECT_EQ(recovered->front().outcome, RecoveryOutcome::kQuarantined);
  EXPECT_NE(recovered->front().note.find("9 processes have ended"), std::string::npos);
  EXPECT_EQ(recovered->back().outcome, RecoveryOutcome::kFinished);
  EXPECT_FALSE(fs::exists(tries));
  // Where it lies now somebody may try again.
  const auto again = recover(files_, directory_ / "quarantine");
  ASSERT_EQ(again->size(), 1U);
  EXPECT_EQ(again->front().frames, 5);
}

TEST_P(RecoveryDeaths, ALookThatEndsIsNotCounted) {
  for (int time = 0; time < 2 * Examination::kMost; ++time) {
    auto recording = start(GetParam(), "a", 0);
    record(recording, 2);
    kill(recording);
    EXPECT_EQ(last_sequence(files_, recording.part), 1);
    EXPECT_EQ(recover_part(files_, recording.part).outcome, RecoveryOutcome::kFinished);
    EXPECT_FALSE(fs::exists(tries_path(recording.part)));
    for (const std::string& name : left()) fs::remove(directory_ / name);
  }
}

/// As after a power cut before the first sync: the count was written where something had been
/// before, the frames where nothing had been yet.
TEST_P(PlainRecoveryDeaths, WhereNothingOfTheCountedFramesCameToTheDiskThereIsNoSegment) {
  const fs::path part = leave_blank(GetParam(), 3);
  const auto recovered = recover_part(files_, part);
  EXPECT_EQ(recovered.outcome, RecoveryOutcome::kEmpty) << recovered.note;
  EXPECT_EQ(recovered.lost, 3);
  EXPECT_EQ(left(), std::vector<std::string>{});
  for (int step = 1;; ++step) {
    leave_blank(GetParam(), 3);
    const bool died = recover_and_die(Call::kRemove, step);
    ASSERT_TRUE(recover(files_, directory_));
    EXPECT_EQ(left(), std::vector<std::string>{}) << "step " << step;
    if (!died) break;
  }
}

TEST_P(PlainRecoveryDeaths, ABlankSegmentWhoseLogTellsSomethingIsKept) {
  const fs::path part = leave_blank(GetParam(), 3);
  EventLog::create(files_, events_path(part))
      ->add(files_, GapEntry{1, 5, 1, "write", "disk-full"}, 9);
  EXPECT_EQ(recover_part(files_, part).outcome, RecoveryOutcome::kQuarantined);
}

TEST_P(PlainRecoveryDeaths, DyingOnTheWayToQuarantineKeepsTheFilesTogether) {
  std::vector<std::string> whole;
  for (int step = 1;; ++step) {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
    auto recording = start(GetParam(), "a", 0);
    record(recording, 2);
    kill(recording);
    flip_byte(recording.part, place_of(recording.part, 0));
    const bool died = recover_and_die(Call::kRename, step);
    ASSERT_TRUE(recover(files_, directory_));
    EXPECT_EQ(left(), std::vector<std::string>{"quarantine"}) << "step " << step;
    auto there = files_.list(directory_ / "quarantine").value();
    std::erase_if(there, [](const std::string& name) { return name.ends_with(".why"); });
    if (whole.empty()) whole = there;
    EXPECT_EQ(there, whole) << "step " << step;
    if (!died) break;
  }
  EXPECT_EQ(whole.size(), GetParam() == std::string("raw") ? 3U : 1U);
}

TEST_F(RecoveryDeaths, APackedSegmentWithoutItsIndexIsNeverTakenForBlank) {
  const auto recovered = recover_part(files_, leave_blank("hdf5 gzip", 3));
  EXPECT_EQ(recovered.outcome, RecoveryOutcome::kQuarantined) << recovered.note;
}

INSTANTIATE_TEST_SUITE_P(Formats, RecoveryDeaths,
                         testing::Values("hdf5", "raw", "hdf5 gzip", "tiff", "imagej-tiff"));
INSTANTIATE_TEST_SUITE_P(Formats, PlainRecoveryDeaths,
                         testing::Values("hdf5", "raw", "tiff", "imagej-tiff"));

}  // namespace
}  // namespace framelog
