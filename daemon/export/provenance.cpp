#include "export/provenance.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/clock.hpp"
#include "core/version.hpp"
#include "export/filters.hpp"
#include "export/write_facts.hpp"
#include "formats/digest.hpp"
#include "store/checksum_list.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kMostComputedBytes = std::int64_t{64} << 20U;
// Ours have a handful of levels. The library walks down them by recursion when it writes.
constexpr int kDeepestLevel = 64;

bool refuse_depths(int depth, Json::parse_event_t /*event*/, Json& /*parsed*/) {
  if (depth > kDeepestLevel) throw std::invalid_argument("it is nested too deeply");
  return true;
}

/// What an input said of itself; text that is no JSON stays text.
Json parse(const std::string& text) {
  if (text.empty()) return nullptr;
  try {
    return Json::parse(text, refuse_depths);
  } catch (const std::exception&) {
    return text;
  }
}

std::optional<std::string> compute(FileSystem& files, const std::filesystem::path& path) {
  auto fd = files.open(path, O_RDONLY);
  if (!fd) return std::nullopt;
  Sha256 digest;
  std::vector<std::byte> buffer(std::size_t{1} << 20U);
  std::int64_t offset = 0;
  while (true) {
    const auto got = files.read_at(fd->get(), buffer, offset);
    if (!got) return std::nullopt;
    if (*got == 0) return digest.hex();
    digest.update(std::span(buffer).first(*got));
    offset += static_cast<std::int64_t>(*got);
  }
}

Json inputs_of(const RecordingFacts& recording, const std::vector<InputDigest>& digests) {
  Json inputs = Json::array();
  for (std::size_t i = 0; i < recording.inputs.size(); ++i) {
    const InputFile& input = recording.inputs[i];
    Json json{{"path", input.path.string()},
              {"first_frame", input.first_frame},
              {"frames", input.frames},
              {"sha256", nullptr}};
    if (i < digests.size()) {
      if (!digests[i].sha256.empty()) json["sha256"] = digests[i].sha256;
      json["sha256_source"] = digests[i].source;
    }
    if (input.growing) json["growing"] = true;
    inputs.push_back(std::move(json));
  }
  return inputs;
}

Json step_json(const ProcessStep& step, std::size_t index, std::int64_t utc_ns) {
  Json parameters = Json::object();
  for (const auto& [name, value] : step.parameters) {
    std::visit([&, &key = name](const auto& held) { parameters[key] = held; }, value);
  }
  return {{"index", index},        {"name", step.name},
          {"params", parameters},  {"timestamp", iso_time(utc_ns)},
          {"step_type", "export"}, {"version", program_version()}};
}

Json export_json(const ResultFacts& result, std::int64_t utc_ns) {
  Json axes = Json::array();
  for (const AxisFacts& axis : result.axes) {
    axes.push_back({{"axis", name_of(axis.axis)},
                    {"size", axis.size},
                    {"origin", axis.origin},
                    {"step", axis.step},
                    {"unit", axis.unit}});
  }
  return {{"program", "framelog"},
          {"version", program_version()},
          {"git_commit", git_commit()},
          {"time", iso_time(utc_ns)},
          {"axes", axes},
          {"dtype", name_of(result.type)},
          {"region_yx",
           {{result.region[0].start, result.region[0].stop},
            {result.region[1].start, result.region[1].stop}}}};
}

/// What recordings tell of their run; of foreign files what is known.
Json run_of(const RecordingFacts& recording) {
  Json run{{"uuid", recording.run_uuid}, {"number", recording.run_number},
           {"start", nullptr},           {"stop", nullptr},
           {"stop_reason", nullptr},     {"segment", 0}};
  if (recording.start_utc_ns >= 0) run["start"] = iso_time(recording.start_utc_ns);
  return run;
}

bool is_ours(const Json& json) {
  return json.is_object() && json.contains("run") && json["run"].is_object() &&
         json.contains("processing") && json["processing"].is_object() &&
         json["processing"].contains("steps") && json["processing"]["steps"].is_array();
}

Json base_of(const RecordingFacts& recording, const Json& first) {
  if (is_ours(first)) return first;
  Json json;
  json["environment"] = {{"program", "framelog"},
                         {"version", program_version()},
                         {"git_commit", git_commit()},
                         {"build", build_kind()}};
  json["instrument"] = {{"name", recording.instrument}, {"product", recording.product}};
  json["run"] = run_of(recording);
  json["processing"]["steps"] = Json::array();
  return json;
}

/// The places of the steps that process pixels, as an export's own.
std::vector<std::size_t> filters_in(const Json& steps) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!steps[i].is_object()) continue;
    const auto name = steps[i].find("name");
    if (name == steps[i].end() || !name->is_string()) continue;
    if (find_filter(name->get_ref<const std::string&>()) != nullptr) places.push_back(i);
  }
  return places;
}

