#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "formats/raw_description.hpp"

/// Private to the tiff_*.cpp files of this folder: what a TIFF that we record tells of itself as
/// JSON, as the NAME.json beside a RAW does.
namespace framelog::tiff {

inline constexpr std::string_view kFormatName = "framelog-tiff";

/// What the texts for other programs are made of.
struct About {
  std::string program_version;
  std::string instrument, product, title, notes, operator_name, sample, channel;
  std::string detector_model, serial_number;
  std::optional<std::pair<double, double>> pixel_um;  ///< y, x.
  std::optional<int> significant_bits;
};

/// What stands in the head of the file while it is recorded.
[[nodiscard]] std::string start_account(const SegmentDescription& description);
/// The same for the finished file, without the provenance, which has a tag of its own. Errors:
/// kCorrupt.
[[nodiscard]] Result<std::string> complete_account(std::string_view started, std::int64_t frames,
                                                   const SegmentEnd& end);
/// Errors: kCorrupt.
[[nodiscard]] Result<About> read_about(std::string_view started);

struct AccountFacts {
  raw::Facts facts;
  std::optional<Scan> scan;
};
/// Of either. Errors: kCorrupt.
[[nodiscard]] Result<AccountFacts> read_account(std::string_view text);

}  // namespace framelog::tiff
