#include "drivers/simulator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "allocations.hpp"
#include "fake_clock.hpp"

namespace framelog {
namespace {

SimulatorConfig config_of(std::optional<double> rate_hz, std::string_view script = "") {
  SimulatorConfig config;
  config.pattern = {PatternKind::kRamp, 1, {4, 6, PixelType::kUint16}};
  config.rate_hz = rate_hz;
  config.faults = parse_faults(script).value();
  return config;
}

/// A simulator on a clock that stands still, and a reader for it.
class Rig {
 public:
  explicit Rig(SimulatorConfig config)
      : pixels(size_bytes(config.pattern.shape)), source(std::move(config), clock) {
    EXPECT_TRUE(source.open());
    EXPECT_TRUE(source.start());
  }

  Result<FrameInfo> read() { return source.read(pixels, kPast); }

  /// The numbers of the next `count` frames, the clock moving by `step_ns` before each.
  std::vector<std::uint64_t> numbers(int count, std::int64_t step_ns) {
    std::vector<std::uint64_t> all;
    for (int i = 0; i < count; ++i) {
      clock.move(step_ns);
      if (const auto info = read()) all.push_back(info->source_sequence);
    }
    return all;
  }

  void reopen() {
    source.stop();
    const auto info = source.open();
    ASSERT_TRUE(info);
    pixels.resize(size_bytes(info->shape));
    ASSERT_TRUE(source.start());
  }

