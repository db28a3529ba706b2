#include "command/accounting_text.hpp"

#include <fmt/format.h>

#include <span>

namespace framelog {
namespace {

template <class Reason>
std::string by_reason(std::span<const std::uint64_t> counts) {
  std::string text;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name_of(static_cast<Reason>(i)),
                        counts[i]);
  }
  return text.empty() ? text : " (" + text + ")";
}

}  // namespace

std::string accounting_text(const Accounting& a) {
  std::string text = fmt::format("{} received = {} recorded", a.received, a.recorded);
  if (a.merged > 0) text += fmt::format(" + {} merged", a.merged);
  if (a.skipped > 0) text += fmt::format(" + {} skipped", a.skipped);
  if (a.not_recorded > 0) text += fmt::format(" + {} not recorded", a.not_recorded);
  if (a.total_dropped() > 0) {
    text += fmt::format(" + {} dropped{}", a.total_dropped(), by_reason<DropReason>(a.dropped));
  }
  if (a.in_flight() != 0) {
    text += fmt::format(" + {} NOT ACCOUNTED FOR", static_cast<std::int64_t>(a.in_flight()));
  }
  if (a.total_lost_at_source() > 0) {
    text += fmt::format("; {} lost at source{}", a.total_lost_at_source(),
                        by_reason<LossReason>(a.lost_at_source));
  }
  return text;
}

std::vector<std::pair<std::string, std::uint64_t>> accounting_values(const Accounting& a) {
  std::vector<std::pair<std::string, std::uint64_t>> values{
      {"received", a.received}, {"recorded", a.recorded},         {"merged", a.merged},
      {"skipped", a.skipped},   {"not_recorded", a.not_recorded}, {"dropped", a.total_dropped()}};
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    if (a.dropped[i] == 0) continue;
    values.emplace_back(fmt::format("dropped.{}", name_of(static_cast<DropReason>(i))),
                        a.dropped[i]);
  }
  values.emplace_back("lost_at_source", a.total_lost_at_source());
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    if (a.lost_at_source[i] == 0) continue;
    values.emplace_back(fmt::format("lost_at_source.{}", name_of(static_cast<LossReason>(i))),
                        a.lost_at_source[i]);
  }
  return values;
}

}  // namespace framelog
