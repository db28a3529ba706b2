#include "export/axes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/text.hpp"

namespace framelog {
namespace {

constexpr std::array<std::pair<Axis, std::string_view>, 7> kNames{{{Axis::kTime, "t"},
                                                                   {Axis::kScanY, "sy"},
                                                                   {Axis::kScanX, "sx"},
                                                                   {Axis::kZ, "z"},
                                                                   {Axis::kChannel, "c"},
                                                                   {Axis::kY, "y"},
                                                                   {Axis::kX, "x"}}};

std::unexpected<Error> wrong_axes(std::string_view text, std::string_view reason) {
  return fail(ErrorCode::kInvalid, "--axes:",
              fmt::format("{}: {} (allowed: each of t, sy, sx, z, c, y, x at most once, slowest "
                          "first: \"tyx\" or \"sy,sx,y,x\")",
                          in_quotes(text), reason));
}

std::unexpected<Error> wrong_cutout(std::string_view text, std::string_view reason) {
  return fail(
      ErrorCode::kInvalid, "--cutout:",
      fmt::format("{}: {} (allowed: AXIS=START:STOP with the axes t, sy, sx, y, x, the stop "
                  "left out: \"t=0:100, y=16:112\")",
                  in_quotes(text), reason));
}

/// Empty text is no bound; false where it is none and no number either.
bool read_bound(std::string_view text, std::optional<std::uint64_t>& bound) {
  if (text.empty()) return true;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  bound = value;
  return true;
}

/// The axes of "sysxyx", where "sy" and "sx" are read before "y" and "x".
std::optional<std::vector<Axis>> read_run_together(std::string_view text) {
  std::vector<Axis> axes;
  while (!text.empty()) {
    std::size_t length = text.starts_with('s') ? 2 : 1;
    const auto axis = axis_of(text.substr(0, length));
    if (!axis) return std::nullopt;
    axes.push_back(*axis);
    text.remove_prefix(std::min(length, text.size()));
  }
  return axes;
}

}  // namespace

std::string_view name_of(Axis axis) noexcept {
  const auto* found = std::ranges::find(kNames, axis, &std::pair<Axis, std::string_view>::first);
  return found == kNames.end() ? std::string_view{} : found->second;
}

std::optional<Axis> axis_of(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kNames, name, &std::pair<Axis, std::string_view>::second);
  if (found == kNames.end()) return std::nullopt;
  return found->first;
}

Result<std::vector<AxisCut>> parse_cutout(std::string_view text) {
  std::vector<AxisCut> cuts;
  for (const std::string_view part : split(text, ',')) {
    const std::string_view piece = trim(part);
    const std::size_t equals = piece.find('=');
    const std::size_t colon = piece.find(':');
    if (equals == std::string_view::npos || colon == std::string_view::npos || colon < equals) {
      return wrong_cutout(text, fmt::format("{} is no range", in_quotes(piece)));
    }
    const auto axis = axis_of(trim(piece.substr(0, equals)));
    if (!axis || *axis == Axis::kZ) {
      return wrong_cutout(text,
                          fmt::format("unknown axis {}", in_quotes(trim(piece.substr(0, equals)))));
    }
    if (std::ranges::find(cuts, *axis, &AxisCut::axis) != cuts.end()) {
      return wrong_cutout(text, fmt::format("{} is there twice", name_of(*axis)));
    }
    AxisCut cut{*axis, {}, {}};
    if (!read_bound(trim(piece.substr(equals + 1, colon - equals - 1)), cut.start) ||
        !read_bound(trim(piece.substr(colon + 1)), cut.stop)) {
      return wrong_cutout(text, fmt::format("{} has a bound that is no whole number of 0 or more",
                                            in_quotes(piece)));
    }
    if (cut.stop && *cut.stop <= cut.start.value_or(0)) {
      return wrong_cutout(text, fmt::format("{} is empty", in_quotes(piece)));
    }
    cuts.push_back(cut);
  }
  return cuts;
}

Result<std::vector<Axis>> parse_axes(std::string_view text) {
  std::vector<Axis> axes;
  if (text.find(',') == std::string_view::npos) {
    auto read = read_run_together(text);
    if (!read) return wrong_axes(text, "unknown axis");
    axes = std::move(*read);
  } else {
    for (const std::string_view part : split(text, ',')) {
      const auto axis = axis_of(trim(part));
      if (!axis) return wrong_axes(text, fmt::format("unknown axis {}", in_quotes(trim(part))));
      axes.push_back(*axis);
    }
  }
  if (axes.empty()) return wrong_axes(text, "there is none");
  for (auto axis = axes.begin(); axis != axes.end(); ++axis) {
    if (std::find(axis + 1, axes.end(), *axis) != axes.end()) {
      return wrong_axes(text, fmt::format("{} is there twice", name_of(*axis)));
    }
  }
  return axes;
}

std::string to_string(std::span<const Axis> axes) {
  const bool apart = std::ranges::any_of(
      axes, [](Axis axis) { return axis == Axis::kScanY || axis == Axis::kScanX; });
  std::string text;
  for (const Axis axis : axes) {
    if (apart && !text.empty()) text += ',';
    text += name_of(axis);
  }
  return text;
}

Result<IndexRange> apply(const AxisCut& cut, std::uint64_t size) {
  const IndexRange range{cut.start.value_or(0), cut.stop.value_or(size)};
  if (range.start < range.stop && range.stop <= size) return range;
  return fail(ErrorCode::kInvalid, "--cutout:",
              fmt::format("{}={}:{} reaches beyond the axis (allowed: 0 to {})", name_of(cut.axis),
                          range.start, range.stop, size));
}

}  // namespace framelog
