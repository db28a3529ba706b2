#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command/option_table.hpp"
#include "export/exporter.hpp"

namespace framelog {

/// What `framelog export` was called with.
struct ExportCall {
  ExportRequest request;
  std::filesystem::path jobs;     ///< Of --jobs; empty: not given.
  std::uint32_t split{};          ///< Of --split; 0: not given.
  std::filesystem::path preview;  ///< Of --preview; empty: not given.
  bool all{};
  bool delete_earlier{};
  bool yes{};
  bool dry_run{};
  bool list_images{};
  bool json{};
};

/// Every option of `framelog export`, in the order of its help.
[[nodiscard]] std::span<const OptionRow> export_options() noexcept;

/// What the words mean. `utc_ns` is now, for times such as "2 h ago". The error, one line, names
/// the option and what is allowed. `usual`: what is written without --to.
[[nodiscard]] std::expected<ExportCall, std::string> read_export(
    const GivenOptions& given, std::int64_t utc_ns, std::vector<std::string> usual = {});

/// "BF disc outer=12; ADF annulus inner=20 outer=40 center=63.5,63.5; R rectangle y=0:8 x=0:8", in
/// pixels; without a centre it is the middle of the frame, and stands here as NaN.
[[nodiscard]] std::expected<std::vector<DetectorSpec>, std::string> read_detectors(
    std::string_view text);
/// "red", "#ff8000"
[[nodiscard]] std::expected<Rgb, std::string> read_colour(std::string_view text);
/// "auto", "per-frame", "none", "percentile", "percentile 2 98" or "0, 4095".
[[nodiscard]] std::expected<ContrastRequest, std::string> read_contrast(std::string_view text);
/// SOURCE_DATE_EPOCH where it is set, else `utc_ns`.
[[nodiscard]] std::expected<std::int64_t, std::string> time_of_export(std::int64_t utc_ns);

}  // namespace framelog
