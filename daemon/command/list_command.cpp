#include "command/list_command.hpp"

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "command/find_segments.hpp"
#include "command/instrument.hpp"
#include "command/output.hpp"
#include "command/segment_facts.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;

struct Listed {
  FoundSegment found;
  Result<SegmentFacts> facts;
};

Json json_of(const Listed& listed) {
  Json json{{"path", listed.found.path.string()},
            {"state", name_of(listed.found.state)},
            {"bytes", listed.found.bytes}};
  if (!listed.facts) {
    json["error"] = describe(listed.facts.error());
    return json;
  }
  const SegmentFacts& facts = *listed.facts;
  json["instrument"] = facts.provenance.instrument;
  json["product"] = facts.provenance.product;
  json["run"] = facts.provenance.run_number;
  json["run_uuid"] = facts.provenance.run_uuid;
  json["segment"] = facts.provenance.segment;
  json["frames"] = facts.frames;
  json["shape"] = {facts.shape.height_px, facts.shape.width_px};
  json["dtype"] = name_of(facts.shape.type);
  json["first_frame"] = facts.frames > 0 ? Json(iso_time(facts.first_utc_ns)) : Json(nullptr);
  json["duration_s"] = static_cast<double>(facts.duration_ns) * 1e-9;
  json["lost"] = facts.lost;
  return json;
}

std::vector<std::string> cells_of(const Listed& listed) {
  const std::string path = listed.found.shown.string();
  const std::string state(name_of(listed.found.state));
  const std::string size = size_text(listed.found.bytes);
  if (!listed.facts) {
    return {path, "?", "", "", "", "", "", "", size, state, describe(listed.facts.error())};
  }
  const SegmentFacts& facts = *listed.facts;
  return {path,
          facts.provenance.instrument + "/" + facts.provenance.product,
          std::to_string(facts.provenance.run_number),
          std::to_string(facts.provenance.segment),
          std::to_string(facts.frames),
          to_string(facts.shape),
          facts.frames > 0 ? iso_time(facts.first_utc_ns) : "",
          duration_text(facts.duration_ns),
          size,
          state,
          facts.lost > 0 ? fmt::format("{} lost", facts.lost) : "none lost"};
}

void print_table(const std::vector<Listed>& all) {
  using enum TextTable::Align;
  TextTable table(
      {kLeft, kLeft, kRight, kRight, kRight, kLeft, kLeft, kRight, kRight, kLeft, kLeft});
  table.add({"segment", "product", "run", "no", "frames", "shape", "first frame", "duration",
             "size", "state", "losses"});
  std::int64_t frames = 0;
  std::int64_t bytes = 0;
  std::int64_t lost = 0;
  for (const Listed& listed : all) {
    table.add(cells_of(listed));
    bytes += listed.found.bytes;
    if (!listed.facts) continue;
    frames += listed.facts->frames;
    lost += listed.facts->lost;
  }
  if (!all.empty()) std::cout << table.text();
  std::cout << fmt::format("{}, {}, {}, {} lost\n",
                           counted(static_cast<std::int64_t>(all.size()), "segment"),
                           counted(frames, "frame"), size_text(bytes), lost);
}

}  // namespace

int list_command(const CommandLine& line) {
  if (line.operands.empty()) return list_catalog(line);
  FileSystem& files = system_files();
  const FoundSegments found = find_segments(files, line.operands.front());
  std::vector<Listed> all;
  for (const FoundSegment& segment : found.segments) {
    all.push_back({segment, look_at_segment(files, segment.path)});
  }
  if (line.json) {
    Json json = Json::array();
    for (const Listed& listed : all) json.push_back(json_of(listed));
    std::cout << json.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    print_table(all);
  }
  std::cout.flush();
  int status = kExitDone;
  for (const Listed& listed : all) {
    if (!listed.facts) status = kExitFoundWrong;
  }
  for (const auto& [path, error] : found.failed) {
    std::cerr << "framelog: " << one_line(describe(error)) << '\n';
    status = exit_status_of(error);
  }
  return status;
}

}  // namespace framelog
