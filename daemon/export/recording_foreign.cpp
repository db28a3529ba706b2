#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "export/recording_files.hpp"
#include "formats/frame_files.hpp"
#include "formats/frame_series.hpp"
#include "formats/stored_record.hpp"

// Files of other programs as a recording.
namespace framelog {
namespace {

class ForeignRecording final : public Recording {
 public:
  explicit ForeignRecording(std::unique_ptr<StoredFrames> frames) : frames_(std::move(frames)) {}

  Result<void> complete() {
    take_facts(frames_->facts());
    if (auto taken = take_start(); !taken) return taken;
    if (!facts_.scan) return {};
    const auto first = frames_->info(0);
    if (!first) return std::unexpected(first.error());
    const auto last = frames_->info(facts_.frames - 1);
    if (!last) return std::unexpected(last.error());
    // The shape of the file says where the points are, whatever the numbers of those that are
    // there; where none is left out, they count from the first one's.
    const std::uint64_t begin = first->info.source_sequence;
    if (last->info.source_sequence - begin + 1 == facts_.frames) facts_.scan->first_number = begin;
    return {};
  }

  [[nodiscard]] const RecordingFacts& facts() const noexcept override { return facts_; }

  Result<FrameNote> note(std::uint64_t frame) override {
    const auto stored = info(frame);
    if (!stored) return std::unexpected(stored.error());
    FrameNote note;
    note.info = stored->info;
    if (stored->info.sequence == kNoFrameSequence) note.accumulated = 0;
    // The checksum comes with a record of ours, whose frames keep their numbers.
    if (!stored->crc32c) note.info.sequence = frame;
    if (facts_.scan) note.info.source_sequence = facts_.scan->first_number + frame;
    const std::int64_t begin = frames_->facts().start_utc_ns;
    if (note.info.utc_ns < 0 && begin >= 0 && note.info.monotonic_ns >= 0) {
      note.info.utc_ns = begin + note.info.monotonic_ns;
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

  /// Where the file does not tell its start, the first frame does; what stands for a point of a
  /// scan without one has no time.
  Result<void> take_start() {
    if (facts_.start_utc_ns >= 0) return {};
    for (std::uint64_t i = 0; i < facts_.frames; ++i) {
      const auto stored = frames_->info(i);
      if (!stored) return std::unexpected(stored.error());
      if (!tells_of_frame(*stored)) continue;
      const std::int64_t utc_ns = stored->info.utc_ns;
      if (utc_ns >= 0) {
        facts_.start_utc_ns = utc_ns - std::llround(frames_->facts().first_s * 1e9);
      }
      break;
    }
    return {};
  }

  void take_facts(const StoredFacts& stored) {
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
    facts_.title = stored.title;
    facts_.start_utc_ns = stored.start_utc_ns;
    if (stored.start_utc_ns >= 0) facts_.start_utc_ns -= std::llround(stored.first_s * 1e9);
    facts_.has_times = stored.has_times;
    facts_.losses_in_frames = true;
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
