#include <thread>

#include "core/log.hpp"
#include "recording.hpp"

// Disks that are full, missing, or go and come back, under a session that runs on.
namespace framelog {
namespace {

constexpr std::uint64_t kRoot = 1;
constexpr std::int64_t kGiB = std::int64_t{1} << 30U;

class Disks : public testing::Test {
 protected:
  Disks() {
    set_log_level(LogLevel::kError);
    recording.slots = 64;
    recording.set("product.raw", "max_frames", "25");
    recording.set("product.h5", "max_frames", "25");
    recording.source.frames_until_cancelled();
  }

  [[nodiscard]] SessionStatus::Product product(std::size_t index) const {
    return recording.session->status().products.at(index);
  }
  /// Waits until both products have recorded so many frames more than now.
  void await_recorded(std::uint64_t frames) {
    const std::uint64_t raw = product(0).accounting.recorded;
    const std::uint64_t h5 = product(1).accounting.recorded;
    while (product(0).accounting.recorded < raw + frames ||
           product(1).accounting.recorded < h5 + frames) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void await_dropped(std::size_t index, DropReason reason, std::uint64_t frames) {
    const std::uint64_t before = dropped(product(index).accounting, reason);
    while (dropped(product(index).accounting, reason) < before + frames) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void stop() {
    recording.session->request_stop();
    recording.finish();
  }
  /// Nothing is lost but what is counted as dropped for this reason, and the files say the same.
  void expect_exact(DropReason reason) {
    for (const std::string name : {"raw", "h5"}) {
      const Accounting& accounting = recording.accounting(name);
      EXPECT_EQ(accounting.received, accounting.recorded + dropped(accounting, reason)) << name;
      EXPECT_EQ(static_cast<std::uint64_t>(total_of(recording.segments(name)).frames),
                accounting.recorded)
          << name;
    }
    EXPECT_TRUE(recording.leftovers().empty());
  }

  Recording recording;
};

TEST_F(Disks, ThatAreFullFromTheStartDropUntilThereIsRoom) {
  recording.set("retention", "min_free", "1 GiB");
  recording.files.set_free_bytes(kGiB);  // Just what is to stay free.
  ASSERT_TRUE(recording.start()) << describe(recording.error);
  await_dropped(0, DropReason::kDiskFull, 10);
  EXPECT_EQ(product(0).blocked, DropReason::kDiskFull);
  EXPECT_EQ(product(0).accounting.recorded, 0U);
  recording.files.set_free_bytes(100 * kGiB);
  await_recorded(60);
  EXPECT_EQ(product(0).blocked, std::nullopt);
  stop();
  expect_exact(DropReason::kDiskFull);
}

TEST_F(Disks, PauseBelowTheFloorAndGoOnWhenAFullSetOfSegmentsFits) {
  recording.set("retention", "min_free", "1 GiB");
  ASSERT_TRUE(recording.start());
  await_recorded(30);
  recording.files.set_free_bytes(kGiB + 1000);
  await_dropped(0, DropReason::kDiskFull, 1);
  await_dropped(1, DropReason::kDiskFull, 1);
  // A segment of raw takes 25 x (64 + 216) bytes, one of h5 25 x (32 + 216): only one fits.
  recording.files.set_free_bytes(kGiB + 8000);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_EQ(product(0).blocked, DropReason::kDiskFull);
  EXPECT_EQ(product(1).blocked, DropReason::kDiskFull);
  recording.files.set_free_bytes(100 * kGiB);
  await_recorded(30);
  stop();
  expect_exact(DropReason::kDiskFull);
}

TEST_F(Disks, ThatAreMissingAreWaitedForAndNothingIsCreated) {
  recording.set("files", "require_mount", "yes");
  recording.set("files", "base", (recording.base / "disk").string());
  recording.files.set_mount(kRoot);
  ASSERT_TRUE(recording.start()) << describe(recording.error);
  await_dropped(1, DropReason::kNoDisk, 10);
  EXPECT_EQ(product(1).blocked, DropReason::kNoDisk);
  EXPECT_TRUE(std::filesystem::is_empty(recording.base));
  EXPECT_EQ(recording.session->run().number, 0);
  recording.files.set_mount(2);
  await_recorded(60);
  EXPECT_EQ(recording.session->run().number, 1);
  stop();
  expect_exact(DropReason::kNoDisk);
  for (const VerifiedSegment& segment : recording.segments("h5")) {
    EXPECT_EQ(segment.provenance.run_number, 1);
  }
}

TEST_F(Disks, ThatGoAndComeBackKeepWhatTheyHad) {
  recording.set("files", "require_mount", "yes");
  recording.files.set_mount(2);
  ASSERT_TRUE(recording.start());
  for (std::uint64_t mount = 3; mount < 6; ++mount) {
    await_recorded(40);
    recording.files.set_mount(kRoot);
    await_dropped(0, DropReason::kNoDisk, 1);
    await_dropped(1, DropReason::kNoDisk, 1);
    recording.files.set_mount(mount);
  }
  await_recorded(40);
  EXPECT_EQ(recording.session->run().number, 1) << "the run goes on";
  stop();
  EXPECT_EQ(recording.status.unfinished_segments, 0U);
  expect_exact(DropReason::kNoDisk);
}

TEST_F(Disks, ThatHaveGoneForGoodLeaveTheirSegmentsToRecovery) {
  recording.set("files", "require_mount", "yes");
  recording.files.set_mount(2);
  ASSERT_TRUE(recording.start());
  await_recorded(40);
  recording.files.set_mount(kRoot);
  await_dropped(0, DropReason::kNoDisk, 1);
  await_dropped(1, DropReason::kNoDisk, 1);
  stop();
  EXPECT_GT(recording.status.unfinished_segments, 0U);
  ASSERT_TRUE(recover(system_files(), recording.base));
  expect_exact(DropReason::kNoDisk);
}

}  // namespace
}  // namespace framelog
