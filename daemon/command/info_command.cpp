#include "command/info_command.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "command/accounting_text.hpp"
#include "command/instrument.hpp"
#include "command/output.hpp"
#include "command/segment_report.hpp"
#include "core/clock.hpp"
#include "core/text.hpp"
#include "formats/file_tree.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;

Json provenance_of(const SegmentReport& report) {
  Json json = Json::parse(report.provenance_json, nullptr, false);
  return json.is_object() ? json : Json::object();
}

/// The array at a place of the provenance; empty where there is none.
Json array_at(const Json& provenance, const char* pointer) {
  const Json::json_pointer place(pointer);
  return provenance.contains(place) && provenance.at(place).is_array() ? provenance.at(place)
                                                                       : Json::array();
}

std::string text_in(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

void print_line(const char* name, const std::string& value) {
  std::cout << fmt::format("{:<12} {}\n", name, one_line(value));
}

std::string when(const SegmentReport& report) {
  if (report.frames == 0) return "no frame yet";
  std::string text = fmt::format("{} to {}, {}", iso_time(report.first_utc_ns),
                                 iso_time(report.last_utc_ns), duration_text(report.duration_ns));
  if (report.rate_hz() > 0) text += fmt::format(", {:.6g} frames/s", report.rate_hz());
  return text;
}

std::string state_of(const SegmentReport& report) {
  std::string text(name_of(report.found.state));
  if (report.found.state == SegmentState::kUnfinished) text += " (framelog recover finishes it)";
  if (!report.accounting) text += fmt::format(", {} safe from a power cut", report.synced);
  const std::string& reason = report.provenance.stop_reason;
  return reason.empty() ? text : text + ", ended by: " + reason;
}

std::string clock_of(const SegmentReport& report) {
  const std::int64_t loose = report.summary.unsynchronised;
  if (loose == 0) return "synchronised";
  return fmt::format("NOT synchronised during {} of {}", loose, counted(report.frames, "frame"));
}

std::string statistics_of(const SegmentReport& report) {
  const FrameSummary& s = report.summary;
  std::string text = fmt::format("min {:.6g}, max {:.6g}, mean {:.6g}", s.min, s.max, s.mean);
  if (s.saturated > 0) text += fmt::format(", {} saturated pixels", s.saturated);
  if (s.clipped > 0) text += fmt::format(", {} clipped pixels", s.clipped);
  if (s.incomplete > 0) text += fmt::format(", {} incomplete frames", s.incomplete);
  if (s.corrupt > 0) text += fmt::format(", {} corrupt frames", s.corrupt);
  if (s.damaged_records > 0) text += fmt::format(", {} DAMAGED RECORDS", s.damaged_records);
  return text;
}

void print_gaps(const SegmentReport& report) {
  if (report.gaps.empty()) return print_line("gaps", "none");
  using enum TextTable::Align;
  TextTable table({kLeft, kRight, kRight, kRight, kLeft, kLeft});
  table.add(
      {fmt::format("{:<11}", "gaps"), "after frame", "frames", "duration", "stage", "reason"});
  for (const GapEntry& gap : report.gaps) {
    table.add({"", gap.after_sequence < 0 ? "start" : std::to_string(gap.after_sequence),
               gap.frames < 0 ? "unknown" : std::to_string(gap.frames),
               duration_text(gap.duration_ns), gap.stage, gap.reason});
  }
  std::cout << table.text();
}

void print_scan(const SegmentReport& report) {
  if (!report.scan) return;
  std::string text = fmt::format("{} x {} points", report.scan->rows, report.scan->columns);
  if (report.scan->flyback > 0) {
    text += fmt::format(", {} flyback frames a line", report.scan->flyback);
  }
  print_line("scan", text);
}

std::string number_text(double value) {
  return std::isnan(value) ? "none" : fmt::format("{:.6g}", value);
}

void print_detectors(const SegmentReport& report) {
  if (report.detectors.empty()) return;
  using enum TextTable::Align;
  TextTable table({kLeft, kLeft, kRight, kRight, kRight, kRight, kLeft});
  table.add({fmt::format("{:<11}", "detectors"), "name", "pixels", "min", "max", "last", ""});
  for (const DetectorSummary& d : report.detectors) {
    table.add({"", d.name, std::to_string(d.pixels), number_text(d.min), number_text(d.max),
               number_text(d.last),
               d.missing > 0 ? counted(d.missing, "frame") + " without sums" : ""});
  }
  std::cout << table.text();
}

void print_inputs(const Json& provenance) {
  for (const Json& input : array_at(provenance, "/files/inputs")) {
    const std::string digest = text_in(input, "sha256");
    print_line("input", text_in(input, "path") + " sha256 " +
                            (digest.empty() ? std::string("unknown") : digest));
  }
}

void print_report(const SegmentReport& report) {
  const ProvenanceSummary& p = report.provenance;
  const Json provenance = provenance_of(report);
  print_line("segment", report.found.path.string());
  print_line("instrument", fmt::format("{}, product {}", p.instrument, p.product));
  print_line("source", p.model.empty() ? p.driver : fmt::format("{}, {}", p.driver, p.model));
  print_line("run", fmt::format("{}, segment {}, started {} ({})", p.run_number, p.segment,
                                p.run_start, p.run_uuid));
  print_line("state", state_of(report));
  print_line("when", when(report));
  print_line("frames", fmt::format("{} of {}, {}", report.frames, to_string(report.shape),
                                   size_text(report.found.bytes)));
  for (const std::string& step : p.steps) print_line("reduced by", step);
  if (p.steps.empty()) print_line("reduced by", "nothing: as it arrived");
  if (report.frames > 0) print_line("pixels", statistics_of(report));
  print_scan(report);
  print_detectors(report);
  print_gaps(report);
  print_line("accounting", report.accounting ? accounting_text(*report.accounting)
                                             : std::string("not before it is finished"));
  if (report.frames > 0) print_line("clock", clock_of(report));
  for (const Json& event : array_at(provenance, "/events")) {
    print_line("event", text_in(event, "time") + " " + text_in(event, "text"));
  }
  print_inputs(provenance);
  print_line("recorded by", p.program);
}

Json gaps_json(const SegmentReport& report) {
  Json gaps = Json::array();
  for (const GapEntry& gap : report.gaps) {
    gaps.push_back({{"after_sequence", gap.after_sequence},
                    {"frames", gap.frames < 0 ? Json(nullptr) : Json(gap.frames)},
                    {"duration_ns", gap.duration_ns < 0 ? Json(nullptr) : Json(gap.duration_ns)},
                    {"stage", gap.stage},
                    {"reason", gap.reason}});
  }
  return gaps;
}

Json scan_json(const SegmentReport& report) {
  if (!report.scan) return nullptr;
  return {{"rows", report.scan->rows},
          {"columns", report.scan->columns},
          {"flyback", report.scan->flyback},
          {"first_number", report.scan->first_number}};
}

Json detectors_json(const SegmentReport& report) {
  Json detectors = Json::array();
  for (const DetectorSummary& d : report.detectors) {
    detectors.push_back({{"name", d.name},
                         {"pixels", d.pixels},
                         {"min", d.min},
                         {"max", d.max},
                         {"last", d.last},
                         {"frames_without_sums", d.missing}});
  }
  return detectors;
}

Json accounting_json(const SegmentReport& report) {
  if (!report.accounting) return nullptr;
  Json json = Json::object();
  for (const auto& [name, count] : accounting_values(*report.accounting)) json[name] = count;
  return json;
}

Json time_or_null(std::int64_t utc_ns) {
  return utc_ns < 0 ? Json(nullptr) : Json(iso_time(utc_ns));
}

/// What JSON has no number for (NaN) becomes null.
Json json_of(const SegmentReport& report) {
  const FrameSummary& s = report.summary;
  Json json{{"path", report.found.path.string()},
            {"state", name_of(report.found.state)},
            {"instrument", report.provenance.instrument},
            {"product", report.provenance.product},
            {"driver", report.provenance.driver},
            {"model", report.provenance.model},
            {"run", report.provenance.run_number},
            {"run_uuid", report.provenance.run_uuid},
            {"segment", report.provenance.segment},
            {"frames", report.frames},
            {"synced", report.synced},
            {"shape", {report.shape.height_px, report.shape.width_px}},
            {"dtype", name_of(report.shape.type)},
            {"bytes", report.found.bytes}};
  json["first_frame"] = time_or_null(report.first_utc_ns);
  json["last_frame"] = time_or_null(report.last_utc_ns);
  json["duration_s"] = static_cast<double>(report.duration_ns) * 1e-9;
  json["rate_hz"] = report.rate_hz();
  json["steps"] = report.provenance.steps;
  json["statistics"] = {{"min", s.min},
                        {"max", s.max},
                        {"mean", s.mean},
                        {"saturated_pixels", s.saturated},
                        {"clipped_pixels", s.clipped},
                        {"incomplete_frames", s.incomplete},
                        {"corrupt_frames", s.corrupt},
                        {"damaged_records", s.damaged_records}};
  json["scan"] = scan_json(report);
  json["detectors"] = detectors_json(report);
  json["gaps"] = gaps_json(report);
  json["accounting"] = accounting_json(report);
  json["clock_unsynchronised_frames"] = s.unsynchronised;
  json["stop_reason"] = report.provenance.stop_reason;
  json["program"] = report.provenance.program;
  json["provenance"] = provenance_of(report);
  if (!report.tree.empty()) json["tree"] = report.tree;
  return json;
}

/// Lines stay lines; whatever else a file's texts would do to a terminal is shown instead.
void print_tree(const std::string& tree) {
  for (std::size_t at = 0; at < tree.size();) {
    const std::size_t end = std::min(tree.find('\n', at), tree.size());
    std::cout << one_line(std::string_view(tree).substr(at, end - at)) << '\n';
    at = end + 1;
  }
}

/// A file that is no segment is shown all the same.
int print_foreign_tree(FileSystem& files, const std::filesystem::path& path, bool json) {
  const auto tree = describe_file(files, path);
  if (!tree) {
    std::cerr << "framelog: " << one_line(describe(tree.error())) << '\n';
    return exit_status_of(tree.error());
  }
  if (json) {
    const Json all{{"path", path.string()}, {"tree", *tree}};
    std::cout << all.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    print_tree(*tree);
  }
  return kExitDone;
}

}  // namespace

int info_command(const CommandLine& line) {
  FileSystem& files = system_files();
  const std::filesystem::path path = line.operands.front();
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    std::cerr << "framelog: " << one_line(path.string())
              << " is a directory (framelog list shows what is in it)\n";
    return kExitUsage;
  }
  const FoundSegments found = find_segments(files, path);
  const auto report = found.segments.empty()
                          ? Result<SegmentReport>(std::unexpected(found.failed.front().second))
                          : report_segment(files, found.segments.front(), line.tree);
  if (!report && line.tree && report.error().code != ErrorCode::kNotFound) {
    return print_foreign_tree(files, path, line.json);
  }
  if (!report) {
    std::cerr << "framelog: " << one_line(describe(report.error())) << '\n';
    return exit_status_of(report.error());
  }
  if (line.json) {
    std::cout << json_of(*report).dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else if (line.tree) {
    print_tree(report->tree);
  } else {
    print_report(*report);
  }
  return kExitDone;
}

}  // namespace framelog
