#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "exporter_fixture.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

/// Bundles that are exported again: as NPZ, and as HDF5.
class BundlesTest : public ExporterTest, public testing::WithParamInterface<const char*> {
 protected:
  ExportRequest to_bundle(const fs::path& input, const std::string& name) {
    auto wanted = request(input, GetParam(), name);
    if (wanted.formats.front() == "hdf5") wanted.write.layout = "playnano";
    return wanted;
  }
  fs::path filtered(const fs::path& input, const std::string& name, const std::string& filter,
                    double sigma = 0) {
    auto wanted = to_bundle(input, name);
    wanted.transform.filters = {{filter, {}}};
    if (sigma > 0) wanted.transform.filters.front().parameters = {{"sigma", sigma}};
    const auto report = done(wanted);
    return report.outputs.empty() ? fs::path() : report.outputs.front().path;
  }
  static std::vector<std::string> names_of(const framelog::Recording& recording) {
    std::vector<std::string> names;
    for (const LayerFacts& layer : recording.facts().layers) names.push_back(layer.name);
    std::ranges::sort(names);
    return names;
  }
  static std::vector<double> layer_of(framelog::Recording& recording, const std::string& name) {
    const auto& layers = recording.facts().layers;
    const auto found = std::ranges::find(layers, name, &LayerFacts::name);
    std::vector<double> values;
    if (found == layers.end()) return values;
    std::vector<std::byte> pixels(size_bytes(found->shape));
    for (std::uint64_t frame = 0; frame < recording.facts().frames; ++frame) {
      EXPECT_TRUE(
          recording.read_layer(static_cast<std::size_t>(found - layers.begin()), frame, pixels));
      const auto numbers = numbers_of(found->shape.type, pixels);
      values.insert(values.end(), numbers.begin(), numbers.end());
    }
    return values;
  }
  using Texts = std::vector<std::string>;
};

TEST_P(BundlesTest, ProcessedAgainTheyKeepWhatWasRecordedAndDone) {
  const auto once = filtered(write_npy("a", 3), "once", "gaussian", 2);
  const auto twice = filtered(once, "twice", "zero_mean");
  const auto thrice = filtered(twice, "thrice", "gaussian", 1);
  const auto first = open(once);
  const auto last = open(thrice);
  ASSERT_TRUE(first && last);
  EXPECT_EQ(names_of(*last),
            (Texts{"raw", "step_1_gaussian", "step_2_zero_mean", "step_3_gaussian"}));
  EXPECT_EQ(layer_of(*last, "raw"), values_of(3));
  EXPECT_EQ(layer_of(*last, "step_1_gaussian"), layer_of(*first, "step_1_gaussian"));
  EXPECT_EQ(layer_of(*last, "step_2_zero_mean"), values_in(twice));
  EXPECT_EQ(layer_of(*last, "step_3_gaussian"), values_in(thrice));
}

TEST_P(BundlesTest, RawIsWhatWasRecorded) {
  const auto once = filtered(write_npy("a", 3), "once", "gaussian", 2);
  auto raw = request(once, "npy", "raw");
  raw.transform.raw_only = true;
  raw.transform.cutout = {{Axis::kTime, 1, 3}};
  const auto preview = preview_export(files_, raw);
  ASSERT_TRUE(preview) << describe(preview.error());
  done(raw);
  auto expected = values_of(3);
  expected.erase(expected.begin(), expected.begin() + 64);
  EXPECT_EQ(values_in(directory_ / "raw.npy"), expected);
  raw.name = "sum";
  raw.view.kind = ViewRequest::Kind::kProjection;
  raw.view.mode = ViewRequest::Mode::kMin;
  done(raw);
  std::vector<double> least;
  for (std::size_t i = 0; i < 64; ++i) {
    least.push_back(std::min(expected[i], expected[i + 64]));
  }
  EXPECT_EQ(values_in(directory_ / "sum.npy"), least);
}

