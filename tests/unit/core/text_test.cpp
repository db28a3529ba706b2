#include "core/text.hpp"

#include <gtest/gtest.h>

namespace framelog {
namespace {

TEST(Trim, TakesSpacesAndTabsOffBothEnds) {
  EXPECT_EQ(trim(" \t a b\t "), "a b");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Split, GivesEveryPartEvenEmptyOnes) {
  EXPECT_EQ(split("a, b ,,", ','), (std::vector<std::string_view>{"a", "b", "", ""}));
  EXPECT_EQ(split("", ','), std::vector<std::string_view>{""});
}

TEST(Utf8, AcceptsWellFormedCharactersOfAllLengths) {
  EXPECT_EQ(utf8_length("a"), 1U);
  EXPECT_EQ(utf8_length("\u00b5m"), 2U);
  EXPECT_EQ(utf8_length("\u20ac"), 3U);
  EXPECT_EQ(utf8_length("\U0001F52C"), 4U);
  EXPECT_TRUE(is_utf8("0.65 \u00b5m \U0001F52C"));
}

TEST(Utf8, RefusesOverlongSurrogateTruncatedAndTooLarge) {
  for (const std::string_view bad : {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xED\xA0\x80",
                                     "\xF0\x80\x80\xAF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                                     "\xFF", "\xC2", "\xE2\x82", "\xE2\x82(", "\xF0\x9F\x94"}) {
    EXPECT_EQ(utf8_length(bad), 0U) << one_line(bad);
    EXPECT_FALSE(is_utf8(bad)) << one_line(bad);
  }
}

TEST(CutUtf8, NeverCutsACharacterInTwo) {
  const std::string text = "a\u00b5\u20ac\U0001F52C";
  for (std::size_t limit = 0; limit <= text.size(); ++limit) {
    EXPECT_LE(cut_utf8(text, limit).size(), limit);
    EXPECT_TRUE(is_utf8(cut_utf8(text, limit)));
  }
  EXPECT_EQ(cut_utf8(text, 5), "a\u00b5");
}

TEST(InQuotes, StaysOnOneLineWhateverIsQuoted) {
  EXPECT_EQ(in_quotes("a\nb\r\x7f\xff"), "\"a\\x0ab\\x0d\\x7f\\xff\"");
  EXPECT_EQ(in_quotes(std::string_view("\0", 1)), "\"\\x00\"");
}

TEST(InQuotes, CutsWhatIsLong) {
  const std::string quoted_text = in_quotes(std::string(1000, 'x'));
  EXPECT_LT(quoted_text.size(), 70U);
  EXPECT_TRUE(quoted_text.ends_with("...\""));
}

}  // namespace
}  // namespace framelog
