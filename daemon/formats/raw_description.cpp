#include "formats/raw_description.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/clock.hpp"
#include "core/iso_time.hpp"
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

Json scan_json(const SegmentDescription& d) {
  return {{"rows", d.scan->rows},
          {"columns", d.scan->columns},
          {"flyback", d.scan->flyback},
          {"first_number", d.scan->first_number},
          {"step", lengths(d.scan_step)}};
}

/// What is told for people and other programs.
void add_about(Json& json, const SegmentDescription& d) {
  json["program_version"] = d.program_version;
  json["notes"] = d.notes;
  json["operator"] = d.operator_name;
  json["sample"] = d.sample;
  json["channel"] = d.channel;
  json["detector"] = {{"description", d.detector_description},
                      {"model", d.detector_model},
                      {"serial_number", d.serial_number}};
  if (d.bit_depth) json["detector"]["bit_depth"] = *d.bit_depth;
  if (d.saturation) json["detector"]["saturation"] = *d.saturation;
  if (d.scan) json["scan"] = scan_json(d);
}

std::string text_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<Length> lengths_of(const Json& json) {
  std::vector<Length> values;
  for (const Json& one : json) values.push_back({one.at("value"), one.at("unit")});
  return values;
}

void read_calibration(const Json& json, SegmentDescription& d) {
  d.pixel_size = lengths_of(json.at("pixel_size_of_source"));
  const Json& origin = json.at("roi_origin_yx");
  const Json& size = json.at("roi_size_yx");
  d.region.y_start = origin.at(0);
  d.region.x_start = origin.at(1);
  d.region.y_stop = d.region.y_start + size.at(0).get<std::uint32_t>();
  d.region.x_stop = d.region.x_start + size.at(1).get<std::uint32_t>();
  d.bin = {json.at("binning_yx").at(0), json.at("binning_yx").at(1)};
  d.bin_mode = json.at("binning_mode");
  d.value_unit = json.at("value_unit");
}

void read_scan(const Json& json, SegmentDescription& d) {
  const Scan scan{json.at("rows"), json.at("columns"), json.at("flyback"), json.at("first_number")};
  if (scan.rows == 0 || scan.columns == 0) return;
  d.scan = scan;
  if (json.contains("step")) d.scan_step = lengths_of(json.at("step"));
}

void read_detector(const Json& json, SegmentDescription& d) {
  d.detector_description = text_in(json, "description");
  d.detector_model = text_in(json, "model");
  d.serial_number = text_in(json, "serial_number");
  if (json.contains("bit_depth")) d.bit_depth = json.at("bit_depth").get<int>();
  if (json.contains("saturation")) d.saturation = json.at("saturation").get<double>();
}

/// What earlier versions, and other programs, leave out stays empty.
SegmentDescription about_of(const Json& json, const FrameShape& shape) {
  SegmentDescription d;
  d.shape = shape;
  d.program_version = text_in(json, "program_version");
  d.instrument = text_in(json, "instrument");
  d.product = text_in(json, "product");
  d.title = text_in(json, "title");
  d.notes = text_in(json, "notes");
  d.operator_name = text_in(json, "operator");
  d.sample = text_in(json, "sample");
  d.channel = text_in(json, "channel");
  if (json.contains("segment")) d.segment_number = json.at("segment");
  if (json.contains("run")) {
    d.run_uuid = text_in(json.at("run"), "uuid");
    d.run_number = json.at("run").value("number", std::int64_t{0});
    // The text ends with microseconds; earlier versions have it alone.
    d.run_start_utc_ns = json.at("run").value(
        "start_utc_ns", utc_of_iso(text_in(json.at("run"), "start")).value_or(0));
    d.run_start_monotonic_ns = json.at("run").value("start_monotonic_ns", std::int64_t{0});
  }
  if (json.contains("calibration")) read_calibration(json.at("calibration"), d);
  if (json.contains("detector")) read_detector(json.at("detector"), d);
  if (json.contains("scan")) read_scan(json.at("scan"), d);
  return d;
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
  facts.about = about_of(json, facts.shape);
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
                 {"start_utc_ns", d.run_start_utc_ns},
                 {"start_monotonic_ns", d.run_start_monotonic_ns}};
  json["segment"] = d.segment_number;
  json["calibration"] = {{"pixel_size_of_source", lengths(d.pixel_size)},
                         {"roi_origin_yx", {d.region.y_start, d.region.x_start}},
                         {"roi_size_yx", {d.region.height_px(), d.region.width_px()}},
                         {"binning_yx", {d.bin.rows, d.bin.columns}},
                         {"binning_mode", d.bin_mode},
                         {"value_unit", d.value_unit}};
  json["steps"] = steps_of(d);
  add_about(json, d);
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
