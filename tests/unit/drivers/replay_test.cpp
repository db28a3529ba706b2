#include "drivers/replay.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "allocations.hpp"
#include "core/crc32c.hpp"
#include "fake_clock.hpp"
#include "tests/unit/formats/recording.hpp"

namespace framelog {
namespace {

/// Three frames of 1 x 2 uint8, numbered 100, 101 and 104, 40 ms and then 120 ms apart.
class ReplayOfRaw : public testing::Test {
 protected:
  void SetUp() override {
    config.path = scratch.write("a.raw", "abcdef");
    scratch.write("a.json", R"({"format":"framelog-raw","version":1,"shape":[3,1,2],)"
                            R"("dtype":"|u1","endianness":"little","frames":"a.frames"})");
    records.resize(3);
    const std::uint64_t numbers[]{100, 101, 104};
    const std::int64_t times_ms[]{5000, 5040, 5160};
    for (std::size_t i = 0; i < 3; ++i) {
      records[i].source_sequence = numbers[i];
      records[i].monotonic_ns = times_ms[i] * kMs;
      records[i].device_ns = -1;
      records[i].exposure_ns = 7;
      records[i].gpio = 3;
      records[i].crc32c = crc32c(std::as_bytes(std::span("abcdef", 6)).subspan(2 * i, 2));
    }
    records[2].dropped_before = 2;
    records[1].flags = kFlagIncomplete | kFlagTrigger;
    write_records();
  }

  void write_records() { scratch.write("a.frames", frames_file_of(records, 2)); }

  SourceInfo begin() {
    source.emplace(config, clock);
    const auto info = source->open();
    EXPECT_TRUE(info) << describe(info.error());
    EXPECT_TRUE(source->start());
    return info.value_or(SourceInfo{});
  }

  Result<FrameInfo> read() { return source->read(pixels, kPast); }

  std::string text() const { return {reinterpret_cast<const char*>(pixels.data()), pixels.size()}; }

  std::vector<std::uint64_t> numbers(int count) {
    std::vector<std::uint64_t> all;
    for (int i = 0; i < count; ++i) {
      if (const auto info = read()) all.push_back(info->source_sequence);
    }
    return all;
  }

  ScratchDirectory scratch;
  FakeClock clock;
  ReplayConfig config;
  std::vector<FrameRecord> records;
  std::vector<std::byte> pixels = std::vector<std::byte>(2);
  std::optional<Replay> source;
};

using Numbers = std::vector<std::uint64_t>;

TEST_F(ReplayOfRaw, TellsWhatItReplays) {
  const SourceInfo info = begin();
  EXPECT_EQ(info.shape, (FrameShape{1, 2, PixelType::kUint8}));
  EXPECT_EQ(info.driver, "replay");
  EXPECT_EQ(info.model, "replay of a.raw");
  EXPECT_FALSE(info.simulated);
  EXPECT_TRUE(info.can_wait);
  EXPECT_TRUE(info.numbered);
  EXPECT_DOUBLE_EQ(info.rate_hz.value_or(0), 12.5);
  EXPECT_NE(info.description.find("recorded pace"), std::string::npos);
  EXPECT_FALSE(info.frames) << "its numbers tell that some are missing";
  EXPECT_EQ(info.first_number, 100U);
  EXPECT_FALSE(info.scan);
  EXPECT_EQ(info.inputs, (std::vector<std::filesystem::path>{config.path, scratch.path() / "a.json",
                                                             scratch.path() / "a.frames"}));
}

TEST_F(ReplayOfRaw, KeepsTheRecordedPaceNumbersAndFlags) {
  begin();
  const std::int64_t start_ns = clock.monotonic_ns();
  const auto first = read();
  ASSERT_TRUE(first);
  EXPECT_EQ(text(), "ab");
  EXPECT_EQ(first->source_sequence, 100U);
  EXPECT_EQ(first->monotonic_ns, start_ns);
  EXPECT_EQ(first->utc_ns, FakeClock::kUtcStart + start_ns);
  EXPECT_EQ(first->device_ns, 5000 * kMs);
  EXPECT_EQ(first->exposure_ns, 7);
  EXPECT_EQ(first->gpio, 3U);
  EXPECT_EQ(first->flags, 0U);

  clock.move(40 * kMs - 1);
  EXPECT_EQ(read().error().code, ErrorCode::kTimeout);
  clock.move(1);
  const auto second = read();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->flags, kFlagIncomplete);

