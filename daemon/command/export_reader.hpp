#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "command/export_options.hpp"
#include "core/option.hpp"
#include "core/text.hpp"

/// Private to the export_*options.cpp files of this folder.
namespace framelog {

/// Reads group after group; the first fault stays.
class ExportReader {
 public:
  ExportReader(const GivenOptions& given, std::int64_t utc_ns) : given_(given), now_(utc_ns) {}

  std::expected<ExportCall, std::string> read(std::vector<std::string> usual) {
    if (!given_.has("to")) request().formats = std::move(usual);
    for (const std::string& operand : given_.operands) request().input.paths.emplace_back(operand);
    read_output();
    read_input();
    read_part();
    read_values();
    read_images();
    read_picture();
    read_contrast_ends();
    read_drawing();
    read_movie();
    read_work();
    refuse_unmeant();
    if (!fault_.empty()) return std::unexpected(fault_);
    return std::move(call_);
  }

 private:
  ExportRequest& request() noexcept { return call_.request; }

  void refuse(std::string_view option, std::string_view message) {
    if (fault_.empty()) fault_ = fmt::format("--{}: {}", option, message);
  }

  /// One of the words; the first where it was not given.
  template <std::size_t N>
  std::size_t choice(std::string_view option, const std::array<std::string_view, N>& words) {
    if (!given_.has(option)) return 0;
    const std::string text = given_.text(option);
    const auto* found = std::ranges::find(words, text);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    refuse(option, fmt::format("{} (allowed: {})", in_quotes(text), fmt::join(words, ", ")));
    return 0;
  }

  /// A value as the configuration would read it.
  template <class T>
  std::optional<T> value(const OptionSpec& spec) {
    if (!given_.has(spec.key)) return std::nullopt;
    const auto read = parse_value(spec, given_.text(spec.key));
    if (!read) {
      refuse(spec.key, read.error());
      return std::nullopt;
    }
    return std::get<T>(*read);
  }

  std::optional<double> number(std::string_view option, double least, double most) {
    return value<double>(
        {.key = option, .type = OptionType::kNumber, .least = least, .most = most});
  }
  std::optional<std::int64_t> integer(std::string_view option, double least, double most) {
    return value<std::int64_t>(
        {.key = option, .type = OptionType::kInteger, .least = least, .most = most});
  }

  /// What a parser of a room makes of the text.
  template <class T, class Parser>
  void parsed(std::string_view option, T& into, Parser parser) {
    if (!given_.has(option)) return;
    auto result = parser(given_.text(option));
    if (result) {
      into = std::move(*result);
    } else if constexpr (requires { result.error().context; }) {
      const Error& error = result.error();
      const bool is_named = error.what == fmt::format("--{}:", option);
      refuse(option, is_named ? error.context : describe(error));
    } else {
      refuse(option, result.error());
    }
  }

  void read_output();
  void read_input();
  void read_time(std::string_view option, std::optional<std::int64_t>& into);
  void read_part();
  void read_values();
  void read_renormalise();
  void read_images();
  void read_image_names();
  void read_kymograph();
  void read_composite();
  void read_picture();
  struct End {
    ContrastRequest::Kind kind{};
    std::optional<double> number;
  };

  std::optional<End> read_end(std::string_view option);
  /// --zmin and --zmax: a stack's limits, each found in its way.
  void read_contrast_ends();
  void read_drawing();
  void read_movie();
  void read_work();
  /// Nothing that was asked for is left out silently.
  void refuse_unmeant();
  void refuse_other_formats();
  /// What stands beside --list-images or --preview without a meaning.
  void refuse_beside(std::string_view option);
  /// Of --to, or what is written without it.
  [[nodiscard]] std::vector<std::string> formats_meant() const;
  /// With --images raw: what keeps no values shows them.
  [[nodiscard]] bool any_is_displayed() const;
  /// One of the formats, parted by blanks, has to be there; `value` is put into the message.
  void need_format(std::string_view option, std::string_view allowed, bool is_of_pictures,
                   std::string_view value);
  void need(std::string_view option, bool is_there, std::string_view what);

  const GivenOptions& given_;
  std::int64_t now_;
  ExportCall call_;
  std::string fault_;
};

}  // namespace framelog
