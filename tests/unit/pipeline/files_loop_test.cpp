#include "pipeline/files_loop.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "core/log.hpp"
#include "recording.hpp"

namespace framelog {
namespace {

TEST(FilesLoop, SleepsBetweenTwoTriesWhenTheDiskRefusesToFinish) {
  set_log_level(LogLevel::kError);
  Recording recording;
  recording.source.frames(20);
  recording.files.add({.call = Call::kResize, .count = kForEver, .path = ".part"});
  recording.run();
  // Each round of the files thread looks at the clock; a second of spinning would be many.
  EXPECT_LT(recording.clock.looks(), 2000U);
  recording.files.heal();
  ASSERT_TRUE(recover(system_files(), recording.base));
  EXPECT_EQ(total_of(recording.segments("raw")).frames, 20);
}

TEST(FilesLoop, LetsTheWriterDropWhenNoEndedSegmentCanBeFinished) {
  set_log_level(LogLevel::kError);
  Recording recording;
  recording.slots = 8;
  recording.set("product.raw", "max_frames", "1");
  recording.set("ring", "overflow", "wait");
  recording.source.frames(130);
  recording.files.add({.call = Call::kResize, .count = kForEver, .path = "/raw_"});
  recording.run();
  EXPECT_EQ(recording.accounting("h5").recorded, 130U) << "other products are not held up";
  const Accounting& raw = recording.accounting("raw");
  EXPECT_GE(raw.recorded, 100U);
  EXPECT_EQ(raw.recorded + dropped(raw, DropReason::kWriteError), 130U);
  recording.files.heal();
  ASSERT_TRUE(recover(system_files(), recording.base));
  EXPECT_EQ(static_cast<std::uint64_t>(total_of(recording.segments("raw")).frames), raw.recorded);
}

TEST(FilesLoop, WaitsForNoDiskThatTakesLongToRefuse) {
  constexpr int kFrames = 130;
  // A hundred segments take longer than it takes until the first one of them is tried again, while
  // recording and at the end.
  constexpr auto kEach = std::chrono::milliseconds(60);
  set_log_level(LogLevel::kError);
  Recording recording;
  recording.slots = 8;
  recording.set("product.raw", "max_frames", "1");
  recording.source.frames(kFrames);
  recording.files.add({.call = Call::kResize, .count = kForEver, .path = "/raw_"});
  std::atomic<int> tries{0};
  recording.files.watch([&](Call call, const std::filesystem::path& path) {
    if (call != Call::kResize || path.native().find("/raw_") == std::string::npos) return;
    std::this_thread::sleep_for(kEach);
    if (++tries > 5 * kFrames) recording.files.heal();
  });
  recording.run();
  EXPECT_LE(tries, 4 * kFrames);
  EXPECT_EQ(recording.accounting("h5").recorded, std::uint64_t{kFrames});
  const Accounting& raw = recording.accounting("raw");
  EXPECT_GE(raw.recorded, 100U);
  EXPECT_EQ(raw.recorded + dropped(raw, DropReason::kWriteError), std::uint64_t{kFrames});
  recording.files.heal();
  ASSERT_TRUE(recover(system_files(), recording.base));
  EXPECT_EQ(static_cast<std::uint64_t>(total_of(recording.segments("raw")).frames), raw.recorded);
}

}  // namespace
}  // namespace framelog
