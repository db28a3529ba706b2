#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "core/file_system.hpp"
#include "core/result.hpp"

namespace framelog {

/// A dark, a flat or a mask.
struct CalibrationImage {
  std::uint32_t height_px{};
  std::uint32_t width_px{};
  std::vector<double> values;  ///< Rows in order.
  std::uint64_t frames{};      ///< That were averaged.
  std::filesystem::path path;  ///< The file, without a dataset.
};

/// Reads `source`, "FILE" or "FILE::DATASET" (for HDF5), in any format that can be replayed; of
/// several frames the mean. Errors: those of the format, kCorrupt for a frame that does not fit its
/// checksum.
[[nodiscard]] Result<CalibrationImage> read_calibration(FileSystem& files, std::string_view source);

}  // namespace framelog
