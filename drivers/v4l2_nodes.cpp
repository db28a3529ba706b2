#include "drivers/v4l2_nodes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include "core/text.hpp"
#include "drivers/v4l2_device.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

/// N of "videoN".
std::optional<int> number_of(const std::string& name) {
  constexpr std::string_view kKind = "video";
  if (!name.starts_with(kKind)) return std::nullopt;
  int number = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + kKind.size(), end, number);
  return error == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

std::string by_id_of(const VideoPlaces& places, const fs::path& node) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(places.devices / "v4l/by-id", error), end;
       !error && entry != end; entry.increment(error)) {
    std::error_code gone;
    if (fs::equivalent(entry->path(), node, gone)) names.push_back(entry->path().string());
  }
  return names.empty() ? std::string() : *std::ranges::min_element(names);
}

/// Absent where it does not capture, or is none of V4L2's.
std::optional<VideoNode> ask(const VideoCalls& calls, const VideoPlaces& places,
                             const fs::path& path) {
  VideoNode node;
  node.path = path.string();
  const auto device = VideoDevice::open(calls, node.path);
  if (device) {
    const VideoIdentity& identity = device->identity();
    if (!identity.captures) return std::nullopt;
    node.card = identity.card;
    node.bus = identity.bus;
    node.driver = identity.driver;
    node.in_use = device->in_use();
  } else if (device.error().code == ErrorCode::kDenied) {
    node.denied = true;
  } else if (device.error().code == ErrorCode::kBusy) {
    node.in_use = true;
  } else {
    return std::nullopt;
  }
  node.by_id = by_id_of(places, path);
  return node;
}

const std::string& best_name(const VideoNode& node) {
  return node.by_id.empty() ? node.path : node.by_id;
}

std::string list_text(const std::vector<VideoNode>& nodes) {
  std::string text;
  for (const VideoNode& node : nodes) {
    text += fmt::format("{}{} is {}, {}", text.empty() ? "" : "; ", best_name(node),
                        node.card.empty() ? "unknown" : node.card, node.bus);
  }
  return text.empty() ? "no camera is connected" : text;
}

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return one_line(trim(line));
}

}  // namespace

Result<std::vector<VideoNode>> list_video_nodes(const VideoCalls& calls,
                                                const VideoPlaces& places) {
  std::vector<int> numbers;
  std::error_code error;
  for (fs::directory_iterator entry(places.devices, error), end; !error && entry != end;
       entry.increment(error)) {
    if (const auto number = number_of(entry->path().filename().string())) {
      numbers.push_back(*number);
    }
  }
  if (error) return fail_errno(error.value(), "cannot list", places.devices.string());
  std::ranges::sort(numbers);
  std::vector<VideoNode> nodes;
  for (const int number : numbers) {
    auto node = ask(calls, places, places.devices / fmt::format("video{}", number));
    if (node) nodes.push_back(std::move(*node));
  }
  return nodes;
}

Result<std::string> find_video_node(const VideoCalls& calls, const VideoPlaces& places,
                                    const std::string& device) {
  if (device.starts_with('/')) return device;
  auto nodes = list_video_nodes(calls, places);
  if (!nodes) return std::unexpected(std::move(nodes.error()));
  std::vector<VideoNode> found;
  std::ranges::copy_if(*nodes, std::back_inserter(found), [&](const VideoNode& node) {
    return node.card == device || node.bus == device;
  });
  if (found.empty()) {
    return fail(ErrorCode::kNotFound, "no camera is called",
                fmt::format("{} ({})", in_quotes(device), list_text(*nodes)));
  }
  if (found.size() > 1) {
    return fail(ErrorCode::kInvalid, "several nodes are called",
                fmt::format("{} ({})", in_quotes(device), list_text(found)));
  }
  return found.front().path;
}

Result<std::vector<FoundInstrument>> find_cameras(const VideoCalls& calls,
                                                  const VideoPlaces& places) {
  auto nodes = list_video_nodes(calls, places);
  if (!nodes) return std::unexpected(std::move(nodes.error()));
  std::vector<FoundInstrument> found;
  for (const VideoNode& node : *nodes) {
    FoundInstrument instrument;
    instrument.description = node.card.empty() ? "a camera at " + node.path
                                               : fmt::format("{} at {} ({}, {})", node.card,
                                                             node.path, node.driver, node.bus);
    instrument.settings = {{"device", best_name(node)}};
    if (node.denied) {
      instrument.note = "no permission to open it (those of the group video have it)";
    } else if (node.in_use) {
      instrument.note = "in use by another program";
    }
    found.push_back(std::move(instrument));
  }
  return found;
}

UsbIdentity usb_identity(const VideoPlaces& places, const std::string& path) {
  std::error_code error;
  const fs::path node = fs::canonical(path, error);
  // The node's device is the interface of a USB device, which is the directory above.
  const fs::path interface =
      fs::canonical(places.system / "class/video4linux" / node.filename() / "device", error);
  if (error) return {};
  const fs::path usb = interface.parent_path();
  return {first_line(usb / "manufacturer"), first_line(usb / "serial"),
          first_line(usb / "bcdDevice")};
}

}  // namespace framelog
