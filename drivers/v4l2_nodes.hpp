#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "drivers/drivers.hpp"
#include "drivers/v4l2_calls.hpp"

namespace framelog {

/// Where the device nodes and what the kernel knows of them are; tests have their own.
struct VideoPlaces {
  std::filesystem::path devices{"/dev"};
  std::filesystem::path system{"/sys"};
};

/// A connected camera's capture node.
struct VideoNode {
  std::string path;   ///< "/dev/video0"
  std::string by_id;  ///< The name that stays over replugging; empty where there is none.
  std::string card;
  std::string bus;
  std::string driver;
  bool in_use{};
  bool denied{};  ///< It could not be asked: only the path is known.
};

/// The nodes that deliver pictures, by their numbers. Threads: any. Errors: kIo.
[[nodiscard]] Result<std::vector<VideoNode>> list_video_nodes(const VideoCalls& calls,
                                                              const VideoPlaces& places);
/// The path of a node for what a user wrote: a path as it is; otherwise the name of a card or its
/// bus, which exactly one camera has to have. Errors: kNotFound with what there is, kInvalid where
/// several have it.
[[nodiscard]] Result<std::string> find_video_node(const VideoCalls& calls,
                                                  const VideoPlaces& places,
                                                  const std::string& device);
/// For `framelog devices`.
[[nodiscard]] Result<std::vector<FoundInstrument>> find_cameras(const VideoCalls& calls,
                                                                const VideoPlaces& places);

/// What the USB device behind a node calls itself; empty where it is none.
struct UsbIdentity {
  std::string manufacturer;
  std::string serial;
  std::string release;  ///< bcdDevice, as cameras number their firmware.
};
[[nodiscard]] UsbIdentity usb_identity(const VideoPlaces& places, const std::string& path);

}  // namespace framelog
