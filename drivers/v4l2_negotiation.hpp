#pragma once

#include <cstdint>
#include <optional>

#include "core/option.hpp"
#include "core/result.hpp"
#include "drivers/v4l2_device.hpp"
#include "drivers/v4l2_format.hpp"

namespace framelog {

/// What a user wants of the pictures; what is absent is left to the camera.
struct VideoWishes {
  std::optional<std::uint32_t> fourcc;  ///< Absent: the best one that the camera has.
  std::optional<std::uint32_t> width_px;
  std::optional<std::uint32_t> height_px;
  std::optional<double> rate_hz;
  std::optional<RegionSpec> crop;
};

struct NegotiatedVideo {
  const VideoFormat* format{};
  std::uint32_t width_px{};
  std::uint32_t height_px{};
  std::size_t bytes_per_line{};
  std::optional<double> rate_hz;
  std::optional<Region> crop;  ///< Absent where the camera does not tell.
};

/// Agrees with the camera. Errors: kUnsupported, kInvalid with what the camera offers; kBusy.
[[nodiscard]] Result<NegotiatedVideo> negotiate(const VideoDevice& device,
                                                const VideoWishes& wishes);

}  // namespace framelog
