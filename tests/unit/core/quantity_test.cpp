#include "core/quantity.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>

namespace framelog {
namespace {

TEST(NumberLength, EndsWhereTheNumberEnds) {
  EXPECT_EQ(number_length("25 Hz"), 2U);
  EXPECT_EQ(number_length("0.65um"), 4U);
  EXPECT_EQ(number_length("1e3Hz"), 3U);
  EXPECT_EQ(number_length("1e-3 s"), 4U);
  EXPECT_EQ(number_length("1em"), 1U);
  EXPECT_EQ(number_length(".5"), 2U);
  for (const char* text : {"", ".", "e3", "-1", "+1", "inf", "nan", " 1"}) {
    EXPECT_EQ(number_length(text), 0U) << text;
  }
}

TEST(TakeQuantity, LeavesWhatIsBehindIt) {
  std::string_view rest = "1h 30 min";
  const auto first = take_quantity(rest, duration_units());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->number, "1");
  EXPECT_EQ(first->unit.name, "h");
  EXPECT_EQ(rest, "30 min");
}

TEST(TakeQuantity, ReadsTheMicroSignAndTheGreekMuAsU) {
  for (std::string_view text : {"5 us", "5 \u00b5s", "5\u03bcs"}) {
    const auto quantity = take_quantity(text, duration_units());
    ASSERT_TRUE(quantity) << text;
    EXPECT_EQ(quantity->unit.factor, 1000);
  }
}

TEST(Scaled, RefusesWhatNoIntegerHoldsOnEitherSide) {
  EXPECT_EQ(scaled("122222222222222222222222222222.5", 1'000'000'000), std::nullopt);
  EXPECT_EQ(scaled("-122222222222222222222222222222.5", 1'000'000'000), std::nullopt);
  EXPECT_EQ(scaled("-1.5", 1000), -1500);
}

TEST(Scaled, IsExactForWholeNumbersBeyondDoublePrecision) {
  EXPECT_EQ(scaled("9007199254740993", 1), 9007199254740993);
  EXPECT_EQ(scaled("9223372036854775807", 1), std::numeric_limits<std::int64_t>::max());
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    const auto number = static_cast<std::int64_t>(random() >> (1 + random() % 60));
    EXPECT_EQ(scaled(std::to_string(number), 1), number);
  }
}

TEST(Scaled, RoundsFractionsToTheNearest) {
  EXPECT_EQ(scaled("1.5", 1024), 1536);
  EXPECT_EQ(scaled("0.1", 1'000'000'000), 100'000'000);
  EXPECT_EQ(scaled("1e3", 1), 1000);
  EXPECT_EQ(scaled("0.0", 1), 0);
}

TEST(Scaled, RefusesWhatDoesNotFitOrWouldVanish) {
  for (const char* text : {"9223372036854775808", "99999999999999999999", "1e19", "1e400"}) {
    EXPECT_FALSE(scaled(text, 1)) << text;
  }
  EXPECT_FALSE(scaled("9223372036854775807", 2));
  EXPECT_FALSE(scaled("0.1", 1));
  EXPECT_FALSE(scaled("1e-400", 1));
}

TEST(Decimal, RefusesEverythingThatIsNotAFiniteDecimalNumber) {
  EXPECT_EQ(decimal("-2.5e-1"), -0.25);
  for (const char* text :
       {"", "-", "inf", "-inf", "nan", "0x10", "1e999", "1,5", "1 ", "+1", "--1"}) {
    EXPECT_FALSE(decimal(text)) << text;
  }
}

TEST(InWholeUnits, ChoosesTheLargestUnitThatDividesTheAmount) {
  EXPECT_EQ(in_whole_units(1024.0 * 1024.0, size_units()), "1 MiB");
  EXPECT_EQ(in_whole_units(2e9, size_units()), "2 GB");
  EXPECT_EQ(in_whole_units(0.0, size_units()), "0 B");
  EXPECT_EQ(in_whole_units(90e9, duration_units()), "90 s");
  EXPECT_EQ(in_whole_units(10e6, duration_units()), "10 ms");
  EXPECT_EQ(in_whole_units(0.001, rate_units()), "0.001 Hz");
}

}  // namespace
}  // namespace framelog
