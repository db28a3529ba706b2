#pragma once

#include "drivers/aravis.hpp"
#include "drivers/aravis_find.hpp"
#include "drivers/camera_pixels.hpp"
#include "drivers/frame_numbers.hpp"

namespace framelog {

/// What a camera was set to send.
struct CameraSetup {
  CameraLayout layout;
  std::size_t payload_bytes{};  ///< Of a whole buffer, chunk data and all.
  FrameIds ids{};
  bool has_exposure_chunk{};
  std::int64_t exposure_ns{-1};  ///< As set; -1 where it is automatic or unknown.
};

/// Sets all that is asked for, in a fixed order, each value checked before it is set. Errors:
/// kInvalid with what is allowed, kUnsupported (pixels or payload that are not recorded), else as
/// Failure. Threads: one at a time per camera.
[[nodiscard]] Result<CameraSetup> set_up_camera(const OpenedCamera& opened,
                                                const AravisConfig& config);

/// What the camera says of itself, read back after it was set.
[[nodiscard]] SourceInfo describe_camera(const OpenedCamera& opened, const AravisConfig& config,
                                         const CameraSetup& setup);

}  // namespace framelog
