#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lossy_exports.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 4> kSegments{"hdf5", "raw", "ome-tiff", "imagej-tiff"};

TEST_F(LossyExportsTest, AgreeWithThemselves) {
  std::vector<fs::path> inputs{lossy(), thinned()};
  for (const fs::path& input : std::vector(inputs)) {
    inputs.push_back(exported(request(input, "npz", "")));
    auto bundle = request(input, "hdf5", "");
    bundle.write.layout = "playnano";
    inputs.push_back(exported(bundle));
  }
  for (const fs::path& input : inputs) {
    for (const char* format : kSegments) {
      auto wanted = request(input, format, "");
      std::vector<ExportRequest> table(8, wanted);
      table[1].transform.cutout = {{Axis::kTime, 2, 4}};
      table[2].transform.every = 4;
      table[3].transform.every = 2;
      table[3].transform.cutout = {{Axis::kTime, 1, 5}};
      table[4].transform.bin = {2, 2};
      table[5].transform.cutout = {{Axis::kTime, 3, 6}, {Axis::kY, 2, 6}};
      table[6].transform.dtype = PixelType::kFloat32;
      table[7].transform.axes = {Axis::kY, Axis::kTime, Axis::kX};
      for (std::size_t i = 0; i < table.size(); ++i) {
        if (i == 7 && format != std::string("raw")) continue;  // No segment then.
        // What TIFFs and bundles do otherwise lies in the first of them.
        const bool is_tiff = std::string(format).ends_with("tiff");
        const bool is_bundle = input != inputs[0] && input != inputs[1];
        if (i > 2 && (is_tiff || is_bundle)) continue;
        const auto path = exported(table[i]);
        EXPECT_EQ(problems(path), Texts{}) << input << " " << format << " " << i;
      }
    }
  }
  for (std::uint64_t first = 7; first < 14; ++first) {
    for (const char* format : {"hdf5", "raw"}) {
      const auto path = part(inputs[0], format, {{Axis::kTime, first, first + 3}});
      EXPECT_EQ(problems(path), Texts{}) << first << " " << format;
    }
  }
}

TEST_F(LossyExportsTest, TellWhatLiesBetweenTheirFrames) {
  const auto input = lossy();
  const auto bundle = exported(request(input, "npz", ""));
  for (const char* format : kSegments) {
    EXPECT_EQ(gaps(part(input, format, {{Axis::kTime, 9, 12}})), Frames{}) << format;
    EXPECT_EQ(gaps(part(input, format, {{Axis::kTime, 8, 13}})), (Frames{2, 3})) << format;
    EXPECT_EQ(gaps(part(bundle, format, {{Axis::kTime, 8, 13}})), (Frames{2, 3})) << format;
    EXPECT_EQ(gaps(part(bundle, format, {{Axis::kTime, 9, 12}})), Frames{}) << format;
    EXPECT_EQ(gaps(exported(request(bundle, format, ""))), (Frames{2, 3})) << format;
  }
  auto every = request(input, "raw", "");
  every.transform.every = 5;
  const auto recording = open(exported(every));
  ASSERT_TRUE(recording);
  EXPECT_EQ(recording->note(2)->lost_before, 2U);  // Frames 0, 5, 10, 18.
  EXPECT_EQ(recording->note(3)->lost_before, 3U);
  const auto verified = verify_segment(files_, recording->facts().inputs.front().path);
  EXPECT_EQ(verified.accounting.recorded, 4U);
  EXPECT_EQ(verified.accounting.skipped, 12U);
}

TEST_F(LossyExportsTest, OfAScanAgreeWithThemselves) {
  std::vector<fs::path> inputs{scans("a", {5, 6, 13}), scans("b", {0, 1, 17}),
                               scans("c", {6, 7, 8, 9, 10, 11})};
  for (const fs::path& input : std::vector(inputs)) {
    inputs.push_back(exported(request(input, "npz", "")));
    inputs.push_back(exported(request(input, "hdf5", "")));
    inputs.push_back(exported(request(input, "raw", "")));
  }
  const std::vector<std::vector<AxisCut>> cuts{
      {},
      {{Axis::kTime, 1, 2}},
      {{Axis::kTime, 0, 2}, {Axis::kScanY, 1, 2}},
      {{Axis::kScanX, 0, 1}},
      {{Axis::kTime, 2, 3}, {Axis::kScanY, 0, 1}, {Axis::kScanX, 1, 3}}};
  constexpr std::array<const char*, 3> kFormats{"raw", "ome-tiff", "imagej-tiff"};
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const fs::path& input = inputs[k];
    const char* format = kFormats[k % kFormats.size()];
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      EXPECT_EQ(problems(part(input, format, cuts[i])), Texts{})
          << input << " " << format << " " << i;
    }
    auto sparse = request(input, format, "");
    sparse.transform.subsample_sx = 2;
    EXPECT_EQ(problems(exported(sparse)), Texts{}) << input << " " << format;
    auto flat = request(input, format, "");
    flat.transform.flat = true;
    EXPECT_EQ(problems(exported(flat)), Texts{}) << input << " " << format;
  }
}

