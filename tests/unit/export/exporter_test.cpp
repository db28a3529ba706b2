#include "export/exporter.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "exporter_fixture.hpp"
#include "tests/unit/export/synthetic_result.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;
using Kind = ViewRequest::Kind;

class FindEarlierTest : public ExporterTest, public testing::WithParamInterface<const char*> {};

TEST_P(FindEarlierTest, RecordingsAreNoEarlierExports) {
  auto recording = start(GetParam(), "w", 0);
  record(recording, 3);
  const fs::path recorded = finish(recording);
  const auto input = write_npy("c", 4);
  const auto found = find_earlier(files_, request(input, GetParam(), "w"));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kInvalid);
  EXPECT_NE(describe(found.error()).find(recorded.string() + " is a recording"), std::string::npos)
      << describe(found.error());
  // An export of it is one.
  done(request(recorded, GetParam(), "e"));
  const auto earlier = find_earlier(files_, request(input, GetParam(), "e"));
  ASSERT_TRUE(earlier) << describe(earlier.error());
  EXPECT_EQ(earlier->front(), directory_ / ("e" + recorded.extension().string()));
}

INSTANTIATE_TEST_SUITE_P(Formats, FindEarlierTest, testing::Values("hdf5", "raw"));

/// Frames 0 to 4 and 7 to 11, with a gap behind each of the halves.
class LossesTest : public ExporterTest {
 protected:
  LossesTest() {
    auto recording = start("hdf5", "w", 0);
    record(recording, 5);
    record(recording, 5, 2, 2);
    recording.events.gaps = {{4, 2, -1, "source", "sequence-gap"},
                             {11, 3, -1, "write", "disk-full"}};
    path_ = finish(recording);
  }
  /// Reasons of the gaps of a part.
  std::vector<std::string> told(const std::vector<AxisCut>& cutout, const std::string& format,
                                std::uint64_t every = 1) {
    auto part = request(path_, format, fmt::format("part{}", ++parts_));
    part.transform.cutout = cutout;
    part.transform.every = every;
    const auto report = done(part);
    if (report.outputs.empty()) return {"no output"};
    const auto recording = open(report.outputs.front().path);
    if (!recording) return {"not readable"};
    std::vector<std::string> told;
    for (const auto& gap : recording->facts().gaps) told.push_back(gap.reason);
    return told;
  }
  using Texts = std::vector<std::string>;
  fs::path path_;
  int parts_{};
};

TEST_F(LossesTest, APartOfARecordingHasThoseWithinIt) {
  for (const char* format : {"hdf5", "raw"}) {
    EXPECT_EQ(told({{Axis::kTime, 0, 5}}, format), Texts{}) << format;
    EXPECT_EQ(told({{Axis::kTime, 2, 4}}, format), Texts{}) << format;
    EXPECT_EQ(told({{Axis::kTime, 3, 8}}, format), Texts{"sequence-gap"}) << format;
    EXPECT_EQ(told({{Axis::kTime, 5, 10}}, format), Texts{"disk-full"}) << format;
    EXPECT_EQ(told({{Axis::kTime, 1, 10}}, format), (Texts{"sequence-gap", "disk-full"})) << format;
  }
}

TEST_F(LossesTest, TheWholeRecordingHasAllOfThem) {
  const Texts all{"sequence-gap", "disk-full"};
  for (const char* format : {"hdf5", "raw"}) {
    EXPECT_EQ(told({}, format), all) << format;
    EXPECT_EQ(told({{Axis::kY, 1, 3}}, format), all) << format;
    EXPECT_EQ(told({}, format, 4), all) << format;
  }
}

TEST(EndAsSegmentTest, EventsAreThoseFromTheFirstFrameToTheLast) {
  SyntheticResult synthetic("tyx", {3, 4, 4}, PixelType::kUint16);
  synthetic.recording.frames = 10;
  synthetic.recording.events = {{99, "early", ""}, {150, "within", ""}, {201, "late", ""}};
  const ResultLosses losses{{{4, 3, -1, "source", "sequence-gap"}}, 0, 2};
  const auto end_of = [&](std::uint64_t start, std::uint64_t stop) {
    synthetic.result.time = {start, stop};
    const ResultEnd end{3, 0, 0, FrameSpan{4, 8, 100, 200},
                        std::make_shared<const ResultLosses>(losses)};
    return end_as_segment(synthetic.plan("x.part"), end);
  };
  const SegmentEnd middle = end_of(2, 5);
  EXPECT_EQ(middle.gaps, losses.gaps);
  EXPECT_EQ(middle.accounting.lost_at_source[0], 3U);
  EXPECT_EQ(middle.accounting.received, 5U);
  EXPECT_EQ(middle.accounting.in_flight(), 0U);
  ASSERT_EQ(middle.events.size(), 1U);
  EXPECT_EQ(middle.events[0].text, "within");
  EXPECT_EQ(end_of(0, 5).events.size(), 2U);
  EXPECT_EQ(end_of(0, 10).events.size(), 3U);
}

