#include "service/options.hpp"

#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "service/alerts.hpp"
#include "service/command_words.hpp"

namespace framelog {
namespace {

using enum OptionType;

constexpr double kDay = 86400.0;

constexpr std::array kOptions{
    OptionSpec{.section = "alert",
               .key = "command",
               .type = kText,
               .default_text = "off",
               .help =
                   "A program, by its absolute path, and its arguments: run without a shell for "
                   "each event, which it reads as JSON from standard input.",
               .words = "off"},
    OptionSpec{.section = "alert",
               .key = "events",
               .type = kList,
               .default_text = "degraded, recovered, disk-floor, source-lost, drops, watchdog, "
                               "segment-finished",
               .help = "The events for which it is run."},
    OptionSpec{.section = "alert",
               .key = "min_interval",
               .type = kDuration,
               .default_text = "1 min",
               .help = "It is run for one kind of event no more often than this; the next tells "
                       "how many were held back.",
               .least = 0,
               .most = 30 * kDay},
    OptionSpec{.section = "control",
               .key = "socket",
               .type = kPath,
               .help =
                   "The control socket, or off; without it /run/framelogd/NAME/control, or below "
                   "$XDG_RUNTIME_DIR for users who may not write there.",
               .words = "off"},
    OptionSpec{.section = "control",
               .key = "group",
               .type = kText,
               .default_text = "framelog",
               .help = "Whose members may control it, beside root and the daemon's user; everybody "
                       "may read its status."},
    OptionSpec{.section = "control",
               .key = "metrics_file",
               .type = kPath,
               .default_text = "off",
               .help = "Prometheus text file for the node exporter's textfile collector, ending in "
                       ".prom; rewritten as a whole every 10 s.",
               .words = "off"},
};

void check_alert(const Settings& settings, std::vector<Complaint>& complaints) {
  if (const auto* command = settings.get<std::string>("alert", "command")) {
    const auto words = split_words(*command);
    if (!words) {
      complaints.push_back({"alert", "command",
                            fmt::format("{} (allowed: words, in '' or \"\" where they hold blanks)",
                                        words.error())});
    } else if (words->empty() || !words->front().starts_with('/')) {
      complaints.push_back(
          {"alert", "command",
           fmt::format("'{}' is not an absolute path (allowed: /PATH/PROGRAM ARGUMENTS, or off)",
                       words->empty() ? "" : words->front())});
    }
  }
  const auto* events = settings.get<std::vector<std::string>>("alert", "events");
  if (events == nullptr) return;
  for (const std::string& name : *events) {
    if (alert_kind(name)) continue;
    complaints.push_back({"alert", "events",
                          fmt::format("unknown event '{}' (allowed: degraded, recovered, "
                                      "disk-floor, source-lost, drops, watchdog, segment-finished)",
                                      name)});
  }
}

void check_metrics_file(const Settings& settings, std::vector<Complaint>& complaints) {
  const auto* text = settings.get<std::string>("control", "metrics_file");
  if (text == nullptr) return;
  const std::filesystem::path path(*text);
  if (path.is_absolute() && path.extension() == ".prom") return;
  complaints.push_back(
      {"control", "metrics_file",
       fmt::format("'{}' is not a file that the node exporter reads (allowed: an absolute path "
                   "that ends in .prom, or off)",
                   *text)});
}

}  // namespace

std::span<const OptionSpec> service_options() noexcept { return kOptions; }

void check_service(const Settings& settings, std::vector<Complaint>& complaints) {
  check_alert(settings, complaints);
  check_metrics_file(settings, complaints);
}

}  // namespace framelog
