#include "command/time_text.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace framelog {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kNow = 1'795'190'400 * kSecond + 5;  // 2026-11-20T16:00:00Z

class TimeText : public testing::Test {
 protected:
  TimeText() { set_zone("CET-1CEST,M3.5.0,M10.5.0/3"); }
  ~TimeText() override { set_zone("UTC"); }
  static void set_zone(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  static std::int64_t time(const char* text) { return parse_time(text, kNow).value_or(-1); }
};

TEST_F(TimeText, DatesAreLocalUnlessTheySayOtherwise) {
  EXPECT_EQ(time("2026-11-20T16:00:00Z"), kNow - 5);
  EXPECT_EQ(time("2026-11-20 17:00:00"), kNow - 5);
  EXPECT_EQ(time("2026-11-20T17:00"), kNow - 5);
  EXPECT_EQ(time("2026-11-20"), kNow - 5 - 17 * kHour);
  EXPECT_EQ(time("2026-07-20"), kNow - 5 - 123 * 24 * kHour - 18 * kHour);
  EXPECT_EQ(time("2026-11-20T16:00:00.25Z"), kNow - 5 + kSecond / 4);
}

TEST_F(TimeText, WordsAndAges) {
  EXPECT_EQ(time("now"), kNow);
  EXPECT_EQ(time("today"), kNow - 5 - 17 * kHour);
  EXPECT_EQ(time("yesterday"), kNow - 5 - 41 * kHour);
  EXPECT_EQ(time("2 h ago"), kNow - 2 * kHour);
  EXPECT_EQ(time(" 1 h 30 min ago "), kNow - 3 * kHour / 2);
  EXPECT_EQ(time("3 d ago"), kNow - 72 * kHour);
}

TEST_F(TimeText, LastingTimesMeanTheSameAtAnyTimeAndPlace) {
  EXPECT_EQ(lasting_time(kNow - 5 + kSecond / 4), "2026-11-20T16:00:00.250000000Z");
  for (const std::int64_t utc_ns : {kNow, kNow + 123'456'789, kSecond - 1}) {
    EXPECT_EQ(time(lasting_time(utc_ns).c_str()), utc_ns);
  }
  EXPECT_EQ(time(lasting_time(-kHour).c_str()), 0);
}

TEST_F(TimeText, WhatIsNoTimeIsRefusedWithWhatIsAllowed) {
  for (const char* text :
       {"", "ago", "2 ago", "h ago", "-2 h ago", "2026", "2026-13-01", "2026-02-30", "2026-11-20T",
        "2026-11-20T24:00", "2026-11-20 16:00:00 Z", "1969-01-01", "99999999999 d ago",
        "2026-11-20T16:00:00+01:00", "next week"}) {
    const auto parsed = parse_time(text, kNow);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().find("allowed: 2026-11-21"), std::string::npos) << parsed.error();
  }
}

}  // namespace
}  // namespace framelog
