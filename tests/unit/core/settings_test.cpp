#include "core/settings.hpp"

#include <gtest/gtest.h>

namespace framelog {
namespace {

Setting number(std::string section, std::string key, std::int64_t value, Origin origin = {"f", 3}) {
  return {std::move(section), std::move(key), std::to_string(value), value, std::move(origin)};
}

TEST(Settings, ALaterValueTakesThePlaceOfAnEarlierOne) {
  Settings settings;
  settings.put(number("roll", "max_frames", 1));
  settings.put(number("roll", "max_frames", 2, {"g", 7}));
  ASSERT_EQ(settings.all().size(), 1U);
  EXPECT_EQ(*settings.get<std::int64_t>("roll", "max_frames"), 2);
  EXPECT_EQ(settings.find("roll", "max_frames")->origin.file, "g");
}

TEST(Settings, GivesNothingForAnotherTypeSectionOrKey) {
  Settings settings;
  settings.put(number("roll", "max_frames", 1));
  EXPECT_EQ(settings.get<double>("roll", "max_frames"), nullptr);
  EXPECT_EQ(settings.get<std::int64_t>("files", "max_frames"), nullptr);
  EXPECT_EQ(settings.find("roll", "max"), nullptr);
}

TEST(Settings, AProductInheritsWhatItDoesNotSay) {
  Settings settings;
  settings.put(number("roll", "max_frames", 1));
  settings.put(number("product.b", "max_frames", 2));
  EXPECT_EQ(*settings.get<std::int64_t>("product.a", "roll", "max_frames"), 1);
  EXPECT_EQ(*settings.get<std::int64_t>("product.b", "roll", "max_frames"), 2);
}

TEST(Settings, AWordOfAProductHidesTheInheritedValue) {
  Settings settings;
  settings.put(number("roll", "max_frames", 1));
  settings.put({"product.a", "max_frames", "unlimited", Word{"unlimited"}, {"f", 5}});
  EXPECT_EQ(settings.get<std::int64_t>("product.a", "roll", "max_frames"), nullptr);
  EXPECT_TRUE(settings.is_word("product.a", "max_frames", "unlimited"));
  EXPECT_FALSE(settings.is_word("roll", "max_frames", "unlimited"));
}

TEST(Settings, NamesSectionsInTheOrderOfTheirFirstAppearance) {
  Settings settings;
  settings.add_section("product.z");
  settings.put(number("product.a", "k", 1));
  settings.add_section("product.z");
  settings.add_section("products.b");
  settings.add_section("product");
  EXPECT_EQ(settings.names_of("product"), (std::vector<std::string>{"z", "a"}));
  EXPECT_EQ(settings.sections(),
            (std::vector<std::string>{"product.z", "product.a", "products.b", "product"}));
}

TEST(Settings, PlacesAComplaintWhereTheKeyWasWritten) {
  Settings settings;
  settings.put(number("roll", "max_frames", 1));
  settings.put(number("roll", "x", 1, {"--set", 0}));
  EXPECT_EQ(settings.place({"roll", "max_frames", "too few"}), "f:3: roll.max_frames: too few");
  EXPECT_EQ(settings.place({"roll", "x", "too few"}), "--set: roll.x: too few");
}

TEST(Settings, PlacesAComplaintAtTheSectionWhereTheKeyWasNotWritten) {
  Settings settings;
  settings.add_section("product.a");
  settings.add_section("product.a", {"f", 9});
  settings.add_section("product.a", {"g", 1});
  settings.put(number("product.a", "bin", 1, {"default", 0}));
  EXPECT_EQ(settings.place({"product.a", "bin", "odd"}), "f:9: product.a.bin: odd");
  EXPECT_EQ(settings.place({"product.a", "", "odd"}), "f:9: [product.a]: odd");
  EXPECT_EQ(settings.place({"ring", "memory", "odd"}), "ring.memory: odd");
}

TEST(Settings, PlacesEveryComplaintOnOneLine) {
  Settings settings;
  settings.put(number("a", "b", 1, {"f\nile", 1}));
  EXPECT_EQ(settings.place({"a", "b", "two\nlines"}).find('\n'), std::string::npos);
}

}  // namespace
}  // namespace framelog
