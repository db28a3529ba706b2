#include "formats/xml_scan.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace framelog {
namespace {

std::vector<std::string> names_in(std::string_view text) {
  std::vector<std::string> names;
  XmlScan scan(text);
  while (const auto tag = scan.next()) names.emplace_back(tag->name);
  return names;
}

using Names = std::vector<std::string>;

TEST(XmlScan, WalksOverStartTagsAndNothingElse) {
  EXPECT_EQ(
      names_in(
          "<?xml version='1.0'?><!DOCTYPE a><o:A><!-- <B/> --><C x='1'/>text<![CDATA[<D>]]></o:A>"),
      (Names{"A", "C"}));
  EXPECT_EQ(names_in("<A x='>' y=\"<B>\"><C\n/>"), (Names{"A", "C"}));
}

TEST(XmlScan, EndsWhereTheTextIsMalformed) {
  EXPECT_EQ(names_in(""), Names{});
  EXPECT_EQ(names_in("no tags"), Names{});
  EXPECT_EQ(names_in("<A><B"), Names{"A"});
  EXPECT_EQ(names_in("<A><B x='1>"), Names{"A"});
  EXPECT_EQ(names_in("<A><!-- <B>"), Names{"A"});
  EXPECT_EQ(names_in("<A></"), Names{"A"});
  EXPECT_EQ(names_in("<"), Names{});
}

TEST(XmlScan, GivesTheTextBehindATag) {
  XmlScan scan("<A>one<B>two</B></A>");
  EXPECT_EQ(scan.next()->text, "one");
  EXPECT_EQ(scan.next()->text, "two");
}

TEST(XmlAttribute, IsFoundByItsWholeName) {
  const std::string_view text = " SizeXY='1'\n SizeX = \"2\" other='SizeX=3' Empty=''/";
  EXPECT_EQ(xml_attribute(text, "SizeX"), "2");
  EXPECT_EQ(xml_attribute(text, "SizeXY"), "1");
  EXPECT_EQ(xml_attribute(text, "Empty"), "");
  EXPECT_FALSE(xml_attribute(text, "Size"));
  EXPECT_FALSE(xml_attribute(text, ""));
}

TEST(XmlAttribute, IsNotFoundInNonsense) {
  for (const std::string_view text : {"", "=", "a", "a=", "a=1", "a='", "a='1", "/"}) {
    EXPECT_FALSE(xml_attribute(text, "a")) << text;
  }
}

TEST(XmlText, ReplacesTheNamedEntities) {
  EXPECT_EQ(xml_text("a &amp;&lt;&gt;&quot;&apos; &amp;lt; &#65; &"), "a &<>\"' &lt; &#65; &");
}

}  // namespace
}  // namespace framelog
