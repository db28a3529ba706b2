#include "core/option.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <random>

namespace framelog {
namespace {

using std::chrono::nanoseconds;

constexpr std::array kAllTypes{OptionType::kText,      OptionType::kPath,     OptionType::kChoice,
                               OptionType::kInteger,   OptionType::kNumber,   OptionType::kBoolean,
                               OptionType::kSize,      OptionType::kDuration, OptionType::kRate,
                               OptionType::kLengths,   OptionType::kRegion,   OptionType::kBinning,
                               OptionType::kPixelType, OptionType::kShape,    OptionType::kList};

OptionSpec spec_of(OptionType type, std::string_view words = {}) {
  OptionSpec spec;
  spec.type = type;
  spec.words = words;
  if (type == OptionType::kChoice) spec.allowed = "retry stop";
  return spec;
}

template <class T>
T value_of(OptionType type, std::string_view text) {
  const auto value = parse_value(spec_of(type), text);
  EXPECT_TRUE(value) << text << ": " << value.error();
  if (!value || !std::holds_alternative<T>(*value)) return T{};
  return std::get<T>(*value);
}

std::string error_of(const OptionSpec& spec, std::string_view text) {
  const auto value = parse_value(spec, text);
  EXPECT_FALSE(value) << text;
  return value ? "" : value.error();
}

void expect_errors(OptionType type, std::initializer_list<std::string_view> texts) {
  for (const std::string_view text : texts) {
    const auto value = parse_value(spec_of(type), text);
    EXPECT_FALSE(value) << text;
    if (value) continue;
    EXPECT_NE(value.error().find(allowed_text(spec_of(type))), std::string::npos) << value.error();
  }
}

TEST(ParseValue, NamesTheMissingUnitAndWhatIsAllowed) {
  EXPECT_EQ(error_of(spec_of(OptionType::kRate, "max"), "25"),
            "\"25\" has no unit (a rate such as 25 Hz or 2 kHz, or max)");
}

TEST(ParseValue, RefusesAnEmptyValueOfEveryType) {
  for (const OptionType type : kAllTypes) {
    for (const std::string_view text : {"", "  ", "\t"}) {
      EXPECT_TRUE(error_of(spec_of(type), text).starts_with("the value is empty (")) << text;
    }
  }
}

TEST(ParseValue, RefusesControlCharactersAndForeignBytesInEveryType) {
  for (const OptionType type : kAllTypes) {
    for (const std::string_view text :
         {std::string_view("a\nb"), std::string_view("a\0b", 3), std::string_view("\xff")}) {
      EXPECT_EQ(error_of(spec_of(type), text).find('\n'), std::string::npos);
    }
  }
}

TEST(ParseValue, TakesAWordOfTheSpecBeforeAnythingElse) {
  for (const OptionType type : kAllTypes) {
    const auto value = parse_value(spec_of(type, "auto off"), " off ");
    ASSERT_TRUE(value);
    EXPECT_EQ(*value, OptionValue(Word{"off"}));
  }
  EXPECT_FALSE(parse_value(spec_of(OptionType::kSize, "auto"), "Auto"));
}

TEST(ParseValue, TextsAndPathsAreWhatTheyAre) {
  EXPECT_EQ(value_of<std::string>(OptionType::kText, " a # b; c = \"d\" "), "a # b; c = \"d\"");
  EXPECT_EQ(value_of<std::string>(OptionType::kPath, "/data/\u00b5 m"), "/data/\u00b5 m");
}

TEST(ParseValue, ChoiceSuggestsTheNearestWord) {
  EXPECT_EQ(value_of<std::string>(OptionType::kChoice, "stop"), "stop");
  EXPECT_EQ(error_of(spec_of(OptionType::kChoice), "rety"),
            "\"rety\" is not one of the values (did you mean \"retry\"? one of: retry stop)");
  expect_errors(OptionType::kChoice, {"retry stop", "RETRY", "x"});
}

TEST(ParseValue, IntegersAreWholeAndFit) {
  EXPECT_EQ(value_of<std::int64_t>(OptionType::kInteger, "-9223372036854775808"),
            std::numeric_limits<std::int64_t>::min());
  expect_errors(OptionType::kInteger,
                {"9223372036854775808", "1.0", "1e3", "0x10", "12 a", "+1", "- 1", "one"});
}

TEST(ParseValue, NumbersAreFinite) {
  EXPECT_EQ(value_of<double>(OptionType::kNumber, "-1.5e-3"), -1.5e-3);
  expect_errors(OptionType::kNumber, {"nan", "inf", "-inf", "1e999", "1,5", "1 2", "0x1p3"});
}

TEST(ParseValue, BooleansAreYesOrNo) {
  EXPECT_TRUE(value_of<bool>(OptionType::kBoolean, "yes"));
  EXPECT_FALSE(value_of<bool>(OptionType::kBoolean, "no"));
  expect_errors(OptionType::kBoolean, {"true", "1", "Yes", "on", "yes no"});
}

TEST(ParseValue, SizesAreDecimalOrBinaryAsWritten) {
  EXPECT_EQ(value_of<std::int64_t>(OptionType::kSize, "512 MiB"), 512LL << 20);
  EXPECT_EQ(value_of<std::int64_t>(OptionType::kSize, "2 GB"), 2'000'000'000);
  EXPECT_EQ(value_of<std::int64_t>(OptionType::kSize, "1.5KiB"), 1536);
  EXPECT_EQ(value_of<std::int64_t>(OptionType::kSize, "9007199254740993 B"), 9007199254740993);
  expect_errors(OptionType::kSize, {"512", "-1 MB", "1 M", "1 MB 2", "1 MB 2 kB", "nan MB",
                                    "8388608 TiB", "1e300 TB", "0.1 B", "MB", "1 EB", "inf B"});
}

TEST(ParseValue, UnitsThatDifferInCapitalsAreSuggested) {
  EXPECT_NE(error_of(spec_of(OptionType::kSize), "1 KB").find("perhaps for \"kB\""),
            std::string::npos);
  EXPECT_NE(error_of(spec_of(OptionType::kRate), "25 hz").find("perhaps for \"Hz\""),
            std::string::npos);
}

TEST(ParseValue, DurationsAddUpTheirParts) {
  using namespace std::chrono_literals;
  EXPECT_EQ(value_of<nanoseconds>(OptionType::kDuration, "250 ms"), 250ms);
  EXPECT_EQ(value_of<nanoseconds>(OptionType::kDuration, "1 h 30 min"), 90min);
  EXPECT_EQ(value_of<nanoseconds>(OptionType::kDuration, "1d2h3min4s5ms6us7ns"),
            26h + 3min + 4s + 5ms + 6us + 7ns);
  EXPECT_EQ(value_of<nanoseconds>(OptionType::kDuration, "1.5 h"), 90min);
  EXPECT_EQ(value_of<nanoseconds>(OptionType::kDuration, "0 s"), 0s);
  expect_errors(OptionType::kDuration,
                {"1", "1 h 30", "-1 s", "1 h -30 min", "30 min 1 h", "1 h 1 h", "1 m", "1 h,",
                 "0.1 ns", "300000 d", "106751 d 2000000000000000 ns 1 s", "inf s", "s", "1 Sec"});
}

TEST(ParseValue, DurationsThatOverflowOnlyTogetherAreRefused) {
  expect_errors(OptionType::kDuration, {"106751 d 24 h"});
}

TEST(ParseValue, RatesAreFiniteAndAboveZero) {
  EXPECT_EQ(value_of<double>(OptionType::kRate, "25 Hz"), 25.0);
  EXPECT_EQ(value_of<double>(OptionType::kRate, "2.5 kHz"), 2500.0);
  expect_errors(OptionType::kRate,
                {"0 Hz", "-1 Hz", "1e308 MHz", "1e999 Hz", "25 Hz 1", "nan Hz", "max", "1 GHz"});
}

TEST(ParseValue, LengthsKeepTheirUnit) {
  using Lengths = std::vector<Length>;
  EXPECT_EQ(value_of<Lengths>(OptionType::kLengths, "0.65 um"), (Lengths{{0.65, "um"}}));
  EXPECT_EQ(value_of<Lengths>(OptionType::kLengths, "0.65 \u00b5m, 1\u03bcm"),
            (Lengths{{0.65, "um"}, {1.0, "um"}}));
  EXPECT_EQ(value_of<Lengths>(OptionType::kLengths, "0.01 1/nm"), (Lengths{{0.01, "1/nm"}}));
  EXPECT_EQ(value_of<Lengths>(OptionType::kLengths, "20mrad"), (Lengths{{20.0, "mrad"}}));
  expect_errors(OptionType::kLengths, {"0.65", "0.65, 0.7 um", "1 um, 2 um, 3 um", "0 um", "-1 um",
                                       "1 um 2", "1 um,", "1 inch", "nan um", "1e999 um"});
}

TEST(ParseValue, LengthsMayBeZeroWhereZeroIsTheLeast) {
  const OptionSpec spec{.type = OptionType::kLengths, .least = 0};
  const auto value = parse_value(spec, "0 px, 3 px");
  ASSERT_TRUE(value) << value.error();
  EXPECT_EQ(std::get<std::vector<Length>>(*value), (std::vector<Length>{{0, "px"}, {3, "px"}}));
  const auto below = parse_value(spec, "-1 px");
  ASSERT_FALSE(below);
  EXPECT_NE(below.error().find("is negative"), std::string::npos) << below.error();
  EXPECT_NE(below.error().find("at least 0"), std::string::npos) << below.error();
}

TEST(ParseValue, RegionsMayLeaveOutAxesAndEnds) {
  using Ends = RegionSpec;
  EXPECT_EQ(value_of<RegionSpec>(OptionType::kRegion, "y=16:112, x=8:120"),
            (Ends{16, 112, 8, 120}));
  EXPECT_EQ(value_of<RegionSpec>(OptionType::kRegion, "x = 8 : , y = : 9"),
            (Ends{std::nullopt, 9, 8, std::nullopt}));
  EXPECT_EQ(value_of<RegionSpec>(OptionType::kRegion, "y=16:112"),
            (Ends{16, 112, std::nullopt, std::nullopt}));
  EXPECT_EQ(value_of<RegionSpec>(OptionType::kRegion, "y=:"), Ends{});
  expect_errors(OptionType::kRegion,
                {"16:112", "y=16", "y=16:112:2", "y=112:16", "y=16:16", "y=:0", "y=-1:5", "z=1:2",
                 "y=1:2, y=3:4", "y=1:2,", "y=1:4294967296", "y=1.5:2", "y=a:b", "y=1:2 x=3:4"});
}

TEST(ParseValue, BinningIsRowsByColumns) {
  EXPECT_EQ(value_of<Binning>(OptionType::kBinning, "2x4"), (Binning{2, 4}));
  EXPECT_EQ(value_of<Binning>(OptionType::kBinning, "2 x 4"), (Binning{2, 4}));
  expect_errors(OptionType::kBinning,
                {"2", "0x2", "2x", "x2", "2x2x2", "-2x2", "2x4294967296", "2*2", "2.0x2"});
}

TEST(ParseValue, PixelTypesAreNumpysNames) {
  EXPECT_EQ(value_of<PixelType>(OptionType::kPixelType, "float32"), PixelType::kFloat32);
  EXPECT_NE(error_of(spec_of(OptionType::kPixelType), "unit16").find("did you mean \"uint16\"?"),
            std::string::npos);
  expect_errors(OptionType::kPixelType, {"u2", "UINT16", "uint16 uint8"});
}

TEST(ParseValue, ShapesHaveUpToFourExtents) {
  using Shape = std::vector<std::uint32_t>;
  EXPECT_EQ(value_of<Shape>(OptionType::kShape, "100 x 512 x 512"), (Shape{100, 512, 512}));
  EXPECT_EQ(value_of<Shape>(OptionType::kShape, "512x512"), (Shape{512, 512}));
  expect_errors(OptionType::kShape, {"0x1", "1x", "1x2x3x4x5", "a x b", "1 2", "-1x2"});
}

TEST(ParseValue, ListsHaveNoEmptyItems) {
  using List = std::vector<std::string>;
  EXPECT_EQ(value_of<List>(OptionType::kList, "a, b c ,d"), (List{"a", "b c", "d"}));
  expect_errors(OptionType::kList, {"a,,b", ",a", "a,", ","});
}

TEST(ParseValue, RangesAreInclusiveAndShown) {
  OptionSpec size = spec_of(OptionType::kSize);
  size.least = 1024.0 * 1024.0;
  size.most = 16.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0;
  EXPECT_TRUE(parse_value(size, "1 MiB"));
  EXPECT_TRUE(parse_value(size, "16 TiB"));
  EXPECT_EQ(error_of(size, "1048575 B"),
            "\"1048575 B\" is out of range (a size such as 512 MiB or 2 GB, from 1 MiB to 16 TiB)");
  EXPECT_FALSE(parse_value(size, "17592186044417 B"));

  OptionSpec duration = spec_of(OptionType::kDuration, "off");
  duration.least = 0.01;
  EXPECT_TRUE(parse_value(duration, "10 ms"));
  EXPECT_NE(error_of(duration, "9999 us").find(", at least 10 ms, or off)"), std::string::npos);

  OptionSpec rate = spec_of(OptionType::kRate);
  rate.most = 1e6;
  EXPECT_TRUE(parse_value(rate, "1 MHz"));
  EXPECT_NE(error_of(rate, "1.1 MHz").find("at most 1 MHz"), std::string::npos);
}

TEST(ParseValue, RangesHoldForEveryElement) {
  for (const auto& [type, good, bad] :
       {std::tuple{OptionType::kBinning, "2x16", "2x17"},
        std::tuple{OptionType::kShape, "2 x 3 x 16", "17 x 3"},
        std::tuple{OptionType::kLengths, "2 um, 16 um", "2 um, 17 um"},
        std::tuple{OptionType::kInteger, "2", "1"},
        std::tuple{OptionType::kNumber, "16", "16.1"}}) {
    OptionSpec spec = spec_of(type);
    spec.least = 2;
    spec.most = 16;
    EXPECT_TRUE(parse_value(spec, good)) << good;
    EXPECT_NE(error_of(spec, bad).find("out of range"), std::string::npos) << bad;
  }
}

TEST(ParseValue, GivesBackWhatWasFormatted) {
  std::mt19937_64 random(20);
  const auto below = [&](std::uint64_t limit) {
    return static_cast<std::uint32_t>(random() % limit);
  };
  for (int i = 0; i < 2000; ++i) {
    const auto bytes = static_cast<std::int64_t>(random() >> (1 + random() % 63));
    EXPECT_EQ(value_of<std::int64_t>(OptionType::kSize, fmt::format("{} B", bytes)), bytes);
    EXPECT_EQ(value_of<nanoseconds>(
                  OptionType::kDuration,
                  fmt::format("{} s {} ns", bytes / 1'000'000'000, bytes % 1'000'000'000)),
              nanoseconds(bytes));
    EXPECT_EQ(value_of<std::int64_t>(OptionType::kInteger, std::to_string(-bytes)), -bytes);
    const double number = static_cast<double>(random()) * 1e-9 + 1e-3;
    EXPECT_EQ(value_of<double>(OptionType::kNumber, fmt::format("{}", -number)), -number);
    EXPECT_EQ(value_of<double>(OptionType::kRate, fmt::format("{} Hz", number)), number);
    Region region{below(1000), 0, below(4'000'000'000), 0};
    region.y_stop = region.y_start + 1 + below(1000);
    region.x_stop = region.x_start + 1 + below(1000);
    EXPECT_EQ(value_of<RegionSpec>(OptionType::kRegion, to_string(region)),
              (RegionSpec{region.y_start, region.y_stop, region.x_start, region.x_stop}));
    const Binning bin{1 + below(64), 1 + below(64)};
    EXPECT_EQ(value_of<Binning>(OptionType::kBinning, fmt::format("{}x{}", bin.rows, bin.columns)),
              bin);
  }
}

TEST(ParseValue, SaysOneLineWithWhatIsAllowedForAnyBytes) {
  constexpr std::string_view kAlphabet = "0129.-+eExXyY=:, \t\n\r\0kKMGiBHzsmunhd\xc2\xb5\xff\"#";
  std::mt19937_64 random(7);
  for (int i = 0; i < 30000; ++i) {
    std::string text;
    for (std::uint64_t left = random() % 12; left > 0; --left) {
      text += kAlphabet[static_cast<std::size_t>(random() % kAlphabet.size())];
    }
    const OptionSpec spec = spec_of(kAllTypes.at(static_cast<std::size_t>(i) % kAllTypes.size()));
    const auto value = parse_value(spec, text);
    if (value) continue;
    EXPECT_EQ(value.error().find_first_of("\n\r\t"), std::string::npos) << value.error();
    EXPECT_TRUE(value.error().ends_with(allowed_text(spec) + ")")) << value.error();
  }
}

TEST(AllowedText, PutsTheTablesOwnWordsInPlaceOfTheTypes) {
  OptionSpec spec = spec_of(OptionType::kInteger, "auto off");
  spec.allowed = "a port";
  spec.least = 1;
  spec.most = 65535;
  EXPECT_EQ(allowed_text(spec), "a port, from 1 to 65535, or auto or off");
}

TEST(NearestWord, FindsMisspellings) {
  constexpr std::array<std::string_view, 5> kKnown{"rate", "roi", "width", "height", "max_size"};
  EXPECT_EQ(nearest_word("rat", kKnown), "rate");
  EXPECT_EQ(nearest_word("Rate", kKnown), "rate");
  EXPECT_EQ(nearest_word("rio", kKnown), "roi");
  EXPECT_EQ(nearest_word("heigth", kKnown), "height");
  EXPECT_EQ(nearest_word("maxsize", kKnown), "max_size");
}

TEST(NearestWord, FindsNothingWhereNothingIsNear) {
  constexpr std::array<std::string_view, 2> kKnown{"rate", "roi"};
  EXPECT_EQ(nearest_word("exposure", kKnown), "");
  EXPECT_EQ(nearest_word("x", kKnown), "");
  EXPECT_EQ(nearest_word("", kKnown), "");
  EXPECT_EQ(nearest_word(std::string(100'000, 'r'), kKnown), "");
  EXPECT_EQ(nearest_word("rate", {}), "");
}

}  // namespace
}  // namespace framelog
