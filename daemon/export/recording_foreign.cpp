#include <fmt/format.h>

#include <utility>

#include "export/recording_files.hpp"
#include "formats/frame_files.hpp"
#include "formats/frame_series.hpp"

// Files of other programs as a recording.
namespace framelog {
namespace {

class ForeignRecording final : public Recording {
 public:
  explicit ForeignRecording(std::unique_ptr<StoredFrames> frames) : frames_(std::move(frames)) {}

  Result<void> complete() {
    take_facts(frames_->facts());
    if (!facts_.scan) return {};
    const auto first = frames_->info(0);
    if (!first) return std::unexpected(first.error());
    const auto last = frames_->info(facts_.frames - 1);
    if (!last) return std::unexpected(last.error());
    facts_.scan->first_number = first->info.source_sequence;
    // The shape of the file says where the points are, unless the numbers say the same.
    by_place_ = last->info.source_sequence - first->info.source_sequence + 1 != facts_.frames;
    if (by_place_) facts_.scan->first_number = 0;
    return {};
  }

  [[nodiscard]] const RecordingFacts& facts() const noexcept override { return facts_; }

  Result<FrameNote> note(std::uint64_t frame) override {
    const auto stored = info(frame);
    if (!stored) return std::unexpected(stored.error());
    FrameNote note;
    note.info = stored->info;
    note.info.sequence = frame;
    if (by_place_) note.info.source_sequence = frame;
    if (note.info.utc_ns < 0 && facts_.start_utc_ns >= 0 && note.info.monotonic_ns >= 0) {
      note.info.utc_ns = facts_.start_utc_ns + note.info.monotonic_ns;
    }
    note.lost_before = stored->lost_before;
    note.crc32c = stored->crc32c;
    return note;
  }

  Result<void> read(std::uint64_t frame, std::span<std::byte> pixels) override {
    const auto stored = info(frame);
    if (!stored) return std::unexpected(stored.error());
    const auto intact = frames_->read(frame, pixels, stored->crc32c);
    if (!intact) return std::unexpected(intact.error());
    if (*intact) return {};
    return fail(ErrorCode::kCorrupt, "cannot export",
                fmt::format("{}: frame {} does not fit its checksum",
                            facts_.inputs.front().path.string(), frame));
  }

  Result<void> read_layer(std::size_t /*layer*/, std::uint64_t /*frame*/,
                          std::span<std::byte> /*pixels*/) override {
    return fail(ErrorCode::kNotFound, "the file has no layers");
  }
  Result<void> read_series(std::size_t /*series*/, std::uint64_t /*first*/,
                           std::span<double> /*sums*/) override {
    return fail(ErrorCode::kNotFound, "the file has no sums of detectors");
  }

 private:
  Result<StoredInfo> info(std::uint64_t frame) {
    if (frame < facts_.frames) return frames_->info(frame);
    return fail(ErrorCode::kInvalid, "a frame that is not in the recording");
  }

  void take_facts(const StoredFacts& stored) {
    facts_.shape = stored.shape;
    facts_.frames = stored.frames;
    if (stored.scan) facts_.scan = Scan{stored.scan->first, stored.scan->second, 0, 0};
    facts_.pixel_size = stored.pixel_size;
    facts_.origin = stored.origin;
    facts_.scan_step = stored.scan_step;
    facts_.value_unit = stored.value_unit;
    facts_.channel = stored.channel;
    facts_.title = stored.title;
    facts_.start_utc_ns = stored.start_utc_ns;
    facts_.has_times = stored.has_times;
    facts_.bit_depth = stored.bit_depth;
    facts_.saturation = stored.saturation;
    facts_.settings = stored.settings;
    facts_.description = stored.description;
    for (const auto& path : stored.inputs) facts_.inputs.push_back({path, 0, 0, false});
    // Which file holds which frames is not told; together they hold all.
    if (!facts_.inputs.empty()) facts_.inputs.front().frames = stored.frames;
    facts_.provenances.assign(facts_.inputs.size(), {});
    if (!facts_.provenances.empty()) facts_.provenances.front() = stored.provenance_json;
  }

  std::unique_ptr<StoredFrames> frames_;
  RecordingFacts facts_;
  bool by_place_{};  ///< A scan's points are where the file has them, whatever their numbers.
};

}  // namespace

Result<std::unique_ptr<Recording>> open_foreign(FileSystem& files,
                                                const std::vector<std::filesystem::path>& paths,
                                                const InputRequest& request) {
  if (paths.size() == 1 && request.dataset.empty() && !request.geometry) {
    auto bundle = open_bundle(files, paths.front());
    if (!bundle || *bundle) return bundle;
  }
  const FrameFileRequest how{request.geometry, request.dataset};
  auto frames = open_series(paths, [&files, how](const std::filesystem::path& path) {
    return open_frame_file(files, path, how);
  });
  if (!frames) return std::unexpected(frames.error());
  auto recording = std::make_unique<ForeignRecording>(std::move(*frames));
  if (auto done = recording->complete(); !done) return std::unexpected(done.error());
  return recording;
}

}  // namespace framelog
