#include "pipeline/record_settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "core/text.hpp"
#include "pipeline/line_settings.hpp"

namespace framelog {
namespace {

using std::chrono::nanoseconds;
using Complaints = std::vector<Complaint>;

constexpr std::string_view kRecord = "record";

void complain(Complaints& complaints, std::string_view key, std::string message) {
  complaints.push_back({std::string(kRecord), std::string(key), std::move(message)});
}

template <class Value>
struct Named {
  std::string_view name;
  Value value;
};

using Statistic = StatisticTrigger::Statistic;
using Comparison = StatisticTrigger::Comparison;
constexpr std::array<Named<Statistic>, 6> kStatistics{{{"min", Statistic::kMin},
                                                       {"max", Statistic::kMax},
                                                       {"mean", Statistic::kMean},
                                                       {"std", Statistic::kStd},
                                                       {"sum", Statistic::kSum},
                                                       {"saturated", Statistic::kSaturated}}};
// The longer ones first: ">" begins ">=".
constexpr std::array<Named<Comparison>, 4> kComparisons{{{">=", Comparison::kAtLeast},
                                                         {"<=", Comparison::kAtMost},
                                                         {">", Comparison::kAbove},
                                                         {"<", Comparison::kBelow}}};

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

/// "PRODUCT.mean > 120"; the error is one line.
std::expected<StatisticTrigger, std::string> parse_condition(
    std::string_view text, const std::vector<std::string>& products) {
  constexpr const char* kAllowed =
      "(allowed: statistic PRODUCT.STATISTIC > VALUE, with min, max, mean, std, sum or saturated, "
      "and >, >=, < or <=)";
  StatisticTrigger trigger;
  const auto* comparison = std::ranges::find_if(kComparisons, [&](const auto& named) {
    return text.find(named.name) != std::string_view::npos;
  });
  if (comparison == kComparisons.end()) {
    return std::unexpected(fmt::format("\"{}\" compares nothing {}", text, kAllowed));
  }
  trigger.comparison = comparison->value;
  const std::size_t at = text.find(comparison->name);
  const std::string_view left = trim(text.substr(0, at));
  const std::string_view right = trim(text.substr(at + comparison->name.size()));
  const auto value = number_of(right);
  if (!value) return std::unexpected(fmt::format("\"{}\" is no number {}", right, kAllowed));
  trigger.value = *value;
  const std::size_t dot = left.rfind('.');
  const std::string_view name = left.substr(0, std::min(dot, left.size()));
  const std::string_view statistic =
      dot == std::string_view::npos ? std::string_view{} : left.substr(dot + 1);
  const auto* known = std::ranges::find(kStatistics, statistic, &Named<Statistic>::name);
  if (known == kStatistics.end()) {
    return std::unexpected(fmt::format("\"{}\" is no statistic of a product {}", left, kAllowed));
  }
  trigger.statistic = known->value;
  const auto product = std::ranges::find(products, name);
  if (product == products.end()) {
    return std::unexpected(
        fmt::format("there is no product \"{}\" (there are: {})", name, fmt::join(products, ", ")));
  }
  trigger.product = static_cast<std::size_t>(product - products.begin());
  return trigger;
}

std::optional<StatisticTrigger> trigger_of(const Settings& settings,
                                           const std::vector<std::string>& products,
                                           Complaints& complaints) {
  const auto* text = settings.get<std::string>(kRecord, "trigger");
  constexpr std::string_view kStatistic = "statistic ";
  if (text == nullptr || *text == "command") return std::nullopt;
  if (*text == "gate") return std::nullopt;
  if (const auto line = parse_line_trigger(*text)) {
    if (!*line) complain(complaints, "trigger", line->error());
    return std::nullopt;
  }
  if (!text->starts_with(kStatistic)) {
    complain(complaints, "trigger",
             fmt::format("\"{}\" is no trigger (allowed: command, statistic PRODUCT.mean > 120, "
                         "gpio:LINE rising, or gate)",
                         *text));
    return std::nullopt;
  }
  auto trigger = parse_condition(std::string_view(*text).substr(kStatistic.size()), products);
  if (trigger) return *trigger;
  complain(complaints, "trigger", std::move(trigger.error()));
  return std::nullopt;
}

/// An edge comes when it has been read, and behind its debouncing.
nanoseconds line_latency(const Settings& settings) {
  constexpr nanoseconds kReading = std::chrono::milliseconds(100);
  Complaints told_elsewhere;
  nanoseconds latency{};
  for (const LineSpec& line : line_settings(settings, told_elsewhere).lines) {
    if (is_input(line.role)) latency = std::max(latency, line.debounce);
  }
  return latency + kReading;
}

Stretch stretch_of(const Settings& settings, const char* frames_key, const char* time_key,
                   Complaints& complaints) {
  const auto* frames = settings.get<std::int64_t>(kRecord, frames_key);
  const auto* time = settings.get<nanoseconds>(kRecord, time_key);
  if (frames != nullptr && time != nullptr) {
    complain(complaints, time_key,
             fmt::format("goes not with record.{} (one of the two)", frames_key));
  }
  if (time != nullptr) return *time;
  return frames == nullptr ? std::uint64_t{0} : static_cast<std::uint64_t>(*frames);
}

/// Keys that mean nothing with this start would be a night without data.
void check_unused(const Settings& settings, std::string_view start, Complaints& complaints) {
  struct Use {
    std::string_view start;
    std::string_view key;
  };
  constexpr std::array<Use, 10> kUses{{{"trigger", "trigger"},
                                       {"trigger", "pre_frames"},
                                       {"trigger", "post_frames"},
                                       {"trigger", "pre_time"},
                                       {"trigger", "post_time"},
                                       {"trigger", "retrigger"},
                                       {"trigger", "hold_off"},
                                       {"trigger", "max_event"},
                                       {"schedule", "repeat"},
                                       {"schedule", "length"}}};
  for (const Use& use : kUses) {
    const Setting* setting = settings.find(kRecord, use.key);
    if (setting == nullptr || setting->origin.file == "default" || use.start == start) continue;
    complain(
        complaints, use.key,
        fmt::format("means something with record.start = {} only (it is {})", use.start, start));
  }
}

/// ", and 10 for late signals,"
std::string behind_text(double late) {
  return late > 0 ? fmt::format(", and {:.0f} for late signals,", late) : "";
}

}  // namespace

RecordPolicy record_policy_of(const Settings& settings, const std::vector<std::string>& products,
                              Complaints& complaints) {
  RecordPolicy policy;
  const auto* start = settings.get<std::string>(kRecord, "start");
  if (start == nullptr) return policy;
  check_unused(settings, *start, complaints);
  if (*start == "trigger") {
    policy.start = RecordStart::kTrigger;
    policy.trigger = trigger_of(settings, products, complaints);
    const auto* trigger = settings.get<std::string>(kRecord, "trigger");
    policy.gate = trigger != nullptr && *trigger == "gate";
    if (policy.gate || (trigger != nullptr && parse_line_trigger(*trigger))) {
      policy.latency = line_latency(settings);
    }
    policy.before = stretch_of(settings, "pre_frames", "pre_time", complaints);
    policy.after = stretch_of(settings, "post_frames", "post_time", complaints);
    const auto* retrigger = settings.get<std::string>(kRecord, "retrigger");
    policy.extend = retrigger == nullptr || *retrigger == "extend";
    if (const auto* time = settings.get<nanoseconds>(kRecord, "hold_off")) policy.hold_off = *time;
    if (const auto* time = settings.get<nanoseconds>(kRecord, "max_event")) {
      policy.max_event = *time;
    }
  }
  if (*start == "schedule") {
    policy.start = RecordStart::kSchedule;
    const auto* repeat = settings.get<nanoseconds>(kRecord, "repeat");
    const auto* length = settings.get<nanoseconds>(kRecord, "length");
    if (repeat == nullptr) {
      complain(complaints, "repeat", "is required with record.start = schedule (such as 10 min)");
    }
    policy.repeat = repeat == nullptr ? nanoseconds(std::chrono::seconds(1)) : *repeat;
    if (length != nullptr) policy.length = *length;
    if (length != nullptr && repeat != nullptr && *length >= *repeat) {
      complain(complaints, "length", "must be shorter than record.repeat");
    }
  }
  return policy;
}

void check_kept_frames(const RecordPolicy& policy, const SourceInfo& source, std::uint64_t slots,
                       Complaints& complaints) {
  if (policy.start != RecordStart::kTrigger) return;
  const std::uint64_t most = RecordGate::most_kept(slots);
  const auto* frames = std::get_if<std::uint64_t>(&policy.before);
  // A signal may come so late that its frame has others behind it.
  const double latency_s = std::chrono::duration<double>(policy.latency).count();
  const double late = std::ceil(latency_s * source.rate_hz.value_or(0));
  if (frames != nullptr && static_cast<double>(*frames) + late > static_cast<double>(most)) {
    complain(
        complaints, "pre_frames",
        fmt::format("{} frames{} do not fit the ring (at most {} of its {}; or more ring.memory)",
                    *frames, behind_text(late), most, slots));
  }
  if (frames != nullptr || !source.rate_hz) return;
  const double seconds =
      std::chrono::duration<double>(std::get<nanoseconds>(policy.before)).count();
  const double wanted = seconds * *source.rate_hz;
  if (wanted + late > static_cast<double>(most)) {
    complain(
        complaints, "pre_time",
        fmt::format("{:.0f} frames{} do not fit the ring (at most {} of its {}, {:.3g} s; or more "
                    "ring.memory)",
                    wanted, behind_text(late), most, slots,
                    static_cast<double>(most) / *source.rate_hz));
  }
}

}  // namespace framelog
