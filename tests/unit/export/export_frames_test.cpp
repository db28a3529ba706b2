#include "export/export_frames.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <thread>

#include "core/crc32c.hpp"
#include "memory_recording.hpp"

namespace framelog {
namespace {

constexpr FrameShape kShape{6, 5, PixelType::kUint16};

/// Each slice of a result with its pixels, read without a thread.
std::vector<std::vector<std::byte>> pixels_of(Recording& recording,
                                              const TransformRequest& request) {
  std::vector<std::vector<std::byte>> all;
  const auto result = open_result(recording, request).value();
  ResultSlice slice;
  while (result->next(slice).value()) all.emplace_back(slice.pixels.begin(), slice.pixels.end());
  return all;
}

void expect_same_ahead(Recording& recording, const TransformRequest& request, std::size_t slices) {
  const auto expected = pixels_of(recording, request);
  const auto result = open_result(recording, request).value();
  const auto ahead = read_ahead(*result, slices);
  ResultSlice slice;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE(ahead->next(slice).value());
    EXPECT_EQ(slice.index, i);
    EXPECT_TRUE(std::ranges::equal(slice.pixels, expected[i])) << "slice " << i;
    EXPECT_EQ(slice.crc32c, crc32c(expected[i]));
  }
  EXPECT_FALSE(ahead->next(slice).value());
  EXPECT_FALSE(ahead->next(slice).value());
  EXPECT_EQ(ahead->end().slices, expected.size());
}

TEST(ReadAhead, TakesNoMoreSlicesThanTheMemoryHoldsWithTheirLayers) {
  ResultFacts result;
  result.slice = {128, 128, PixelType::kUint8};
  EXPECT_EQ(slices_ahead(result, std::size_t{64} << 20U), 256U);
  EXPECT_EQ(slices_ahead(result, std::size_t{64} << 10U), 4U);
  const LayerFacts layer{"step_1_x", false, {128, 128, PixelType::kFloat64}};
  result.layers.assign(12, layer);  // 1.5 MiB, beside 16 KiB of a frame.
  for (const std::size_t mebibytes : {64U, 4U}) {
    const std::size_t room = mebibytes << 20U;
    EXPECT_LE(slices_ahead(result, room) * (12 * size_bytes(layer.shape)), room);
  }
  EXPECT_EQ(slices_ahead(result, std::size_t{64} << 20U), 4U);
  EXPECT_EQ(slices_ahead(result, 1), 1U);
}

TEST(ReadAhead, GivesTheSameSlicesInTheSameOrder) {
  MemoryRecording recording(kShape, 50, 1);
  TransformRequest binned;
  binned.bin = {2, 1};
  TransformRequest filtered;
  filtered.filters = {{"zero_mean", {}}};
  TransformRequest turned;
  turned.axes = {Axis::kY, Axis::kX, Axis::kTime};
  for (const std::size_t slices : {1U, 4U, 100U}) {
    expect_same_ahead(recording, {}, slices);
    expect_same_ahead(recording, binned, slices);
    expect_same_ahead(recording, filtered, slices);
    expect_same_ahead(recording, turned, slices);
  }
}

TEST(ReadAhead, GivesPointsWithoutAFrameAndTheirNeighbours) {
  MemoryRecording recording(kShape, 4, 2);
  recording.change().scan = Scan{2, 3, 0, 0};
  for (std::size_t i = 0; i < 4; ++i) recording.notes()[i].info.source_sequence = i + i / 2;
  expect_same_ahead(recording, {}, 2);
}

/// Slices of one byte, their index; fails at one of them, and counts what was asked for.
class CountingFrames final : public ResultFrames {
 public:
  CountingFrames(std::uint64_t slices, std::uint64_t fails_at) : fails_at_(fails_at) {
    facts_.slices = slices;
    facts_.slice = {1, 1, PixelType::kUint8};
  }
  const ResultFacts& facts() const noexcept override { return facts_; }
  Result<bool> next(ResultSlice& slice) override {
    const std::uint64_t index = asked++;
    if (index == fails_at_) return fail(ErrorCode::kIo, "the disk is gone");
    if (index == facts_.slices) return false;
    pixel_ = static_cast<std::byte>(index);
    slice = ResultSlice{};
    slice.index = index;
    slice.pixels = std::span(&pixel_, 1);
    return true;
  }
  ResultEnd end() const noexcept override { return {facts_.slices, 0, 0}; }
  void rewind() override {}
  std::atomic<std::uint64_t> asked{};

 private:
  ResultFacts facts_;
  std::uint64_t fails_at_;
  std::byte pixel_{};
};

TEST(ReadAhead, GivesWhatWasReadBeforeAnError) {
  CountingFrames frames(100, 7);
  const auto ahead = read_ahead(frames, 3);
  ResultSlice slice;
  for (std::uint8_t i = 0; i < 7; ++i) {
    ASSERT_TRUE(ahead->next(slice).value());
    EXPECT_EQ(slice.pixels.front(), std::byte{i});
  }
  for (int again = 0; again < 2; ++again) {
    const auto failed = ahead->next(slice);
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().code, ErrorCode::kIo);
  }
  EXPECT_EQ(frames.asked, 8U);
}

TEST(ReadAhead, EndsWithoutHavingBeenReadToTheEnd) {
  for (const std::uint64_t taken : {0U, 1U, 5U}) {
    CountingFrames frames(1000, 2000);
    {
      const auto ahead = read_ahead(frames, 3);
      ResultSlice slice;
      for (std::uint64_t i = 0; i < taken; ++i) ASSERT_TRUE(ahead->next(slice).value());
    }
    EXPECT_LE(frames.asked, taken + 3);  // The taker's own buffer has come back or is not needed.
  }
}

TEST(ReadAhead, KeepsASliceUntilTheNext) {
  CountingFrames frames(200, 300);
  const auto ahead = read_ahead(frames, 2);
  ResultSlice slice;
  for (std::uint64_t i = 0; i < 200; ++i) {
    ASSERT_TRUE(ahead->next(slice).value());
    while (frames.asked < std::min<std::uint64_t>(i + 2, 200)) std::this_thread::yield();
    EXPECT_EQ(slice.pixels.front(), static_cast<std::byte>(i));
  }
}

/// Two slices, and then no memory.
class ScarceFrames final : public ResultFrames {
 public:
  const ResultFacts& facts() const noexcept override { return facts_; }
  Result<bool> next(ResultSlice& slice) override {
    if (given_ == 2) throw std::bad_alloc();
    slice = ResultSlice{};
    slice.index = given_++;
    return true;
  }
  ResultEnd end() const noexcept override { return {}; }
  void rewind() override { given_ = 0; }

 private:
  ResultFacts facts_;
  std::uint64_t given_{};
};

TEST(ReadAheadTest, MemoryThatIsMissingIsAnErrorBehindWhatWasRead) {
  ScarceFrames scarce;
  const auto frames = read_ahead(scarce, 2);
  ResultSlice slice;
  for (std::uint64_t i = 0; i < 2; ++i) {
    const auto more = frames->next(slice);
    ASSERT_TRUE(more && *more);
    EXPECT_EQ(slice.index, i);
  }
  const auto none = frames->next(slice);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNoMemory);
}

}  // namespace
}  // namespace framelog
