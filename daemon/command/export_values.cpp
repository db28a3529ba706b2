// Values of options that more than one command reads.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <utility>

#include "command/export_options.hpp"
#include "core/quantity.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

using Failure = std::unexpected<std::string>;

constexpr double kMiddle = std::numeric_limits<double>::quiet_NaN();

constexpr std::array<std::pair<std::string_view, Rgb>, 10> kColours{{{"white", {255, 255, 255}},
                                                                     {"black", {0, 0, 0}},
                                                                     {"gray", {128, 128, 128}},
                                                                     {"red", {255, 0, 0}},
                                                                     {"green", {0, 255, 0}},
                                                                     {"blue", {0, 0, 255}},
                                                                     {"cyan", {0, 255, 255}},
                                                                     {"magenta", {255, 0, 255}},
                                                                     {"yellow", {255, 255, 0}},
                                                                     {"orange", {255, 165, 0}}}};

Failure wrong_detector(std::string_view text, std::string_view reason) {
  return Failure(fmt::format(
      "{}: {} (allowed: \"NAME disc outer=R\", \"NAME annulus inner=R outer=R\", each with "
      "center=Y,X where that is not the middle, or \"NAME rectangle y=A:B x=A:B\"; in pixels, "
      "several separated by semicolons)",
      in_quotes(text), reason));
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(text, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

/// What stands behind a key: "outer" of "outer=12".
std::optional<std::string_view> value_of(std::span<const std::string_view> words,
                                         std::string_view key) {
  for (const std::string_view word : words) {
    if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=') {
      return word.substr(key.size() + 1);
    }
  }
  return std::nullopt;
}

std::optional<IndexRange> range_of(std::optional<std::string_view> text) {
  if (!text) return std::nullopt;
  const auto parts = split(*text, ':');
  std::array<std::uint32_t, 2> bounds{};
  if (parts.size() != bounds.size()) return std::nullopt;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const char* end = parts[i].data() + parts[i].size();
    const auto read = std::from_chars(parts[i].data(), end, bounds[i]);
    if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  }
  if (bounds[0] >= bounds[1]) return std::nullopt;
  return IndexRange{bounds[0], bounds[1]};
}

/// The first word with a key that the shape does not have; empty: there is none.
std::string_view stray_word(std::span<const std::string_view> words,
                            std::span<const std::string_view> keys) {
  for (const std::string_view word : words) {
    const std::string_view key = word.substr(0, word.find('='));
    if (std::ranges::find(keys, key) == keys.end()) return word;
  }
  return {};
}

std::expected<DetectorSpec, std::string> read_detector(std::string_view text) {
  constexpr std::array<std::string_view, 2> kDisc{"outer", "center"};
  constexpr std::array<std::string_view, 3> kAnnulus{"inner", "outer", "center"};
  constexpr std::array<std::string_view, 2> kRectangle{"y", "x"};
  const auto words = words_of(text);
  if (words.size() < 3) return wrong_detector(text, "name, shape and size are needed");
  const std::span<const std::string_view> keys = std::span(words).subspan(2);
  const std::string_view shape = words[1];
  const bool is_disc = shape == "disc";
  if (!is_disc && shape != "annulus" && shape != "rectangle") {
    return wrong_detector(text, fmt::format("unknown shape {}", in_quotes(shape)));
  }
  const auto allowed = is_disc              ? std::span<const std::string_view>(kDisc)
                       : shape == "annulus" ? std::span<const std::string_view>(kAnnulus)
                                            : std::span<const std::string_view>(kRectangle);
  if (const auto stray = stray_word(keys, allowed); !stray.empty()) {
    return wrong_detector(text, fmt::format("a {} has no {}", shape, in_quotes(stray)));
  }
  DetectorSpec spec{std::string(words[0]), {}};
  if (shape == "rectangle") {
    const auto y = range_of(value_of(keys, "y"));
    const auto x = range_of(value_of(keys, "x"));
    if (!y || !x) return wrong_detector(text, "y and x are needed, as START:STOP");
    const auto narrow = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
    spec.area = Rectangle{{narrow(y->start), narrow(y->stop), narrow(x->start), narrow(x->stop)}};
    return spec;
  }
  std::array<double, 2> center{kMiddle, kMiddle};
  if (const auto given = value_of(keys, "center")) {
    const auto parts = split(*given, ',');
    for (std::size_t i = 0; i < center.size(); ++i) {
      const auto number = parts.size() == center.size() ? decimal(parts[i]) : std::nullopt;
      if (!number) return wrong_detector(text, "center is no \"Y,X\"");
      center[i] = *number;
    }
  }
  const auto outer = decimal(value_of(keys, "outer").value_or(""));
  const auto inner = is_disc ? std::optional(0.0) : decimal(value_of(keys, "inner").value_or(""));
  if (!outer || !inner || *inner < 0 || *outer <= *inner) {
    return wrong_detector(text, "its radii are missing or in the wrong order");
  }
  if (is_disc) {
    spec.area = Disc{center[0], center[1], *outer};
  } else {
    spec.area = Annulus{center[0], center[1], *inner, *outer};
  }
  return spec;
}

}  // namespace

