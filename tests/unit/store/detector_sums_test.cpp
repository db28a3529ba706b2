#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "segment_fixture.hpp"
#include "store/recovery.hpp"
#include "store/verify.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

/// Sums of virtual detectors lie beside the frames, in columns of their own.
class DetectorSumsTest : public SegmentTest {
 protected:
  static constexpr std::int64_t kFrames = 12;

  static double sum_of(std::int64_t frame, std::size_t detector) {
    return 1e6 * static_cast<double>(detector + 1) + 1234.5 * static_cast<double>(frame + 1);
  }

  Recording start_with_detectors(const Scan* scan = nullptr) {
    SegmentDescription d = description(1);
    for (const char* name : {"bright", "dark", "box"}) d.detectors.push_back({name, {}, 5});
    if (scan != nullptr) d.scan = *scan;
    d.provenance_json = provenance_of(d);
    Recording recording = start("hdf5", "a", 0, d);
    for (std::int64_t i = 0; i < kFrames; ++i) {
      record(recording, 1, 0, 0, {sum_of(i, 0), sum_of(i, 1), sum_of(i, 2)});
    }
    return recording;
  }

  static void corrupt(const fs::path& file, double sum) {
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
    char wanted[sizeof sum];
    std::memcpy(wanted, &sum, sizeof sum);
    const auto at = bytes.find(std::string_view(wanted, sizeof sum));
    ASSERT_NE(at, std::string::npos) << sum;
    flip_byte(file, static_cast<std::int64_t>(at) + 5);
  }

  /// Frames whose sum of this detector is NaN; the other sums are checked.
  std::vector<std::int64_t> lost_in(const fs::path& path, const std::string& detector,
                                    std::size_t index) {
    auto reader = find_format("hdf5")->open(files_, path).value();
    EXPECT_EQ(reader->detectors(), (std::vector<std::string>{"bright", "dark", "box"}));
    const auto series = reader->detector_series(detector, reader->frames()).value();
    std::vector<std::int64_t> lost;
    for (std::size_t i = 0; i < series.size(); ++i) {
      const auto frame = static_cast<std::int64_t>(i);
      if (std::isnan(series[i])) {
        lost.push_back(frame);
      } else {
        EXPECT_EQ(series[i], sum_of(frame, index)) << detector << ' ' << i;
      }
    }
    return lost;
  }
  void expect_lost(const fs::path& path, const std::vector<std::int64_t>& frames) {
    EXPECT_EQ(lost_in(path, "bright", 0), frames);
    EXPECT_EQ(lost_in(path, "dark", 1), frames);
    EXPECT_EQ(lost_in(path, "box", 2), frames);
    EXPECT_EQ(verify_segment(files_, path).problems, std::vector<std::string>{});
  }
};

TEST_F(DetectorSumsTest, AreInTheFileAsTheyWere) {
  auto recording = start_with_detectors();
  expect_lost(finish(recording), {});
}

TEST_F(DetectorSumsTest, ThoseOfATornRowBecomeNaNInAllColumnsAndNoOthers) {
  for (std::size_t detector = 0; detector < 3; ++detector) {
    auto recording = start_with_detectors();
    corrupt(recording.part, sum_of(7, detector));
    const auto path = finish(recording);
    expect_lost(path, {7});
    fs::remove(path);
  }
}

TEST_F(DetectorSumsTest, ThoseOfAScanAreLostOneByOneWhenItIsRecovered) {
  const Scan scan{3, 4, 0, 0};
  auto recording = start_with_detectors(&scan);
  corrupt(recording.part, sum_of(0, 1));
  corrupt(recording.part, sum_of(11, 2));
  kill(recording);
  const auto recovered = recover_part(files_, recording.part);
  ASSERT_EQ(recovered.outcome, RecoveryOutcome::kFinished) << recovered.note;
  EXPECT_EQ(recovered.frames, kFrames) << "the frames themselves are whole";
  expect_lost(recovered.result, {0, 11});
}

TEST_F(DetectorSumsTest, AnotherSumInAFinishedFileIsAFault) {
  auto recording = start_with_detectors();
  const auto path = finish(recording);
  corrupt(path, sum_of(4, 2));
  EXPECT_EQ(
      verify_segment(files_, path).problems,
      std::vector<std::string>{"the detector sums of frame 4 are not those that were recorded"});
}

}  // namespace
}  // namespace framelog