TEST_P(BundlesTest, LayersAreBinnedWithTheFrames) {
  auto masked = to_bundle(write_npy("a", 3), "masked");
  masked.transform.filters = {{"mask_threshold", {{"above", 2500}}}};
  const auto report = done(masked);
  ASSERT_FALSE(report.outputs.empty());
  for (const BinMode mode : {BinMode::kSum, BinMode::kMean}) {
    auto binned = to_bundle(report.outputs.front().path, mode == BinMode::kSum ? "sum" : "mean");
    binned.transform.bin = {2, 3};
    binned.transform.bin_mode = mode;
    binned.transform.cutout = {{Axis::kY, 2, 8}};
    const auto small = done(binned);
    ASSERT_FALSE(small.outputs.empty());
    const auto recording = open(small.outputs.front().path);
    ASSERT_TRUE(recording);
    EXPECT_EQ(names_of(*recording), (Texts{"raw", "step_1_mask_threshold"}));
    std::vector<double> sums;
    std::vector<double> masks;
    for (std::uint64_t i = 0; i < 3 * 6; ++i) {  // Bins of 2 x 3 in 6 x 8: 3 x 2 of each frame.
      double sum = 0;
      bool any = false;
      for (std::uint64_t k = 0; k < 6; ++k) {
        const double value = value_of(i / 6, 2 + i / 2 % 3 * 2 + k / 3, i % 2 * 3 + k % 3);
        sum += value;
        any = any || value > 2500;
      }
      sums.push_back(mode == BinMode::kSum ? sum : sum / 6);
      masks.push_back(any ? 1 : 0);
    }
    const auto raw = layer_of(*recording, "raw");
    ASSERT_EQ(raw.size(), sums.size());
    for (std::size_t i = 0; i < raw.size(); ++i) EXPECT_NEAR(raw[i], sums[i], sums[i] * 1e-6);
    EXPECT_EQ(layer_of(*recording, "step_1_mask_threshold"), masks);
    EXPECT_EQ(std::ranges::count(masks, 1) > 0, true);
  }
}

TEST_P(BundlesTest, LayersThatAreLeftOutAreNamed) {
  const auto once = filtered(write_npy("a", 3), "once", "gaussian", 2);
  for (const char* format : {"hdf5", "raw", "npy", "ome-tiff", "imagej-tiff"}) {
    const auto preview = preview_export(files_, request(once, format, "x"));
    ASSERT_TRUE(preview) << describe(preview.error());
    EXPECT_TRUE(tell(preview->notes, std::string(format) + ": ")) << format;
    EXPECT_TRUE(tell(preview->notes, "raw, step_1_gaussian")) << format;
  }
  auto turned = to_bundle(once, "x");
  turned.transform.axes = {Axis::kY, Axis::kTime, Axis::kX};
  auto bundle = to_bundle(once, "x");
  if (std::string(GetParam()) == "npz") {
    const auto preview = preview_export(files_, turned);
    ASSERT_TRUE(preview) << describe(preview.error());
    EXPECT_TRUE(tell(preview->notes, "raw, step_1_gaussian"));
  }
  EXPECT_FALSE(tell(preview_export(files_, bundle)->notes, "step_1_gaussian"));
  bundle.transform.raw_only = true;  // Who wants that wants no layers.
  EXPECT_FALSE(tell(preview_export(files_, bundle)->notes, "step_1_gaussian"));
}

/// Names of the steps that a file says have been done to its frames.
TEST_P(BundlesTest, RawTellsOfNoStepsBehindIt) {
  const auto steps_of = [&](const fs::path& path) {
    Texts names;
    const auto recording = open(path);
    if (!recording) return names;
    const auto json = nlohmann::json::parse(recording->facts().provenances.front());
    for (const auto& step : json["processing"]["steps"]) names.push_back(step["name"]);
    return names;
  };
  // Before it is a bundle it is processed, and what is recorded of it then is that.
  auto flat = request(write_npy("a", 3), "hdf5", "flat");
  flat.transform.filters = {{"zero_mean", {}}};
  const auto plain = done(flat).outputs.front().path;
  auto filter = to_bundle(plain, "filtered");
  filter.transform.filters = {{"gaussian", {{"sigma", 1}}}, {"mask_threshold", {{"above", 100}}}};
  filter.transform.dtype = PixelType::kFloat64;
  const auto once = done(filter).outputs.front().path;
  auto bin = to_bundle(once, "binned");
  bin.transform.bin = {2, 2};
  bin.transform.filters = {{"remove_plane", {}}};
  const auto twice = done(bin).outputs.front().path;
  EXPECT_EQ(steps_of(twice),
            (Texts{"zero_mean", "gaussian", "mask_threshold", "dtype", "bin", "remove_plane"}));
  for (const auto& [input, expected] :
       {std::pair{once, Texts{"zero_mean"}}, std::pair{twice, Texts{"zero_mean", "bin"}}}) {
    auto raw = to_bundle(input, "raw_" + input.stem().string());
    raw.transform.raw_only = true;
    const auto report = done(raw);
    ASSERT_FALSE(report.outputs.empty());
    EXPECT_EQ(steps_of(report.outputs.front().path), expected);
    EXPECT_EQ(values_in(report.outputs.front().path), layer_of(*open(input), "raw"));
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, BundlesTest, testing::Values("npz", "hdf5"));

}  // namespace
}  // namespace framelog
