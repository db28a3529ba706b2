#include "pipeline/recipe.hpp"

#include <gtest/gtest.h>

namespace framelog {
namespace {

TEST(Recipe, ASourceReadsBackAsItWasWritten) {
  SourceInfo source;
  source.shape = {480, 640, PixelType::kInt16};
  source.driver = "v4l2";
  source.vendor = "a";
  source.model = "b";
  source.serial = "c";
  source.firmware = "d";
  source.description = "e";
  source.rate_hz = 29.97;
  source.saturation = 1023;
  source.bit_depth = 10;
  source.simulated = true;
  source.can_wait = true;
  source.may_be_silent = true;
  source.numbered = true;
  source.renumbers = true;
  source.frames = 12;
  source.scan = {3, 4};
  source.first_number = 1;
  source.settings = {{"gain", "4"}, {"a", "b"}};
  source.inputs = {"/x/y"};
  const auto recipe = read_recipe(write_recipe({"camera", "text", source, {"uuid", 7, 8, 9}}));
  ASSERT_TRUE(recipe) << describe(recipe.error());
  const SourceInfo& read = recipe->source;
  EXPECT_EQ(read.shape, source.shape);
  EXPECT_EQ(read.driver + read.vendor + read.model + read.serial + read.firmware, "v4l2abcd");
  EXPECT_EQ(read.description, source.description);
  EXPECT_EQ(read.rate_hz, source.rate_hz);
  EXPECT_EQ(read.saturation, source.saturation);
  EXPECT_EQ(read.bit_depth, source.bit_depth);
  EXPECT_TRUE(read.simulated && read.can_wait && read.may_be_silent && read.numbered);
  EXPECT_TRUE(read.renumbers);
  EXPECT_EQ(read.frames, source.frames);
  EXPECT_EQ(read.scan, source.scan);
  EXPECT_EQ(read.first_number, source.first_number);
  EXPECT_EQ(read.settings, source.settings);
  EXPECT_EQ(read.inputs, source.inputs);
}

TEST(Recipe, TheSameInstrumentMayKnowMoreOfItselfAnotherTime) {
  SourceInfo a;
  a.shape = {480, 640, PixelType::kUint16};
  a.model = "Merlin";
  SourceInfo b = a;
  b.serial = "W1";
  b.bit_depth = 12;
  b.saturation = 4095;
  EXPECT_TRUE(is_same_instrument(a, b));
  EXPECT_TRUE(is_same_instrument(b, a));
  a.serial = "W2";
  EXPECT_FALSE(is_same_instrument(a, b));
  a.serial = "W1";
  a.bit_depth = 6;
  EXPECT_FALSE(is_same_instrument(a, b));
  a.bit_depth = 12;
  a.shape.width_px = 641;
  EXPECT_FALSE(is_same_instrument(a, b));
}

}  // namespace
}  // namespace framelog
