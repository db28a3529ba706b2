#include "service/options.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "service/alerts.hpp"

namespace framelog {
namespace {

Settings with(std::string_view section, std::string_view key, const std::string& text) {
  Settings settings;
  for (const OptionSpec& spec : service_options()) {
    const bool given = spec.section == section && spec.key == key;
    if (!given && spec.default_text.empty()) continue;
    const std::string value = given ? text : std::string(spec.default_text);
    const auto parsed = parse_value(spec, value);
    EXPECT_TRUE(parsed) << spec.key << ": " << parsed.error();
    settings.put({std::string(spec.section), std::string(spec.key), value, *parsed, {}});
  }
  return settings;
}

std::string complaint(std::string_view section, std::string_view key, const std::string& text) {
  std::vector<Complaint> complaints;
  check_service(with(section, key, text), complaints);
  if (complaints.empty()) return "";
  EXPECT_EQ(complaints.size(), 1U);
  EXPECT_EQ(complaints[0].section + "." + complaints[0].key,
            std::string(section) + "." + std::string(key));
  return complaints[0].message;
}

TEST(ServiceOptions, DefaultsAreFine) {
  EXPECT_EQ(complaint("alert", "command", "off"), "");
  const AlertSettings settings = alert_settings(with("alert", "command", "off"));
  EXPECT_TRUE(settings.command.empty());
  EXPECT_EQ(settings.min_interval, std::chrono::minutes(1));
  EXPECT_EQ(std::ranges::count(settings.kinds, true), 7);
}

TEST(ServiceOptions, TheAlertsCommandIsAnAbsolutePath) {
  EXPECT_EQ(complaint("alert", "command", "/usr/bin/mail -s 'my camera' me"), "");
  EXPECT_EQ(complaint("alert", "command", "mail me"),
            "'mail' is not an absolute path (allowed: /PATH/PROGRAM ARGUMENTS, or off)");
  EXPECT_EQ(complaint("alert", "command", "/bin/a 'b"),
            "the ' of column 8 has no end (allowed: words, in '' or \"\" where they hold blanks)");
  EXPECT_EQ(alert_settings(with("alert", "command", "/bin/a 'b c'")).command,
            (std::vector<std::string>{"/bin/a", "b c"}));
}

TEST(ServiceOptions, AlertsKnowTheirEvents) {
  EXPECT_EQ(complaint("alert", "events", "watchdog, drops"), "");
  EXPECT_TRUE(complaint("alert", "events", "drop").starts_with("unknown event 'drop' (allowed: "));
  EXPECT_EQ(std::ranges::count(alert_settings(with("alert", "events", "drops")).kinds, true), 1);
}

TEST(ServiceOptions, TheMetricsFileIsOneThatIsRead) {
  EXPECT_EQ(complaint("control", "metrics_file", "/var/lib/node/camera.prom"), "");
  EXPECT_NE(complaint("control", "metrics_file", "camera.prom"), "");
  EXPECT_NE(complaint("control", "metrics_file", "/var/lib/node/camera.txt"), "");
}

}  // namespace
}  // namespace framelog
