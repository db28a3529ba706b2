#include "store/segment_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "formats/digest.hpp"
#include "store/base.hpp"
#include "store/examination.hpp"

namespace framelog {

using std::filesystem::path;

PackedCapacity segment_capacity(const SegmentStoreConfig& config) {
  const SegmentDescription& d = config.description;
  RollPolicy roll = config.roll;
  if (config.format->most_bytes)
    roll.max_bytes = std::min(roll.max_bytes, *config.format->most_bytes);
  const std::size_t frame_bytes = size_bytes(d.shape);
  if (d.compression.codec != Codec::kNone && config.format->reserves_packed) {
    return packed_segment_capacity(roll, frame_bytes, d.rate_hz);
  }
  const auto beside = static_cast<std::size_t>(config.format->bytes_per_frame);
  const std::int64_t frames = segment_capacity(roll, frame_bytes + beside, d.rate_hz);
  return {frames, frames * static_cast<std::int64_t>(frame_bytes)};
}

SegmentStore::SegmentStore(FileSystem& files, SegmentStoreConfig config)
    : files_(files), config_(std::move(config)), capacity_(segment_capacity(config_)) {
  config_.description.configuration_sha256 = sha256_hex(config_.description.configuration);
}

path SegmentStore::stem(std::int64_t number) const {
  const std::string generation =
      config_.generation == 0 ? "" : fmt::format("-{}", config_.generation);
  return config_.workshop /
         fmt::format("{}-{:06}{}", config_.description.product, number, generation);
}

path SegmentStore::name(std::int64_t number, std::int64_t utc_ns, std::uint64_t sequence) const {
  NameFields fields = config_.fields;
  fields["segment"] = number;
  fields["utc"] = NameTime{utc_ns, false};
  fields["local"] = NameTime{utc_ns, true};
  fields["frame"] = fields["slice_index"] = static_cast<std::int64_t>(sequence);
  return config_.names.render(fields).string() + std::string(config_.format->extension);
}

SegmentDescription SegmentStore::describe(std::int64_t number) const {
  SegmentDescription description = config_.description;
  description.segment_number = number;
  description.capacity_frames = capacity_.frames;
  description.capacity_bytes = capacity_.bytes;
  return description;
}

std::int64_t SegmentStore::reserved_bytes() const noexcept {
  // The frame's record, its time, and the columns that are made of them at the end.
  constexpr std::size_t kBytesPerRecord = 128 + 8 + 80;
  const SegmentDescription& d = config_.description;
  return capacity_.bytes +
         capacity_.frames *
             static_cast<std::int64_t>(kBytesPerRecord + d.detectors.size() * sizeof(double));
}

void SegmentStore::set_run_number(std::int64_t number) {
  config_.fields["run"] = number;
  config_.description.run_number = number;
}

Result<PreparedSegment> SegmentStore::prepare(std::int64_t number) {
  SegmentDescription description = describe(number);
  if (const auto space = files_.space(config_.base);
      space && reserved_bytes() > space->largest_file_bytes) {
    return fail(ErrorCode::kInvalid, "a segment is too large for the file system of",
                fmt::format("{} ({} bytes; roll.max_size less than {} bytes)",
                            config_.base.string(), reserved_bytes(), space->largest_file_bytes));
  }
  description.provenance_json = start_provenance(config_.run, description);
  auto writer = config_.format->prepare(files_, stem(number), description);
  if (writer) return PreparedSegment{number, std::move(*writer)};
  Error error = writer.error();
  if (error.code == ErrorCode::kNoSpace) {
    const auto space = files_.space(config_.base);
    const double wanted = static_cast<double>(capacity_.bytes) / 1048576.0;
    error.context += fmt::format(" (a segment of {} needs {:.0f} MiB, {} has {:.0f} MiB free)",
                                 description.product, wanted, config_.base.string(),
                                 space ? static_cast<double>(space->free_bytes) / 1048576.0 : 0.0);
  }
  return std::unexpected(std::move(error));
}

/// Into its directory, under the first free name from `wanted` on; returns that.
Result<path> SegmentStore::move_to(SegmentWriter& writer, const path& wanted) {
  // Retention may take an empty directory away before we are in it.
  constexpr int kTriesOfDirectory = 3;
  for (int tries = 1;;) {
    if (config_.require_mount && is_disk_missing(files_, config_.base)) {
      return fail(ErrorCode::kNotFound, "no disk is mounted at", config_.base.string());
    }
    if (auto made = files_.make_directories(wanted.parent_path()); !made) {
      return std::unexpected(made.error());
    }
    path final_path = free_name(files_, *config_.format, wanted);
    const auto moved = writer.activate(final_path.string() + ".part");
    if (moved) return final_path;
    if (moved.error().code == ErrorCode::kExists) continue;
    const bool again = moved.error().code == ErrorCode::kNotFound && tries++ < kTriesOfDirectory;
    if (!again) return std::unexpected(moved.error());
  }
}

Result<std::unique_ptr<OpenSegment>> SegmentStore::activate(PreparedSegment prepared,
                                                            const FrameInfo& first) {
  const path wanted = config_.base / name(prepared.number, first.utc_ns, first.sequence);
  const auto moved = move_to(*prepared.writer, wanted);
  if (!moved) {
    discard(std::move(prepared));
    return std::unexpected(moved.error());
  }
  const path& final_path = *moved;
  const path part = final_path.string() + ".part";
  auto segment = std::make_unique<OpenSegment>(OpenSegment{
      prepared.number, std::move(prepared.writer), part, {}, {config_.roll, first}, {}, {}, false});
  // Without its log a segment still records: the log's memory is what finishing reads.
  if (auto log = EventLog::create(files_, events_path(part)); log) segment->log = std::move(*log);
  segment->log.add(files_, ClockEntry{first.utc_ns, first.utc_ns - first.monotonic_ns,
                                      (first.flags & kFlagClockUnsynchronised) == 0});
  if (final_path != wanted) {
    segment->log.add(files_,
                     EventEntry{first.utc_ns, fmt::format("{} was taken: this segment is {}",
                                                          wanted.filename().string(),
                                                          final_path.filename().string())});
  }
  return segment;
}

Result<Resumed> SegmentStore::resume(std::int64_t number, const path& part) {
  if (read_events(files_, events_path(part)).end) {
    return fail(ErrorCode::kInvalid, "its recorder had ended it:", part.string());
  }
  auto examination = Examination::begin(files_, part);
  if (!examination) return std::unexpected(examination.error());
  {
    const auto reader = config_.format->open(files_, part);
    if (!reader) return std::unexpected(reader.error());
    if ((*reader)->shape() != config_.description.shape ||
        (*reader)->frames() != capacity_.frames) {
      return fail(ErrorCode::kLayout, "it was prepared for other frames:", part.string());
    }
  }
  auto resumed = config_.format->resume(files_, part, describe(number));
  if (!resumed) return std::unexpected(resumed.error());
  FrameInfo first;
  first.sequence = resumed->first.sequence;
  first.source_sequence = resumed->first.source_sequence;
  first.utc_ns = resumed->first.utc_ns;
  first.monotonic_ns = resumed->first.monotonic_ns;
  auto segment = std::make_unique<OpenSegment>(OpenSegment{
      number, std::move(resumed->writer), part, {}, {config_.roll, first}, {}, {}, false});
  if (auto log = EventLog::resume(files_, events_path(part)); log) segment->log = std::move(*log);
  examination->passed();
  return Resumed{std::move(segment), resumed->last.sequence};
}

Result<void> SegmentStore::sync(OpenSegment& segment) {
  if (auto synced = segment.writer->sync(); !synced) return synced;
  if (segment.log.fd() >= 0) {
    if (auto synced = files_.sync(segment.log.fd()); !synced) return synced;
  }
  if (segment.named_durably) return {};
  const path above = config_.base.parent_path();
  for (path directory = segment.part.parent_path(); directory != above;
       directory = directory.parent_path()) {
    if (auto synced = files_.sync_directory(directory); !synced) return synced;
    if (directory == directory.parent_path()) break;
  }
  // The base itself may be new. Its parent need not be ours to open.
  static_cast<void>(files_.sync_directory(above.empty() ? path(".") : above));
  segment.named_durably = true;
  return {};
}

Result<FinishedSegment> SegmentStore::finish(
    OpenSegment& segment, const std::map<std::string, std::string>& input_digests) {
  segment.writer->close_pixels();
  if (segment.writer->frames() == 0) {
    if (auto removed = remove_empty_part(files_, *config_.format, segment.part); !removed) {
      return std::unexpected(removed.error());
    }
    return FinishedSegment{};
  }
  return finish_part(files_, *config_.format,
                     {segment.part, segment.writer->frames(), segment.stop_reason,
                      segment.log.entries(), segment.accounting, input_digests});
}

void SegmentStore::discard(PreparedSegment prepared) {
  prepared.writer.reset();
  const path ready =
      stem(prepared.number).string() + std::string(config_.format->extension) + ".ready";
  // The pixels first: without their companions nobody could tell that they are none.
  if (!files_.remove(ready)) return;
  for (const auto companions : {config_.format->companions, config_.format->optional_companions}) {
    for (const std::string_view extension : companions) {
      static_cast<void>(
          files_.remove(stem(prepared.number).string() + std::string(extension) + ".ready"));
    }
  }
  static_cast<void>(
      files_.remove(ready.parent_path() / ("." + ready.stem().string() + ".undo-space")));
}

}  // namespace framelog
