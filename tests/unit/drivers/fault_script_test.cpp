#include "drivers/fault_script.hpp"

#include <gtest/gtest.h>

namespace framelog {
namespace {

using namespace std::chrono_literals;

TEST(FaultScript, ReadsEveryFaultAndOrdersThem) {
  const auto faults = parse_faults(
      "resize 64x32 at 400; lose 3 at 100;stall 2 s at 500; disconnect 250 ms at 200; corrupt at "
      "50; incomplete at 60; step 1 h 30 min at 300; step - 10 s at 301 ; silent at 700; absent 3 "
      "s; hang at 701");
  ASSERT_TRUE(faults) << faults.error();
  const std::vector<Fault> expected{
      {.kind = FaultKind::kAbsent, .length = 3s},
      {.kind = FaultKind::kCorrupt, .at = 50},
      {.kind = FaultKind::kIncomplete, .at = 60},
      {.kind = FaultKind::kLose, .at = 100, .frames = 3},
      {.kind = FaultKind::kDisconnect, .at = 200, .length = 250ms},
      {.kind = FaultKind::kStep, .at = 300, .length = 90min},
      {.kind = FaultKind::kStep, .at = 301, .length = -10s},
      {.kind = FaultKind::kResize, .at = 400, .height_px = 64, .width_px = 32},
      {.kind = FaultKind::kStall, .at = 500, .length = 2s},
      {.kind = FaultKind::kSilent, .at = 700},
      {.kind = FaultKind::kHang, .at = 701},
  };
  EXPECT_EQ(*faults, expected);
}

TEST(FaultScript, IsEmptyForAnEmptyTextAndTakesALastSeparator) {
  EXPECT_TRUE(parse_faults("")->empty());
  EXPECT_EQ(parse_faults("corrupt at 1;")->size(), 1U);
}

struct Bad {
  const char* script;
  const char* column;
  const char* part;
};
class BadScript : public testing::TestWithParam<Bad> {};

TEST_P(BadScript, IsRefusedWithItsColumnAndWhatIsAllowed) {
  const auto faults = parse_faults(GetParam().script);
  ASSERT_FALSE(faults);
  EXPECT_TRUE(faults.error().starts_with(GetParam().column)) << faults.error();
  EXPECT_NE(faults.error().find(GetParam().part), std::string::npos) << faults.error();
  EXPECT_TRUE(faults.error().ends_with(")")) << faults.error();
  EXPECT_EQ(faults.error().find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    FaultScript, BadScript,
    testing::Values(
        Bad{"explode at 3", "column 1:", "unknown fault 'explode'"},
        Bad{"lose 3 at 1;  lsoe 3 at 4", "column 15:", "lose COUNT at FRAME"},
        Bad{"lose 3 at 1; ; corrupt at 2", "column 13:", "a fault is missing"},
        Bad{"lose at 100", "column 6:", "number of frames"},
        Bad{"lose 0 at 100", "column 6:", "number of frames"},
        Bad{"lose -1 at 100", "column 6:", "number of frames"},
        Bad{"lose 3 4 at 100", "column 6:", "'3 4'"},
        Bad{"lose 3 at 99999999999999999999", "column 11:", "frame's number"},
        Bad{"lose 3 at x", "column 11:", "frame's number"},
        Bad{"lose 3 at", "column 10:", "frame's number"},
        Bad{"lose 3 at 1 2", "column 11:", "frame's number"},
        Bad{"lose 3", "column 7:", "'at FRAME' is missing"},
        Bad{"stall 2 at 5", "column 7:", "unit"}, Bad{"stall -2 s at 5", "column 7:", "-2 s"},
        Bad{"stall 31 d at 5", "column 7:", "31 d"}, Bad{"stall 800 h at 5", "column 7:", "30 d"},
        Bad{"step 1 parsec at 5", "column 6:", "parsec"}, Bad{"step at 5", "column 6:", ""},
        Bad{"corrupt 3 at 5", "column 9:", "corrupt at FRAME"},
        Bad{"resize 64 at 5", "column 8:", "not a size"},
        Bad{"resize 0x5 at 5", "column 8:", "not a size"},
        Bad{"resize 5x32769 at 5", "column 8:", "32768"},
        Bad{"resize x at 5", "column 8:", "not a size"},
        Bad{"resize 1x2x3 at 5", "column 8:", "not a size"}));

TEST(FaultScript, RefusesMoreFaultsThanItIsMadeFor) {
  std::string script;
  for (std::size_t i = 0; i < kMaxFaults; ++i) script += "corrupt at 1;";
  EXPECT_TRUE(parse_faults(script));
  EXPECT_FALSE(parse_faults(script + "corrupt at 1"));
}

}  // namespace
}  // namespace framelog
