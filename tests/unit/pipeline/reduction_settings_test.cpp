#include "pipeline/reduction_settings.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "recording.hpp"
#include "reduce/correction.hpp"
#include "tests/unit/formats/recording.hpp"

namespace framelog {
namespace {

constexpr FrameShape kShape{16, 24, PixelType::kUint16};

using Keys = std::vector<std::pair<std::string, std::string>>;

class ReductionSettingsTest : public testing::Test {
 protected:
  ReductionSettingsTest() { source_.shape = kShape; }

  void set(const std::string& section, const Keys& keys) {
    lines_.push_back({section, "", ""});
    for (const auto& [key, text] : keys) lines_.push_back({section, key, text});
  }
  /// Product "a" with these keys and those that were set before.
  std::optional<ProductReduction> read(const Keys& keys) {
    const std::vector<Line> before = lines_;
    set("product.a", keys);
    const Settings settings = settings_of(lines_);
    lines_ = before;
    complaints_.clear();
    ReductionSettings reductions(settings, source_, complaints_);
    auto reduction = reductions.of_product("a");
    inputs_ = reductions.inputs_of("a");
    if (!reduction) return std::nullopt;
    steps_ = reductions.steps_of("a", *reduction);
    detectors_ = reductions.detectors_of("a", *reduction);
    return reduction;
  }
  ProductReduction good(const Keys& keys) {
    auto reduction = read(keys);
    for (const Complaint& complaint : complaints_) ADD_FAILURE() << complaint.message;
    EXPECT_TRUE(reduction);
    return reduction.value_or(ProductReduction{});
  }
  /// The only complaint, "section.key: message" in one line; there is no reduction then.
  std::string complaint(const Keys& keys) {
    EXPECT_FALSE(read(keys));
    EXPECT_EQ(complaints_.size(), 1U);
    if (complaints_.empty()) return "";
    const Complaint& found = complaints_.front();
    EXPECT_EQ(found.message.find('\n'), std::string::npos) << found.message;
    return found.section + "." + found.key + ": " + found.message;
  }
  void expect_complaint(const Keys& keys, const std::string& key, const std::string& part) {
    const std::string said = complaint(keys);
    EXPECT_TRUE(said.starts_with(key + ": ")) << said;
    EXPECT_NE(said.find(part), std::string::npos) << said;
  }
  /// An image of `height` x 24 pixels of this value.
  std::string image(const std::string& name, double value, std::size_t height = 16) {
    const std::string head =
        "{'descr': '<f8', 'fortran_order': False, 'shape': (" + std::to_string(height) + ", 24), }";
    return scratch_.write(name, npy_of(head, bytes_of(std::vector<double>(height * 24, value))))
        .string();
  }

