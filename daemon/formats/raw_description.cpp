#include "formats/raw_description.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/clock.hpp"
#include "formats/accounting_json.hpp"
#include "formats/numpy_type.hpp"

namespace framelog::raw {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kLongestSidePx = std::numeric_limits<std::uint32_t>::max();
// Ours have a handful of levels. The library walks down them by recursion when it writes.
constexpr int kDeepestLevel = 64;

bool refuse_depths(int depth, Json::parse_event_t /*event*/, Json& /*parsed*/) {
  if (depth > kDeepestLevel) throw std::invalid_argument("it is nested too deeply");
  return true;
}

Json lengths(const std::vector<Length>& values) {
  Json json = Json::array();
  for (const Length& length : values)
    json.push_back({{"value", length.value}, {"unit", length.unit}});
  return json;
}

Json steps_of(const SegmentDescription& d) {
  Json steps = Json::array();
  for (const ProcessStep& step : d.steps) {
    Json parameters = Json::object();
    for (const auto& [name, value] : step.parameters) {
      std::visit([&, &key = name](const auto& held) { parameters[key] = held; }, value);
    }
    steps.push_back({{"name", step.name}, {"parameters", parameters}});
  }
  return steps;
}

std::string python_line(const std::string& file, const Json& json) {
  return fmt::format("numpy.fromfile('{}', dtype='{}').reshape({}, {}, {})", file,
                     json["dtype"].get<std::string>(), json["shape"][0].get<std::int64_t>(),
                     json["shape"][1].get<std::int64_t>(), json["shape"][2].get<std::int64_t>());
}

Json gaps_json(const std::vector<GapEntry>& gaps) {
  Json json = Json::array();
  for (const GapEntry& gap : gaps) {
    json.push_back({{"after_sequence", gap.after_sequence},
                    {"frames", gap.frames},
                    {"duration_ns", gap.duration_ns},
                    {"stage", gap.stage},
                    {"reason", gap.reason}});
  }
  return json;
}

std::vector<GapEntry> gaps_of(const Json& json) {
  std::vector<GapEntry> gaps;
  for (const Json& gap : json) {
    gaps.push_back({gap.at("after_sequence"), gap.at("frames"), gap.at("duration_ns"),
                    gap.at("stage"), gap.at("reason")});
  }
  return gaps;
}

std::uint32_t side_of(const Json& json) {
  if (!json.is_number_unsigned() || json.get<std::uint64_t>() > kLongestSidePx) {
    throw std::invalid_argument("shape is not [n, y, x]");
  }
  return json.get<std::uint32_t>();
}

Facts facts_of(const Json& json, std::string_view format) {
  Facts facts;
  if (json.at("format") != format) {
    throw std::invalid_argument(fmt::format("format is not {}", format));
  }
  const auto type = parse_numpy_type(json.at("dtype").get<std::string>());
  if (!type) throw std::invalid_argument(type.error());
  const Json& shape = json.at("shape");
  if (shape.size() != 3) throw std::invalid_argument("shape is not [n, y, x]");
  facts.shape = {side_of(shape[1]), side_of(shape[2]), type->type};
  facts.big_endian = json.at("endianness") == "big";
  facts.finished = json.at("finished");
  facts.frames = shape[0];
  // Within a finished TIFF it stands beside.
  if (format == kFormat || json.contains("provenance")) {
    facts.provenance_json = json.at("provenance").dump();
  }
  if (json.contains("gaps")) facts.gaps = gaps_of(json.at("gaps"));
  if (json.contains("accounting")) {
    const auto accounting = read_accounting(json.at("accounting").dump());
    if (!accounting) throw std::invalid_argument("accounting is not as it should be");
    facts.accounting = *accounting;
  }
  return facts;
}

/// In columns: there can be many.
Json lines_json(const LineEdges& lines) {
  Json monotonic = Json::array();
  Json utc = Json::array();
  Json line = Json::array();
  Json active = Json::array();
  for (const LineEdge& edge : lines.edges) {
    monotonic.push_back(edge.monotonic_ns);
    utc.push_back(edge.utc_ns);
    line.push_back(edge.line);
    active.push_back(edge.active ? 1 : 0);
  }
  return {{"monotonic_ns", monotonic},
          {"utc_ns", utc},
          {"line", line},
          {"active", active},
          {"left_out", lines.left_out}};
}

}  // namespace

