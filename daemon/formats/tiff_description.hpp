#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/frame.hpp"
#include "core/option.hpp"

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
  /// y, x of a pixel; unit empty: not told. Of ImageJ only its unit, which is that of the TIFF's
  /// resolution.
  std::array<Length, 2> pixel_size;
  std::optional<std::string> imagej_unit;
  std::int64_t start_utc_ns{-1};     ///< OME: AcquisitionDate.
  std::optional<double> interval_s;  ///< From frame to frame, where no times are.
  std::string title, channel;        ///< OME: names of image and channel.
};

/// `pages`: of the file, which bounds what is kept of the planes that the text tells of. Threads:
/// any.
[[nodiscard]] TiffDescription parse_tiff_description(std::string_view text, std::uint64_t pages);

}  // namespace framelog
