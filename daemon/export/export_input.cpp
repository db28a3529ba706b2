#include "export/export_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <regex>
#include <utility>

#include "core/text.hpp"
#include "export/provenance.hpp"
#include "export/recording_holes.hpp"

namespace framelog {
namespace {

/// How many processing steps a bundle keeps as layers.
std::size_t steps_of(const RecordingFacts& facts) {
  std::uint64_t steps = 0;
  for (const LayerFacts& layer : facts.layers) steps = std::max(steps, step_of(layer.name));
  return steps;
}

/// A bundle's frames before the first of its processing steps, which it keeps as a layer.
class AsRecorded final : public Recording {
 public:
  AsRecorded(std::unique_ptr<Recording> inner, std::size_t layer)
      : inner_(std::move(inner)), facts_(inner_->facts()), layer_(layer) {
    facts_.shape = facts_.layers[layer].shape;
    if (!facts_.provenances.empty()) {
      facts_.base_provenance = provenance_before(facts_.provenances.front(), steps_of(facts_));
    }
    facts_.layers.clear();
  }
  const RecordingFacts& facts() const noexcept override { return facts_; }
  /// What a note says of pixels it says of those that are processed.
  Result<FrameNote> note(std::uint64_t frame) override {
    auto note = inner_->note(frame);
    if (note) note->statistics.reset();
    if (note) note->crc32c.reset();
    return note;
  }
  Result<void> read(std::uint64_t frame, std::span<std::byte> pixels) override {
    return inner_->read_layer(layer_, frame, pixels);
  }
  Result<void> read_layer(std::size_t /*layer*/, std::uint64_t /*frame*/,
                          std::span<std::byte> /*pixels*/) override {
    return fail(ErrorCode::kNotFound, "no such layer");
  }
  Result<void> read_series(std::size_t series, std::uint64_t first,
                           std::span<double> sums) override {
    return inner_->read_series(series, first, sums);
  }

 private:
  std::unique_ptr<Recording> inner_;
  RecordingFacts facts_;
  std::size_t layer_;
};

/// What --raw means of a bundle whose frames are processed.
std::unique_ptr<Recording> as_recorded(std::unique_ptr<Recording> recording) {
  const auto& layers = recording->facts().layers;
  const auto found = std::ranges::find_if(
      layers, [](const LayerFacts& layer) { return layer.name == kRawLayer && !layer.is_mask; });
  if (found == layers.end()) return recording;
  const auto place = static_cast<std::size_t>(found - layers.begin());
  return std::make_unique<AsRecorded>(std::move(recording), place);
}

/// A recording whose frames fill scans one by one.
class WithScan final : public Recording {
 public:
  WithScan(std::unique_ptr<Recording> inner, std::uint32_t rows, std::uint32_t columns)
      : inner_(std::move(inner)), facts_(inner_->facts()) {
    facts_.scan = Scan{rows, columns, 0, 0};
    facts_.scans = facts_.frames / facts_.scan->points();
  }
  const RecordingFacts& facts() const noexcept override { return facts_; }
  Result<FrameNote> note(std::uint64_t frame) override {
    auto note = inner_->note(frame);
    if (note) note->info.source_sequence = frame;
    return note;
  }
  Result<void> read(std::uint64_t frame, std::span<std::byte> pixels) override {
    return inner_->read(frame, pixels);
  }
  Result<void> read_layer(std::size_t layer, std::uint64_t frame,
                          std::span<std::byte> pixels) override {
    return inner_->read_layer(layer, frame, pixels);
  }
  Result<void> read_series(std::size_t series, std::uint64_t first,
                           std::span<double> sums) override {
    return inner_->read_series(series, first, sums);
  }

