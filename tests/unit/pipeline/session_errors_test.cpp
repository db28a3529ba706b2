#include <gtest/gtest.h>

#include <thread>

#include "core/log.hpp"
#include "recording.hpp"
#include "tests/fakes/sanitizers.hpp"

namespace framelog {
namespace {

constexpr std::uint64_t kFrames = 60;

void expect_exact(const Recording& recording, const std::string& product) {
  const Accounting& accounting = recording.accounting(product);
  EXPECT_EQ(accounting.received, kFrames) << product;
  EXPECT_EQ(accounting.recorded + accounting.total_dropped(), kFrames) << product;
}

/// What the counters say is what the files hold, once those that could not be finished are
/// recovered.
void expect_files_agree(Recording& recording, const std::string& product) {
  ASSERT_TRUE(recover(system_files(), recording.base));
  const Total total = total_of(recording.segments(product));
  EXPECT_EQ(static_cast<std::uint64_t>(total.frames), recording.accounting(product).recorded)
      << product;
  EXPECT_EQ(recording.leftovers(), std::vector<std::string>{}) << product;
}

class SessionWriteErrors : public testing::Test {
 protected:
  SessionWriteErrors() {
    set_log_level(LogLevel::kError);
    recording.slots = 16;
    recording.set("roll", "max_frames", "25");
    recording.source.frames(kFrames);
  }
  Recording recording;
};

TEST_F(SessionWriteErrors, OfOneCallCloseTheSegmentAndTheRestGoesIntoANewOne) {
  recording.files.add({.call = Call::kWrite, .first = 4, .path = "raw_0001.raw.part"});
  recording.run();
  EXPECT_EQ(recording.files.failed(), 1);
  EXPECT_EQ(recording.accounting("raw").recorded, kFrames);
  EXPECT_EQ(recording.accounting("h5").recorded, kFrames);
  EXPECT_EQ(recording.segments("raw").front().provenance.stop_reason, "write error");
  expect_files_agree(recording, "raw");
  expect_files_agree(recording, "h5");
}

TEST_F(SessionWriteErrors, InTheMiddleOfAWriteLeaveOnlyWholeFrames) {
  recording.files.add(
      {.call = Call::kWrite, .first = 3, .path = "raw_0001.raw.part", .torn = true});
  recording.files.add({.call = Call::kWrite, .first = 7, .path = "h5_0001.h5.part", .torn = true});
  recording.run();
  for (const std::string product : {"raw", "h5"}) {
    EXPECT_EQ(recording.accounting(product).recorded, kFrames);
    expect_files_agree(recording, product);
  }
}

TEST_F(SessionWriteErrors, ThatLastDropWithTheirReasonAndDoNotHarmOtherProducts) {
  for (const auto& [code, reason] :
       {std::pair{EIO, DropReason::kWriteError}, std::pair{EROFS, DropReason::kWriteError},
        std::pair{ENOSPC, DropReason::kDiskFull}, std::pair{EDQUOT, DropReason::kDiskFull}}) {
    Recording other;
    other.slots = 16;
    other.source.frames(kFrames);
    other.files.add({.call = Call::kWrite,
                     .first = 5,
                     .count = kForEver,
                     .system_errno = code,
                     .path = ".raw.part"});
    other.run();
    expect_exact(other, "raw");
    EXPECT_GT(dropped(other.accounting("raw"), reason), 0U);
    EXPECT_EQ(other.accounting("raw").total_dropped(), dropped(other.accounting("raw"), reason));
    EXPECT_EQ(other.accounting("h5").recorded, kFrames);
    other.files.heal();
    expect_files_agree(other, "raw");
    expect_files_agree(other, "h5");
  }
}

TEST_F(SessionWriteErrors, OfActivatingDropWhatCannotBeKeptAndGoOn) {
  recording.files.add({.call = Call::kRename, .path = "raw_0002.raw.part"});
  recording.run();
  EXPECT_EQ(recording.files.failed(), 1);
  expect_exact(recording, "raw");
  EXPECT_GT(recording.accounting("raw").recorded, 25U) << "the third segment records again";
  EXPECT_EQ(recording.accounting("h5").recorded, kFrames);
  expect_files_agree(recording, "raw");
}

TEST_F(SessionWriteErrors, OfSyncingLoseNothing) {
  recording.files.add({.call = Call::kSync, .count = kForEver, .path = ".part"});
  recording.files.add({.call = Call::kSyncDirectory, .count = kForEver, .path = "framelog-test"});
  ASSERT_TRUE(recording.start()) << describe(recording.error);
  recording.finish();
  EXPECT_EQ(recording.accounting("raw").recorded, kFrames);
  EXPECT_EQ(recording.accounting("h5").recorded, kFrames);
  recording.files.heal();
  expect_files_agree(recording, "raw");
  expect_files_agree(recording, "h5");
}

TEST_F(SessionWriteErrors, OfFinishingOneSegmentDoNotKeepTheOthersFromBeingFinished) {
  recording.files.add({.call = Call::kResize, .count = kForEver, .path = "raw_0001.raw"});
  recording.run();
  EXPECT_EQ(recording.accounting("raw").recorded, kFrames);
  EXPECT_EQ(recording.segments("raw").size(), 2U) << "all but the first";
  EXPECT_EQ(recording.segments("h5").size(), 3U);
  recording.files.heal();
  expect_files_agree(recording, "raw");
  EXPECT_EQ(recording.segments("raw").size(), 3U);
}

TEST_F(SessionWriteErrors, AtTheStartAreErrorsOfTheStartAndLeaveNothing) {
  recording.files.add({.call = Call::kReserve, .first = 2, .system_errno = EIO});
  EXPECT_FALSE(recording.start());
  EXPECT_EQ(recording.error.code, ErrorCode::kIo);
  EXPECT_EQ(recording.source.starts, 0);
  ASSERT_TRUE(recover(system_files(), recording.base));
  EXPECT_TRUE(recording.leftovers().empty());
  recording.files.heal();
  recording.run();
  EXPECT_EQ(recording.accounting("raw").recorded, kFrames);
}

TEST_F(SessionWriteErrors, OfPreparingDropUntilThereIsSpaceAgain) {
  recording.source.frames_until_cancelled();
  ASSERT_TRUE(recording.start());
  const auto raw = [&] { return recording.session->status().products.at(0).accounting; };
  recording.files.add(
      {.call = Call::kReserve, .count = kForEver, .system_errno = ENOSPC, .path = "raw-"});
  while (dropped(raw(), DropReason::kDiskFull) == 0) std::this_thread::yield();
  recording.files.heal();
  const std::uint64_t recorded = raw().recorded;
  while (raw().recorded < recorded + 30) std::this_thread::yield();
  recording.session->request_stop();
  recording.finish();
  const Accounting& accounting = recording.accounting("raw");
  EXPECT_EQ(accounting.recorded + accounting.total_dropped(), accounting.received);
  EXPECT_EQ(recording.accounting("h5").recorded, accounting.received);
  expect_files_agree(recording, "raw");
}

struct Sweep {
  Call call;
  int system_errno;
  std::string name;
};

// Without it the list of tests would show the bytes of the object.
void PrintTo(const Sweep& sweep, std::ostream* out) { *out << sweep.name; }

class SessionErrorSweep : public testing::TestWithParam<Sweep> {};

// One call fails, whichever it is: the run goes on, the accounting is exact, and what is on the
// disk verifies.
TEST_P(SessionErrorSweep, NoSingleFailedCallHarmsWhatWasRecorded) {
  set_log_level(LogLevel::kError);
  int reached = 0;
  // Which call fails is tried out elsewhere; what ThreadSanitizer looks at happens with each.
  const int each = kIsThreadSanitized ? 4 : 16;
  for (int nth = 1; nth <= 100; nth += nth < each ? 1 : 12) {
    SCOPED_TRACE(testing::Message() << "call " << nth);
    Recording recording;
    recording.slots = 16;
    recording.set("roll", "max_frames", "25");
    recording.source.frames(kFrames);
    recording.files.add({.call = GetParam().call,
                         .first = nth,
                         .system_errno = GetParam().system_errno,
                         .torn = nth % 2 == 0});
    const bool started = recording.start();
    if (started) {
      recording.finish();
      for (const std::string product : {"raw", "h5"}) {
        expect_exact(recording, product);
        expect_files_agree(recording, product);
      }
    } else {
      ASSERT_TRUE(recover(system_files(), recording.base));
      EXPECT_TRUE(recording.leftovers().empty());
    }
    if (recording.files.failed() == 0) break;
    ++reached;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(reached, 3);
}

INSTANTIATE_TEST_SUITE_P(
    Calls, SessionErrorSweep,
    testing::Values(Sweep{Call::kOpen, EMFILE, "Open"}, Sweep{Call::kWrite, EIO, "Write"},
                    Sweep{Call::kWrite, ENOSPC, "WriteFull"},
                    Sweep{Call::kReserve, ENOSPC, "Reserve"}, Sweep{Call::kSync, EIO, "Sync"},
                    Sweep{Call::kRename, EIO, "Rename"}, Sweep{Call::kResize, EIO, "Resize"},
                    Sweep{Call::kRemove, EIO, "Remove"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace framelog
