// What every driver has to do, whatever it drives: tests of one instrument that is connected now.
//
//   driver_conformance CONFIGURATION [PULL PLUG] [--gtest_...]
//
// CONFIGURATION names the driver and its instrument; the instrument delivers frames by itself, ten
// a second or more. PULL and PLUG are shell commands that take it away and bring it back; without
// them what happens then is not tested, unless the configuration's own faults do it.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "command/instrument.hpp"
#include "core/clock.hpp"
#include "tests/unit/drivers/allocations.hpp"

namespace framelog {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// Only what never answers takes so long.
constexpr auto kPatience = seconds(60);
constexpr int kFrames = 30;

struct Arguments {
  std::string configuration;
  std::string pull;
  std::string plug;
};
Arguments& arguments() {
  static Arguments given;
  return given;
}

Deadline in(std::chrono::nanoseconds time) { return steady_clock::now() + time; }

class DriverConformance : public testing::Test {
 protected:
  void SetUp() override {
    Instrument instrument = load_instrument(arguments().configuration, {}, system_clock());
    for (const std::string& error : instrument.configuration.errors) ADD_FAILURE() << error;
    const auto* name = instrument.configuration.settings.get<std::string>("source", "driver");
    driver_ = name == nullptr ? nullptr : find_driver(*name);
    source_ = std::move(instrument.source);
    ASSERT_NE(source_, nullptr);
    ASSERT_NE(driver_, nullptr);
  }
  void TearDown() override {
    if (source_) source_->stop();
  }

  /// Open and started, with room for a frame.
  void begin() {
    auto info = source_->open();
    ASSERT_TRUE(info) << describe(info.error());
    info_ = std::move(*info);
    pixels_.assign(size_bytes(info_.shape), std::byte{0xA5});
    const auto started = source_->start();
    ASSERT_TRUE(started) << describe(started.error());
  }

  /// The next frame, however often it has to be asked for.
  Result<FrameInfo> next_frame() {
    const auto until = in(kPatience);
    for (;;) {
      auto frame = source_->read(pixels_, in(seconds(1)));
      if (frame || frame.error().code != ErrorCode::kTimeout || steady_clock::now() > until) {
        return frame;
      }
    }
  }

  void expect_frames(int count) {
    std::optional<std::uint64_t> last;
    for (int i = 0; i < count; ++i) {
      const auto frame = next_frame();
      if (!frame && frame.error().code == ErrorCode::kEnd && i > 0) return;  // A short recording.
      ASSERT_TRUE(frame) << describe(frame.error()) << " instead of frame " << i;
      if (info_.numbered && last) {
        EXPECT_GT(frame->source_sequence, *last);
      }
      last = frame->source_sequence;
    }
  }

