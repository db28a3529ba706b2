#include "pipeline/line_settings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"

namespace framelog {
namespace {

using enum OptionType;
using std::chrono::nanoseconds;
using Complaints = std::vector<Complaint>;

constexpr std::string_view kSection = "gpio";
constexpr std::array<std::string_view, kLineRoles> kRoles{"trigger",   "gate",  "ready",
                                                          "recording", "error", "strobe"};

constexpr std::string_view kInput =
    "LINE, its name or offset, then any of active_low, pull-up, pull-down, bias-disabled, debounce "
    "5 ms, with commas";
constexpr std::string_view kOutput =
    "LINE, its name or offset, then any of active_low, open-drain, pull-up, pull-down, "
    "bias-disabled, with commas";
constexpr std::string_view kPulse =
    "LINE, its name or offset, then any of active_low, open-drain, pull-up, pull-down, "
    "bias-disabled, length 1 ms, with commas";

constexpr OptionSpec kDebounce{
    .section = kSection, .key = "debounce", .type = kDuration, .least = 1e-6, .most = 1};
constexpr OptionSpec kLength{
    .section = kSection, .key = "length", .type = kDuration, .least = 10e-6, .most = 1};

constexpr std::array kOptions{
    OptionSpec{.section = kSection,
               .key = "chip",
               .type = kText,
               .allowed = "a GPIO chip by name, path or label",
               .help = "The GPIO chip of all lines; by default the one that has the named lines."},
    OptionSpec{.section = kSection,
               .key = "trigger",
               .type = kList,
               .allowed = kInput,
               .help = "Input: its edges go into the files; record.trigger = gpio rising records "
                       "around them."},
    OptionSpec{.section = kSection,
               .key = "gate",
               .type = kList,
               .allowed = kInput,
               .help = "Input: its edges go into the files; record.trigger = gate records while "
                       "it is active."},
    OptionSpec{.section = kSection,
               .key = "ready",
               .type = kList,
               .allowed = kOutput,
               .help = "Output: active while the source delivers and is recorded, now or from the "
                       "next trigger on."},
    OptionSpec{.section = kSection,
               .key = "recording",
               .type = kList,
               .allowed = kOutput,
               .help = "Output: active while frames are being recorded."},
    OptionSpec{.section = kSection,
               .key = "error",
               .type = kList,
               .allowed = kOutput,
               .help = "Output: steady when nothing can be recorded, blinking once a second when "
                       "the recorder is degraded, four times when the source is lost."},
    OptionSpec{.section = kSection,
               .key = "strobe",
               .type = kList,
               .allowed = kPulse,
               .help = "Output: a pulse for each frame that has come; frames that come within a "
                       "pulse and the pause behind it, as long again, are counted instead."},
};

std::optional<nanoseconds> duration_of(const OptionSpec& spec, std::string_view text,
                                       std::string& error) {
  auto value = parse_value(spec, text);
  if (value) return std::get<nanoseconds>(*value);
  error = fmt::format("{}: {}", spec.key, value.error());
  return std::nullopt;
}

/// Empty when the word was understood.
std::string take_word(LineSpec& line, std::string_view word) {
  const bool input = is_input(line.role);
  std::string error;
  if (word == "active_low") {
    line.active_low = true;
  } else if (word == "pull-up") {
    line.bias = LineBias::kPullUp;
  } else if (word == "pull-down") {
    line.bias = LineBias::kPullDown;
  } else if (word == "bias-disabled") {
    line.bias = LineBias::kDisabled;
  } else if (word == "open-drain" && !input) {
    line.open_drain = true;
  } else if (word.starts_with("debounce ") && input) {
    const auto time = duration_of(kDebounce, trim(word.substr(9)), error);
    if (time) line.debounce = *time;
  } else if (word.starts_with("length ") && line.role == LineRole::kStrobe) {
    const auto time = duration_of(kLength, trim(word.substr(7)), error);
    if (time) line.length = *time;
  } else {
    const std::string_view allowed = input                            ? kInput
                                     : line.role == LineRole::kStrobe ? kPulse
                                                                      : kOutput;
    error = fmt::format("{} is nothing that a line can be ({})", in_quotes(word), allowed);
  }
  return error;
}

std::optional<LineSpec> line_of(const Settings& settings, LineRole role, Complaints& complaints) {
  const auto* words = settings.get<std::vector<std::string>>(kSection, name_of(role));
  if (words == nullptr || words->empty()) return std::nullopt;
  LineSpec line{.role = role, .line = words->front()};
  for (std::size_t i = 1; i < words->size(); ++i) {
    std::string error = take_word(line, (*words)[i]);
    if (error.empty()) continue;
    complaints.push_back({std::string(kSection), std::string(name_of(role)), std::move(error)});
  }
  return line;
}

/// "gpio:LINE rising" names a line that [gpio] need not name again.
void apply_trigger(const Settings& settings, LineSettings& lines, Complaints& complaints) {
  const auto* start = settings.get<std::string>("record", "start");
  const auto* text = settings.get<std::string>("record", "trigger");
  if (start == nullptr || *start != "trigger" || text == nullptr) return;
  const auto complain = [&](std::string message) {
    complaints.push_back({"record", "trigger", std::move(message)});
  };
  if (*text == "gate" && lines.find(LineRole::kGate) == nullptr) {
    complain("gate goes with a line in gpio.gate only (there is none)");
  }
  const auto trigger = parse_line_trigger(*text);
  if (!trigger || !*trigger) return;  // What is wrong with it record_policy_of() tells.
  const LineSpec* line = lines.find(LineRole::kTrigger);
  if (line == nullptr && (*trigger)->line.empty()) {
    return complain("gpio goes with a line in gpio.trigger only (or gpio:LINE rising)");
  }
  if (line != nullptr && !(*trigger)->line.empty() && (*trigger)->line != line->line) {
    return complain(fmt::format("{} is not the line of gpio.trigger (allowed: {}, or gpio alone)",
                                in_quotes((*trigger)->line), line->line));
  }
  lines.trigger_edges = (*trigger)->edges;
  if (line != nullptr) return;
  lines.lines.insert(lines.lines.begin(),
                     LineSpec{.role = LineRole::kTrigger, .line = (*trigger)->line});
}

void check_twice(const LineSettings& lines, Complaints& complaints) {
  for (auto line = lines.lines.begin(); line != lines.lines.end(); ++line) {
    const auto same = std::find_if(lines.lines.begin(), line,
                                   [&](const LineSpec& other) { return other.line == line->line; });
    if (same == line) continue;
    complaints.push_back({std::string(kSection), std::string(name_of(line->role)),
                          fmt::format("{} is that of gpio.{} already (each line once)",
                                      in_quotes(line->line), name_of(same->role))});
  }
}

}  // namespace

std::string_view name_of(LineRole role) noexcept { return kRoles[static_cast<std::size_t>(role)]; }

const LineSpec* LineSettings::find(LineRole role) const noexcept {
  const auto found = std::ranges::find(lines, role, &LineSpec::role);
  return found == lines.end() ? nullptr : &*found;
}

std::span<const OptionSpec> line_options() noexcept { return kOptions; }

LineSettings line_settings(const Settings& settings, Complaints& complaints) {
  LineSettings lines;
  if (const auto* chip = settings.get<std::string>(kSection, "chip")) lines.chip = *chip;
  for (std::size_t i = 0; i < kLineRoles; ++i) {
    auto line = line_of(settings, static_cast<LineRole>(i), complaints);
    if (line) lines.lines.push_back(std::move(*line));
  }
  apply_trigger(settings, lines, complaints);
  check_twice(lines, complaints);
  return lines;
}

std::optional<std::expected<LineTrigger, std::string>> parse_line_trigger(std::string_view text) {
  constexpr std::string_view kName = "gpio";
  if (!text.starts_with(kName)) return std::nullopt;
  std::string_view rest = text.substr(kName.size());
  if (!rest.empty() && rest.front() != ':' && rest.front() != ' ') return std::nullopt;
  const auto wrong = [&] {
    return std::unexpected(fmt::format(
        "{} is no trigger of a line (allowed: gpio:LINE or gpio, then rising, falling or both)",
        in_quotes(text)));
  };
  const std::size_t blank = rest.rfind(' ');
  if (blank == std::string_view::npos) return wrong();
  const std::string_view edges = rest.substr(blank + 1);
  rest = trim(rest.substr(0, blank));
  LineTrigger trigger;
  trigger.edges = edges == "rising"    ? TriggerEdges::kRising
                  : edges == "falling" ? TriggerEdges::kFalling
                  : edges == "both"    ? TriggerEdges::kBoth
                                       : TriggerEdges::kNone;
  if (trigger.edges == TriggerEdges::kNone) return wrong();
  if (rest.empty()) return trigger;
  if (rest.front() != ':' || trim(rest.substr(1)).empty()) return wrong();
  trigger.line = trim(rest.substr(1));
  return trigger;
}

std::vector<LineDescription> descriptions_of(const LineSettings& settings) {
  std::vector<LineDescription> descriptions;
  for (const LineSpec& line : settings.lines) {
    descriptions.push_back({static_cast<std::uint8_t>(line.role), std::string(name_of(line.role)),
                            line.line, settings.chip, line.active_low});
  }
  return descriptions;
}

}  // namespace framelog
