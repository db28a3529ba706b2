#include "export/result_frames.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "memory_recording.hpp"
#include "whole_result.hpp"

namespace framelog {
namespace {

constexpr std::array kTypes{PixelType::kUint8,  PixelType::kInt8,    PixelType::kUint16,
                            PixelType::kInt16,  PixelType::kUint32,  PixelType::kInt32,
                            PixelType::kUint64, PixelType::kFloat32, PixelType::kFloat64};

/// What the transformations give, by plain loops: frame by frame, before the axes are ordered.
std::vector<std::vector<double>> plain(const std::vector<std::vector<double>>& frames,
                                       std::uint32_t source_width, const Region& region,
                                       const Binning& bin, BinMode mode) {
  std::vector<std::vector<double>> results;
  const std::uint32_t height = region.height_px() / bin.rows;
  const std::uint32_t width = region.width_px() / bin.columns;
  for (const auto& frame : frames) {
    results.emplace_back();
    for (std::uint32_t y = 0; y < height; ++y) {
      for (std::uint32_t x = 0; x < width; ++x) {
        double sum = 0;
        for (std::uint32_t v = 0; v < bin.rows; ++v) {
          for (std::uint32_t u = 0; u < bin.columns; ++u) {
            sum += frame[(region.y_start + y * bin.rows + v) * source_width + region.x_start +
                         x * bin.columns + u];
          }
        }
        const double pixels = bin.rows * bin.columns;
        results.back().push_back(mode == BinMode::kSum ? sum : std::floor(sum / pixels + 0.5));
      }
    }
  }
  return results;
}

TEST(ResultFramesTest, CutsBinsAndConvertsAsPlainLoopsDo) {
  std::mt19937 random(7);
  const auto below = [&](std::uint32_t most) {
    return static_cast<std::uint32_t>(random() % most);
  };
  const auto one_to = [&](std::uint32_t most) { return below(most) + 1; };
  for (int round = 0; round < 60; ++round) {
    const FrameShape shape{one_to(20), one_to(20), kTypes[random() % kTypes.size()]};
    const std::uint64_t frames = one_to(12);
    MemoryRecording recording(shape, frames, random());
    Region region{below(shape.height_px), 0, below(shape.width_px), 0};
    region.y_stop = region.y_start + one_to(shape.height_px - region.y_start);
    region.x_stop = region.x_start + one_to(shape.width_px - region.x_start);
    TransformRequest request;
    const std::uint64_t first = random() % frames;
    request.cutout = {{Axis::kTime, first, {}},
                      {Axis::kY, region.y_start, region.y_stop},
                      {Axis::kX, region.x_start, region.x_stop}};
    request.every = one_to(3);
    request.bin = {one_to(region.height_px()), one_to(region.width_px())};
    // Means of floats are not rounded.
    request.bin_mode = random() % 2 == 0 && !is_float(shape.type) ? BinMode::kMean : BinMode::kSum;
    request.dtype = PixelType::kFloat64;
    std::vector<std::vector<double>> chosen;
    for (std::uint64_t i = first; i < frames; i += request.every) {
      chosen.push_back(recording.values()[i]);
    }
    const auto expected = plain(chosen, shape.width_px, region, request.bin, request.bin_mode);
    const Whole whole = take(recording, request);
    ASSERT_EQ(whole.slices.size(), expected.size());
    ASSERT_TRUE(whole.facts.frames_in_order);
    std::size_t at = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(whole.slices[i].frame, first + i * request.every);
      double sum = 0;
      for (const double value : expected[i]) {
        ASSERT_EQ(whole.values[at++], value) << round << ' ' << to_string(shape);
        sum += value;
      }
      EXPECT_EQ(whole.slices[i].statistics.sum, sum);
    }
    EXPECT_EQ(recording.reads, expected.size());
  }
}

/// Element [t][sy][sx][y][x] of the result lies where the axes say.
void expect_transposed(MemoryRecording& recording, const std::string& axes,
                       std::size_t memory_bytes, const std::map<Axis, std::uint64_t>& sizes,
                       const std::vector<std::vector<double>>& frames) {
  TransformRequest request;
  request.axes = parse_axes(axes).value();
  const Whole whole = take(recording, request, memory_bytes);
  std::uint64_t elements = 1;
  for (const auto& [axis, size] : sizes) elements *= size;
  ASSERT_EQ(whole.values.size(), elements) << axes;
  const auto size = [&](Axis axis) { return sizes.contains(axis) ? sizes.at(axis) : 1; };
  for (std::uint64_t at = 0; at < elements; ++at) {
    std::uint64_t rest = at;
    std::map<Axis, std::uint64_t> index;
    for (auto axis = request.axes.rbegin(); axis != request.axes.rend(); ++axis) {
      index[*axis] = rest % size(*axis);
      rest /= size(*axis);
    }
    const std::uint64_t frame =
        (index[Axis::kTime] * size(Axis::kScanY) + index[Axis::kScanY]) * size(Axis::kScanX) +
        index[Axis::kScanX];
    const std::uint64_t pixel = index[Axis::kY] * size(Axis::kX) + index[Axis::kX];
    ASSERT_EQ(whole.values[at], frames[frame][pixel]) << axes << " at " << at;
  }
}

TEST(ResultFramesTest, AxesComeInAnyOrderWhateverTheMemory) {
  const FrameShape shape{3, 4, PixelType::kUint16};
  MemoryRecording recording(shape, 5, 1);
  const std::map<Axis, std::uint64_t> sizes{{Axis::kTime, 5}, {Axis::kY, 3}, {Axis::kX, 4}};
  for (const char* axes : {"tyx", "txy", "ytx", "yxt", "xty", "xyt", "tzcyx", "tyxc", "cxyzt"}) {
    for (const std::size_t memory : {1U, 50U, 100000U}) {
      expect_transposed(recording, axes, memory, sizes, recording.values());
    }
  }
}

TEST(ResultFramesTest, AxesOfScansComeInAnyOrder) {
  for (const PixelType type : {PixelType::kUint8, PixelType::kFloat32, PixelType::kUint64}) {
    MemoryRecording recording({3, 2, type}, 20, 2);
    recording.change().scan = Scan{2, 5, 0, 0};
    recording.change().scans = 2;
    std::vector<Axis> axes{Axis::kTime, Axis::kScanY, Axis::kScanX, Axis::kY, Axis::kX};
    const std::map<Axis, std::uint64_t> sizes{
        {Axis::kTime, 2}, {Axis::kScanY, 2}, {Axis::kScanX, 5}, {Axis::kY, 3}, {Axis::kX, 2}};
    std::ranges::sort(axes);
    do {
      expect_transposed(recording, to_string(axes), 60, sizes, recording.values());
    } while (std::ranges::next_permutation(axes).found);
  }
}

TEST(ResultFramesTest, OnlyAxesOfOneElementMayBeLeftOut) {
  MemoryRecording recording({3, 4, PixelType::kUint8}, 5, 1);
  TransformRequest request;
  request.axes = parse_axes("yx").value();
  EXPECT_NE(refusal(recording, request).find("t is missing, which has 5"), std::string::npos);
  request.cutout = {{Axis::kTime, 2, 3}};
  const Whole whole = take(recording, request);
  EXPECT_EQ(whole.facts.axes.size(), 2U);
  EXPECT_EQ(whole.facts.slices, 1U);
  EXPECT_EQ(whole.values, recording.values()[2]);
}

TEST(ResultFramesTest, ValuesThatDoNotFitAreToldWithTheirFrame) {
  MemoryRecording recording({2, 2, PixelType::kUint16}, 3, 1);
  for (auto& frame : recording.values()) frame = {1, 2, 3, 4};
  recording.values()[2][3] = 300;
  TransformRequest request;
  request.dtype = PixelType::kUint8;
  auto result = open_result(recording, request).value();
  ResultSlice slice;
  EXPECT_TRUE(result->next(slice).value());
  EXPECT_TRUE(result->next(slice).value());
  const auto third = result->next(slice);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::kInvalid);
  const std::string text = describe(third.error());
  EXPECT_NE(text.find("frame 2"), std::string::npos) << text;
  EXPECT_NE(text.find("300 at y=1, x=1"), std::string::npos) << text;
  request.saturate = true;
  const Whole whole = take(recording, request);
  EXPECT_EQ(whole.values[11], 255);
  EXPECT_EQ(whole.end.clipped, 1U);
}