  const Driver* driver_{};
  std::unique_ptr<FrameSource> source_;
  SourceInfo info_;
  std::vector<std::byte> pixels_;
};

TEST_F(DriverConformance, SaysWhatItHasFound) {
  const auto info = source_->open();
  ASSERT_TRUE(info) << describe(info.error());
  EXPECT_EQ(info->driver, driver_->name);
  EXPECT_FALSE(info->description.empty());
  EXPECT_EQ(info->description.find('\n'), std::string::npos);
  EXPECT_GT(size_bytes(info->shape), 0U);
  if (info->rate_hz) {
    EXPECT_GT(*info->rate_hz, 0.0);
  }
  if (info->bit_depth) {
    EXPECT_LE(static_cast<std::size_t>(*info->bit_depth), size_bytes(info->shape.type) * 8);
  }
}

TEST_F(DriverConformance, DeliversFramesInOrder) {
  ASSERT_NO_FATAL_FAILURE(begin());
  expect_frames(kFrames);
}

TEST_F(DriverConformance, FillsTheWholeSlot) {
  ASSERT_NO_FATAL_FAILURE(begin());
  // A pixel may be equal to what was there, but not to two different things.
  std::vector<bool> untouched(pixels_.size(), true);
  for (const std::byte before : {std::byte{0xA5}, std::byte{0x5A}, std::byte{0xFF}}) {
    std::ranges::fill(pixels_, before);
    const auto frame = next_frame();
    if (!frame && frame.error().code == ErrorCode::kEnd) break;
    ASSERT_TRUE(frame) << describe(frame.error());
    for (std::size_t i = 0; i < pixels_.size(); ++i) {
      untouched[i] = untouched[i] && pixels_[i] == before;
    }
  }
  EXPECT_EQ(std::ranges::count(untouched, true), 0);
}

TEST_F(DriverConformance, AllocatesNothingWhileReading) {
  ASSERT_NO_FATAL_FAILURE(begin());
  expect_frames(3);
  const std::size_t before = allocations();
  int frames = 0;
  for (int i = 0; i < kFrames; ++i) {
    if (source_->read(pixels_, in(seconds(1)))) ++frames;
  }
  EXPECT_EQ(allocations(), before);
  EXPECT_GT(frames, 0);
}

TEST_F(DriverConformance, ComesBackAtItsDeadline) {
  ASSERT_NO_FATAL_FAILURE(begin());
  int timeouts = 0;
  for (int i = 0; i < kFrames; ++i) {
    const auto frame = source_->read(pixels_, in(milliseconds(0)));
    if (frame) continue;
    EXPECT_TRUE(frame.error().code == ErrorCode::kTimeout || frame.error().code == ErrorCode::kEnd)
        << describe(frame.error());
    if (frame.error().code == ErrorCode::kTimeout) ++timeouts;
  }
  // One that delivers as fast as it is asked always has a frame.
  EXPECT_TRUE(timeouts > 0 || info_.can_wait) << "it waits for the next frame, whatever is asked";
  expect_frames(1);  // What timed out has lost nothing.
}

TEST_F(DriverConformance, IsCancelledFromAnotherThread) {
  ASSERT_NO_FATAL_FAILURE(begin());
  std::atomic<bool> done{false};
  const auto begun = steady_clock::now();
  std::jthread canceller([&](const std::stop_token& stop) {
    while (!stop.stop_requested() && !done.load()) {
      source_->cancel();
      std::this_thread::sleep_for(milliseconds(20));
    }
  });
  // An instrument delivers in between; sooner or later a read waits, and is ended.
  bool was_cancelled = false;
  while (!was_cancelled && steady_clock::now() < begun + kPatience) {
    const auto asked = steady_clock::now();
    const auto frame = source_->read(pixels_, asked + kPatience);
    if (frame) continue;
    ASSERT_TRUE(frame.error().code == ErrorCode::kTimeout || frame.error().code == ErrorCode::kEnd)
        << describe(frame.error());
    was_cancelled = true;
    EXPECT_LT(steady_clock::now(), asked + kPatience);
  }
  done = true;
  // One that delivers as fast as it is asked never waits.
  EXPECT_TRUE(was_cancelled || info_.can_wait);
}

TEST_F(DriverConformance, StopsTwiceAndStartsAgain) {
  ASSERT_NO_FATAL_FAILURE(begin());
  expect_frames(3);
  source_->stop();
  source_->stop();
  const auto started = source_->start();
  ASSERT_TRUE(started) << describe(started.error());
  expect_frames(3);
}

TEST_F(DriverConformance, OpensAgainAsTheSame) {
  ASSERT_NO_FATAL_FAILURE(begin());
  expect_frames(1);
  const FrameShape shape = info_.shape;
  const std::string serial = info_.serial;
  source_->stop();
  ASSERT_NO_FATAL_FAILURE(begin());
  EXPECT_EQ(info_.shape, shape);
  EXPECT_EQ(info_.serial, serial);
  expect_frames(3);
}

TEST_F(DriverConformance, StopsWithoutEverStarting) {
  source_->stop();
  const auto info = source_->open();
  ASSERT_TRUE(info) << describe(info.error());
  source_->stop();
}

TEST_F(DriverConformance, KeepsItsCounters) {
  const auto before = source_->counters();
  ASSERT_NO_FATAL_FAILURE(begin());
  expect_frames(3);
  const auto after = source_->counters();
  EXPECT_EQ(before.data(), after.data());
  EXPECT_EQ(before.size(), after.size());
  for (const SourceCounter& counter : after) {
    EXPECT_FALSE(counter.name.empty());
    EXPECT_FALSE(counter.help.empty());
    EXPECT_EQ(counter.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"),
              std::string_view::npos)
        << counter.name;
  }
}

TEST_F(DriverConformance, TellsThatItIsGoneAndComesBack) {
  if (arguments().pull.empty()) GTEST_SKIP() << "no command pulls this instrument";
  ASSERT_NO_FATAL_FAILURE(begin());
  expect_frames(3);
  ASSERT_EQ(std::system(arguments().pull.c_str()), 0);
  // Some tell that it is gone; of others it is only silence, which is what stall_timeout is for.
  const auto until = in(kPatience);
  const auto silence = seconds(5);
  auto last_frame = steady_clock::now();
  bool is_gone = false;
  while (!is_gone && steady_clock::now() < until) {
    const auto frame = source_->read(pixels_, in(milliseconds(500)));
    if (frame) last_frame = steady_clock::now();
    is_gone = (!frame && frame.error().code != ErrorCode::kTimeout) ||
              steady_clock::now() > last_frame + silence;
  }
  EXPECT_TRUE(is_gone) << "frames go on coming though it was pulled";
  source_->stop();
  ASSERT_EQ(std::system(arguments().plug.c_str()), 0);
  const auto patience = in(kPatience);
  auto info = source_->open();
  while (!info && steady_clock::now() < patience) {
    std::this_thread::sleep_for(milliseconds(200));
    info = source_->open();
  }
  ASSERT_TRUE(info) << describe(info.error());
  EXPECT_EQ(info->shape, info_.shape);
  const auto started = source_->start();
  ASSERT_TRUE(started) << describe(started.error());
  // It may count from anew.
  const auto frame = next_frame();
  ASSERT_TRUE(frame) << describe(frame.error());
  expect_frames(3);
}

}  // namespace
}  // namespace framelog

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2 && argc != 4) {
    fmt::print(stderr, "driver_conformance: takes CONFIGURATION [PULL PLUG]\n");
    return 2;
  }
  auto& given = framelog::arguments();
  given.configuration = argv[1];
  if (argc == 4) {
    given.pull = argv[2];
    given.plug = argv[3];
  }
  return RUN_ALL_TESTS();
}