 private:
  std::unique_ptr<Recording> inner_;
  RecordingFacts facts_;
};

/// The four numbers of "scan_128x64x32x16.raw", as Quant4D's raw import reads them.
std::optional<std::array<std::uint64_t, 4>> shape_in_name(const std::string& name) {
  static const std::regex kShape(R"((?:^|\D)(\d{1,6})x(\d{1,6})x(\d{1,6})x(\d{1,6})(?:\D|$))");
  std::smatch found;
  if (!std::regex_search(name, found, kShape)) return std::nullopt;
  std::array<std::uint64_t, 4> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::string text = found[i + 1].str();
    std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
    if (numbers[i] == 0) return std::nullopt;
  }
  return numbers;
}

/// What the name of a RAW says, where nothing else does.
void read_name(FileSystem& files, InputRequest& input,
               std::optional<std::array<std::uint64_t, 2>>& scan) {
  if (input.paths.size() != 1 || (input.geometry && !input.geometry->shape.empty())) return;
  const std::filesystem::path& path = input.paths.front();
  if (path.extension() != ".raw" || has_raw_sidecar(files, path)) return;
  const auto numbers = shape_in_name(path.stem().string());
  if (!numbers) return;
  const auto [x, y, scan_x, scan_y] = *numbers;
  const PixelType type = input.geometry ? input.geometry->type : PixelType::kFloat32;
  input.geometry = RawGeometry{type, {scan_y * scan_x, y, x}};
  if (!scan) scan = {scan_y, scan_x};
}

}  // namespace

Result<std::unique_ptr<Recording>> open_export_input(FileSystem& files,
                                                     const ExportRequest& request) {
  InputRequest input = request.input;
  auto scan = request.scan;
  read_name(files, input, scan);
  if (input.geometry && input.geometry->shape.empty()) {
    return fail(ErrorCode::kInvalid, "--input-dtype",
                "is about raw bytes, whose --input-shape is missing (or AxBxCxD in the name)");
  }
  auto recording = open_recording(files, input);
  if (recording && request.transform.raw_only) recording = as_recorded(std::move(*recording));
  if (!recording || !scan) return recording;
  const auto [rows, columns] = *scan;
  const std::uint64_t frames = (*recording)->facts().frames;
  if (rows * columns == 0 || frames % (rows * columns) != 0) {
    return fail(
        ErrorCode::kInvalid, "--input-shape",
        fmt::format("{} frames do not fill scans of {} x {} points", frames, rows, columns));
  }
  return std::make_unique<WithScan>(std::move(*recording), static_cast<std::uint32_t>(rows),
                                    static_cast<std::uint32_t>(columns));
}

Result<std::unique_ptr<Recording>> open_segments_again(FileSystem& files,
                                                       const ExportRequest& request,
                                                       const RecordingFacts& first) {
  ExportRequest same = request;
  same.input.paths.clear();
  for (const InputFile& input : first.inputs) {
    const bool is_named = input.growing && !files.exists(input.path);  // Finished since.
    same.input.paths.push_back(is_named ? finished_name(input.path) : input.path);
  }
  auto again = open_export_input(files, same);
  if (!again) return again;
  const RecordingFacts& facts = (*again)->facts();
  const bool is_same = facts.frames >= first.frames &&
                       std::ranges::equal(facts.inputs, first.inputs, {}, &InputFile::first_frame,
                                          &InputFile::first_frame);
  if (is_same) return again;
  return fail(ErrorCode::kCorrupt, "the input changed while it was exported:",
              one_line(first.inputs.front().path.string()));
}

std::vector<DetectorSpec> centred(std::vector<DetectorSpec> detectors, const FrameShape& shape) {
  const auto centre = [&shape](auto& round) {
    if (std::isnan(round.center_y)) round.center_y = (shape.height_px - 1) / 2.0;
    if (std::isnan(round.center_x)) round.center_x = (shape.width_px - 1) / 2.0;
  };
  for (DetectorSpec& detector : detectors) {
    if (auto* disc = std::get_if<Disc>(&detector.area)) centre(*disc);
    if (auto* annulus = std::get_if<Annulus>(&detector.area)) centre(*annulus);
  }
  return detectors;
}

Result<std::vector<ExportRequest>> every_recording(FileSystem& files,
                                                   const ExportRequest& request) {
  auto inputs = split_runs(files, request.input);
  if (!inputs) return std::unexpected(inputs.error());
  std::vector<ExportRequest> requests;
  for (InputRequest& input : *inputs) {
    requests.push_back(request);
    requests.back().input = std::move(input);
  }
  return requests;
}

}  // namespace framelog
