#include "store/workshop.hpp"

#include "segment_fixture.hpp"

namespace framelog {
namespace {

TEST_F(SegmentTest, AWorkshopHasOneOwnerAndCountsRuns) {
  {
    auto workshop = Workshop::open(files_, directory_ / "base", "bench");
    ASSERT_TRUE(workshop);
    const auto second = Workshop::open(files_, directory_ / "base", "bench");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kBusy);
    EXPECT_NE(describe(second.error()).find(std::to_string(::getpid())), std::string::npos);
    EXPECT_TRUE(Workshop::open(files_, directory_ / "base", "other"));
    EXPECT_EQ(workshop->next_run_number(files_).value(), 1);
    EXPECT_EQ(workshop->next_run_number(files_).value(), 2);
  }
  auto again = Workshop::open(files_, directory_ / "base", "bench");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->next_run_number(files_).value(), 3);
}

TEST_F(SegmentTest, AWorkshopNeedsADirectoryAsBase) {
  std::ofstream(directory_ / "file") << "x";
  EXPECT_FALSE(Workshop::open(files_, directory_ / "file", "bench"));
}

}  // namespace
}  // namespace framelog
