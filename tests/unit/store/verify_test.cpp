#include "store/verify.hpp"

#include "segment_fixture.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

class VerifyTest : public SegmentTest, public testing::WithParamInterface<const char*> {
 protected:
  [[nodiscard]] std::vector<std::string> problems(const fs::path& path) const {
    return verify_segment(system_files(), path).problems;
  }
};

TEST_P(VerifyTest, AWholeSegmentHasNoProblem) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 20);
  recording.events.gaps = {{19, 3, 30'000'000, "source", "sequence-gap"},
                           {19, 2, 30'000'000, "write", "disk-full"}};
  record(recording, 20, 5, 2);
  const auto path = finish(recording);
  const auto verified = verify_segment(files_, path);
  EXPECT_EQ(verified.problems, std::vector<std::string>{});
  EXPECT_EQ(verified.frames, 40);
  EXPECT_EQ(verified.first_sequence, 0);
  EXPECT_EQ(verified.last_sequence, 41);
  EXPECT_EQ(verified.accounting.received, 42U);
}

TEST_P(VerifyTest, OneWrongByteOfAPixelNamesItsFrame) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 20);
  const auto path = finish(recording);
  flip_byte(path, place_of(path, 7) + 3);
  EXPECT_EQ(problems(path),
            std::vector<std::string>{"the pixels of frame 7 are not those that were recorded"});
}

TEST_P(VerifyTest, ATruncatedFileIsAProblem) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 20);
  const auto path = finish(recording);
  fs::resize_file(path, fs::file_size(path) / 2);
  EXPECT_FALSE(problems(path).empty());
}

TEST_P(VerifyTest, AnUnfinishedSegmentIsNotWhole) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 3);
  kill(recording);
  EXPECT_EQ(problems(recording.part).size(), 1U);
}

TEST_P(VerifyTest, ALossThatNoGapTellsOfIsAProblem) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 5);
  record(recording, 5, 2, 2);
  const auto found = problems(finish(recording));
  EXPECT_EQ(found,
            (std::vector<std::string>{"the gaps tell of 0 missing frames, the records of 2",
                                      "2 frames are missing in the sequence, the gaps explain 0"}));
}

TEST_P(VerifyTest, LossesBehindTheLastFrameNeedNoRecord) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 5);
  recording.events.gaps = {{4, 3, -1, "write", "write-error"}};
  const auto verified = verify_segment(files_, finish(recording));
  EXPECT_EQ(verified.problems, std::vector<std::string>{});
  EXPECT_EQ(verified.dropped_with_sequence_after_last, 3);
}

TEST_P(VerifyTest, SegmentsOfARunJoin) {
  auto first = start(GetParam(), "a", 0, 1);
  record(first, 10);
  auto second = start(GetParam(), "b", 10, 2);
  second.events.gaps = {{9, 4, 40'000'000, "write", "segment-not-ready"}};
  record(second, 10, 4, 4);
  const auto a = verify_segment(files_, finish(first, "frames"));
  const auto b = verify_segment(files_, finish(second));
  const auto runs = join_runs({b, a});
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].problems, std::vector<std::string>{});
  EXPECT_EQ(runs[0].notes, std::vector<std::string>{});
  EXPECT_EQ(runs[0].frames, 20);
  EXPECT_EQ(runs[0].accounting.received, 24U);
}

TEST_P(VerifyTest, AMissingSegmentInTheMiddleIsAProblemAndMissingEndsAreNoted) {
  auto first = start(GetParam(), "a", 10, 2);
  record(first, 10);
  auto second = start(GetParam(), "b", 25, 4);
  record(second, 10);
  const auto a = verify_segment(files_, finish(first, "frames"));
  const auto b = verify_segment(files_, finish(second, "frames"));
  const auto runs = join_runs({a, b});
  ASSERT_EQ(runs.size(), 1U);
  ASSERT_EQ(runs[0].problems.size(), 1U);
  EXPECT_NE(runs[0].problems[0].find("begins with frame 25, expected 20: a segment is missing"),
            std::string::npos);
  EXPECT_EQ(runs[0].notes.size(), 2U);
}

TEST_P(VerifyTest, ACopyCountsOnceAndOverlappingSegmentsAreAProblem) {
  auto first = start(GetParam(), "a", 0, 1);
  record(first, 10);
  auto second = start(GetParam(), "b", 5, 2);
  record(second, 10);
  const auto a = verify_segment(files_, finish(first));
  const auto b = verify_segment(files_, finish(second));
  const auto copied = join_runs({a, a});
  ASSERT_EQ(copied.size(), 1U);
  EXPECT_EQ(copied[0].problems, std::vector<std::string>{});
  EXPECT_EQ(copied[0].segments, 1);
  EXPECT_EQ(copied[0].frames, 10);
  EXPECT_EQ(copied[0].notes.size(), 1U);
  const auto doubled = join_runs({a, b});
  ASSERT_EQ(doubled[0].problems.size(), 1U);
  EXPECT_NE(doubled[0].problems[0].find("recorded twice"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Formats, VerifyTest,
                         testing::Values("hdf5", "raw", "hdf5 gzip", "tiff", "imagej-tiff"));

TEST_F(SegmentTest, ADamagedRecordIsReportedAndItsPixelsAreNotBlamed) {
  auto recording = start("raw", "a", 0);
  record(recording, 5);
  const auto path = finish(recording);
  flip_byte(fs::path(path).replace_extension(".frames"), kFramesFileHeadBytes + 2 * 128 + 40);
  const auto verified = verify_segment(files_, path);
  EXPECT_EQ(verified.problems, std::vector<std::string>{"the record of frame 2 is damaged"});
}

TEST_F(SegmentTest, ARawThatIsLongerThanItsDescriptionIsAProblem) {
  auto recording = start("raw", "a", 0);
  record(recording, 5);
  const auto path = finish(recording);
  std::ofstream(path, std::ios::app | std::ios::binary) << "x";
  EXPECT_EQ(verify_segment(files_, path).problems.size(), 1U);
}

TEST_F(SegmentTest, AbsurdNumbersInADescriptionAreAProblemAndNoAllocation) {
  auto recording = start("raw", "a", 0);
  record(recording, 5);
  const auto path = finish(recording);
  const auto json = fs::path(path).replace_extension(".json");
  auto text = read_text(files_, json).value();
  const auto shape = text.find("\"shape\"");
  const auto end = text.find(']', shape);
  text.replace(shape, end - shape + 1, "\"shape\": [5, 4000000000, 4000000000]");
  fs::remove(json);
  std::ofstream(json) << text;
  EXPECT_FALSE(verify_segment(files_, path).problems.empty());
}

TEST_F(SegmentTest, ForeignFilesAreAProblem) {
  std::ofstream(directory_ / "x.h5") << "not HDF5";
  EXPECT_EQ(verify_segment(files_, directory_ / "x.h5").problems.size(), 1U);
  EXPECT_EQ(verify_segment(files_, directory_ / "x.txt").problems.size(), 1U);
  EXPECT_EQ(verify_segment(files_, directory_ / "absent.raw").problems.size(), 1U);
}

TEST_F(SegmentTest, ProgressTellsOfAllPixels) {
  auto recording = start("raw", "a", 0);
  record(recording, 5);
  const auto path = finish(recording);
  std::int64_t bytes = 0;
  static_cast<void>(verify_segment(files_, path, [&](std::int64_t more) { bytes += more; }));
  EXPECT_EQ(bytes, 5 * 256);
}

}  // namespace
}  // namespace framelog