TEST(ResultFramesTest, RenormalisesRoundedAndSaturated) {
  MemoryRecording recording({4, 5, PixelType::kUint16}, 4, 3);
  TransformRequest request;
  request.renormalise = Renormalisation{100, 600, 0, 255};
  request.dtype = PixelType::kUint8;
  const Whole whole = take(recording, request);
  std::uint64_t clipped = 0;
  for (std::size_t i = 0; i < whole.values.size(); ++i) {
    const double source = recording.values()[i / 20][i % 20];
    const double exact = std::round((source - 100) / 500 * 255);
    ASSERT_EQ(whole.values[i], std::clamp(exact, 0.0, 255.0)) << source;
    clipped += exact < 0 || exact > 255 ? 1 : 0;
  }
  EXPECT_GT(clipped, 0U);
  EXPECT_EQ(whole.end.clipped, clipped);
}

TEST(ResultFramesTest, TruncatesAndWrapsAsIlastikDoes) {
  MemoryRecording recording({4, 5, PixelType::kUint16}, 4, 3);
  TransformRequest request;
  request.renormalise = Renormalisation{100, 600, 0, 255};
  request.dtype = PixelType::kUint8;
  request.truncate = true;
  const Whole whole = take(recording, request);
  for (std::size_t i = 0; i < whole.values.size(); ++i) {
    const auto source = static_cast<float>(recording.values()[i / 20][i % 20]);
    const float value = 0.0F + (source - 100.0F) * static_cast<float>(255.0 / 500.0);
    ASSERT_EQ(whole.values[i], static_cast<std::uint8_t>(static_cast<std::int64_t>(value)));
  }
}

