#include "service/gpio_chips.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/fakes/fake_lines.hpp"

namespace framelog {
namespace {

std::string refusal(const LineSettings& settings, const std::vector<ChipFacts>& chips) {
  const auto chosen = choose_lines(settings, chips, "framelogd-test");
  return chosen ? "" : chosen.error().key + ": " + chosen.error().message;
}

LineSettings one(std::string line, std::string chip = {}) {
  return {.chip = std::move(chip),
          .lines = {{.role = LineRole::kTrigger, .line = std::move(line)}},
          .trigger_edges = {}};
}

TEST(ChooseLines, TakesNamesOffsetsPathsAndLabels) {
  const auto chips = FakeLines().chips;
  for (const char* chip : {"", "gpiochip7", "/dev/gpiochip7", "fake"}) {
    const auto chosen = choose_lines(one("SHUTTER", chip), chips, "us");
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->path, "/dev/gpiochip7");
    EXPECT_EQ(chosen->lines[0].offset, 1U);
  }
  EXPECT_EQ(choose_lines(one("3"), chips, "us")->lines[0].offset, 3U);
}

TEST(ChooseLines, KnowsItsOwnLinesByWhatTheKernelKeepsOfALongName) {
  EXPECT_EQ(consumer_of("camera"), "framelogd-camera");
  const std::string name = "microscope-of-the-second-floor";
  const std::string consumer = consumer_of(name);
  EXPECT_EQ(consumer, "framelogd-microscope-of-the-sec");
  auto chips = FakeLines().chips;
  chips[0].lines[4].consumer = ("framelogd-" + name).substr(0, 31);
  EXPECT_TRUE(choose_lines(one("TAKEN"), chips, consumer));
}

TEST(ChooseLines, OnlyAChipThatIsNotThereMayStillCome) {
  const auto may_come = [](const LineSettings& settings, const std::vector<ChipFacts>& chips) {
    return choose_lines(settings, chips, "us").error().may_come;
  };
  auto chips = FakeLines().chips;
  EXPECT_TRUE(may_come(one("BUTTON", "other"), chips));
  EXPECT_TRUE(may_come(one("BUTTON"), {}));
  EXPECT_FALSE(may_come(one("NONE"), chips));
  EXPECT_FALSE(may_come(one("NONE", "fake"), chips));
  EXPECT_FALSE(may_come(one("TAKEN"), chips));
  chips[0].failed_errno = EACCES;
  EXPECT_FALSE(may_come(one("BUTTON", "gpiochip7"), chips));
}

TEST(ChooseLines, SaysWhatIsWrongAndWhatThereIs) {
  auto chips = FakeLines().chips;
  EXPECT_EQ(refusal(one("TAKEN"), chips),
            "trigger: line \"TAKEN\" of gpiochip7 is in use by \"somebody\" (a line that is free)");
  EXPECT_EQ(refusal(one("NONE"), chips),
            "trigger: no chip has a line \"NONE\" (there are: gpiochip7 [fake] with 5 lines)");
  EXPECT_EQ(refusal(one("9", "fake"), chips),
            "trigger: there is no line \"9\" (gpiochip7 has 0 to 4, and BUTTON, SHUTTER, LAMP, "
            "TAKEN)");
  EXPECT_EQ(refusal(one("BUTTON", "other"), chips),
            "chip: there is no chip \"other\" (there are: gpiochip7 [fake] with 5 lines)");
  EXPECT_EQ(refusal(one("BUTTON"), {}),
            "trigger: no chip has a line \"BUTTON\" (there is no GPIO chip)");
  auto two = chips;
  two.push_back(chips[0]);
  two[1].name = "gpiochip8";
  two[1].path = "/dev/gpiochip8";
  EXPECT_EQ(refusal(one("BUTTON"), two),
            "chip: gpiochip7 and gpiochip8 both have these lines (which one is meant)");
  EXPECT_EQ(refusal(one("BUTTON", "fake"), two),
            "chip: \"fake\" is the label of gpiochip7 and of gpiochip8 (one of their names)");
  LineSettings twice = one("BUTTON");
  twice.lines.push_back({.role = LineRole::kGate, .line = "0"});
  EXPECT_EQ(refusal(twice, chips),
            "gate: \"0\" is line 0, which is that of gpio.trigger (each line once)");
  chips[0].lines[4].consumer = "framelogd-test";
  EXPECT_EQ(refusal(one("TAKEN"), chips), "") << "ours, before a reload";
  chips[0].failed_errno = EACCES;
  EXPECT_EQ(refusal(one("BUTTON", "gpiochip7"), chips),
            "chip: cannot open /dev/gpiochip7: Permission denied (members of its group may: see ls "
            "-l)");
}

}  // namespace
}  // namespace framelog
