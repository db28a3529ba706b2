#include "export/write_bundle.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace framelog {
namespace {

nlohmann::ordered_json of_frame(const RecordingFacts& recording, const ResultSlice& slice) {
  auto json = nlohmann::ordered_json::object();
  const auto& told = recording.frame_metadata;
  if (slice.frame < told.size()) {
    auto parsed = nlohmann::ordered_json::parse(told[slice.frame], nullptr, false);
    if (parsed.is_object()) json = std::move(parsed);
    json.erase("lost_before");  // Of the frames that are in the result.
  } else {
    const FrameInfo& info = slice.note.info;
    json["sequence"] = info.sequence;
    if (info.source_sequence != info.sequence) json["source_sequence"] = info.source_sequence;
    if (info.utc_ns >= 0) json["utc_ns"] = info.utc_ns;
    if (info.device_ns >= 0) json["device_ns"] = info.device_ns;
    if (info.exposure_ns >= 0) json["exposure_ns"] = info.exposure_ns;
    if (info.gpio != 0) json["gpio"] = info.gpio;
    if (info.flags != 0) json["flags"] = info.flags;
    if (slice.note.accumulated != 1) json["accumulated"] = slice.note.accumulated;
  }
  if (slice.note.lost_before != 0) json["lost_before"] = slice.note.lost_before;
  return json;
}

nlohmann::ordered_json of_no_frame() {
  return {{"flags", std::uint32_t{kFlagIncomplete}}, {"accumulated", 0}};
}

}  // namespace

double pixel_size_nm(const ResultFacts& result) {
  return length_in(result.pixel_size[1], "nm").value_or(1.0);
}

std::string bundle_channel(const RecordingFacts& recording) {
  if (!recording.channel.empty()) return recording.channel;
  return recording.product.empty() ? "frames" : recording.product;
}

std::string layer_name(const LayerFacts& layer, std::string_view separator) {
  return std::string(layer.is_mask ? "masks" : "processed") + std::string(separator) + layer.name;
}

std::string FrameMetadata::next(const ResultSlice& slice) {
  auto json = slice.missing ? of_no_frame() : of_frame(*plan_.recording, slice);
  const double seconds = times_.seconds(slice);
  const auto given = json.find("timestamp");
  if (given != json.end() && given->is_number()) {
    timestamp_ = given->get<double>();
  } else if (plan_.result->has_times && std::isnan(seconds)) {
    timestamp_ = seconds;
    json["timestamp"] = nullptr;
  } else {
    timestamp_ = std::isnan(seconds) ? static_cast<double>(slice.index) : seconds;
    json["timestamp"] = timestamp_;
  }
  const std::string text =
      (first_ ? "[" : ", ") +
      json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  first_ = false;
  return text;
}

}  // namespace framelog