TEST_F(LossyExportsTest, OfPartsOfScansTellWhatEmptiesTheirPoints) {
  const auto input = scans("a", {5, 6, 13});
  const auto bundle = exported(request(input, "npz", ""));
  for (const fs::path& from : {input, bundle}) {
    const auto lost = [&](const std::vector<AxisCut>& cutout) {
      return gaps(part(from, "raw", cutout));
    };
    EXPECT_EQ(lost({{Axis::kTime, 1, 2}}), Frames{2}) << from;
    EXPECT_EQ(lost({{Axis::kTime, 0, 1}}), Frames{2}) << from;
    EXPECT_EQ(lost({{Axis::kTime, 0, 1}, {Axis::kScanY, 1, 2}}), Frames{2}) << from;
    EXPECT_EQ(lost({{Axis::kTime, 0, 1}, {Axis::kScanY, 0, 1}}), Frames{}) << from;
    EXPECT_EQ(lost({{Axis::kTime, 1, 2}, {Axis::kScanY, 1, 2}}), Frames{}) << from;
    EXPECT_EQ(lost({{Axis::kScanX, 0, 1}}), Frames{2}) << from;
    EXPECT_EQ(lost({{Axis::kScanX, 1, 2}}), Frames{1}) << from;
    EXPECT_EQ(lost({}), (Frames{2, 1})) << from;
  }
}

TEST_F(LossyExportsTest, CountPointsWithoutAFrameAsNone) {
  const auto input = scans("a", {5, 6, 13});
  for (const char* format : {"raw", "ome-tiff"}) {
    const auto path = exported(request(input, format, ""));
    const auto verified = verify_segment(files_, path);
    EXPECT_EQ(verified.frames, 18);
    EXPECT_EQ(verified.accounting.recorded, 15U);
    EXPECT_EQ(verified.accounting.received, 15U);
    EXPECT_EQ(verified.accounting.lost_at_source[0], 3U);
    EXPECT_EQ(verified.first_sequence, 0);
    EXPECT_EQ(verified.last_sequence, 14);
    // Once more they are points without a frame, not frames of nothing.
    EXPECT_EQ(done(request(path, "npy", "again_" + std::string(format))).end.missing, 3U);
  }
}

TEST_F(LossyExportsTest, BundlesOfScansGivePointsWithoutAFrameNoTime) {
  auto wanted = request(scans("a", {5, 6, 13}), "npz", "");
  wanted.transform.filters = {{"zero_mean", {}}};
  const auto path = exported(wanted);
  const auto bundle = open(path);
  ASSERT_TRUE(bundle);
  const auto note = bundle->note(5);
  ASSERT_TRUE(note);
  EXPECT_EQ(note->accumulated, 0U);
  EXPECT_EQ(note->info.monotonic_ns, -1);
  const std::string& told = bundle->facts().frame_metadata[5];
  EXPECT_NE(told.find(R"("timestamp":null)"), std::string::npos) << told;
  EXPECT_EQ(bundle->note(7)->info.sequence, 5U);
  auto raw = request(path, "npy", "");
  raw.transform.raw_only = true;
  const auto values = values_in(exported(raw));
  ASSERT_EQ(values.size(), std::size_t{18} * 128);
  EXPECT_FALSE(std::isnan(values[std::size_t{4} * 128]));
  EXPECT_TRUE(std::isnan(values[std::size_t{5} * 128]));
  EXPECT_TRUE(std::isnan(values[std::size_t{13} * 128]));
  // --raw gives NaN there of itself; so does the layer.
  const auto& layers = bundle->facts().layers;
  const auto layer = std::ranges::find(layers, kRawLayer, &LayerFacts::name);
  ASSERT_NE(layer, layers.end());
  std::vector<std::byte> pixels(size_bytes(layer->shape));
  const auto place = static_cast<std::size_t>(layer - layers.begin());
  ASSERT_TRUE(bundle->read_layer(place, 5, pixels));
  EXPECT_TRUE(std::isnan(numbers_of(layer->shape.type, pixels).front()));
}

TEST_F(LossyExportsTest, CountATornRecordOnce) {
  for (const std::uint64_t begin : {0U, 100U}) {
    for (const std::vector<std::uint64_t>& torn :
         std::vector<std::vector<std::uint64_t>>{{2}, {0}, {5}, {1, 2}, {0, 4}}) {
      auto recording = start("hdf5", fmt::format("torn{}", ++exports_), begin);
      record(recording, 6);
      const auto input = finish(recording);
      for (const std::uint64_t frame : torn) tear(input, begin + frame);
      for (const char* format : {"raw", "hdf5"}) {
        const auto path = exported(request(input, format, ""));
        const auto verified = verify_segment(files_, path);
        EXPECT_EQ(verified.problems, Texts{}) << begin << torn.front() << format;
        EXPECT_EQ(verified.accounting.recorded, 6U) << begin << torn.front() << format;
        EXPECT_EQ(verified.accounting.received, 6U) << begin << torn.front() << format;
      }
      auto every = request(input, "raw", "");
      every.transform.every = 2;
      EXPECT_EQ(verify_segment(files_, exported(every)).problems, Texts{}) << begin << torn.front();
    }
  }
}

TEST_F(LossyExportsTest, TheLogOfAPartTellsOfThePart) {
  const auto log_of = [&](const std::vector<AxisCut>& cutout) {
    auto wanted = request(directory_ / "lossy.h5", "hdf5", "");
    wanted.write.layout = "pymodaq";
    wanted.transform.cutout = cutout;
    std::ifstream file(exported(wanted), std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(file)), {});
  };
  lossy();
  const auto early = log_of({{Axis::kTime, 0, 5}});
  EXPECT_NE(early.find("run 1 of bench begins"), std::string::npos);
  EXPECT_EQ(early.find("lost ("), std::string::npos);
  const auto all = log_of({});
  EXPECT_NE(all.find("behind frame 8: 2 frames lost (source: sequence-gap)"), std::string::npos);
  EXPECT_NE(all.find("behind frame 19: 1 frame lost (write: disk-full)"), std::string::npos);
}

}  // namespace
}  // namespace framelog
