#include "drivers/v4l2_controls.hpp"

#include <fmt/format.h>
#include <linux/videodev2.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "core/option.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

constexpr std::size_t kMostControls = 4096;  // Some drivers forget to end their list.
constexpr std::int64_t kMostItems = 1024;
constexpr std::uint32_t kMostTextBytes = 65536;
constexpr std::int64_t kExposureUnitNs = 100'000;  // Of V4L2_CID_EXPOSURE_ABSOLUTE.

ControlKind kind_of(const v4l2_query_ext_ctrl& told) {
  if (told.type == V4L2_CTRL_TYPE_STRING) return ControlKind::kText;
  if (told.nr_of_dims != 0 || (told.flags & V4L2_CTRL_FLAG_HAS_PAYLOAD) != 0) {
    return ControlKind::kOther;
  }
  switch (told.type) {
    case V4L2_CTRL_TYPE_INTEGER:
    case V4L2_CTRL_TYPE_INTEGER64:
      return ControlKind::kInteger;
    case V4L2_CTRL_TYPE_BOOLEAN:
      return ControlKind::kBoolean;
    case V4L2_CTRL_TYPE_MENU:
      return ControlKind::kMenu;
    case V4L2_CTRL_TYPE_INTEGER_MENU:
      return ControlKind::kNumberMenu;
    case V4L2_CTRL_TYPE_BITMASK:
      return ControlKind::kBits;
    case V4L2_CTRL_TYPE_BUTTON:
      return ControlKind::kButton;
    default:
      return ControlKind::kOther;
  }
}

template <class Bytes>
std::string text_of(const Bytes& bytes) {
  const auto* begin = reinterpret_cast<const char*>(&bytes);
  return {begin, std::find(begin, begin + sizeof bytes, '\0')};
}

void add_items(const VideoDevice& device, VideoControl& control) {
  for (std::int64_t i = control.least; i <= std::min(control.most, control.least + kMostItems);
       ++i) {
    v4l2_querymenu item{};
    item.id = control.id;
    item.index = static_cast<__u32>(i);
    if (device.call(VIDIOC_QUERYMENU, &item) != 0) continue;  // Menus have holes.
    control.items.emplace_back(i, control.kind == ControlKind::kMenu ? one_line(text_of(item.name))
                                                                     : std::to_string(item.value));
  }
}

VideoControl control_of(const VideoDevice& device, const v4l2_query_ext_ctrl& told) {
  VideoControl control;
  control.id = told.id;
  control.name = control_name(text_of(told.name));
  control.kind = kind_of(told);
  control.least = told.minimum;
  control.most = told.maximum;
  control.element_bytes = std::min(told.elem_size, kMostTextBytes);
  control.wide = told.type == V4L2_CTRL_TYPE_INTEGER64;
  control.read_only = (told.flags & V4L2_CTRL_FLAG_READ_ONLY) != 0;
  control.changes_layout = (told.flags & V4L2_CTRL_FLAG_MODIFY_LAYOUT) != 0;
  control.write_only = (told.flags & V4L2_CTRL_FLAG_WRITE_ONLY) != 0;
  if (control.kind == ControlKind::kBits) control.most &= 0xFFFFFFFF;
  if (control.kind == ControlKind::kMenu || control.kind == ControlKind::kNumberMenu) {
    add_items(device, control);
  }
  return control;
}

int call_one(const VideoDevice& device, unsigned long request, v4l2_ext_control& control) {
  v4l2_ext_controls all{};
  all.which = V4L2_CTRL_WHICH_CUR_VAL;
  all.count = 1;
  all.controls = &control;
  return device.call(request, &all);
}

Result<void> set_control(const VideoDevice& device, const VideoControl& control,
                         const std::string& written) {
  auto value = control_value(control, written);
  if (!value) {
    value.error().context = fmt::format("{}: {}", control.name, describe(value.error()));
    value.error().what = "control";
    return std::unexpected(std::move(value.error()));
  }
  v4l2_ext_control call{};
  call.id = control.id;
  if (auto* text = std::get_if<std::string>(&*value)) {
    text->resize(std::max<std::size_t>(control.element_bytes, text->size() + 1));
    call.string = text->data();
    call.size = static_cast<__u32>(text->size());
  } else if (control.wide) {
    call.value64 = std::get<std::int64_t>(*value);
  } else {
    call.value = static_cast<__s32>(std::get<std::int64_t>(*value));
  }
  const int result = call_one(device, VIDIOC_S_EXT_CTRLS, call);
  if (result == 0) return {};
  if (result == -EBUSY) return fail_errno(EBUSY, "the camera is in use, control", control.name);
  return fail_errno(-result, "the camera refuses the control",
                    fmt::format("{} = {} ({})", control.name, written, control_text(control)));
}

