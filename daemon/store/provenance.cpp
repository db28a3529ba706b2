#include "store/provenance.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "core/clock.hpp"
#include "core/version.hpp"
#include "formats/accounting_json.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace);
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// The board's name where the firmware tells it (device tree), else empty.
std::string board_name() {
  auto text = read_text(system_files(), "/proc/device-tree/model");
  if (!text) return "";
  return text->substr(0, text->find('\0'));
}

Json environment(const RunFacts& run) {
  utsname system{};
  ::uname(&system);
  return {{"host", host_name()},
          {"kernel", std::string(system.sysname) + " " + system.release},
          {"machine", system.machine},
          {"board", board_name()},
          {"clock_synchronised", run.clock_synchronised},
          {"program", "framelogd"},
          {"version", program_version()},
          {"git_commit", git_commit()},
          {"build", build_kind()}};
}

Json pairs(const std::vector<std::pair<std::string, std::string>>& values) {
  Json json = Json::object();
  for (const auto& [name, value] : values) json[name] = value;
  return json;
}

Json steps_of(const SegmentDescription& segment) {
  Json steps = Json::array();
  for (std::size_t i = 0; i < segment.steps.size(); ++i) {
    Json parameters = Json::object();
    for (const auto& [name, value] : segment.steps[i].parameters) {
      std::visit([&, &key = name](const auto& held) { parameters[key] = held; }, value);
    }
    steps.push_back({{"index", i + 1},
                     {"name", segment.steps[i].name},
                     {"params", parameters},
                     {"timestamp", iso_time(segment.run_start_utc_ns)},
                     {"step_type", "reduction"},
                     {"version", segment.program_version}});
  }
  return steps;
}

Json inputs_of(const RunFacts& run) {
  Json inputs = Json::array();
  for (const std::string& path : run.input_paths)
    inputs.push_back({{"path", path}, {"sha256", nullptr}});
  return inputs;
}

/// Whose level is which bit of each frame's `gpio`.
Json lines_of(const SegmentDescription& segment) {
  Json lines = Json::array();
  for (const LineDescription& line : segment.lines) {
    lines.push_back({{"bit", line.bit},
                     {"role", line.role},
                     {"line", line.line},
                     {"chip", line.chip.empty() ? Json(nullptr) : Json(line.chip)},
                     {"active_low", line.active_low}});
  }
  return lines;
}

Json events_of(const SegmentEnd& end) {
  Json events = Json::array();
  for (const EventEntry& event : end.events) {
    events.push_back({{"time", iso_time(event.utc_ns)}, {"text", event.text}});
    if (!event.author.empty()) events.back()["author"] = event.author;
  }
  return events;
}

Json time_or_null(std::int64_t utc_ns) {
  return utc_ns < 0 ? Json(nullptr) : Json(iso_time(utc_ns));
}

std::string text_at(const Json& json, const char* pointer) {
  const auto* found =
      json.contains(Json::json_pointer(pointer)) ? &json.at(Json::json_pointer(pointer)) : nullptr;
  return found != nullptr && found->is_string() ? found->get<std::string>() : "";
}

std::string step_text(const Json& step) {
  std::string text = text_at(step, "/name");
  for (const auto& [name, value] : step.at("params").items()) {
    text += " " + name + "=" + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

}  // namespace

std::string start_provenance(const RunFacts& run, const SegmentDescription& segment) {
  Json json;
  json["environment"] = environment(run);
  json["instrument"] = {{"name", segment.instrument}, {"product", segment.product},
                        {"driver", run.driver},       {"vendor", run.vendor},
                        {"model", run.model},         {"serial", run.serial},
                        {"firmware", run.firmware},   {"settings", pairs(run.device_settings)}};
  if (!segment.lines.empty()) json["instrument"]["lines"] = lines_of(segment);
  json["configuration"] = {{"text", segment.configuration},
                           {"sha256", segment.configuration_sha256},
                           {"origins", pairs(run.configuration_origins)}};
  json["files"] = {{"inputs", inputs_of(run)}, {"output", nullptr}};
  json["processing"]["steps"] = steps_of(segment);
  json["run"] = {{"uuid", segment.run_uuid},
                 {"number", segment.run_number},
                 {"start", iso_time(segment.run_start_utc_ns)},
                 {"stop", nullptr},
                 {"stop_reason", nullptr},
                 {"trigger", "always"},
                 {"segment", segment.segment_number}};
  return dump(json);
}

Result<std::string> complete_provenance(std::string_view started, const SegmentEnd& end,
                                        const SegmentSpan& span,
                                        const std::map<std::string, std::string>& input_digests) {
  try {
    Json json = Json::parse(started);
    json.at("files")["output"] = end.file_name;
    for (Json& input : json.at("files").at("inputs")) {
      const auto digest = input_digests.find(input.at("path").get<std::string>());
      if (digest != input_digests.end()) input["sha256"] = digest->second;
    }
    json.at("run")["first_frame"] = time_or_null(span.first_utc_ns);
    json.at("run")["stop"] = time_or_null(span.last_utc_ns);
    json.at("run")["stop_reason"] = end.stop_reason;
    json["accounting"] = Json::parse(accounting_json(end.accounting));
    json["events"] = events_of(end);
    return dump(json);
  } catch (const std::exception& error) {
    return fail(ErrorCode::kCorrupt, "bad provenance:", error.what());
  }
}

Result<ProvenanceSummary> summarise_provenance(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    ProvenanceSummary summary;
    summary.instrument = text_at(json, "/instrument/name");
    summary.product = text_at(json, "/instrument/product");
    summary.driver = text_at(json, "/instrument/driver");
    summary.model = text_at(json, "/instrument/model");
    summary.run_uuid = text_at(json, "/run/uuid");
    summary.run_start = text_at(json, "/run/start");
    summary.first_frame = text_at(json, "/run/first_frame");
    summary.last_frame = text_at(json, "/run/stop");
    summary.stop_reason = text_at(json, "/run/stop_reason");
    summary.program =
        text_at(json, "/environment/program") + " " + text_at(json, "/environment/version");
    summary.run_number = json.at("run").at("number");
    summary.segment = json.at("run").at("segment");
    for (const Json& step : json.at("processing").at("steps")) {
      summary.steps.push_back(step_text(step));
      summary.step_names.push_back(step.at("name").get<std::string>());
    }
    return summary;
  } catch (const std::exception& error) {
    return fail(ErrorCode::kCorrupt, "bad provenance:", error.what());
  }
}

bool tells_of_export(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  return json.is_object() && json.contains("export");
}

bool ProvenanceSummary::has_step(std::string_view name) const {
  return std::ranges::find(step_names, name) != step_names.end();
}

bool ProvenanceSummary::leaves_out() const {
  return has_step(kKeepEveryStep) || has_step(kAccumulateStep) || has_step(kSkipFlybackStep) ||
         has_step(kRecordStep);
}

}  // namespace framelog