TEST(ResultFramesTest, TimesChooseFrames) {
  MemoryRecording recording({1, 1, PixelType::kUint8}, 10, 3);
  recording.change().has_times = true;
  recording.change().start_utc_ns = 1000'000'000'000;
  for (std::size_t i = 0; i < 10; ++i) {
    FrameInfo& info = recording.notes()[i].info;
    info.utc_ns = 1000'000'000'000 + static_cast<std::int64_t>(i) * 500'000'000;
    info.monotonic_ns = static_cast<std::int64_t>(i) * 500'000'000;
  }
  TransformRequest request;
  request.since_utc_ns = 1001'000'000'000;
  request.until_utc_ns = 1003'500'000'000;
  request.every = 2;
  const Whole whole = take(recording, request);
  ASSERT_EQ(whole.slices.size(), 3U);
  EXPECT_EQ(whole.slices[0].frame, 2U);
  EXPECT_EQ(whole.slices[2].frame, 6U);
  EXPECT_EQ(whole.facts.time, (IndexRange{2, 7}));
  EXPECT_EQ(whole.facts.axes[0], (AxisFacts{Axis::kTime, 3, 1.0, 1.0, "s"}));
  request.since_utc_ns = 2000'000'000'000;
  request.until_utc_ns.reset();
  EXPECT_NE(refusal(recording, request).find("since"), std::string::npos);
}

TEST(ResultFramesTest, AxesAreCalibrated) {
  MemoryRecording recording({8, 8, PixelType::kUint16}, 4, 3);
  recording.change().pixel_size = {Length{0.5, "um"}, Length{0.25, "um"}};
  recording.change().origin = {10, 0};
  TransformRequest request;
  request.cutout = {{Axis::kY, 2, 8}};
  request.bin = {3, 2};
  const auto facts = plan_result(recording, request).value();
  EXPECT_EQ(facts.axes[1], (AxisFacts{Axis::kY, 2, 11.5, 1.5, "um"}));
  EXPECT_EQ(facts.axes[2], (AxisFacts{Axis::kX, 4, 0.125, 0.5, "um"}));
  EXPECT_EQ(facts.pixel_size[0], (Length{1.5, "um"}));
  EXPECT_EQ(facts.type, PixelType::kUint32);
  ASSERT_EQ(facts.steps.size(), 2U);
  EXPECT_EQ(facts.steps[0].name, "cut");
  EXPECT_EQ(facts.steps[1].name, "bin");
}

