#include "core/time_format.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace framelog {
namespace {

constexpr std::int64_t kTime = 1'795'190'405'012'345'678;  // 2026-11-20T16:00:05.012345678Z

TEST(FormatTime, KnowsEveryDirectiveThatItAllows) {
  EXPECT_EQ(format_time("%Y %y %m %b %B %d %j %a %A %u", kTime, false),
            "2026 26 11 Nov November 20 324 Fri Friday 5");
  EXPECT_EQ(format_time("%H %I %p %M %S %f %F %T %R %s %z %%", kTime, false),
            "16 04 PM 00 05 012345 2026-11-20 16:00:05 16:00 1795190405 +0000 %");
}

TEST(FormatTime, CountsBackwardsBefore1970) {
  EXPECT_EQ(format_time("%F %T.%f %s", -1, false), "1969-12-31 23:59:59.999999 -1");
  EXPECT_EQ(format_time("%Y", std::numeric_limits<std::int64_t>::min(), false), "1677");
}

TEST(CheckTimeFormat, BoundsWhatIsRendered) {
  for (const char* format : {"%Y%m%d_%H%M%S", "%A, %B %d", "%s %f %Z", "100 %%", "%F %T %R %j"}) {
    const auto facts = check_time_format(format);
    ASSERT_TRUE(facts) << format;
    EXPECT_GE(facts->most_bytes, format_time(format, kTime, false).size()) << format;
  }
}

TEST(CheckTimeFormat, RefusesWhatDependsOnTheLocaleOrHoldsASlash) {
  for (const char* format :
       {"a%D", "a%c", "a%x", "a%Ey", "a%", "a%n", "a%q", "a%\xc2\xb5", "a%-d"}) {
    const auto facts = check_time_format(format);
    ASSERT_FALSE(facts) << format;
    EXPECT_EQ(facts.error().offset, 1U) << format;
    EXPECT_NE(facts.error().message.find("%Y"), std::string::npos);
  }
}

TEST(TellsTheSecond, NeedsEveryPartFromYearToSecond) {
  for (const char* format : {"%Y%m%d%H%M%S", "%F%T", "%s", "%y%j%R%S", "%F %I%p%M%S", "%b%d%Y%T"}) {
    EXPECT_TRUE(tells_the_second(check_time_format(format)->parts)) << format;
  }
  for (const char* format :
       {"%Y%m%d%H%M", "%T", "%F %I%M%S", "%m%d%T", "%%Y%%S", "%F %R:%f", "YmdHMS"}) {
    EXPECT_FALSE(tells_the_second(check_time_format(format)->parts)) << format;
  }
}

}  // namespace
}  // namespace framelog
