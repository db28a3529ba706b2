#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "formats/segment.hpp"

/// Private to the raw_*.cpp and tiff_*.cpp files of this folder: the NAME.json beside a RAW, and
/// the same within a TIFF.
namespace framelog::raw {

/// What the sidecar says while recording, as JSON text. `file_name` is that of the .raw.
[[nodiscard]] std::string describe(const SegmentDescription& description);

/// The same text completed for `frames` frames.
[[nodiscard]] Result<std::string> complete(std::string_view started, std::int64_t frames,
                                           const SegmentEnd& end);

struct Facts {
  FrameShape shape;
  bool big_endian{};
  bool finished{};
  std::int64_t frames{-1};  ///< -1: not told yet.
  std::string provenance_json;
  std::vector<GapEntry> gaps;
  std::optional<Accounting> accounting;
  SegmentDescription about;  ///< As far as it tells; the rest is empty.
};
inline constexpr std::string_view kFormat = "framelog-raw";
/// `format` is what it has to call itself. Errors: kCorrupt with what is wrong.
[[nodiscard]] Result<Facts> read(std::string_view text, std::string_view format = kFormat);

}  // namespace framelog::raw
