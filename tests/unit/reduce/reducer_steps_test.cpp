// All steps of a reduction together against the reference, over random plans and frames.

#include <cstdlib>

#include "reduce/accumulator.hpp"
#include "reference.hpp"

namespace framelog {
namespace {

using testing::bytes_of;
using testing::CorrectionImages;
using testing::Image;

struct Scene {
  CorrectionImages images;
  ReductionPlan plan;
};

std::optional<CorrectionImage> random_image(std::mt19937_64& random, const FrameShape& shape,
                                            std::uint64_t zeros_in) {
  CorrectionImage image{shape.height_px, shape.width_px, {}};
  image.values.resize(std::size_t{shape.height_px} * shape.width_px);
  for (double& value : image.values) {
    value = random() % zeros_in == 0 ? 0.0 : static_cast<double>(random() % 64) / 4;
  }
  return image;
}

CorrectionImages random_images(std::mt19937_64& random, const FrameShape& shape) {
  CorrectionImages images;
  if (random() % 2 == 0) images.dark = random_image(random, shape, 2);
  if (random() % 2 == 0) images.flat = random_image(random, shape, 99);
  if (random() % 2 == 0) {
    images.bad = random_image(random, shape, 2);
    for (double& value : images.bad->values) value = value > 12 ? 1 : 0;
  }
  return images;
}

Scene random_scene(std::mt19937_64& random, PixelType type) {
  Scene scene;
  const FrameShape source{static_cast<std::uint32_t>(1 + random() % 24),
                          static_cast<std::uint32_t>(1 + random() % 90), type};
  ReductionSpec spec;
  if (random() % 2 == 0) {
    scene.images = random_images(random, source);
    const auto& [dark, flat, bad] = scene.images;
    if (dark || flat || bad) {
      const auto made = Correction::make(source, dark, flat, bad);
      if (made) spec.correction = *made;
    }
  }
  if (random() % 2 == 0) {
    spec.roi = RegionSpec{};
    spec.roi->y_start = static_cast<std::uint32_t>(random() % source.height_px);
    spec.roi->x_start = static_cast<std::uint32_t>(random() % source.width_px);
  }
  const std::uint32_t height = source.height_px - (spec.roi ? *spec.roi->y_start : 0);
  const std::uint32_t width = source.width_px - (spec.roi ? *spec.roi->x_start : 0);
  if (random() % 2 == 0) {
    spec.bin = {static_cast<std::uint32_t>(1 + random() % std::min(height, 8U)),
                static_cast<std::uint32_t>(1 + random() % std::min(width, 8U))};
  }
  if (random() % 2 == 0) spec.bin_mode = BinMode::kMean;
  if (random() % 2 == 0) spec.accumulate = static_cast<std::uint32_t>(2 + random() % 5);
  if (random() % 2 == 0) spec.accumulate_mode = AccumulateMode::kMean;
  if (random() % 2 == 0) {
    spec.dtype = static_cast<PixelType>(random() % 9);
    if (*spec.dtype == PixelType::kUint64) spec.dtype = PixelType::kInt8;
  }
  if (random() % 3 == 0) {
    spec.renormalise = Renormalisation{static_cast<double>(random() % 50) - 25, 100.0,
                                       static_cast<double>(random() % 300) - 150,
                                       static_cast<double>(random() % 9000)};
  }
  scene.plan = make_plan(source, spec, 180.0).value();
  return scene;
}

std::vector<std::byte> random_frame(std::mt19937_64& random, const FrameShape& shape) {
  const std::size_t pixels = std::size_t{shape.height_px} * shape.width_px;
  if (is_float(shape.type)) {
    std::vector<float> singles(pixels);
    std::vector<double> doubles(pixels);
    for (std::size_t i = 0; i < pixels; ++i) {
      // Quarters: their sums are exact, whatever the order.
      doubles[i] = random() % 9 == 0 ? NAN : static_cast<double>(random() % 1000) / 4;
      singles[i] = static_cast<float>(doubles[i]);
    }
    return shape.type == PixelType::kFloat32 ? bytes_of(singles) : bytes_of(doubles);
  }
  std::vector<std::byte> bytes(pixels * size_bytes(shape.type));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

struct Outcome {
  std::vector<std::byte> bytes;
  FrameStatistics statistics;
};

Outcome reduced(const ReductionPlan& plan, KernelSet kernels,
                const std::vector<std::vector<std::byte>>& frames) {
  Reducer reducer(plan, kernels);
  Outcome outcome{std::vector<std::byte>(size_bytes(plan.output)), {}};
  if (plan.accumulate == 1) {
    outcome.statistics = reducer.run(frames.front(), outcome.bytes);
    if (plan.identity) outcome.bytes = frames.front();
    return outcome;
  }
  const std::size_t bytes = (Accumulator::memory_bytes(plan) + 63) / 64 * 64;
  const std::unique_ptr<void, decltype(&std::free)> memory(std::aligned_alloc(64, bytes),
                                                           &std::free);
  std::memset(memory.get(), 0, bytes);
  Accumulator group(plan, {static_cast<std::byte*>(memory.get()), bytes});
  for (std::uint64_t i = 0; i < frames.size(); ++i) reducer.add(frames[i], i, {}, group);
  outcome.statistics = reducer.emit(group, outcome.bytes);
  return outcome;
}

std::string to_text(const Scene& scene) {
  const ReductionPlan& plan = scene.plan;
  return to_string(plan.source) + (plan.correction ? " corrected " : " ") + to_string(plan.region) +
         " to " + to_string(plan.binned) + ", " + std::to_string(plan.accumulate) + " frames to " +
         to_string(plan.combined) + ", " + (plan.renormalise ? "renormalised to " : "to ") +
         to_string(plan.output);
}

void expect_statistics(const FrameStatistics& statistics, const std::vector<double>& values) {
  double sum = 0;
  double size = 0;
  std::size_t count = 0;
  double least = std::numeric_limits<double>::infinity();
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    size += std::abs(value);
    least = std::min(least, value);
    ++count;
  }
  if (count == 0) return;
  EXPECT_EQ(statistics.min, least);
  EXPECT_NEAR(statistics.sum, sum, size * 1e-12);
  EXPECT_NEAR(statistics.mean, sum / static_cast<double>(count), size * 1e-12);
}

void compare(const Scene& scene, std::mt19937_64& random) {
  const ReductionPlan& plan = scene.plan;
  std::vector<std::vector<std::byte>> frames;
  std::vector<Image> images;
  std::uint64_t saturated = 0;
  for (std::uint32_t i = 0; i < plan.accumulate; ++i) {
    frames.push_back(random_frame(random, plan.source));
    Image image(plan.source.height_px, plan.source.width_px);
    image.values = testing::values_of(frames.back(), plan.source.type);
    saturated += testing::saturated_in(plan, image);
    if (plan.correction) image = scene.images.apply(image, plan.corrected.type);
    images.push_back(testing::binned(plan, image));
  }
  const auto expected = testing::converted(plan, testing::combined(plan, images));
  for (const KernelSet set : testing::sets_here()) {
    SCOPED_TRACE(std::string(name_of(set)) + ": " + to_text(scene));
    const Outcome outcome = reduced(plan, set, frames);
    const auto values = testing::values_of(outcome.bytes, plan.output.type);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(expected.image.values[i]) && std::isnan(values[i])) continue;
      ASSERT_EQ(values[i], expected.image.values[i]) << "pixel " << i;
    }
    EXPECT_EQ(outcome.statistics.saturated, saturated);
    EXPECT_EQ(outcome.statistics.clipped, expected.clipped);
    expect_statistics(outcome.statistics, values);
  }
}