std::string describe(const SegmentDescription& d) {
  Json json{{"format", kFormat},
            {"version", 1},
            {"finished", false},
            {"shape", {-1, d.shape.height_px, d.shape.width_px}},
            {"dtype", numpy_type(d.shape.type, d.big_endian)},
            {"endianness", d.big_endian ? "big" : "little"},
            {"frame_bytes", size_bytes(d.shape)}};
  json["instrument"] = d.instrument;
  json["product"] = d.product;
  json["title"] = d.title;
  json["run"] = {{"uuid", d.run_uuid},
                 {"number", d.run_number},
                 {"start", iso_time(d.run_start_utc_ns)},
                 {"start_monotonic_ns", d.run_start_monotonic_ns}};
  json["segment"] = d.segment_number;
  json["calibration"] = {{"pixel_size_of_source", lengths(d.pixel_size)},
                         {"roi_origin_yx", {d.region.y_start, d.region.x_start}},
                         {"roi_size_yx", {d.region.height_px(), d.region.width_px()}},
                         {"binning_yx", {d.bin.rows, d.bin.columns}},
                         {"binning_mode", d.bin_mode},
                         {"value_unit", d.value_unit}};
  json["steps"] = steps_of(d);
  json["provenance"] = Json::parse(d.provenance_json, nullptr, false);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<std::string> complete(std::string_view started, std::int64_t frames, const SegmentEnd& end) {
  try {
    Json json = Json::parse(started);
    json["finished"] = true;
    json["shape"][0] = frames;
    json["file"] = end.file_name;
    const std::filesystem::path name(end.file_name);
    json["frames"] = name.stem().string() + ".frames";
    json["python"] = python_line(end.file_name, json);
    json["stop_reason"] = end.stop_reason;
    json["accounting"] = Json::parse(accounting_json(end.accounting));
    json["gaps"] = gaps_json(end.gaps);
    Json clock = Json::array();
    for (const ClockEntry& entry : end.clock) {
      clock.push_back({{"time", iso_time(entry.utc_ns)},
                       {"utc_minus_monotonic_ns", entry.utc_minus_monotonic_ns},
                       {"synchronised", entry.synchronised}});
    }
    json["clock"] = clock;
    Json events = Json::array();
    for (const EventEntry& event : end.events) {
      events.push_back({{"time", iso_time(event.utc_ns)}, {"text", event.text}});
      if (!event.author.empty()) events.back()["author"] = event.author;
    }
    json["events"] = events;
    Json environment = Json::array();
    for (const QuantityEntry& quantity : end.quantities) {
      environment.push_back({{"time", iso_time(quantity.utc_ns)},
                             {"key", quantity.key},
                             {"value", quantity.value},
                             {"unit", quantity.unit}});
    }
    json["environment"] = environment;
    if (!end.lines.edges.empty() || end.lines.left_out > 0) json["lines"] = lines_json(end.lines);
    json["provenance"] = Json::parse(end.provenance_json);
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  } catch (const std::exception& error) {
    return fail(ErrorCode::kCorrupt, "bad description of a segment:", error.what());
  }
}

Result<Facts> read(std::string_view text, std::string_view format) {
  try {
    return facts_of(Json::parse(text, refuse_depths), format);
  } catch (const std::exception& error) {
    return fail(ErrorCode::kCorrupt, "bad description of a segment:", error.what());
  }
}

}  // namespace framelog::raw