std::expected<std::vector<DetectorSpec>, std::string> read_detectors(std::string_view text) {
  std::vector<DetectorSpec> detectors;
  for (const std::string_view part : split(text, ';')) {
    auto detector = read_detector(part);
    if (!detector) return Failure(detector.error());
    if (std::ranges::find(detectors, detector->name, &DetectorSpec::name) != detectors.end()) {
      return wrong_detector(text, fmt::format("{} is there twice", in_quotes(detector->name)));
    }
    detectors.push_back(std::move(*detector));
  }
  return detectors;
}

std::expected<Rgb, std::string> read_colour(std::string_view text) {
  const auto* found = std::ranges::find(kColours, text, &std::pair<std::string_view, Rgb>::first);
  if (found != kColours.end()) return found->second;
  std::uint32_t value = 0;
  const char* end = text.data() + text.size();
  if (text.size() == 7 && text[0] == '#') {
    const auto read = std::from_chars(text.data() + 1, end, value, 16);
    if (read.ec == std::errc{} && read.ptr == end) {
      return Rgb{static_cast<std::uint8_t>(value >> 16U),
                 static_cast<std::uint8_t>((value >> 8U) & 255U),
                 static_cast<std::uint8_t>(value & 255U)};
    }
  }
  return Failure(
      fmt::format("{} is no colour (allowed: white, black, gray, red, green, blue, "
                  "cyan, magenta, yellow, orange, or #RRGGBB)",
                  in_quotes(text)));
}

std::expected<ContrastRequest, std::string> read_contrast(std::string_view text) {
  using Kind = ContrastRequest::Kind;
  ContrastRequest request;
  const auto words = words_of(text);
  const auto numbers = split(text, ',');
  if (text == "auto") {
    request.kind = Kind::kAuto;
  } else if (text == "per-frame") {
    request.kind = Kind::kPerFrame;
  } else if (text == "none") {
    request.kind = Kind::kNone;
  } else if (!words.empty() && words[0] == "percentile") {
    request.kind = Kind::kPercentile;
    const auto low = words.size() == 3 ? decimal(words[1]) : std::optional(1.0);
    const auto high = words.size() == 3 ? decimal(words[2]) : std::optional(99.0);
    if (words.size() == 2 || words.size() > 3 || !low || !high || *low < 0 || *high > 100 ||
        *low >= *high) {
      return Failure(
          fmt::format("{} (allowed: percentile, or percentile LOW HIGH with 0 <= LOW "
                      "< HIGH <= 100)",
                      in_quotes(text)));
    }
    request.low_percentile = *low;
    request.high_percentile = *high;
  } else if (numbers.size() == 2 && decimal(numbers[0]) && decimal(numbers[1]) &&
             *decimal(numbers[0]) < *decimal(numbers[1])) {
    request.kind = Kind::kValues;
    request.zmin = decimal(numbers[0]);
    request.zmax = decimal(numbers[1]);
  } else {
    return Failure(
        fmt::format("{} (allowed: auto, per-frame, percentile, none, or \"MIN, MAX\" "
                    "with MIN < MAX)",
                    in_quotes(text)));
  }
  return request;
}

std::expected<std::int64_t, std::string> time_of_export(std::int64_t utc_ns) {
  const char* text = std::getenv("SOURCE_DATE_EPOCH");  // NOLINT(concurrency-mt-unsafe)
  if (text == nullptr || *text == '\0') return utc_ns;
  const std::string_view given(text);
  std::int64_t seconds = 0;
  const auto read = std::from_chars(given.data(), given.data() + given.size(), seconds);
  constexpr std::int64_t kLast = 253402300799;  // The end of the year 9999 is beyond nanoseconds.
  if (read.ec != std::errc{} || read.ptr != given.data() + given.size() || seconds < 0 ||
      seconds > std::min(kLast, std::numeric_limits<std::int64_t>::max() / 1'000'000'000)) {
    return Failure(
        fmt::format("SOURCE_DATE_EPOCH is {} (allowed: seconds since 1970)", in_quotes(given)));
  }
  return seconds * 1'000'000'000;
}

}  // namespace framelog
