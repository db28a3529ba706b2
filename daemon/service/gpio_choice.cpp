#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/text.hpp"
#include "service/gpio_chips.hpp"

namespace framelog {
namespace {

using Line = ChipFacts::Line;
constexpr std::size_t kMostNamed = 16;

std::unexpected<LineComplaint> complain(std::string_view key, std::string message,
                                        bool may_come = false) {
  return std::unexpected(LineComplaint{{"gpio", std::string(key), std::move(message)}, may_come});
}

std::string text_of(const ChipFacts& chip) {
  if (chip.failed_errno != 0) {
    return describe(Error{ErrorCode::kIo, chip.failed_errno, "cannot open", chip.path});
  }
  return fmt::format("{} [{}] with {} lines", chip.name, chip.label, chip.lines.size());
}

std::string text_of(std::span<const ChipFacts> chips) {
  std::vector<std::string> texts;
  for (const ChipFacts& chip : chips) texts.push_back(text_of(chip));
  return texts.empty() ? "there is no GPIO chip"
                       : fmt::format("there are: {}", fmt::join(texts, ", "));
}

/// The lines by name; without names by their number.
std::string lines_of(const ChipFacts& chip) {
  std::vector<std::string> names;
  for (const Line& line : chip.lines) {
    if (line.name.empty()) continue;
    if (names.size() == kMostNamed) {
      names.emplace_back("...");
      break;
    }
    names.push_back(one_line(line.name));
  }
  const std::string offsets =
      chip.lines.empty() ? "no line" : fmt::format("0 to {}", chip.lines.size() - 1);
  if (names.empty()) return fmt::format("{} has {}", chip.name, offsets);
  return fmt::format("{} has {}, and {}", chip.name, offsets, fmt::join(names, ", "));
}

bool is_number(std::string_view text) { return std::ranges::all_of(text, is_digit); }

const Line* find_line(const ChipFacts& chip, const std::string& wanted) {
  if (is_number(wanted)) {
    std::uint32_t offset = 0;
    const auto read = std::from_chars(wanted.data(), wanted.data() + wanted.size(), offset);
    if (read.ec != std::errc{} || offset >= chip.lines.size()) return nullptr;
    return &chip.lines[offset];
  }
  const auto found = std::ranges::find(chip.lines, wanted, &Line::name);
  return found == chip.lines.end() ? nullptr : &*found;
}

std::expected<const ChipFacts*, LineComplaint> named_chip(const std::string& wanted,
                                                          std::span<const ChipFacts> chips) {
  const ChipFacts* found = nullptr;
  for (const ChipFacts& chip : chips) {
    if (wanted != chip.path && wanted != chip.name && wanted != chip.label) continue;
    if (found != nullptr) {
      return complain("chip", fmt::format("{} is the label of {} and of {} (one of their names)",
                                          in_quotes(wanted), found->name, chip.name));
    }
    found = &chip;
  }
  if (found == nullptr) {
    return complain(
        "chip", fmt::format("there is no chip {} ({})", in_quotes(wanted), text_of(chips)), true);
  }
  if (found->failed_errno != 0) {
    return complain("chip", text_of(*found) + " (members of its group may: see ls -l)");
  }
  return found;
}

/// The one chip that has all of the named lines. One that may come later has to be named: where
/// there are others, nothing tells it from a misspelt line.
std::expected<const ChipFacts*, LineComplaint> chip_with(const LineSettings& settings,
                                                         std::span<const ChipFacts> chips) {
  const auto has = [](const ChipFacts& chip, const LineSpec& spec) {
    return find_line(chip, spec.line) != nullptr;
  };
  const ChipFacts* found = nullptr;
  for (const ChipFacts& chip : chips) {
    const bool all =
        std::ranges::all_of(settings.lines, [&](const LineSpec& spec) { return has(chip, spec); });
    if (!all) continue;
    if (found != nullptr) {
      return complain("chip", fmt::format("{} and {} both have these lines (which one is meant)",
                                          found->name, chip.name));
    }
    found = &chip;
  }
  if (found != nullptr) return found;
  for (const LineSpec& spec : settings.lines) {
    const bool somewhere =
        std::ranges::any_of(chips, [&](const ChipFacts& chip) { return has(chip, spec); });
    if (somewhere) continue;
    return complain(name_of(spec.role),
                    fmt::format("no chip has a line {} ({})", in_quotes(spec.line), text_of(chips)),
                    chips.empty());
  }
  return complain("chip", fmt::format("no chip has all of the lines: they have to be on one ({})",
                                      text_of(chips)));
}

}  // namespace

std::string consumer_of(const std::string& instrument) {
  constexpr std::size_t kMostKept = 31;  // linux/gpio.h: GPIO_MAX_NAME_SIZE, with its end.
  return ("framelogd-" + instrument).substr(0, kMostKept);
}

std::expected<ChosenLines, LineComplaint> choose_lines(const LineSettings& settings,
                                                       std::span<const ChipFacts> chips,
                                                       const std::string& consumer) {
  const auto chip =
      settings.chip.empty() ? chip_with(settings, chips) : named_chip(settings.chip, chips);
  if (!chip) return std::unexpected(chip.error());
  ChosenLines chosen{(*chip)->path, (*chip)->name, {}};
  for (const LineSpec& spec : settings.lines) {
    const Line* line = find_line(**chip, spec.line);
    if (line == nullptr) {
      return complain(name_of(spec.role), fmt::format("there is no line {} ({})",
                                                      in_quotes(spec.line), lines_of(**chip)));
    }
    if (line->used && line->consumer != consumer) {
      return complain(
          name_of(spec.role),
          fmt::format("line {} of {} is in use by {} (a line that is free)", in_quotes(spec.line),
                      (*chip)->name,
                      line->consumer.empty() ? "the kernel" : in_quotes(line->consumer)));
    }
    const auto same = std::ranges::find(chosen.lines, line->offset, &ChosenLines::Line::offset);
    if (same != chosen.lines.end()) {
      return complain(name_of(spec.role),
                      fmt::format("{} is line {}, which is that of gpio.{} (each line once)",
                                  in_quotes(spec.line), line->offset, name_of(same->spec.role)));
    }
    chosen.lines.push_back({spec, line->offset});
  }
  return chosen;
}

}  // namespace framelog