  FakeClock clock;
  std::vector<std::byte> pixels;
  Simulator source;
};

using Numbers = std::vector<std::uint64_t>;

ErrorCode code_of(const Result<FrameInfo>& result) {
  EXPECT_FALSE(result);
  return result ? ErrorCode::kInvalid : result.error().code;
}

std::vector<std::byte> undamaged(const Pattern& pattern, std::uint64_t sequence) {
  std::vector<std::byte> pixels(size_bytes(pattern.shape));
  render(pattern, sequence, pixels);
  return pixels;
}

TEST(Simulator, TellsWhatItIs) {
  FakeClock clock;
  Simulator fixed(config_of(50.0), clock);
  const auto info = fixed.open();
  ASSERT_TRUE(info);
  EXPECT_EQ(info->shape, (FrameShape{4, 6, PixelType::kUint16}));
  EXPECT_EQ(info->driver, "simulator");
  EXPECT_EQ(info->rate_hz, 50.0);
  EXPECT_EQ(info->saturation, 65535.0);
  EXPECT_EQ(info->bit_depth, 16);
  EXPECT_TRUE(info->simulated);
  EXPECT_FALSE(info->can_wait);
  EXPECT_TRUE(info->numbered);
  EXPECT_TRUE(info->inputs.empty());

  SimulatorConfig config = config_of(std::nullopt);
  config.pattern.shape.type = PixelType::kFloat32;
  Simulator fast(config, clock);
  const auto fast_info = fast.open();
  ASSERT_TRUE(fast_info);
  EXPECT_TRUE(fast_info->can_wait);
  EXPECT_FALSE(fast_info->rate_hz);
  EXPECT_FALSE(fast_info->saturation);
  EXPECT_FALSE(fast_info->bit_depth);
}

TEST(Simulator, DeliversRenderedFramesAtTheirTimes) {
  Rig rig(config_of(100.0));
  const std::int64_t start_ns = rig.clock.monotonic_ns();
  rig.clock.move(3 * kMs);
  for (std::uint64_t i = 0; i < 5; ++i) {
    const auto info = rig.read();
    ASSERT_TRUE(info);
    const auto passed_ns = static_cast<std::int64_t>(i) * 10 * kMs;
    EXPECT_EQ(info->source_sequence, i);
    EXPECT_EQ(info->monotonic_ns, start_ns + passed_ns);
    EXPECT_EQ(info->utc_ns, FakeClock::kUtcStart + start_ns + passed_ns);
    EXPECT_EQ(info->device_ns, passed_ns);
    EXPECT_EQ(info->exposure_ns, 10 * kMs);
    EXPECT_EQ(info->flags, 0U);
    EXPECT_EQ(rig.pixels, undamaged(config_of(100.0).pattern, i));
    EXPECT_EQ(code_of(rig.read()), ErrorCode::kTimeout);
    rig.clock.move(10 * kMs);
  }
}

TEST(Simulator, LosesFramesOfALateReaderAtAFixedRate) {
  Rig rig(config_of(1000.0));
  rig.clock.move(99 * kMs);
  EXPECT_EQ(rig.numbers(9, 0), (Numbers{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(rig.numbers(2, kMs), (Numbers{100, 101}));
}

TEST(Simulator, MakesFramesWhenTheyAreReadAtMax) {
  Rig rig(config_of(std::nullopt));
  EXPECT_EQ(rig.numbers(3, 10 * kSecond), (Numbers{0, 1, 2}));
  EXPECT_EQ(rig.numbers(2, 0), (Numbers{3, 4}));
  const auto info = rig.read();
  ASSERT_TRUE(info);
  EXPECT_EQ(info->monotonic_ns, rig.clock.monotonic_ns());
  EXPECT_EQ(info->device_ns, 30 * kSecond);
  EXPECT_EQ(info->exposure_ns, -1);
}

TEST(Simulator, EndsAfterItsFramesLostOnesIncluded) {
  SimulatorConfig config = config_of(std::nullopt, "lose 2 at 1; lose 5 at 4");
  config.frames = 6;
  Rig rig(config);
  EXPECT_EQ(rig.numbers(2, 0), (Numbers{0, 3}));
  EXPECT_EQ(code_of(rig.read()), ErrorCode::kEnd);
  EXPECT_EQ(code_of(rig.read()), ErrorCode::kEnd);
  EXPECT_EQ(rig.source.first_expected(), 0U);
  EXPECT_EQ(rig.source.end_expected(), 6U) << "those behind the last that came are lost, too";
}

TEST(Simulator, KnowsTheNumberThatTheFirstFrameWouldHaveHad) {
  Rig rig(config_of(std::nullopt, "lose 3 at 0"));
  EXPECT_EQ(rig.numbers(2, 0), (Numbers{3, 4}));
  EXPECT_EQ(rig.source.first_expected(), 0U);
  EXPECT_FALSE(rig.source.end_expected());
  rig.source.stop();
  ASSERT_TRUE(rig.source.start());
  EXPECT_EQ(rig.source.first_expected(), 5U);
}

TEST(Simulator, LeavesOutLostFramesAndOnlyThose) {
  Rig rig(config_of(100.0, "lose 3 at 2"));
  EXPECT_EQ(rig.numbers(7, 10 * kMs), (Numbers{0, 1, 5, 6, 7}));
}

TEST(Simulator, DamagesAFrameAndSaysSo) {
  Rig rig(config_of(std::nullopt, "corrupt at 1; incomplete at 2"));
  EXPECT_EQ(rig.read()->flags, 0U);

  EXPECT_EQ(rig.read()->flags, kFlagCorrupt);
  auto expected = undamaged(config_of({}).pattern, 1);
  EXPECT_NE(rig.pixels, expected);
  for (std::size_t i = 0; i < expected.size(); i += 97) expected[i] ^= std::byte{0xA5};
  EXPECT_EQ(rig.pixels, expected);

  EXPECT_EQ(rig.read()->flags, kFlagIncomplete);
  expected = undamaged(config_of({}).pattern, 2);
  std::fill(expected.begin() + 24, expected.end(), std::byte{0});
  EXPECT_EQ(rig.pixels, expected);

  EXPECT_EQ(rig.read()->flags, 0U);
  EXPECT_EQ(rig.pixels, undamaged(config_of({}).pattern, 3));
}

TEST(Simulator, StepsUtcAndNothingElse) {
  Rig rig(config_of(std::nullopt, "step 1 h at 1; step -10 s at 3"));
  std::vector<std::int64_t> offsets_s;
  for (int i = 0; i < 5; ++i) {
    const auto info = rig.read();
    ASSERT_TRUE(info);
    EXPECT_EQ(info->monotonic_ns, rig.clock.monotonic_ns());
    offsets_s.push_back((info->utc_ns - rig.clock.utc_ns()) / kSecond);
  }
  EXPECT_EQ(offsets_s, (std::vector<std::int64_t>{0, 3600, 3600, 3590, 3590}));
}

TEST(Simulator, PausesDuringAStall) {
  Rig rig(config_of(100.0, "stall 2 s at 2"));
  EXPECT_EQ(rig.numbers(4, 10 * kMs), (Numbers{0, 1}));
  rig.clock.move(2 * kSecond);
  const auto info = rig.read();
  ASSERT_TRUE(info);
  EXPECT_EQ(info->source_sequence, 2U);
  EXPECT_EQ(info->device_ns, 2 * kSecond + 20 * kMs);
}

TEST(Simulator, IsAbsentAtFirst) {
  FakeClock clock;
  Simulator source(config_of(100.0, "absent 2 s"), clock);
  EXPECT_EQ(source.open().error().code, ErrorCode::kNotFound);
  clock.move(1'999'999'999);
  EXPECT_FALSE(source.open());
  clock.move(1);
  EXPECT_TRUE(source.open());
}

TEST(Simulator, ComesBackFromADisconnectionWithTheFramesMeanwhileLost) {
  Rig rig(config_of(100.0, "disconnect 1 s at 2"));
  EXPECT_EQ(rig.numbers(2, 10 * kMs), (Numbers{0, 1}));
  EXPECT_EQ(code_of(rig.read()), ErrorCode::kDisconnected);
  EXPECT_EQ(code_of(rig.read()), ErrorCode::kDisconnected);
  rig.source.stop();
  const auto refused = rig.source.open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(rig.source.start().error().code, ErrorCode::kInvalid);
  rig.clock.move(kSecond);
  rig.reopen();
  EXPECT_EQ(rig.numbers(2, 10 * kMs), (Numbers{103, 104}));
}

TEST(Simulator, LosesNothingByADisconnectionAtMax) {
  Rig rig(config_of(std::nullopt, "disconnect 1 s at 2"));
  EXPECT_EQ(rig.numbers(2, 0), (Numbers{0, 1}));
  EXPECT_EQ(code_of(rig.read()), ErrorCode::kDisconnected);
  rig.clock.move(kSecond);
  rig.reopen();
  EXPECT_EQ(rig.numbers(2, 0), (Numbers{2, 3}));
}

TEST(Simulator, HasAnEventHappenAlthoughItsFrameIsLost) {
  Rig rig(config_of(std::nullopt, "lose 5 at 1; disconnect 0 s at 3"));
  EXPECT_EQ(rig.read()->source_sequence, 0U);
  EXPECT_EQ(code_of(rig.read()), ErrorCode::kDisconnected);
  rig.reopen();
  EXPECT_EQ(rig.numbers(1, 0), Numbers{6});
}

TEST(Simulator, AnnouncesItsNewShapeAndLosesOneFrame) {
  Rig rig(config_of(std::nullopt, "resize 3x5 at 2"));
  EXPECT_EQ(rig.numbers(2, 0), (Numbers{0, 1}));
  EXPECT_EQ(code_of(rig.read()), ErrorCode::kGeometry);
  rig.reopen();
  EXPECT_EQ(rig.pixels.size(), 3U * 5U * 2U);
  EXPECT_EQ(rig.numbers(1, 0), Numbers{3});
  EXPECT_EQ(rig.pixels, undamaged({PatternKind::kRamp, 1, {3, 5, PixelType::kUint16}}, 3));
}

TEST(Simulator, IsSilentUntilStopped) {
  Rig rig(config_of(100.0, "silent at 1"));
  EXPECT_EQ(rig.numbers(50, 10 * kMs), Numbers{0});
  EXPECT_EQ(code_of(rig.read()), ErrorCode::kTimeout);
  rig.reopen();
  EXPECT_EQ(rig.numbers(2, 10 * kMs), (Numbers{51, 52}));
}

TEST(Simulator, LosesNothingByStopAndStart) {
  Rig rig(config_of(100.0));
  EXPECT_EQ(rig.numbers(2, 10 * kMs), (Numbers{0, 1}));
  rig.source.stop();
  rig.source.stop();
  EXPECT_EQ(code_of(rig.read()), ErrorCode::kDisconnected);
  rig.clock.move(60 * kSecond);
  ASSERT_TRUE(rig.source.start());
  EXPECT_EQ(rig.numbers(1, 0), Numbers{2});
}

// Every frame number is delivered or lost: what a reader sees by the jumps is all there is.
TEST(Simulator, AccountsForEveryFrame) {
  SimulatorConfig config = config_of(1000.0,
                                     "lose 7 at 20; stall 1 s at 50; disconnect 50 ms at 100; "
                                     "resize 2x2 at 300; silent at 500; lose 1 at 9990");
  config.frames = 10'000;
  Rig rig(config);
  std::uint64_t received = 0, lost = 0, expected = 0;
  int timeouts = 0;
  bool ended = false;
  for (int reads = 0; reads < 100'000 && !ended; ++reads) {
    rig.clock.move(kMs / 2);
    const auto info = rig.read();
    if (info) {
      timeouts = 0;
      ASSERT_GE(info->source_sequence, expected);
      lost += info->source_sequence - expected;
      expected = info->source_sequence + 1;
      ++received;
    } else if (info.error().code == ErrorCode::kTimeout) {
      if (++timeouts % 4000 == 0) rig.reopen();
    } else if (info.error().code == ErrorCode::kEnd) {
      ended = true;
    } else {
      rig.clock.move(100 * kMs);
      rig.reopen();
    }
  }
  EXPECT_TRUE(ended);
  EXPECT_EQ(received + lost, expected);
  EXPECT_EQ(expected, 10'000U);
  EXPECT_GE(lost, 7U + 100U + 100U + 2000U + 1U);
}

TEST(Simulator, RefusesABufferOfAnotherSize) {
  Rig rig(config_of(std::nullopt));
  rig.pixels.resize(47);
  EXPECT_EQ(code_of(rig.read()), ErrorCode::kInvalid);
}

TEST(Simulator, NeedsToBeOpenedBeforeItStarts) {
  FakeClock clock;
  Simulator source(config_of(std::nullopt), clock);
  EXPECT_EQ(source.start().error().code, ErrorCode::kInvalid);
  std::vector<std::byte> pixels(48);
  EXPECT_EQ(code_of(source.read(pixels, kPast)), ErrorCode::kDisconnected);
}

TEST(Simulator, StopsWaitingWhenCancelledFromAnotherThread) {
  for (const char* script : {"silent at 0", "stall 1 h at 0"}) {
    Rig rig(config_of(25.0, script));
    const std::jthread canceller([&] { rig.source.cancel(); });
    EXPECT_EQ(code_of(rig.source.read(rig.pixels, kNoDeadline)), ErrorCode::kTimeout);
  }
}

TEST(Simulator, AllocatesNothingWhileReading) {
  Rig rig(config_of(1000.0,
                    "lose 2 at 3; corrupt at 7; incomplete at 8; step 1 s at 9; stall 5 ms at 10; "
                    "silent at 50"));
  const std::size_t before = allocations();
  int received = 0;
  for (int i = 0; i < 100; ++i) {
    rig.clock.move(kMs);
    if (rig.source.read(rig.pixels, kPast)) ++received;
  }
  EXPECT_EQ(allocations(), before);
  EXPECT_EQ(received, 48);
}

}  // namespace
}  // namespace framelog
