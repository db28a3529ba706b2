#include "export/export_names.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string_view>
#include <utility>

#include "core/text.hpp"

namespace framelog {
namespace {

constexpr std::string_view kDatasetDir = "{dataset_dir}";
constexpr std::string_view kDefault = "{nickname}_{result_type}";
constexpr std::string_view kDefaultSequence = "{nickname}_{result_type}_{slice_index:05}";

std::filesystem::path folder_of(const RecordingFacts& recording) {
  if (recording.inputs.empty()) return ".";
  const auto folder = recording.inputs.front().path.parent_path();
  return folder.empty() ? std::filesystem::path(".") : folder;
}

std::int64_t whole(std::uint64_t value) noexcept { return static_cast<std::int64_t>(value); }

/// A radius: "12", "12.5".
std::string radius_text(double value) { return fmt::format("{:g}", value); }

void add_detector(const DetectorSpec& detector, NameFields& fields) {
  fields["detector"] = detector.name;
  fields["unit"] = std::string("px");
  if (const auto* disc = std::get_if<Disc>(&detector.area)) {
    fields["inner"] = std::string("0");
    fields["outer"] = radius_text(disc->outer);
  } else if (const auto* annulus = std::get_if<Annulus>(&detector.area)) {
    fields["inner"] = radius_text(annulus->inner);
    fields["outer"] = radius_text(annulus->outer);
  }
}

NameFields fields_of(const ExportRequest& request, const RecordingFacts& recording,
                     const ResultFacts& result) {
  NameFields fields = request.name_fields;
  fields["instrument"] = recording.instrument;
  fields["product"] = recording.product;
  fields["run"] = recording.run_number;
  fields["serial"] = recording.serial_number;
  fields["sample"] = recording.sample;
  fields["operator"] = recording.operator_name;
  fields["title"] = recording.title;
  if (recording.start_utc_ns >= 0) {
    fields["start"] = NameTime{recording.start_utc_ns, false};
    fields["utc"] = NameTime{recording.start_utc_ns, false};
    fields["local"] = NameTime{recording.start_utc_ns, true};
  }
  fields["nickname"] = nickname_of(recording);
  fields["dataset_dir"] = folder_of(recording).filename().string();
  fields["width"] = std::int64_t{result.slice.width_px};
  fields["height"] = std::int64_t{result.slice.height_px};
  fields["dtype"] = std::string(name_of(result.type));
  fields["bin"] = fmt::format("{}x{}", request.transform.bin.rows, request.transform.bin.columns);
  const auto& [y, x] = result.region;
  fields["roi"] = fmt::format("y{}-{}_x{}-{}", y.start, y.stop, x.start, x.stop);
  for (const auto& [axis, range] : {std::pair{"t", result.time},
                                    {"sy", result.scan[0]},
                                    {"sx", result.scan[1]},
                                    {"y", y},
                                    {"x", x}}) {
    fields[fmt::format("{}_start", axis)] = whole(range.start);
    fields[fmt::format("{}_stop", axis)] = whole(range.stop);
  }
  return fields;
}

std::unexpected<Error> wrong_name(std::string_view text, std::string_view reason) {
  return fail(ErrorCode::kInvalid, "--output-name", fmt::format("{}: {}", in_quotes(text), reason));
}

}  // namespace

std::string nickname_of(const RecordingFacts& recording) {
  if (recording.inputs.empty()) return "recording";
  std::filesystem::path name = recording.inputs.front().path.filename();
  if (name.extension() == ".part") name = name.stem();
  return name.stem().string();
}

Result<ExportNames> ExportNames::plan(const ExportRequest& request, const RecordingFacts& recording,
                                      const ResultFacts& result, bool is_sequence) {
  std::string_view text = request.name;
  if (text.empty()) text = is_sequence ? kDefaultSequence : kDefault;
  std::filesystem::path folder = request.folder.empty() ? folder_of(recording) : request.folder;
  std::string_view rest = text;
  if (rest.starts_with(kDatasetDir) && rest.substr(kDatasetDir.size()).starts_with('/')) {
    if (!request.folder.empty()) return wrong_name(text, "{dataset_dir}/ excludes --output-folder");
    rest.remove_prefix(kDatasetDir.size() + 1);
    folder = folder_of(recording);
  }
  if (rest.find(kDatasetDir) != std::string_view::npos) {
    return wrong_name(text, "{dataset_dir} is only allowed in front, with a / behind it");
  }
  auto name = NameTemplate::parse(rest, NamePurpose::kExport);
  if (!name) return std::unexpected(name.error());
  const bool has_index = name->has_field("slice_index");
  if (is_sequence && !has_index) {
    return wrong_name(text, "a sequence of pictures needs {slice_index} in its names");
  }
  if (!is_sequence && has_index) {
    return wrong_name(text, "{slice_index} is for sequences of pictures only");
  }
  // Points of a scan may have no frame, and other slices are made of many.
  const bool is_of_points = recording.scan && !request.transform.flat;
  const bool is_of_many = is_sequence && !result.frames_in_order;
  if (name->has_field("frame") && (is_of_points || is_of_many)) {
    return wrong_name(text, is_of_points ? "points of a scan have no number {frame} (allowed: "
                                           "{slice_index}, {t_start}; {frame} with --flat)"
                                         : "slices that are not frames have no number {frame} "
                                           "(allowed: {slice_index})");
  }
  return ExportNames(std::move(*name), std::move(folder), fields_of(request, recording, result));
}

std::filesystem::path ExportNames::path(const NameRequest& name) const {
  NameFields fields = fields_;
  fields["result_type"] = name.result_type;
  fields["format"] = name.format;
  fields["frame"] = whole(name.frame);
  if (name.slice) fields["slice_index"] = whole(*name.slice);
  if (name.detector != nullptr) add_detector(*name.detector, fields);
  return folder_ / (name_.render(fields).string() + name.suffix + name.extension);
}

}  // namespace framelog
