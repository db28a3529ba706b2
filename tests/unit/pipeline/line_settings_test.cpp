#include "pipeline/line_settings.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace framelog {
namespace {

/// What is written, through the option table; complaints as "section.key: message".
struct Read {
  LineSettings lines;
  std::vector<std::string> complaints;
};

Read read(const std::vector<std::pair<std::string, std::string>>& gpio,
          const std::string& trigger = {}) {
  Settings settings;
  for (const auto& [key, text] : gpio) {
    const auto options = line_options();
    const auto spec = std::ranges::find(options, key, &OptionSpec::key);
    settings.put({"gpio", key, text, parse_value(*spec, text).value(), {}});
  }
  if (!trigger.empty()) {
    settings.put({"record", "start", "trigger", std::string("trigger"), {}});
    settings.put({"record", "trigger", trigger, trigger, {}});
  }
  std::vector<Complaint> complaints;
  Read result{line_settings(settings, complaints), {}};
  for (const Complaint& c : complaints) {
    result.complaints.push_back(fmt::format("{}.{}: {}", c.section, c.key, c.message));
  }
  return result;
}

TEST(LineSettings, ReadsALineAndItsWords) {
  const Read found = read({{"chip", "gpiochip0"},
                           {"trigger", "BUTTON, active_low, pull-up, debounce 5 ms"},
                           {"gate", "3, bias-disabled"},
                           {"strobe", "17, open-drain, length 250 us"}});
  EXPECT_EQ(found.complaints, std::vector<std::string>{});
  const LineSettings wanted{
      .chip = "gpiochip0",
      .lines = {{.role = LineRole::kTrigger,
                 .line = "BUTTON",
                 .active_low = true,
                 .bias = LineBias::kPullUp,
                 .debounce = std::chrono::milliseconds(5)},
                {.role = LineRole::kGate, .line = "3", .bias = LineBias::kDisabled},
                {.role = LineRole::kStrobe,
                 .line = "17",
                 .open_drain = true,
                 .length = std::chrono::microseconds(250)}},
      .trigger_edges = TriggerEdges::kNone};
  EXPECT_TRUE(found.lines == wanted);
}

TEST(LineSettings, SaysWhatALineCannotBe) {
  const auto complaint = [](const std::string& key, const std::string& text) {
    const auto found = read({{key, text}}).complaints;
    return found.size() == 1 ? found[0] : "";
  };
  EXPECT_EQ(complaint("trigger", "A, pullup").substr(0, 52),
            "gpio.trigger: \"pullup\" is nothing that a line can be");
  EXPECT_NE(complaint("ready", "A, debounce 5 ms"), "");
  EXPECT_NE(complaint("ready", "A, length 5 ms"), "");
  EXPECT_NE(complaint("gate", "A, open-drain"), "");
  EXPECT_NE(complaint("trigger", "A, debounce 5").find("debounce: \"5\" has no unit"),
            std::string::npos);
  EXPECT_NE(complaint("strobe", "A, length 2 s").find("out of range"), std::string::npos);
  EXPECT_EQ(read({{"trigger", "A"}, {"gate", "A"}}).complaints,
            std::vector<std::string>{
                "gpio.gate: \"A\" is that of gpio.trigger already (each line once)"});
}

TEST(LineSettings, TheTriggerNamesTheLineOrTakesThatOfGpio) {
  const auto edges = [](const std::string& text) {
    return read({{"trigger", "A"}}, text).lines.trigger_edges;
  };
  EXPECT_EQ(edges("gpio rising"), TriggerEdges::kRising);
  EXPECT_EQ(edges("gpio:A falling"), TriggerEdges::kFalling);
  EXPECT_EQ(edges("gpio both"), TriggerEdges::kBoth);
  EXPECT_EQ(edges("command"), TriggerEdges::kNone);
  const Read alone = read({}, "gpio:my line rising");
  ASSERT_EQ(alone.lines.lines.size(), 1U);
  EXPECT_EQ(alone.lines.lines[0].line, "my line");
  EXPECT_EQ(alone.lines.trigger_edges, TriggerEdges::kRising);
}

TEST(LineSettings, ATriggerWithoutItsLineIsAComplaint) {
  EXPECT_EQ(read({}, "gpio rising").complaints,
            std::vector<std::string>{"record.trigger: gpio goes with a line in gpio.trigger only "
                                     "(or gpio:LINE rising)"});
  EXPECT_EQ(read({{"trigger", "A"}}, "gpio:B rising").complaints,
            std::vector<std::string>{"record.trigger: \"B\" is not the line of gpio.trigger "
                                     "(allowed: A, or gpio alone)"});
  EXPECT_EQ(read({{"trigger", "A"}}, "gate").complaints,
            std::vector<std::string>{
                "record.trigger: gate goes with a line in gpio.gate only (there is none)"});
  EXPECT_EQ(read({{"gate", "A"}}, "gate").complaints, std::vector<std::string>{});
}

TEST(LineSettings, ReadsTheTriggersOfLinesOnly) {
  EXPECT_FALSE(parse_line_trigger("command"));
  EXPECT_FALSE(parse_line_trigger("gpiox rising"));
  for (const char* wrong : {"gpio", "gpio up", "gpio: rising", "gpio:A", "gpio A rising"}) {
    const auto trigger = parse_line_trigger(wrong);
    ASSERT_TRUE(trigger) << wrong;
    EXPECT_FALSE(*trigger) << wrong;
  }
}

TEST(LineSettings, TellsTheFilesWhoseBitIsWhose) {
  const auto lines = descriptions_of(read({{"trigger", "A, active_low"}, {"ready", "B"}}).lines);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].bit, 0);
  EXPECT_EQ(lines[0].role, "trigger");
  EXPECT_TRUE(lines[0].active_low);
  EXPECT_EQ(lines[1].bit, 2);
  EXPECT_EQ(lines[1].line, "B");
}

}  // namespace
}  // namespace framelog