TEST(ResultFramesTest, RefusesWhatIsNotThere) {
  MemoryRecording recording({8, 8, PixelType::kUint16}, 4, 3);
  const auto cut = [&](Axis axis, std::uint64_t start, std::uint64_t stop) {
    TransformRequest request;
    request.cutout = {{axis, start, stop}};
    return refusal(recording, request);
  };
  EXPECT_NE(cut(Axis::kTime, 0, 5).find("allowed: 0 to 4"), std::string::npos);
  EXPECT_NE(cut(Axis::kY, 3, 9).find("allowed: 0 to 8"), std::string::npos);
  EXPECT_NE(cut(Axis::kX, 9, 10).find("allowed: 0 to 8"), std::string::npos);
  EXPECT_NE(cut(Axis::kChannel, 0, 2).find("allowed: 0 to 1"), std::string::npos);
  EXPECT_NE(cut(Axis::kScanY, 0, 1).find("no scan"), std::string::npos);
  TransformRequest request;
  request.bin = {9, 1};
  EXPECT_NE(refusal(recording, request).find("bin"), std::string::npos);
  request = {};
  request.subsample_sx = 2;
  EXPECT_NE(refusal(recording, request).find("subsample"), std::string::npos);
}

TEST(ResultFramesTest, FiltersGiveLayersAndSteps) {
  MemoryRecording recording({6, 7, PixelType::kUint8}, 2, 3);
  TransformRequest request;
  request.filters = {{"mask_threshold", {{"above", 80}}}, {"zero_mean", {}}};
  auto result = open_result(recording, request).value();
  const ResultFacts& facts = result->facts();
  EXPECT_EQ(facts.type, PixelType::kFloat32);
  ASSERT_EQ(facts.layers.size(), 3U);
  EXPECT_EQ(facts.layers[0].name, "raw");
  EXPECT_EQ(facts.layers[1].name, "step_1_mask_threshold");
  EXPECT_TRUE(facts.layers[1].is_mask);
  EXPECT_EQ(facts.layers[2].name, "step_2_zero_mean");
  ResultSlice slice;
  ASSERT_TRUE(result->next(slice).value());
  const auto pixels = numbers_of(PixelType::kFloat32, slice.pixels);
  const auto mask = numbers_of(PixelType::kUint8, slice.layers[1]);
  EXPECT_EQ(numbers_of(PixelType::kFloat32, slice.layers[0]), recording.values()[0]);
  EXPECT_EQ(numbers_of(PixelType::kFloat32, slice.layers[2]), pixels);
  double sum = 0;
  double count = 0;
  for (std::size_t i = 0; i < 42; ++i) {
    EXPECT_EQ(mask[i], recording.values()[0][i] > 80 ? 1 : 0);
    if (mask[i] != 0) continue;
    sum += recording.values()[0][i];
    ++count;
  }
  for (std::size_t i = 0; i < 42; ++i) {
    EXPECT_NEAR(pixels[i], recording.values()[0][i] - sum / count, 1e-4);
  }
  ASSERT_EQ(facts.steps.size(), 2U);
  EXPECT_EQ(facts.steps[0].name, "mask_threshold");
  request.raw_only = true;
  EXPECT_EQ(take(recording, request).facts.type, PixelType::kUint8);
}