/// Whether a step is done to the layers of a bundle as to its frames.
bool cuts_layers(const Json& step) {
  constexpr std::array<std::string_view, 4> kCuts{"cut", "every", "subsample", "bin"};
  const auto name = step.is_object() ? step.find("name") : step.end();
  return step.is_object() && name != step.end() && name->is_string() &&
         std::ranges::find(kCuts, name->get_ref<const std::string&>()) != kCuts.end();
}

}  // namespace

std::string provenance_before(const std::string& provenance, std::size_t filters) {
  Json json = parse(provenance);
  if (!is_ours(json)) return provenance;
  Json& steps = json["processing"]["steps"];
  const auto places = filters_in(steps);
  if (filters == 0 || places.empty()) return provenance;
  const std::size_t from = places[places.size() - std::min(filters, places.size())];
  Json kept = Json::array();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (i >= from && !cuts_layers(steps[i])) continue;
    kept.push_back(steps[i]);
    if (kept.back().contains("index")) kept.back()["index"] = kept.size();
  }
  steps = std::move(kept);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::int64_t> export_time(const char* source_date_epoch, std::int64_t now_utc_ns) {
  if (source_date_epoch == nullptr || *source_date_epoch == '\0') return now_utc_ns;
  constexpr std::int64_t kMostSeconds = 253'402'300'799;  // The end of the year 9999.
  std::int64_t seconds = 0;
  const char* const end = source_date_epoch + std::strlen(source_date_epoch);
  const auto [stopped, error] = std::from_chars(source_date_epoch, end, seconds);
  if (error != std::errc() || stopped != end || seconds < 0 || seconds > kMostSeconds) {
    return fail(ErrorCode::kInvalid, "SOURCE_DATE_EPOCH is no time:",
                std::string(source_date_epoch) + " (allowed: whole seconds since 1970)");
  }
  constexpr std::int64_t kMostWholeSeconds = 9'223'372'036;  // Nanoseconds of 64 bits.
  return std::min(seconds, kMostWholeSeconds) * 1'000'000'000;
}

InputDigest digest_of(FileSystem& files, const InputFile& input) {
  if (input.growing) return {"", "none: still growing when it was read"};
  auto directory = input.path.parent_path();
  if (directory.empty()) directory = ".";
  const auto listed = read_checksums(files, directory);
  if (listed) {
    const auto found = listed->find(input.path.filename().string());
    if (found != listed->end()) return {found->second, "SHA256SUMS"};
  }
  auto fd = files.open(input.path, O_RDONLY);
  if (!fd) return {"", "none: cannot be read"};
  const auto size = files.size_bytes(fd->get());
  if (!size || *size > kMostComputedBytes) {
    return {"", "none: larger than 64 MiB and not in SHA256SUMS"};
  }
  const auto computed = compute(files, input.path);
  if (!computed) return {"", "none: cannot be read"};
  return {*computed, "computed"};
}

std::vector<InputDigest> digest_inputs(FileSystem& files, const RecordingFacts& recording) {
  std::vector<InputDigest> digests;
  for (const InputFile& input : recording.inputs) digests.push_back(digest_of(files, input));
  return digests;
}

Result<std::string> export_provenance(const RecordingFacts& recording, const ResultFacts& result,
                                      const std::vector<InputDigest>& digests,
                                      std::int64_t export_utc_ns) {
  try {
    Json sources = Json::array();
    for (const std::string& one : recording.provenances) sources.push_back(parse(one));
    const bool is_told = recording.base_provenance.empty() && !sources.empty();
    Json json = base_of(recording, is_told ? sources[0] : parse(recording.base_provenance));
    json["files"] = {{"inputs", inputs_of(recording, digests)}, {"output", nullptr}};
    Json& steps = json["processing"]["steps"];
    for (const ProcessStep& step : result.steps) {
      const std::size_t index = steps.size() + 1;
      steps.push_back(step_json(step, index, export_utc_ns));
    }
    json["export"] = export_json(result, export_utc_ns);
    json["sources"] = std::move(sources);
    return json.dump(1, ' ', false, Json::error_handler_t::replace);
  } catch (const std::exception& error) {
    return fail(ErrorCode::kCorrupt, "bad provenance:", error.what());
  }
}

Result<std::string> export_provenance(FileSystem& files, const RecordingFacts& recording,
                                      const ResultFacts& result, std::int64_t export_utc_ns) {
  return export_provenance(recording, result, digest_inputs(files, recording), export_utc_ns);
}

}  // namespace framelog
