#include "command/snapshot_export.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <iterator>

#include "command/export_command.hpp"
#include "command/instrument.hpp"
#include "command/interrupt.hpp"
#include "command/output.hpp"
#include "core/clock.hpp"
#include "core/text.hpp"
#include "export/export_input.hpp"
#include "export/export_parts.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

/// Pictures on their way into a zip; gone with it.
class ScratchFolder {
 public:
  explicit ScratchFolder(fs::path path) : path_(std::move(path)) {}
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const fs::path& path() const noexcept { return path_; }

 private:
  fs::path path_;
};

std::unexpected<Error> wrong(const char* option, std::string text) {
  return fail(ErrorCode::kInvalid, option, std::move(text));
}

/// The products of --layers; one empty name where the snapshot's own is meant.
Result<std::vector<std::string>> layers_of(const GivenOptions& given, const fs::path& folder) {
  std::vector<std::string> products;
  if (!given.has("layers")) return std::vector<std::string>{""};
  for (const auto name : split(given.text("layers"), ',')) products.emplace_back(name);
  if (products != std::vector<std::string>{"all"}) return products;
  InputRequest input;
  input.paths = {folder};
  input.run = given.text("run");
  const auto parts = split_runs(system_files(), input);
  if (!parts) return std::unexpected(parts.error());
  products.clear();
  for (const InputRequest& part : *parts) {
    if (std::ranges::find(products, part.product) == products.end()) {
      products.push_back(part.product);
    }
  }
  return products;
}

class SnapshotExport {
 public:
  SnapshotExport(const GivenOptions& given, const ExportCall& call, fs::path folder)
      : given_(given), call_(call), folder_(std::move(folder)) {}

  /// What one snapshot of one layer is as an export.
  Result<ExportCall> request_of(const Snapshot& snapshot, const std::string& layer) const {
    ExportCall call = call_;
    ExportRequest& request = call.request;
    std::uint64_t frame = snapshot.frame;
    request.input.paths.clear();
    for (const std::string& file : snapshot.files) request.input.paths.push_back(folder_ / file);
    if (!layer.empty() || !request.composite.empty()) {
      const auto found = other_product(
          snapshot, layer.empty() ? request.composite.front().product : layer, request.input);
      if (!found) return std::unexpected(found.error());
      frame = *found;
    }
    cut(snapshot, frame, request);
    if (auto read = read_snapshot_contrast(snapshot, request); !read) {
      return std::unexpected(read.error());
    }
    request.transform.flat = true;
    request.name_fields["snapshot"] = snapshot.name;
    if (request.folder.empty()) request.folder = folder_;
    if (request.name.empty()) {
      request.name = layer.empty() ? "{nickname}_{snapshot}" : "{nickname}_{snapshot}_{product}";
    }
    return call;
  }

 private:
  /// The same moment of another product of the run: where its frame is.
  Result<std::uint64_t> other_product(const Snapshot& snapshot, const std::string& product,
                                      InputRequest& input) const {
    auto own = open_recording(system_files(), input);
    if (!own) return std::unexpected(own.error());
    InputRequest other;
    other.paths = {folder_};
    other.run = (*own)->facts().run_uuid;
    other.product = product;
    auto recording = open_recording(system_files(), other);
    if (!recording) return std::unexpected(recording.error());
    input.paths = other.paths;
    input.run = other.run;
    if (call_.request.composite.empty()) input.product = product;
    return frame_at(**recording, snapshot.utc_ns);
  }

  void cut(const Snapshot& snapshot, std::uint64_t frame, ExportRequest& request) const {
    auto& cutout = request.transform.cutout;
    cutout.push_back({Axis::kTime, frame, frame + 1});
    if (!snapshot.rectangle) return;
    const Region& r = *snapshot.rectangle;
    if (given_.has("whole")) {
      request.regions.push_back(r);
      return;
    }
    cutout.push_back({Axis::kY, r.y_start, r.y_stop});
    cutout.push_back({Axis::kX, r.x_start, r.x_stop});
  }

  Result<void> read_snapshot_contrast(const Snapshot& snapshot, ExportRequest& request) const {
    const bool is_given = given_.has("contrast") || given_.has("zmin") || given_.has("zmax");
    if (snapshot.contrast.empty() || is_given) return {};
    const auto contrast = read_contrast(snapshot.contrast);
    if (!contrast) return wrong("the snapshot's contrast:", contrast.error());
    request.picture.contrast = *contrast;
    return {};
  }

  const GivenOptions& given_;
  const ExportCall& call_;
  fs::path folder_;
};

