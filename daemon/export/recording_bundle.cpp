#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "export/recording_files.hpp"
#include "formats/bundle.hpp"

// playNano's bundles as recordings.
namespace framelog {
namespace {

/// A whole number that a frame's metadata tell; negative or too large ones are not ours.
void take(const nlohmann::json& json, const char* key, auto& into) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_unsigned()) return;
  const auto number = found->get<std::uint64_t>();
  using Number = std::remove_reference_t<decltype(into)>;
  if (std::in_range<Number>(number)) into = static_cast<Number>(number);
}

class BundleRecording final : public Recording {
 public:
  BundleRecording(Bundle bundle, const std::filesystem::path& path) : bundle_(std::move(bundle)) {
    const StoredFacts& stored = bundle_.frames->facts();
    facts_.shape = stored.shape;
    facts_.frames = stored.frames;
    if (stored.scan) {
      facts_.scan = Scan{stored.scan->first, stored.scan->second, 0, 0};
      facts_.scans = stored.frames / facts_.scan->points();
    }
    facts_.pixel_size = stored.pixel_size;
    facts_.origin = stored.origin;
    facts_.scan_step = stored.scan_step;
    facts_.value_unit = stored.value_unit;
    facts_.channel = stored.channel;
    facts_.has_times = stored.has_times;
    facts_.losses_in_frames = true;
    facts_.settings = stored.settings;
    facts_.description = stored.description + ", bundle";
    facts_.inputs = {{path, 0, stored.frames, false}};
    facts_.provenances = {bundle_.provenance_json};
    facts_.frame_metadata = std::move(bundle_.frame_metadata);
    for (const BundleLayer& layer : bundle_.layers) {
      facts_.layers.push_back({layer.name, layer.is_mask, layer.frames->facts().shape});
    }
    facts_.start_utc_ns = first_utc_ns();
    if (facts_.start_utc_ns >= 0) facts_.start_utc_ns -= std::llround(stored.first_s * 1e9);
  }

  [[nodiscard]] const RecordingFacts& facts() const noexcept override { return facts_; }

  Result<FrameNote> note(std::uint64_t frame) override {
    if (frame >= facts_.frames) {
      return fail(ErrorCode::kInvalid, "a frame that is not in the recording");
    }
    const auto stored = bundle_.frames->info(frame);
    if (!stored) return std::unexpected(stored.error());
    FrameNote note = metadata(frame);
    note.info.monotonic_ns = stored->info.monotonic_ns;
    // Points of a scan are where the array has them.
    if (facts_.scan) note.info.source_sequence = frame;
    return note;
  }

  Result<void> read(std::uint64_t frame, std::span<std::byte> pixels) override {
    return checked(bundle_.frames->read(frame, pixels, std::nullopt));
  }
  Result<void> read_layer(std::size_t layer, std::uint64_t frame,
                          std::span<std::byte> pixels) override {
    if (layer >= bundle_.layers.size()) return fail(ErrorCode::kNotFound, "no such layer");
    return checked(bundle_.layers[layer].frames->read(frame, pixels, std::nullopt));
  }
  Result<void> read_series(std::size_t /*series*/, std::uint64_t /*first*/,
                           std::span<double> /*sums*/) override {
    return fail(ErrorCode::kNotFound, "a bundle has no sums of detectors");
  }

 private:
  static Result<void> checked(const Result<bool>& read) {
    if (!read) return std::unexpected(read.error());
    return {};
  }

  /// What stands for a point of a scan without a frame has no time.
  [[nodiscard]] std::int64_t first_utc_ns() const {
    for (std::uint64_t frame = 0; frame < facts_.frame_metadata.size(); ++frame) {
      const FrameNote note = metadata(frame);
      if (note.accumulated > 0) return note.info.utc_ns;
    }
    return -1;
  }

  /// What the metadata tell beside the time.
  [[nodiscard]] FrameNote metadata(std::uint64_t frame) const {
    FrameNote note;
    FrameInfo& info = note.info;
    info.sequence = info.source_sequence = frame;
    if (frame >= facts_.frame_metadata.size()) return note;
    const auto json = nlohmann::json::parse(facts_.frame_metadata[frame], nullptr, false);
    if (!json.is_object()) return note;
    take(json, "sequence", info.sequence);
    info.source_sequence = info.sequence;
    take(json, "source_sequence", info.source_sequence);
    take(json, "utc_ns", info.utc_ns);
    take(json, "device_ns", info.device_ns);
    take(json, "exposure_ns", info.exposure_ns);
    take(json, "gpio", info.gpio);
    take(json, "flags", info.flags);
    take(json, "lost_before", note.lost_before);
    take(json, "accumulated", note.accumulated);
    // Other programs have their own meaning of it; a frame has a number, or is not incomplete.
    const bool has_frame = json.contains("sequence") || (info.flags & kFlagIncomplete) == 0;
    if (note.accumulated == 0 && has_frame) note.accumulated = 1;
    return note;
  }

  Bundle bundle_;
  RecordingFacts facts_;
};

}  // namespace

Result<std::unique_ptr<Recording>> open_bundle(FileSystem& files,
                                               const std::filesystem::path& path) {
  if (is_npz(files, path)) {
    auto bundle = open_npz_bundle(files, path);
    if (!bundle) return std::unexpected(bundle.error());
    return std::make_unique<BundleRecording>(std::move(*bundle), path);
  }
  auto bundle = open_hdf5_bundle(files, path);
  if (!bundle) return std::unexpected(bundle.error());
  if (!*bundle) return nullptr;
  return std::make_unique<BundleRecording>(std::move(**bundle), path);
}

}  // namespace framelog