/// 24 frames as four scans of 2 x 3 points, with a detector.
class ScansTest : public ExporterTest {
 protected:
  ExportRequest images(const std::vector<std::string>& names) {
    auto wanted = request(input_, "npy", "{result_type}");
    wanted.scan = std::array<std::uint64_t, 2>{2, 3};
    wanted.view.kind = Kind::kImages;
    wanted.view.images = names;
    wanted.view.detectors = {{"bf", Disc{3.5, 3.5, 3}}};
    return wanted;
  }
  /// Names of the files that an export has written.
  std::vector<std::string> written(const ExportRequest& request) {
    std::vector<std::string> names;
    for (const auto& output : done(request).outputs) {
      EXPECT_TRUE(fs::exists(output.path)) << output.path;
      EXPECT_GT(output.bytes, 0);
      names.push_back(output.path.stem().string());
      fs::remove(output.path);
    }
    return names;
  }
  using Texts = std::vector<std::string>;
  fs::path input_ = write_npy("scans", 24);
};

TEST_F(ScansTest, EachScanHasItsImageOfADetector) {
  EXPECT_EQ(written(images({"bf", "sum"})),
            (Texts{"bf_0-3px_t0", "bf_0-3px_t1", "bf_0-3px_t2", "bf_0-3px_t3", "sum"}));
  auto some = images({"bf"});
  some.transform.cutout = {{Axis::kTime, 1, 4}};
  some.transform.every = 2;
  EXPECT_EQ(written(some), (Texts{"bf_0-3px_t1", "bf_0-3px_t3"}));
  some.transform.cutout = {{Axis::kTime, 1, 2}};
  EXPECT_EQ(written(some), Texts{"bf_0-3px"});
}

TEST_F(ScansTest, PatternsAreChosenByTheirPoint) {
  auto one = images({"pattern_1_2"});
  one.transform.cutout = {{Axis::kTime, 1, 2}};
  done(one);
  const auto all = values_of(24);
  const auto at = all.begin() + std::ptrdiff_t{64} * (6 + 5);
  const std::vector<double> expected(at, at + 64);
  // A single frame of an array is a recording of lines for whoever reads it.
  EXPECT_EQ(values_in(directory_ / "pattern_1_2.npy"), expected);
  EXPECT_EQ(written(images({"pattern_0_1"})),
            (Texts{"pattern_0_1_t0", "pattern_0_1_t1", "pattern_0_1_t2", "pattern_0_1_t3"}));
  EXPECT_NE(refusal(images({"pattern_2_0"})).find("no such image"), std::string::npos);
  EXPECT_NE(refusal(images({"pattern_SY_SX"})).find("no such image"), std::string::npos);
  auto outside = images({"pattern_0_1"});
  outside.transform.cutout = {{Axis::kScanX, 2, 3}};
  EXPECT_FALSE(run_export(files_, outside, {}));
}

TEST_F(ScansTest, NamesTellFramesOnlyWherePointsAreFrames) {
  auto named = request(input_, "png", "f_{frame:03}_{slice_index}");
  named.transform.cutout = {{Axis::kTime, 1, 2}};
  auto scan = named;
  scan.scan = std::array<std::uint64_t, 2>{2, 3};
  EXPECT_NE(refusal(scan).find("{frame}"), std::string::npos) << refusal(scan);
  auto turned = request(input_, "png", "f_{frame:03}_{slice_index}");
  turned.transform.axes = {Axis::kY, Axis::kTime, Axis::kX};
  EXPECT_NE(refusal(turned).find("{frame}"), std::string::npos) << refusal(turned);
  scan.transform.flat = true;
  scan.transform.cutout = {{Axis::kTime, 3, 8}};
  scan.transform.every = 2;
  const auto preview = preview_export(files_, scan);
  ASSERT_TRUE(preview) << describe(preview.error());
  EXPECT_EQ(preview->outputs.front().path.filename(), "f_003_0.png");
  EXPECT_EQ(preview->outputs.front().last.filename(), "f_007_2.png");
}

}  // namespace
}  // namespace framelog
