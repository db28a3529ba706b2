#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.hpp"
#include "drivers/v4l2_device.hpp"

namespace framelog {

enum class ControlKind : std::uint8_t {
  kInteger,
  kBoolean,
  kMenu,
  kNumberMenu,  ///< Its items are numbers.
  kBits,
  kText,
  kButton,
  kOther,  ///< Arrays and structures.
};

/// A knob of a camera, as VIDIOC_QUERY_EXT_CTRL describes it.
struct VideoControl {
  std::uint32_t id{};
  std::string name;  ///< As v4l2-ctl spells it: "exposure_time_absolute".
  ControlKind kind{};
  std::int64_t least{};
  std::int64_t most{};  ///< Of a text: characters.
  std::uint32_t element_bytes{};
  bool wide{};  ///< 64 bit.
  bool read_only{};
  bool changes_layout{};  ///< Turns or mirrors the picture: no business of a chosen format.
  bool write_only{};
  std::vector<std::pair<std::int64_t, std::string>> items;  ///< Of a menu.
};
using ControlValue = std::variant<std::int64_t, std::string>;

/// "Exposure Time, Absolute" becomes "exposure_time_absolute".
[[nodiscard]] std::string control_name(std::string_view told);
/// What it takes, for people: "gain 0..255", "power_line_frequency 0 Disabled, 1 50 Hz".
[[nodiscard]] std::string control_text(const VideoControl& control);
/// Reads what a user wrote for it. Errors: kInvalid, with what is allowed.
[[nodiscard]] Result<ControlValue> control_value(const VideoControl& control,
                                                 std::string_view text);

/// Wrappers of linux/videodev2.h. Threads: one at a time.
[[nodiscard]] std::vector<VideoControl> list_controls(const VideoDevice& device);
enum class ControlTime : std::uint8_t {
  kBeforeFormat,  ///< Those that change the layout of pictures.
  kAfterFormat,   ///< The rest, whose ranges may depend on the format.
};
/// Sets those of `wanted` (name, text) whose time it is: switches and menus before the rest,
/// because manual modes make other controls work. Errors: kInvalid with the names there are; what
/// the camera refuses.
[[nodiscard]] Result<void> set_controls(const VideoDevice& device,
                                        std::span<const VideoControl> controls,
                                        std::span<const std::pair<std::string, std::string>> wanted,
                                        ControlTime time);
/// What all that can be read are set to: {"control.gain", "32"}, menus as "1 (Manual Mode)".
[[nodiscard]] std::vector<std::pair<std::string, std::string>> read_controls(
    const VideoDevice& device, std::span<const VideoControl> controls);
/// Exposure of each frame where it is fixed, or -1.
[[nodiscard]] std::int64_t exposure_ns(const VideoDevice& device,
                                       std::span<const VideoControl> controls);

}  // namespace framelog