  ScratchDirectory scratch_;
  SourceInfo source_;
  std::vector<Line> lines_;
  std::vector<Complaint> complaints_;
  std::vector<std::filesystem::path> inputs_;
  std::vector<ProcessStep> steps_;
  std::vector<DetectorDescription> detectors_;
};

TEST_F(ReductionSettingsTest, AProductWithoutKeysIsTheFrameItself) {
  const ProductReduction reduction = good({});
  EXPECT_TRUE(reduction.plan.identity);
  EXPECT_EQ(reduction.keep_every, 1U);
  EXPECT_FALSE(reduction.scan);
  EXPECT_EQ(reduction.detectors.size(), 0U);
  EXPECT_TRUE(inputs_.empty());
}

TEST_F(ReductionSettingsTest, EveryKeyOfTheArithmeticIsInThePlan) {
  const std::string dark = image("dark.npy", 2);
  const std::string flat = image("flat.npy", 5);
  const ReductionPlan plan = good({{"roi", "y=2:14, x=:20"},
                                   {"bin", "3x2"},
                                   {"bin_mode", "mean"},
                                   {"accumulate", "7"},
                                   {"accumulate_mode", "mean"},
                                   {"dtype", "uint8"},
                                   {"renormalise", "-1.5, 10->255,0"},
                                   {"dark", dark},
                                   {"flat", flat}})
                                 .plan;
  EXPECT_EQ(plan.region, (Region{2, 14, 0, 20}));
  EXPECT_EQ(plan.bin, (Binning{3, 2}));
  EXPECT_EQ(plan.bin_mode, BinMode::kMean);
  EXPECT_EQ(plan.accumulate, 7U);
  EXPECT_EQ(plan.accumulate_mode, AccumulateMode::kMean);
  EXPECT_EQ(plan.output, (FrameShape{4, 10, PixelType::kUint8}));
  EXPECT_EQ(plan.renormalise, (Renormalisation{-1.5, 10, 255, 0}));
  ASSERT_TRUE(plan.correction);
  EXPECT_TRUE(plan.correction->has_flat());
  EXPECT_EQ(inputs_, (std::vector<std::filesystem::path>{dark, flat}));
  std::vector<std::string> names;
  for (const ProcessStep& step : steps_) names.push_back(step.name);
  EXPECT_EQ(names.front(), "correct");
  EXPECT_NE(std::ranges::find(names, kAccumulateStep), names.end());
}

TEST_F(ReductionSettingsTest, FramesAreSkippedByNumber) {
  const ProductReduction reduction = good({{"keep_every", "3"}});
  FrameInfo info;
  for (info.sequence = 0; info.sequence < 10; ++info.sequence) {
    EXPECT_EQ(is_skipped(reduction, info), info.sequence % 3 != 0);
  }
}

TEST_F(ReductionSettingsTest, RenormalisationThatIsNoMapIsRefused) {
  for (const char* text : {"bright", "0, 1", "0 -> 1", "0, 1 -> 2", "0, 1 -> 2, 3, 4",
                           "0, 1, 2 -> 3", "0, 1 -> 2, x", "0,, -> 1", "0, 1 -> 2, 3 -> 4, 5"}) {
    expect_complaint({{"renormalise", text}}, "product.a.renormalise",
                     "(allowed: min, max -> min, max such as 0, 4095 -> 0, 255)");
  }
  for (const char* text : {"3, 3 -> 0, 255", "0, inf -> 0, 1", "0, 1 -> nan, 1"}) {
    expect_complaint({{"renormalise", text}}, "product.a.renormalise", "");
  }
}

TEST_F(ReductionSettingsTest, CalibrationImagesHaveTheSizeOfTheFrames) {
  const std::string low = image("low.npy", 1, 8);
  for (const char* key : {"dark", "flat", "bad_pixels"}) {
    expect_complaint({{key, low}}, std::string("product.a.") + key, "8 x 24");
    expect_complaint({{key, scratch_.path() / "none.npy"}}, std::string("product.a.") + key,
                     "No such file");
  }
}

TEST_F(ReductionSettingsTest, EveryWrongImageIsNamedOnce) {
  EXPECT_FALSE(read({{"dark", "/none/dark.npy"}, {"roi", "y=0:99, x=:"}}));
  EXPECT_EQ(complaints_.size(), 2U) << "the region is looked at although the dark is not there";
}

TEST_F(ReductionSettingsTest, DetectorsAreWhereTheirKeysSay) {
  set("instrument", {{"pixel_size", "4 um"}});
  set("detector.disc", {{"shape", "disc"}, {"outer", "8 um"}});
  set("detector.ring",
      {{"shape", "annulus"}, {"center", "0 px, 0 px"}, {"inner", "0 px"}, {"outer", "1.5 px"}});
  set("detector.box", {{"shape", "rectangle"}, {"roi", "y=4:6, x=20:"}});
  set("detector.mask", {{"shape", "mask"}, {"file", image("mask.npy", 1)}});
  const ProductReduction reduction = good({{"detectors", "disc, ring, box, mask"}});
  ASSERT_EQ(reduction.detectors.size(), 4U);
  // Nearer than 8 um, 2 pixels of 4 um, to the middle (7.5, 11.5).
  EXPECT_EQ(reduction.detectors.pixels(0), 12U);
  EXPECT_EQ(reduction.detectors.pixels(1), 4U);
  EXPECT_EQ(reduction.detectors.pixels(2), 8U);
  EXPECT_EQ(reduction.detectors.pixels(3), 16U * 24U);
  ASSERT_EQ(detectors_.size(), 4U);
  EXPECT_EQ(detectors_[1].name, "ring");
  EXPECT_EQ(detectors_[1].pixels, 4);
  EXPECT_EQ(detectors_[1].parameters.size(), 4U);
  EXPECT_EQ(inputs_.size(), 1U);
}

TEST_F(ReductionSettingsTest, ARadiusInTheSamplesUnitNeedsSquarePixels) {
  set("instrument", {{"pixel_size", "2 um, 4 um"}});
  set("detector.disc", {{"shape", "disc"}, {"outer", "8 um"}});
  expect_complaint({{"detectors", "disc"}}, "detector.disc.outer", "square pixels");
}

TEST_F(ReductionSettingsTest, DetectorsThatCannotBeAreRefused) {
  const auto refuse = [&](const Keys& keys, const std::string& key, const std::string& part) {
    lines_.clear();
    set("detector.d", keys);
    expect_complaint({{"detectors", "d"}}, key, part);
  };
  refuse({}, "detector.d.shape", "is required (allowed: disc, annulus, rectangle, mask)");
  refuse({{"shape", "disc"}}, "detector.d.outer", "is required");
  refuse({{"shape", "annulus"}, {"outer", "3 px"}}, "detector.d.inner", "is required");
  refuse({{"shape", "rectangle"}}, "detector.d.roi", "is required");
  refuse({{"shape", "mask"}}, "detector.d.file", "is required");
  refuse({{"shape", "disc"}, {"outer", "3 um"}}, "detector.d.outer", "is in um (allowed: px");
  refuse({{"shape", "disc"}, {"outer", "3 px, 4 px"}}, "detector.d.outer", "must be one length");
  refuse({{"shape", "disc"}, {"outer", "3 px"}, {"center", "3 px"}}, "detector.d.center", "y, x");
  refuse({{"shape", "disc"}, {"outer", "3 px"}, {"roi", "y=:, x=:"}}, "detector.d.roi",
         "means nothing for a disc (allowed: center, outer)");
  refuse({{"shape", "disc"}, {"outer", "3 px"}, {"center", "99 px, 3 px"}}, "product.a.detectors",
         "d");
  refuse({{"shape", "annulus"}, {"inner", "4 px"}, {"outer", "3 px"}}, "product.a.detectors",
         "0 <= inner < outer");
  refuse({{"shape", "mask"}, {"file", image("low.npy", 1, 8)}}, "product.a.detectors", "8 x 24");
}

TEST_F(ReductionSettingsTest, DetectorsHaveNamesOfTheirOwn) {
  set("detector.d", {{"shape", "disc"}, {"outer", "3 px"}});
  expect_complaint({{"detectors", "d, e"}}, "product.a.detectors",
                   "there is no section [detector.e] (there are: d)");
  expect_complaint({{"detectors", "d, d"}}, "product.a.detectors", "name \"d\" twice");
  expect_complaint({{"detectors", "d"}, {"format", "raw"}}, "product.a.detectors",
                   "in hdf5 files only (format is raw)");
  set("detector.time", {{"shape", "disc"}, {"outer", "3 px"}});
  expect_complaint({{"detectors", "time"}}, "detector.time.", "cannot have this name");
}

TEST_F(ReductionSettingsTest, AScanDividesTheFramesOfItsSource) {
  set("instrument", {{"scan", "3x4"}, {"flyback", "2"}});
  source_.first_number = 5;
  source_.frames = 36;
  EXPECT_EQ(good({}).scan, (Scan{3, 4, 2, 5}));
  source_.frames = 24;
  read({});
  ASSERT_EQ(complaints_.size(), 1U);
  EXPECT_EQ(complaints_[0].section + "." + complaints_[0].key, "instrument.scan");
  EXPECT_NE(complaints_[0].message.find("3 x 4 points with 2 flyback frames a line do not divide"),
            std::string::npos);
}

TEST_F(ReductionSettingsTest, AScanHasEachFrameOfItsSource) {
  set("instrument", {{"scan", "3x4"}});
  expect_complaint({{"keep_every", "2"}}, "product.a.keep_every", "instrument.scan");
  expect_complaint({{"accumulate", "2"}}, "product.a.accumulate", "instrument.scan");
}

}  // namespace
}  // namespace framelog
