#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <sstream>

#include "command/export_command.hpp"
#include "command/instrument.hpp"
#include "tests/unit/store/segment_fixture.hpp"

namespace framelog {
namespace {

/// A run of three segments of 5 frames, 10 ms apart.
class SplitTest : public SegmentTest {
 protected:
  SplitTest() {
    for (std::int64_t number = 1; number <= 3; ++number) {
      auto recording = start("hdf5", std::string(1, static_cast<char>('a' + number - 1)),
                             static_cast<std::uint64_t>(5 * (number - 1)), number);
      record(recording, 5);
      finish(recording);
    }
  }
  /// What --split 3 prints of the frames in [since, until), in milliseconds since the start;
  /// `words` are the call's.
  std::string split(std::int64_t since_ms, std::int64_t until_ms, int status = 0,
                    const std::vector<std::string>& words = {"--to", "npy"}) {
    ExportCall call;
    call.request.input.paths = {directory_};
    call.request.formats = {"npy"};
    constexpr std::int64_t kStart = 1'795'190'400'000'000'000;
    call.request.transform.since_utc_ns = kStart + since_ms * 1'000'000;
    call.request.transform.until_utc_ns = kStart + until_ms * 1'000'000;
    call.split = 3;
    std::ostringstream said;
    std::streambuf* const out = std::cout.rdbuf(said.rdbuf());
    const int ended = split_export(call, *read_options(export_options(), words));
    std::cout.rdbuf(out);
    EXPECT_EQ(ended, status);
    return said.str();
  }
};

TEST_F(SplitTest, SegmentsWithoutFramesInTheRangeOfTimeAreNoJobs) {
  const std::string all = split(0, 150);
  EXPECT_EQ(std::ranges::count(all, '#'), 3);
  const std::string later = split(50, 150);
  EXPECT_EQ(later.find("a.h5"), std::string::npos) << later;
  EXPECT_NE(later.find("b.h5"), std::string::npos);
  EXPECT_NE(later.find("c.h5"), std::string::npos);
  const std::string last = split(135, 1000);
  EXPECT_EQ(last.find("b.h5"), std::string::npos) << last;
  const std::string middle = split(60, 61);
  EXPECT_EQ(std::ranges::count(middle, '#'), 1);
  EXPECT_NE(middle.find("b.h5"), std::string::npos) << middle;
  EXPECT_EQ(split(41, 49, kExitUsage), "");
}

TEST_F(SplitTest, JobsHaveTheTimesThatTheCallMeant) {
  const std::string jobs =
      split(50, 150, 0, {"--to", "npy", "--since", "2 h ago", "--until=2026-11-22 08:00"});
  EXPECT_EQ(jobs.find("ago"), std::string::npos) << jobs;
  EXPECT_EQ(jobs.find("08:00"), std::string::npos) << jobs;
  EXPECT_NE(jobs.find(" --since=2026-11-20T16:00:00.050000000Z --until="), std::string::npos)
      << jobs;
  EXPECT_NE(jobs.find("--until=2026-11-20T16:00:00.150000000Z\n"), std::string::npos) << jobs;
}

}  // namespace
}  // namespace framelog