  clock.move(500 * kMs);
  const auto third = read();
  ASSERT_TRUE(third);
  EXPECT_EQ(third->source_sequence, 104U);
  EXPECT_EQ(third->monotonic_ns, start_ns + 160 * kMs);
  EXPECT_EQ(text(), "ef");
  EXPECT_EQ(read().error().code, ErrorCode::kEnd);
  EXPECT_EQ(read().error().code, ErrorCode::kEnd);
}

TEST_F(ReplayOfRaw, KeepsAFixedRateWithoutDrift) {
  config.pace = ReplayPace::kFixed;
  config.rate_hz = 3.0;
  config.loop = true;
  EXPECT_EQ(begin().rate_hz, 3.0);
  const std::int64_t start_ns = clock.monotonic_ns();
  clock.move(1000 * kSecond);
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(read());
  EXPECT_EQ(read()->monotonic_ns, start_ns + 1000 * kSecond);
  EXPECT_EQ(read().error().code, ErrorCode::kTimeout);
}

TEST_F(ReplayOfRaw, NumbersGoOnWhenItLoops) {
  config.pace = ReplayPace::kMax;
  config.loop = true;
  begin();
  EXPECT_EQ(numbers(7), (Numbers{100, 101, 104, 105, 106, 109, 110}));
}

TEST_F(ReplayOfRaw, HasNoEndWhenItLoops) {
  config.loop = true;
  EXPECT_FALSE(begin().frames);
}

TEST_F(ReplayOfRaw, LoopsWithTheLastStepBetweenTheRounds) {
  config.loop = true;
  begin();
  const std::int64_t start_ns = clock.monotonic_ns();
  clock.move(kSecond);
  EXPECT_EQ(numbers(3), (Numbers{100, 101, 104}));
  EXPECT_EQ(read()->monotonic_ns, start_ns + 280 * kMs);
  EXPECT_EQ(read()->monotonic_ns, start_ns + 320 * kMs);
}

TEST_F(ReplayOfRaw, FlagsPixelsThatDoNotFitTheirChecksum) {
  config.pace = ReplayPace::kMax;
  scratch.write("a.raw", "abcxef");
  begin();
  EXPECT_EQ(read()->flags, 0U);
  EXPECT_EQ(read()->flags, kFlagCorrupt | kFlagIncomplete);
  EXPECT_EQ(text(), "cx");
  EXPECT_EQ(read()->flags, 0U);
}

TEST_F(ReplayOfRaw, NumbersAFrameWithATornRecordAfterTheOneBefore) {
  config.pace = ReplayPace::kMax;
  config.loop = true;
  std::string bytes = frames_file_of(records, 2);
  bytes[4096 + 128 + 9] ^= 1;
  bytes[4096 + 9] ^= 1;
  scratch.write("a.frames", bytes);
  begin();
  EXPECT_EQ(read()->flags, kFlagCorrupt);
  EXPECT_EQ(read()->source_sequence, 1U);
  EXPECT_EQ(numbers(5), (Numbers{4, 5, 6, 9, 10}));
}

TEST_F(ReplayOfRaw, CountsATornRecordBetweenOthersAsOneFrame) {
  config.pace = ReplayPace::kMax;
  std::string bytes = frames_file_of(records, 2);
  bytes[4096 + 128 + 9] ^= 1;
  scratch.write("a.frames", bytes);
  begin();
  EXPECT_EQ(numbers(3), (Numbers{100, 101, 104}));
}

TEST_F(ReplayOfRaw, TakesOnlyLossesForJumpsOfTheNumbers) {
  config.pace = ReplayPace::kMax;
  const std::uint64_t recorded[]{100, 110, 130};  // Of a recording that kept each tenth.
  for (std::size_t i = 0; i < 3; ++i) records[i].source_sequence = recorded[i];
  records[2].dropped_before = 1;
  write_records();
  EXPECT_EQ(begin().first_number, 100U);
  EXPECT_EQ(numbers(3), (Numbers{100, 101, 103}));
  records[1].source_sequence = 101;
  records[1].dropped_before = 7;  // More than fit in between.
  records[2].source_sequence = 90;
  write_records();
  begin();
  EXPECT_EQ(numbers(3), (Numbers{100, 101, 102}));
}

TEST_F(ReplayOfRaw, DoesNotWaitForTimesThatGoBack) {
  records[1].monotonic_ns = 10;
  records[2].monotonic_ns = 10 + 5 * kMs;
  write_records();
  begin();
  EXPECT_EQ(numbers(3), (Numbers{100, 101}));
  clock.move(5 * kMs);
  EXPECT_EQ(numbers(1), Numbers{104});
}

TEST_F(ReplayOfRaw, WaitsForEverRatherThanOverflow) {
  records[1].monotonic_ns = std::numeric_limits<std::int64_t>::max();
  write_records();
  begin();
  EXPECT_EQ(numbers(2), Numbers{100});
  const std::jthread canceller([&] { source->cancel(); });
  EXPECT_EQ(source->read(pixels, kNoDeadline).error().code, ErrorCode::kTimeout);
}

TEST_F(ReplayOfRaw, GoesOnWhereItWasStopped) {
  begin();
  EXPECT_EQ(numbers(2), Numbers{100});
  source->stop();
  source->stop();
  EXPECT_EQ(read().error().code, ErrorCode::kDisconnected);
  ASSERT_TRUE(source->start());
  EXPECT_EQ(numbers(1), Numbers{101});
  ASSERT_TRUE(source->open());
  EXPECT_EQ(read().error().code, ErrorCode::kDisconnected);
  ASSERT_TRUE(source->start());
  EXPECT_EQ(numbers(1), Numbers{104});
}

TEST_F(ReplayOfRaw, DeliversNoGarbageWhenTheFileGetsShorter) {
  config.pace = ReplayPace::kMax;
  begin();
  EXPECT_EQ(numbers(1), Numbers{100});
  std::filesystem::resize_file(config.path, 3);
  EXPECT_EQ(read().error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(source->open().error().code, ErrorCode::kCorrupt);
  scratch.write("a.raw", "abcdef");
  ASSERT_TRUE(source->open());
  ASSERT_TRUE(source->start());
  EXPECT_EQ(numbers(2), (Numbers{101, 104}));
}

TEST_F(ReplayOfRaw, PassesOverAFrameThatCannotBeReadTwice) {
  config.pace = ReplayPace::kMax;
  begin();
  EXPECT_EQ(numbers(1), Numbers{100});
  std::filesystem::resize_file(config.path, 3);
  EXPECT_EQ(read().error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(read().error().code, ErrorCode::kCorrupt);
  scratch.write("a.raw", "abcdef");
  EXPECT_EQ(numbers(1), Numbers{104});
}

TEST_F(ReplayOfRaw, AllocatesNothingWhileReading) {
  config.loop = true;
  begin();
  const std::size_t before = allocations();
  int received = 0;
  for (int i = 0; i < 300; ++i) {
    clock.move(10 * kMs);
    if (source->read(pixels, kPast)) ++received;
  }
  EXPECT_EQ(allocations(), before);
  EXPECT_GT(received, 30);
}

TEST_F(ReplayOfRaw, RefusesABufferOfAnotherSize) {
  begin();
  pixels.resize(3);
  EXPECT_EQ(read().error().code, ErrorCode::kInvalid);
}

TEST_F(ReplayOfRaw, CannotStartBeforeItIsOpen) {
  source.emplace(config, clock);
  EXPECT_EQ(source->start().error().code, ErrorCode::kInvalid);
}

class ReplayOfFile : public testing::Test {
 protected:
  Result<SourceInfo> open(const std::filesystem::path& path,
                          const std::optional<RawGeometry>& geometry = {}) {
    source.emplace(ReplayConfig{.path = path, .request = {geometry, {}}}, clock);
    return source->open();
  }

  ScratchDirectory scratch;
  FakeClock clock;
  std::optional<Replay> source;
  const std::string npy =
      npy_of("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1, 2)}", "abcdef");
};

TEST_F(ReplayOfFile, WithoutTimesIsAsFastAsItIsReadAndSaysSo) {
  const auto info = open(scratch.write("a.npy", npy));
  ASSERT_TRUE(info) << describe(info.error());
  EXPECT_FALSE(info->rate_hz);
  EXPECT_NE(info->description.find("it has no times"), std::string::npos) << info->description;
  ASSERT_TRUE(source->start());
  std::vector<std::byte> pixels(2);
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto frame = source->read(pixels, kPast);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->source_sequence, i);
    EXPECT_EQ(frame->monotonic_ns, clock.monotonic_ns());
    EXPECT_EQ(frame->device_ns, -1);
  }
  EXPECT_EQ(source->read(pixels, kPast).error().code, ErrorCode::kEnd);
}

TEST_F(ReplayOfFile, TellsTheScanOfAnArrayOfFourDimensions) {
  const auto info = open(scratch.write(
      "scan.npy",
      npy_of("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 2, 1, 1)}", "abcdef")));
  ASSERT_TRUE(info) << describe(info.error());
  EXPECT_EQ(info->scan, (std::pair<std::uint32_t, std::uint32_t>{3, 2}));
  EXPECT_EQ(info->frames, 6U);
}

TEST_F(ReplayOfFile, PlaysADirectoryAsOneRecording) {
  scratch.write("2.npy", npy);
  scratch.write("10.npy", npy);
  const auto info = open(scratch.path() / "");
  ASSERT_TRUE(info) << describe(info.error());
  EXPECT_EQ(info->frames, 6U);
  EXPECT_EQ(info->inputs,
            (std::vector{scratch.path() / "" / "2.npy", scratch.path() / "" / "10.npy"}));
  EXPECT_EQ(info->model, "replay of " + scratch.path().filename().string());
  ASSERT_TRUE(source->start());
  std::vector<std::byte> pixels(2);
  for (std::uint64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(source->read(pixels, kPast)->source_sequence, i);
    EXPECT_EQ(std::to_integer<char>(pixels[0]), "ace"[i % 3]);
  }
  EXPECT_EQ(source->read(pixels, kPast).error().code, ErrorCode::kEnd);
}

TEST_F(ReplayOfFile, KnowsAFileByItsContentOrByTheUsersGeometry) {
  EXPECT_TRUE(open(scratch.write("array.dat", npy)));
  EXPECT_TRUE(open(scratch.write("pixels.bin", "abcd"), RawGeometry{PixelType::kUint8, {1, 2}}));
  EXPECT_TRUE(open(scratch.path() / "array.dat", RawGeometry{PixelType::kUint8, {3, 1, 2}}));
}

TEST_F(ReplayOfFile, RefusesWhatItCannotReplayWithThePathAndWhatIsAllowed) {
  const auto expect = [&](const Result<SourceInfo>& info, ErrorCode code, std::string_view part) {
    ASSERT_FALSE(info) << part;
    const std::string text = describe(info.error());
    EXPECT_EQ(info.error().code, code) << text;
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_NE(text.find(scratch.path().string()), std::string::npos) << text;
  };
  expect(open(scratch.path() / "none.npy"), ErrorCode::kNotFound, "none.npy");
  expect(open(scratch.path()), ErrorCode::kNotFound, "a directory without files of frames");
  expect(open(scratch.write("a.npy", "")), ErrorCode::kCorrupt, "empty");
  expect(open(scratch.write("b.npy", npy.substr(0, npy.size() - 1))), ErrorCode::kCorrupt,
         "shorter");
  expect(open(scratch.write("c.txt", "hello")), ErrorCode::kUnsupported, "allowed: HDF5 (.h5");
  expect(open(scratch.write("d.raw", "hello")), ErrorCode::kInvalid, "d.json");
  expect(open(scratch.write("e.npy", npy), RawGeometry{PixelType::kInt8, {1, 2}}),
         ErrorCode::kInvalid, "contradicts");
}

}  // namespace
}  // namespace framelog