void compare_scenes(PixelType type) {
  std::mt19937_64 random(1000 + static_cast<std::uint64_t>(type));
  for (int i = 0; i < 250 && !::testing::Test::HasFailure(); ++i) {
    compare(random_scene(random, type), random);
  }
}

TEST(ReducerSteps, AgreeWithTheReferenceOnUint8) { compare_scenes(PixelType::kUint8); }
TEST(ReducerSteps, AgreeWithTheReferenceOnInt8) { compare_scenes(PixelType::kInt8); }
TEST(ReducerSteps, AgreeWithTheReferenceOnUint16) { compare_scenes(PixelType::kUint16); }
TEST(ReducerSteps, AgreeWithTheReferenceOnInt16) { compare_scenes(PixelType::kInt16); }
TEST(ReducerSteps, AgreeWithTheReferenceOnUint32) { compare_scenes(PixelType::kUint32); }
TEST(ReducerSteps, AgreeWithTheReferenceOnInt32) { compare_scenes(PixelType::kInt32); }
TEST(ReducerSteps, AgreeWithTheReferenceOnFloat32) { compare_scenes(PixelType::kFloat32); }
TEST(ReducerSteps, AgreeWithTheReferenceOnFloat64) { compare_scenes(PixelType::kFloat64); }

}  // namespace
}  // namespace framelog
