#include "config/reader.hpp"

#include <gtest/gtest.h>

#include <random>

namespace framelog {
namespace {

IniFile read(std::string_view text) { return read_ini(text, "f.conf"); }

std::string only_fault(std::string_view text) {
  const IniFile file = read(text);
  EXPECT_EQ(file.faults.size(), 1U) << text;
  return file.faults.empty() ? ""
                             : std::to_string(file.faults[0].line) + ": " + file.faults[0].message;
}

TEST(ReadIni, GivesSectionKeyValueAndLine) {
  const IniFile file = read("# c\n\n[source]\n driver = v4l2 \n; c\n[product.a]\nroi=y=1:2, x=3:4");
  ASSERT_EQ(file.entries.size(), 2U);
  EXPECT_EQ(file.name, "f.conf");
  EXPECT_EQ(file.entries[0].section, "source");
  EXPECT_EQ(file.entries[0].key, "driver");
  EXPECT_EQ(file.entries[0].value, "v4l2");
  EXPECT_EQ(file.entries[0].line, 4);
  EXPECT_EQ(file.entries[1].value, "y=1:2, x=3:4");
  EXPECT_EQ(file.entries[1].line, 7);
  ASSERT_EQ(file.sections.size(), 2U);
  EXPECT_EQ(file.sections[1].name, "product.a");
  EXPECT_EQ(file.sections[1].line, 6);
  EXPECT_TRUE(file.faults.empty());
}

TEST(ReadIni, TheRestOfTheLineIsTheValueWhateverItContains) {
  EXPECT_EQ(read("[a]\nk = x # y ; z = \"q\" [b]").entries.at(0).value, "x # y ; z = \"q\" [b]");
  EXPECT_EQ(read("[a]\nk =").entries.at(0).value, "");
}

TEST(ReadIni, ToleratesByteOrderMarkAndCarriageReturns) {
  const IniFile file = read("\xEF\xBB\xBF[a]\r\nk = v\r\n\r\n");
  EXPECT_TRUE(file.faults.empty());
  EXPECT_EQ(file.entries.at(0).value, "v");
}

TEST(ReadIni, ASectionMayGoOnLater) {
  const IniFile file = read("[a]\nk=1\n[b]\nk=2\n[a]\nl=3\n");
  EXPECT_TRUE(file.faults.empty());
  EXPECT_EQ(file.entries.size(), 3U);
}

TEST(ReadIni, ReportsLinesThatAreNothing) {
  EXPECT_EQ(only_fault("[a]\nnonsense\n"),
            "2: \"nonsense\" is neither [section] nor key = value nor a comment");
  EXPECT_TRUE(only_fault("[a]\n= 5\n").starts_with("2: \"= 5\" is neither"));
}

TEST(ReadIni, ReportsAKeyBeforeAnySection) {
  EXPECT_TRUE(only_fault("k = 1\n[a]\n").starts_with("1: the key \"k\" stands before any section"));
}

TEST(ReadIni, ReportsAMalformedHeaderOnceAndNotItsKeys) {
  for (const char* header : {"[a", "[]", "[ ]", "[a] # b", "[a]b", "[[a]]", "[a][b]"}) {
    EXPECT_TRUE(only_fault(std::string(header) + "\nk = 1\nl = 2\n").starts_with("1: ")) << header;
  }
}

TEST(ReadIni, ReportsAKeyGivenTwiceWithBothLines) {
  EXPECT_EQ(only_fault("[a]\nk=1\n[b]\nk=1\n[a]\nk=2\n"), "6: a.k: given twice (first in line 2)");
}

TEST(ReadIni, EndsAtANulByte) {
  using namespace std::string_view_literals;
  EXPECT_TRUE(only_fault("[a]\nk=\0\nnonsense\n"sv).starts_with("2: a NUL byte"));
}

TEST(ReadIni, GoesOnBehindAFault) {
  const IniFile file = read("x\n[a]\ny\nk = 1\nz\n");
  EXPECT_EQ(file.faults.size(), 3U);
  EXPECT_EQ(file.entries.size(), 1U);
}

TEST(ReadIni, TakesAnyBytesWithoutAFaultOfMoreThanOneLine) {
  constexpr std::string_view kAlphabet = "[]=#; \t\r\n\nab.\xff\xef\xbb\xbf";
  std::mt19937 random(5);
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (auto left = random() % 40; left > 0; --left)
      text += kAlphabet[random() % kAlphabet.size()];
    const IniFile file = read(text);
    int line = 0;
    for (const IniFault& fault : file.faults) {
      EXPECT_GE(fault.line, line);
      line = fault.line;
    }
    for (const IniEntry& entry : file.entries) {
      EXPECT_FALSE(entry.key.empty());
      EXPECT_EQ(entry.value.find('\n'), std::string::npos);
    }
  }
}

TEST(ReadOverrides, TheLastDotPartsSectionAndKey) {
  const std::vector<std::string> texts{"product.a.roi = y=1:2", "roll.max_size=1 GiB"};
  const IniFile file = read_overrides(texts);
  ASSERT_EQ(file.entries.size(), 2U);
  EXPECT_EQ(file.entries[0].section, "product.a");
  EXPECT_EQ(file.entries[0].key, "roi");
  EXPECT_EQ(file.entries[0].value, "y=1:2");
  EXPECT_EQ(file.entries[1].value, "1 GiB");
}

TEST(ReadOverrides, ALaterOneTakesThePlaceOfAnEarlierOne) {
  const std::vector<std::string> texts{"a.b=1", "a.b=2"};
  const IniFile file = read_overrides(texts);
  ASSERT_EQ(file.entries.size(), 1U);
  EXPECT_EQ(file.entries[0].value, "2");
}

TEST(ReadOverrides, ReportsWhatIsNoAssignment) {
  const std::vector<std::string> texts{"a.b", "ab=1", ".b=1", "a.=1", "=", ""};
  const IniFile file = read_overrides(texts);
  EXPECT_TRUE(file.entries.empty());
  ASSERT_EQ(file.faults.size(), texts.size());
  EXPECT_EQ(file.faults[0].message, "\"a.b\" is not section.key=value");
}

}  // namespace
}  // namespace framelog