TEST(ResultFramesTest, LayersThatNobodyWritesAreNotMade) {
  MemoryRecording recording({6, 7, PixelType::kUint8}, 2, 3);
  recording.change().layers = {{"step_1_x", false, {6, 7, PixelType::kFloat32}}};
  TransformRequest request;
  request.filters = {{"mask_threshold", {{"above", 80}}}, {"gaussian", {}}, {"zero_mean", {}}};
  const Whole with = take(recording, request);
  request.keeps_layers = false;
  const Whole without = take(recording, request);
  EXPECT_EQ(with.facts.layers.size(), 4U);
  EXPECT_TRUE(without.facts.layers.empty());
  EXPECT_TRUE(without.slices.front().layers.empty());
  EXPECT_EQ(without.values, with.values);
}

TEST(ResultFramesTest, FramesThatWereProcessedBeforeAreNotWhatWasRecorded) {
  MemoryRecording recording({6, 7, PixelType::kUint8}, 2, 3);
  TransformRequest request;
  request.filters = {{"zero_mean", {}}};
  const LayerFacts step{"step_1_crop", false, {6, 7, PixelType::kFloat32}};
  const LayerFacts recorded{"raw", false, {12, 14, PixelType::kFloat32}};  // Of another size.
  for (const auto& layers :
       {std::vector{recorded, step}, std::vector{step}, std::vector{recorded}}) {
    recording.change().layers = layers;
    const Whole whole = take(recording, request);
    ASSERT_FALSE(whole.facts.layers.empty());
    EXPECT_EQ(std::ranges::count(whole.facts.layers, "raw", &LayerFacts::name), 0);
    EXPECT_EQ(whole.slices.front().layers.size(), whole.facts.layers.size());
  }
  recording.change().layers = {{"threshold", true, {6, 7, PixelType::kUint8}}};
  EXPECT_EQ(plan_result(recording, request).value().layers.front().name, "raw");
}

TEST(ResultFramesTest, FilteredFramesComeInAnyOrderOfAxes) {
  MemoryRecording recording({6, 7, PixelType::kUint8}, 3, 3);
  TransformRequest request;
  request.filters = {{"mask_threshold", {{"above", 80}}}, {"zero_mean", {}}};
  const Whole in_time = take(recording, request);
  request.axes = {Axis::kX, Axis::kY, Axis::kTime};
  const Whole turned = take(recording, request);
  EXPECT_TRUE(turned.facts.layers.empty());
  ASSERT_EQ(turned.values.size(), in_time.values.size());
  for (std::size_t t = 0; t < 3; ++t) {
    for (std::size_t i = 0; i < 42; ++i) {
      EXPECT_EQ(turned.values[(i % 7 * 6 + i / 7) * 3 + t], in_time.values[t * 42 + i]);
    }
  }
}

TEST(ResultFramesTest, LayersOfABundleGoThroughCut) {
  MemoryRecording recording({6, 7, PixelType::kUint8}, 2, 3);
  recording.change().layers = {{"step_1_x", false, {6, 7, PixelType::kFloat32}}};
  TransformRequest request;
  request.cutout = {{Axis::kY, 2, 4}, {Axis::kX, 1, 7}};
  auto result = open_result(recording, request).value();
  ASSERT_EQ(result->facts().layers.size(), 1U);
  EXPECT_EQ(result->facts().layers[0].shape, (FrameShape{2, 6, PixelType::kFloat32}));
  ResultSlice slice;
  ASSERT_TRUE(result->next(slice).value());
  const auto layer = numbers_of(PixelType::kFloat32, slice.layers[0]);
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(layer[i], recording.values()[0][(2 + i / 6) * 7 + 1 + i % 6] + 1);
  }
}

TEST(ResultFramesTest, RewindBeginsAgain) {
  MemoryRecording recording({3, 4, PixelType::kUint8}, 5, 1);
  for (const char* axes : {"tyx", "ytx"}) {
    TransformRequest request;
    request.axes = parse_axes(axes).value();
    auto result = open_result(recording, request, 20).value();
    ResultSlice slice;
    std::vector<double> first;
    while (result->next(slice).value()) first.push_back(slice.statistics.sum);
    result->rewind();
    std::vector<double> second;
    while (result->next(slice).value()) second.push_back(slice.statistics.sum);
    EXPECT_EQ(first, second);
    EXPECT_EQ(result->end().slices, first.size());
  }
}

}  // namespace
}  // namespace framelog
