#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/frame.hpp"

namespace framelog {

/// What the ImageDescription of a TIFF's first page tells, if OME-XML (the 2016-06 schema and those
/// before) or ImageJ wrote it. Nothing of it is trusted: what makes no sense is not told.
struct TiffDescription {
  std::string writer;             ///< "OME-TIFF", "ImageJ TIFF" or "TIFF".
  std::optional<PixelType> type;  ///< OME: of the pixels, where this program has it.
  std::optional<int> bit_depth;   ///< OME: SignificantBits.
  std::optional<std::uint64_t> width_px;
  std::optional<std::uint64_t> height_px;
  std::uint64_t channels{1};
  std::uint64_t imagej_images{};          ///< ImageJ: frames behind the one directory; 0: not told.
  std::vector<std::int64_t> delta_ns;     ///< OME: DeltaT of each page; empty unless all have one.
  std::vector<std::int64_t> exposure_ns;  ///< OME: of each page, -1: not told; or empty.
  std::vector<std::pair<std::string, std::string>> settings;
};

/// `pages`: of the file, which bounds what is kept of the planes that the text tells of. Threads:
/// any.
[[nodiscard]] TiffDescription parse_tiff_description(std::string_view text, std::uint64_t pages);

}  // namespace framelog
