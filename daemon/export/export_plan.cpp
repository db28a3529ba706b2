#include "export/export_plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "core/option.hpp"
#include "core/text.hpp"
#include "export/export_input.hpp"
#include "export/export_outputs.hpp"
#include "export/recording_holes.hpp"
#include "export/result_image_names.hpp"

namespace framelog {
namespace {

using Kind = ViewRequest::Kind;

/// Images that were asked for, or all that there are.
Result<void> choose_images(ExportPlan& plan) {
  if (plan.view.kind != Kind::kImages) return {};
  const auto known = list_images(plan.recording(), plan.view);
  if (known.empty()) {
    return fail(ErrorCode::kInvalid, "--image", "the recording has no scan, which images are of");
  }
  if (plan.view.images.empty()) {
    // Of single patterns there are as many as points: those are asked for by name.
    std::ranges::copy_if(known, std::back_inserter(plan.view.images),
                         [](const std::string& name) { return name != kAnyPattern; });
  }
  std::vector<std::string> chosen;
  for (const std::string& name : plan.view.images) {
    const auto found = find_image(plan.recording(), plan.view, name);
    if (!found) {
      std::vector<std::string> shown(
          known.begin(), known.begin() + std::min<std::ptrdiff_t>(std::ssize(known), 20));
      return fail(ErrorCode::kInvalid, "--image",
                  fmt::format("{}: no such image (there are: {}{})", in_quotes(name),
                              fmt::join(shown, ", "), shown.size() < known.size() ? ", ..." : ""));
    }
    const auto point = pattern_of(*found);
    if (point && !has_point(plan.recording().facts(), plan.result, *point)) {
      return fail(ErrorCode::kInvalid, "--image",
                  *found + ": the point is not within the cutout, or is left out by subsampling");
    }
    chosen.push_back(*found);
    std::ranges::copy(images_of_scans(plan.result, *found), std::back_inserter(plan.images));
  }
  plan.view.images = std::move(chosen);
  return {};
}

Result<void> open_inputs(FileSystem& files, const ExportRequest& request, ExportPlan& plan) {
  std::vector<std::string> products;
  for (const CompositeLayer& layer : request.composite) products.push_back(layer.product);
  if (products.empty()) products.push_back(request.input.product);
  for (std::string& product : products) {
    ExportRequest one;
    one.input = request.input;
    one.input.product = std::move(product);
    one.scan = request.scan;
    one.transform.raw_only = request.transform.raw_only;
    auto recording = open_export_input(files, one);
    if (!recording) return std::unexpected(recording.error());
    // What was found together with others has been looked at then.
    const auto& known = request.input.left_out;
    const auto left_out = known.empty() ? left_out_of(files, one.input) : known;
    std::ranges::copy(left_out, std::back_inserter(plan.notes));
    plan.recordings.push_back(std::move(*recording));
  }
  for (const auto& recording : plan.recordings) {
    for (const InputFile& input : recording->facts().inputs) {
      if (!input.growing) continue;
      plan.notes.push_back(
          fmt::format("{} is not finished: exported up to the {} frames that it "
                      "holds now",
                      one_line(input.path.string()), input.frames));
    }
  }
  return {};
}

bool holds_layers(const ExportRequest& request) {
  return request.view.kind == Kind::kFrames &&
         std::ranges::any_of(request.formats, [&request](const std::string& name) {
           const DatasetFormat* const format = find_dataset_format(name);
           return format != nullptr && keeps_layers(*format, request.write);
         });
}

Result<void> plan_results(ExportPlan& plan) {
  for (const auto& recording : plan.recordings) {
    auto facts = plan_result(*recording, plan.transform);
    if (!facts) return std::unexpected(facts.error());
    plan.slices.push_back(facts->slice);
    if (recording == plan.recordings.front()) {
      plan.result = std::move(*facts);
    } else if (facts->slices != plan.result.slices ||
               facts->slice.height_px != plan.result.slice.height_px ||
               facts->slice.width_px != plan.result.slice.width_px) {
      return fail(ErrorCode::kInvalid, "--composite",
                  fmt::format("{} and {} have other frames or sizes ({} of {}, {} of {})",
                              plan.recording().facts().product, recording->facts().product,
                              plan.result.slices, to_string(plan.result.slice), facts->slices,
                              to_string(facts->slice)));
    }
  }
  if (plan.result.slices == 0) {
    return fail(ErrorCode::kInvalid, "nothing to export:",
                "no frame is left of the recording (see --cutout, --since, --until)");
  }
  return {};
}

/// Sequences have names of their own; what one template says holds for all of them or for none.
Result<void> plan_names(const ExportRequest& request, ExportPlan& plan) {
  const bool any = std::ranges::any_of(plan.outputs, &PlannedOutput::is_sequence);
  const bool all = any && std::ranges::all_of(plan.outputs, &PlannedOutput::is_sequence);
  if (any && !all && !request.name.empty()) {
    return fail(ErrorCode::kInvalid, "--to",
                "a sequence of pictures needs {slice_index} in its names, and the others may not "
                "have it: export them one after the other, or without --output-name");
  }
  for (const bool is_sequence : {false, true}) {
    if (is_sequence ? !any : all) continue;
    auto names = ExportNames::plan(request, plan.recording().facts(), plan.result, is_sequence);
    if (!names) return std::unexpected(names.error());
    (is_sequence ? plan.sequence_names : plan.names) = std::move(*names);
  }
  return {};
}

/// Two formats with one extension, or a template that does not tell images apart.
Result<void> check_distinct(const ExportPlan& plan) {
  std::set<std::filesystem::path> seen;
  for (const PlannedOutput& output : plan.outputs) {
    auto paths = ExportPlan::companions(output, plan.path(output));
    paths.push_back(plan.path(output));
    for (auto& path : paths) {
      if (seen.insert(path).second) continue;
      return fail(ErrorCode::kInvalid, "--output-name",
                  fmt::format("two outputs would be {} ({{result_type}} or {{format}} in the name "
                              "tells them apart)",
                              one_line(path.string())));
    }
  }
  return {};
}

bool is_there(FileSystem& files, const ExportPlan& plan, const PlannedOutput& output,
              std::filesystem::path& which) {
  const std::uint64_t slices = output.is_sequence ? plan.result.slices : 1;
  for (std::uint64_t slice = 0; slice < slices; ++slice) {
    auto paths = ExportPlan::companions(output, plan.path(output, slice));
    paths.push_back(plan.path(output, slice));
    for (auto& path : paths) {
      if (!files.exists(path)) continue;
      which = path;
      return true;
    }
  }
  return false;
}

Result<void> deal_with_existing(FileSystem& files, const ExportRequest& request, ExportPlan& plan) {
  std::filesystem::path which;
  const auto any = [&] {
    return std::ranges::any_of(
        plan.outputs, [&](const auto& output) { return is_there(files, plan, output, which); });
  };
  switch (request.on_exists) {
    case OnExists::kFail:
      if (!any()) return {};
      return fail(ErrorCode::kExists, "export never overwrites:",
                  one_line(which.string()) +
                      " is there (--on-exists rename or skip, --delete, or another name)");
    case OnExists::kRename:
      while (any()) ++plan.renamed;
      return {};
    case OnExists::kSkip:
      for (PlannedOutput& output : plan.outputs) {
        output.is_skipped = is_there(files, plan, output, which);
        if (output.is_skipped) {
          plan.notes.push_back(fmt::format("{} is there: skipped", one_line(which.string())));
        }
      }
      return {};
  }
  std::unreachable();
}

Result<void> check_sheet(const ExportRequest& request, const ExportPlan& plan) {
  if (plan.view.kind != Kind::kContactSheet) return {};
  const std::int64_t bytes = picture_bytes(plan.result, request, false) *
                             static_cast<std::int64_t>(plan.result.slices) * 2;
  if (bytes <= static_cast<std::int64_t>(request.memory_bytes)) return {};
  return fail(ErrorCode::kInvalid, "--contact-sheet",
              fmt::format("of {} pictures takes {} bytes of memory (fewer of them with --every or "
                          "--cutout, smaller ones with --bin, or --memory)",
                          plan.result.slices, bytes));
}

/// A kymograph is one picture with a row for each frame, which is in memory as a whole.
Result<void> check_kymograph(const ExportRequest& request, const ExportPlan& plan) {
  if (plan.view.kind != Kind::kKymograph) return {};
  const FrameShape& frame = plan.result.slice;
  const std::uint64_t length = plan.view.across == Axis::kY ? frame.width_px : frame.height_px;
  // The values, and what a picture of them takes while it is written.
  constexpr std::uint64_t kBytesPerValue = 2 * sizeof(double);
  const std::uint64_t bytes = plan.result.slices * length * kBytesPerValue;
  if (bytes <= request.memory_bytes) return {};
  return fail(ErrorCode::kInvalid, "--kymograph",
              fmt::format("of {} frames takes {} bytes of memory (fewer of them with --every or "
                          "--cutout, shorter lines with --bin, or --memory)",
                          plan.result.slices, bytes));
}

}  // namespace

std::filesystem::path ExportPlan::path(const PlannedOutput& output, std::uint64_t slice) const {
  NameRequest request = output.name;
  if (output.is_sequence) {
    request.slice = slice;
    request.frame = output.name.frame + slice * every;
  }
  if (renamed > 0) request.suffix += fmt::format("_{}", renamed);
  return (output.is_sequence ? sequence_names : names)->path(request);
}

const std::filesystem::path& ExportPlan::folder() const {
  return (names ? names : sequence_names)->folder();
}

std::vector<std::filesystem::path> ExportPlan::companions(const PlannedOutput& output,
                                                          const std::filesystem::path& path) {
  std::vector<std::filesystem::path> paths;
  if (output.dataset == nullptr) return paths;
  for (const std::string_view extension : output.dataset->companions) {
    std::filesystem::path companion = path;
    paths.push_back(companion.replace_extension(extension));
  }
  return paths;
}

Result<ExportPlan> plan_export(FileSystem& files, const ExportRequest& request,
                               bool looks_at_disk) {
  ExportPlan plan;
  plan.view = request.view;
  plan.transform = request.transform;
  plan.transform.keeps_layers = holds_layers(request);
  plan.every = request.transform.every;
  if (auto opened = open_inputs(files, request, plan); !opened) {
    return std::unexpected(opened.error());
  }
  const RecordingFacts& facts = plan.recording().facts();
  plan.view.detectors = centred(request.view.detectors, facts.shape);
  plan.detectors = facts.detectors;
  std::ranges::copy(plan.view.detectors, std::back_inserter(plan.detectors));
  if (auto done = plan_results(plan); !done) return std::unexpected(done.error());
  if (auto chosen = choose_images(plan); !chosen) return std::unexpected(chosen.error());
  if (auto done = plan_outputs(request, plan); !done) return std::unexpected(done.error());
  if (auto named = plan_names(request, plan); !named) return std::unexpected(named.error());
  if (auto distinct = check_distinct(plan); !distinct) return std::unexpected(distinct.error());
  if (auto fits = check_sheet(request, plan); !fits) return std::unexpected(fits.error());
  if (auto fits = check_kymograph(request, plan); !fits) return std::unexpected(fits.error());
  if (request.picture.outlines && plan.detectors.empty() && request.regions.empty()) {
    plan.notes.emplace_back("--outlines: the recording has no detectors (--detector)");
  }
  if (!looks_at_disk) return plan;
  if (auto done = deal_with_existing(files, request, plan); !done) {
    return std::unexpected(done.error());
  }
  if (auto fits = check_space(files, plan); !fits) return std::unexpected(fits.error());
  return plan;
}

Result<void> check_space(FileSystem& files, const ExportPlan& plan) {
  std::int64_t needed = 0;
  for (const PlannedOutput& output : plan.outputs) {
    if (!output.is_skipped && !output.may_shrink) needed += output.estimate;
  }
  const auto free = free_bytes(files, plan.folder());
  if (!free) return std::unexpected(free.error());
  if (needed <= *free) return {};
  return fail(ErrorCode::kNoSpace, "does not fit:",
              fmt::format("the export takes {} bytes, {} are free in {}", needed, *free,
                          one_line(plan.folder().string())));
}

std::int64_t all_bytes(const ExportPlan& plan) noexcept {
  const std::int64_t slice = static_cast<std::int64_t>(plan.result.slice.width_px) *
                             plan.result.slice.height_px *
                             static_cast<std::int64_t>(size_bytes(plan.result.type));
  return slice * static_cast<std::int64_t>(plan.result.slices);
}

Result<std::int64_t> free_bytes(FileSystem& files, const std::filesystem::path& folder) {
  std::filesystem::path at = folder.empty() ? "." : folder;
  while (!files.exists(at) && at.has_parent_path() && at.parent_path() != at) {
    at = at.parent_path();
  }
  if (!files.exists(at)) at = ".";
  const auto space = files.space(at);
  if (!space) return std::unexpected(space.error());
  return space->free_bytes;
}

}  // namespace framelog
