#include "store/finish.hpp"

#include "segment_fixture.hpp"
#include "store/verify.hpp"

namespace framelog {
namespace {

class FinishTest : public SegmentTest, public testing::WithParamInterface<const char*> {};

TEST_P(FinishTest, ANameThatWasTakenMeanwhileIsNeverOverwritten) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 3);
  const auto taken = directory_ / ("a" + std::string(recording.format->extension));
  std::ofstream(taken) << "somebody else's";
  const auto path = finish(recording);
  EXPECT_EQ(path.filename(), "a_2" + std::string(recording.format->extension));
  EXPECT_EQ(read_text(files_, taken).value(), "somebody else's");
  const auto verified = verify_segment(files_, path);
  EXPECT_EQ(verified.problems, std::vector<std::string>{});
}

TEST_P(FinishTest, AnEmptySegmentLeavesNothing) {
  auto recording = start(GetParam(), "a", 0);
  static_cast<void>(EventLog::create(files_, events_path(recording.part)));
  ASSERT_TRUE(remove_empty_part(files_, *recording.format, recording.part));
  EXPECT_EQ(left(), std::vector<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(Formats, FinishTest,
                         testing::Values("hdf5", "raw", "hdf5 gzip", "tiff", "imagej-tiff"));

TEST_F(SegmentTest, TheCompanionOfARawTakesItsNameToo) {
  auto recording = start("raw", "a", 0);
  record(recording, 3);
  std::ofstream(directory_ / "a.json") << "somebody else's";
  EXPECT_FALSE(is_name_free(files_, *recording.format, directory_ / "a.raw"));
  EXPECT_EQ(finish(recording).filename(), "a_2.raw");
  EXPECT_EQ(read_text(files_, directory_ / "a.json").value(), "somebody else's");
}

}  // namespace
}  // namespace framelog