/// Every file of a folder into a zip, which is not there before.
Result<void> pack(const fs::path& folder, const fs::path& zip, const ExportRequest& request) {
  FileSystem& files = system_files();
  if (files.exists(zip)) return fail(ErrorCode::kExists, "export never overwrites:", zip.string());
  PartFiles parts(files);
  const auto part = parts.add(zip);
  if (!part) return std::unexpected(part.error());
  auto writer =
      create_movie(files, *find_movie_format("zip"), *part, request.movie, request.picture);
  if (!writer) return std::unexpected(writer.error());
  const auto names = files.list(folder);
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    const auto bytes = read_text(files, folder / name);
    if (!bytes) return std::unexpected(bytes.error());
    auto added = (*writer)->add_file(name, std::as_bytes(std::span(*bytes)));
    if (!added) return added;
  }
  if (auto finished = (*writer)->finish(); !finished) return finished;
  return parts.keep();
}

std::string refusal(const GivenOptions& given, const ExportRequest& request) {
  if (!request.transform.cutout.empty() || given.has("since") || given.has("until") ||
      given.has("every")) {
    return "snapshots say what is cut out (not allowed: --cutout, --since, --until, --every)";
  }
  if (request.view.kind != ViewRequest::Kind::kFrames) {
    return "a snapshot is one frame (not allowed: --projection, --kymograph, --contact-sheet, "
           "--image)";
  }
  if (given.has("layers") && !request.composite.empty()) return "--layers excludes --composite";
  for (const std::string& name : request.formats) {
    if (find_picture_format(name) == nullptr) {
      return fmt::format("--to: {} is no picture (allowed: png, jpg, tif, bmp, pgm, ppm)",
                         in_quotes(name));
    }
  }
  const bool is_named =
      request.name.empty() || request.name.find("{snapshot}") != std::string::npos;
  return is_named ? "" : "--output-name needs {snapshot}, so that the names do not meet";
}

}  // namespace

Result<std::uint64_t> frame_at(Recording& recording, std::int64_t utc_ns) {
  std::uint64_t low = 0;
  std::uint64_t high = recording.facts().frames;
  while (low < high) {  // Times grow along a recording.
    const std::uint64_t middle = low + (high - low) / 2;
    const auto note = recording.note(middle);
    if (!note) return std::unexpected(note.error());
    if (note->info.utc_ns < utc_ns) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low < recording.facts().frames) return low;
  return wrong("--time:", "is behind the last frame");
}

std::span<const OptionRow> snapshot_export_options() {
  static const std::vector<OptionRow> kTable = [] {
    const auto own = export_options();
    std::vector<OptionRow> table;
    // What export does in place of writing is not for snapshots.
    constexpr std::array<std::string_view, 6> kInPlaceOfWriting{"delete",      "yes",  "preview",
                                                                "list-images", "jobs", "split"};
    std::ranges::copy_if(own, std::back_inserter(table), [&](const OptionRow& row) {
      return std::ranges::find(kInPlaceOfWriting, row.name) == kInPlaceOfWriting.end();
    });
    table.push_back({"tag", "WORD", "Snapshot", "those with this tag"});
    table.push_back({"whole", "", "Snapshot", "the whole frame, with the rectangle outlined"});
    table.push_back({"layers", "PRODUCTS", "Snapshot", "a file of each of these products, or all"});
    table.push_back({"zip", "FILE", "Snapshot", "all pictures in one file"});
    return table;
  }();
  return kTable;
}

int export_snapshots(const GivenOptions& given, const std::vector<Snapshot>& snapshots,
                     const fs::path& folder) {
  auto call = read_export(given, system_clock().utc_ns(), {"png"});
  if (!call) return fail_export(Error{ErrorCode::kInvalid, 0, "snapshot export:", call.error()});
  if (const std::string text = refusal(given, call->request); !text.empty()) {
    return fail_export(Error{ErrorCode::kInvalid, 0, "snapshot export:", text});
  }
  const auto layers = layers_of(given, folder);
  if (!layers) return fail_export(layers.error());
  const fs::path zip = given.text("zip");
  const ScratchFolder scratch(
      zip.empty() ? fs::path() : fs::path(fmt::format("{}.{}.tmp", zip.string(), ::getpid())));
  if (!zip.empty()) call->request.folder = scratch.path();
  const SnapshotExport exporter(given, *call, folder);
  for (const Snapshot& snapshot : snapshots) {
    for (const std::string& layer : *layers) {
      const auto one = exporter.request_of(snapshot, layer);
      if (!one) return fail_export(one.error());
      if (const int status = run_one_export(*one); status != kExitDone) return status;
      if (interrupted()) return kExitFoundWrong;
    }
  }
  if (zip.empty() || call->dry_run) return kExitDone;
  if (auto packed = pack(scratch.path(), zip, call->request); !packed) {
    return fail_export(packed.error());
  }
  std::cout << one_line(zip.string()) << '\n';
  return kExitDone;
}

}  // namespace framelog