std::unexpected<Error> unknown(std::span<const VideoControl> controls, const std::string& name) {
  std::vector<std::string_view> names;
  std::string list;
  for (const VideoControl& control : controls) {
    if (control.kind == ControlKind::kButton || control.kind == ControlKind::kOther) continue;
    names.push_back(control.name);
    list += (list.empty() ? "" : "; ") + control_text(control);
  }
  const std::string near = nearest_word(name, names);
  return fail(ErrorCode::kInvalid, "the camera has no control",
              fmt::format("{} ({}it has {})", in_quotes(name),
                          near.empty() ? "" : fmt::format("did you mean {}? ", near),
                          list.empty() ? "none" : list));
}

bool is_switch(const VideoControl& control) {
  return control.kind == ControlKind::kBoolean || control.kind == ControlKind::kMenu;
}

/// Absent where the camera does not tell.
std::optional<ControlValue> read_control(const VideoDevice& device, const VideoControl& control) {
  v4l2_ext_control call{};
  call.id = control.id;
  std::string text;
  if (control.kind == ControlKind::kText) {
    text.resize(control.element_bytes);
    call.string = text.data();
    call.size = control.element_bytes;
  }
  if (call_one(device, VIDIOC_G_EXT_CTRLS, call) != 0) return std::nullopt;
  if (control.kind == ControlKind::kText) return std::string(text.c_str());
  if (control.kind == ControlKind::kBits) return std::int64_t{static_cast<__u32>(call.value)};
  return control.wide ? std::int64_t{call.value64} : std::int64_t{call.value};
}

std::string text_of_value(const VideoControl& control, const ControlValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return one_line(*text);
  const auto number = std::get<std::int64_t>(value);
  if (control.kind == ControlKind::kBits) {
    return fmt::format("{:#x}", static_cast<std::uint64_t>(number));
  }
  for (const auto& [index, name] : control.items) {
    if (index == number) return fmt::format("{} ({})", index, name);
  }
  return std::to_string(number);
}

}  // namespace

std::vector<VideoControl> list_controls(const VideoDevice& device) {
  std::vector<VideoControl> controls;
  v4l2_query_ext_ctrl told{};
  constexpr std::uint32_t kNext = V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND;
  std::uint32_t last = 0;
  for (std::size_t i = 0; i < kMostControls; ++i) {
    told = {};
    told.id = last | kNext;
    if (device.call(VIDIOC_QUERY_EXT_CTRL, &told) != 0 || told.id <= last) break;
    last = told.id;
    const bool there = (told.flags & V4L2_CTRL_FLAG_DISABLED) == 0;
    if (there && told.type != V4L2_CTRL_TYPE_CTRL_CLASS) {
      controls.push_back(control_of(device, told));
    }
  }
  return controls;
}

Result<void> set_controls(const VideoDevice& device, std::span<const VideoControl> controls,
                          std::span<const std::pair<std::string, std::string>> wanted,
                          ControlTime time) {
  const bool layout = time == ControlTime::kBeforeFormat;
  for (const bool switches : {true, false}) {
    for (const auto& [name, text] : wanted) {
      const auto control = std::ranges::find(controls, name, &VideoControl::name);
      if (control == controls.end()) return unknown(controls, name);
      if (is_switch(*control) != switches || control->changes_layout != layout) continue;
      if (auto set = set_control(device, *control, text); !set) return set;
    }
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> read_controls(
    const VideoDevice& device, std::span<const VideoControl> controls) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const VideoControl& control : controls) {
    const bool readable = control.kind != ControlKind::kButton &&
                          control.kind != ControlKind::kOther && !control.write_only;
    if (!readable) continue;
    if (const auto value = read_control(device, control)) {
      values.emplace_back("control." + control.name, text_of_value(control, *value));
    }
  }
  return values;
}

std::int64_t exposure_ns(const VideoDevice& device, std::span<const VideoControl> controls) {
  const auto mode = std::ranges::find(controls, V4L2_CID_EXPOSURE_AUTO, &VideoControl::id);
  if (mode != controls.end()) {
    const auto chosen = read_control(device, *mode);
    const bool fixed =
        chosen && (*chosen == ControlValue(std::int64_t{V4L2_EXPOSURE_MANUAL}) ||
                   *chosen == ControlValue(std::int64_t{V4L2_EXPOSURE_SHUTTER_PRIORITY}));
    if (!fixed) return -1;
  }
  const auto time = std::ranges::find(controls, V4L2_CID_EXPOSURE_ABSOLUTE, &VideoControl::id);
  if (time == controls.end()) return -1;
  const auto value = read_control(device, *time);
  const auto* units = value ? std::get_if<std::int64_t>(&*value) : nullptr;
  return units != nullptr && *units > 0 ? *units * kExposureUnitNs : -1;
}

}  // namespace framelog
