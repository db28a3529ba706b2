#include "command/export_report.hpp"

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "command/output.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;

void print_json(const Json& json) {
  std::cout << json.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
}

Json json_of(std::span<const ExportOutput> outputs) {
  Json all = Json::array();
  for (const ExportOutput& output : outputs) {
    Json json{{"format", output.format},
              {"path", output.path.string()},
              {"bytes", output.bytes},
              {"files", output.files}};
    if (!output.last.empty()) json["last"] = output.last.string();
    if (output.skipped) json["skipped"] = true;
    if (!output.sha256.empty()) json["sha256"] = output.sha256;
    all.push_back(std::move(json));
  }
  return all;
}

Json json_of(std::span<const AxisFacts> axes) {
  Json all = Json::array();
  for (const AxisFacts& axis : axes) {
    all.push_back({{"axis", name_of(axis.axis)},
                   {"size", axis.size},
                   {"origin", axis.origin},
                   {"step", axis.step},
                   {"unit", axis.unit}});
  }
  return all;
}

/// "y 48 (0.65 um each)"
std::string axis_text(const AxisFacts& axis) {
  std::string text = fmt::format("{} {}", name_of(axis.axis), axis.size);
  if (!axis.unit.empty()) text += fmt::format(" ({:g} {} each)", axis.step, axis.unit);
  return text;
}

std::string axes_text(std::span<const AxisFacts> axes) {
  std::string text;
  for (const AxisFacts& axis : axes) text += (text.empty() ? "" : ", ") + axis_text(axis);
  return text;
}

std::string length_text(const Length& length) {
  return length.unit.empty() ? "unknown" : fmt::format("{:g} {}", length.value, length.unit);
}

std::string source_text(const RecordingFacts& facts) {
  std::string text =
      fmt::format("{} of {}", counted(static_cast<std::int64_t>(facts.frames), "frame"),
                  to_string(facts.shape));
  if (facts.scan) {
    text += fmt::format(", {} of {} x {} points",
                        counted(static_cast<std::int64_t>(facts.scans), "scan"), facts.scan->rows,
                        facts.scan->columns);
  }
  return text;
}

void print_line(std::string_view name, const std::string& text) {
  std::cout << fmt::format("{:<12}{}\n", name, one_line(text));
}

std::int64_t estimated(const ExportPreview& preview) {
  std::int64_t bytes = 0;
  for (const ExportOutput& output : preview.outputs) bytes += output.skipped ? 0 : output.bytes;
  return bytes;
}

std::string output_text(const ExportOutput& output) {
  std::string text = output.path.string();
  if (output.files > 1)
    text += fmt::format(" ... {} ({} files)", output.last.string(), output.files);
  return text;
}

void print_preview_json(const ExportPreview& preview) {
  const RecordingFacts& facts = preview.recording;
  Json inputs = Json::array();
  for (const InputFile& input : facts.inputs) inputs.push_back(input.path.string());
  print_json(
      {{"source",
        {{"inputs", std::move(inputs)},
         {"frames", facts.frames},
         {"shape", {facts.shape.height_px, facts.shape.width_px}},
         {"dtype", name_of(facts.shape.type)},
         {"pixel_size",
          {{"y", length_text(facts.pixel_size[0])}, {"x", length_text(facts.pixel_size[1])}}},
         {"description", facts.description}}},
       {"result",
        {{"dtype", name_of(preview.result.type)}, {"axes", json_of(preview.result.axes)}}},
       {"outputs", json_of(preview.outputs)},
       {"estimated_bytes", estimated(preview)},
       {"free_bytes", preview.free_bytes},
       {"notes", preview.notes}});
}

}  // namespace

std::int64_t pass_bytes(const ExportPreview& preview) noexcept {
  return static_cast<std::int64_t>(size_bytes(preview.result.slice)) *
         static_cast<std::int64_t>(preview.result.slices);
}

void print_preview(const ExportPreview& preview, bool json) {
  if (json) return print_preview_json(preview);
  const RecordingFacts& facts = preview.recording;
  for (const InputFile& input : facts.inputs) print_line("input", input.path.string());
  print_line("source", source_text(facts));
  print_line("pixel", fmt::format("y {}, x {}", length_text(facts.pixel_size[0]),
                                  length_text(facts.pixel_size[1])));
  print_line("result",
             fmt::format("{} of {}", name_of(preview.result.type), axes_text(preview.result.axes)));
  for (const ExportOutput& output : preview.outputs) {
    print_line("output",
               fmt::format("{}, {}: {}", output.format,
                           output.skipped ? "skipped" : "about " + size_text(output.bytes),
                           output_text(output)));
  }
  print_line("space", fmt::format("{} of {} free", size_text(estimated(preview)),
                                  size_text(preview.free_bytes)));
  for (const std::string& note : preview.notes) print_line("note", note);
}

void print_plan(const ExportPreview& preview) {
  std::cerr << fmt::format("framelog: {} to {}, about {} of {} free\n",
                           source_text(preview.recording),
                           counted(std::ssize(preview.outputs), "output"),
                           size_text(estimated(preview)), size_text(preview.free_bytes));
}

void print_report(const ExportReport& report, bool json) {
  for (const std::string& note : report.notes) {
    std::cerr << "framelog: note: " << one_line(note) << '\n';
  }
  if (json) {
    print_json({{"outputs", json_of(report.outputs)},
                {"slices", report.end.slices},
                {"missing", report.end.missing},
                {"clipped", report.end.clipped},
                {"notes", report.notes}});
    return;
  }
  for (const ExportOutput& output : report.outputs) {
    if (output.skipped) continue;
    std::cout << fmt::format("{}, {}\n", one_line(output_text(output)), size_text(output.bytes));
  }
}

void print_names(std::span<const std::string> names, bool json) {
  if (json) return print_json(Json(std::vector<std::string>(names.begin(), names.end())));
  for (const std::string& name : names) std::cout << one_line(name) << '\n';
}

}  // namespace framelog
