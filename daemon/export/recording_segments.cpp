#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/crc32c.hpp"
#include "core/iso_time.hpp"
#include "export/recording_detectors.hpp"
#include "export/recording_files.hpp"
#include "export/recording_holes.hpp"
#include "formats/byte_order.hpp"
#include "formats/frame_files.hpp"
#include "formats/stored_record.hpp"
#include "store/crash_gaps.hpp"
#include "store/event_log.hpp"
#include "store/provenance.hpp"

// Segments of ours as one recording. One of them is open at a time.
namespace framelog {
namespace {

constexpr std::int64_t kBlock = 1024;  // Records that are read at once: 128 KiB.

Error in_file(const std::filesystem::path& path, Error error) {
  if (error.context.find(path.string()) == std::string::npos) {
    error.context =
        fmt::format("{}{}{}", path.string(), error.context.empty() ? "" : ": ", error.context);
  }
  return error;
}

FrameNote note_of(const FrameRecord& record, std::uint64_t index) {
  const StoredInfo stored = stored_info_of(record, index);
  FrameNote note;
  note.info = stored.info;
  if (!stored.crc32c) return note;
  note.crc32c = stored.crc32c;
  note.lost_before = stored.lost_before;
  note.accumulated = is_placeholder(record) ? 0 : std::max<std::uint32_t>(1, record.accumulated);
  note.statistics = FrameStatistics{record.min, record.max,       record.mean,   record.std,
                                    record.sum, record.saturated, record.clipped};
  return note;
}

std::string text_in(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<EventEntry> events_of(const nlohmann::json& provenance) {
  std::vector<EventEntry> events;
  if (!provenance.is_object()) return events;
  const auto found = provenance.find("events");
  if (found == provenance.end() || !found->is_array()) return events;
  for (const auto& event : *found) {
    if (!event.is_object()) continue;
    events.push_back({utc_of_iso(text_in(event, "time")).value_or(-1), text_in(event, "text"),
                      text_in(event, "author")});
  }
  return events;
}

class SegmentRecording final : public Recording {
 public:
  explicit SegmentRecording(FileSystem& files) : files_(files) {}

  /// Opens the segment and takes what it tells; the first one's facts are those of all.
  Result<void> add(const SegmentFile& file) {
    parts_.push_back({file.path, facts_.frames, file.frames, file.growing});
    current_ = parts_.size() - 1;
    if (auto opened = open(current_); !opened) return opened;
    facts_.frames += file.frames;
    return take_facts(file);
  }

  Result<void> complete() {
    if (facts_.scan) {
      std::uint64_t last = facts_.frames - 1;
      auto note = this->note(last);
      // A torn record does not have the hardware's number.
      while (note && !note->crc32c && last > 0) note = this->note(--last);
      if (!note) return std::unexpected(note.error());
      count_scans(note->info.source_sequence);
    }
    const auto first = note(0);
    if (!first) return std::unexpected(first.error());
    if (facts_.start_utc_ns <= 0) facts_.start_utc_ns = first->info.utc_ns;
    return {};
  }

  [[nodiscard]] const RecordingFacts& facts() const noexcept override { return facts_; }

  Result<FrameNote> note(std::uint64_t frame) override {
    if (auto good = go_to(frame); !good) return std::unexpected(good.error());
    const Part& part = parts_[current_];
    const auto index = static_cast<std::int64_t>(frame - part.first);
    if (index < block_first_ || index >= block_first_ + std::ssize(block_)) {
      const std::int64_t first = index / kBlock * kBlock;
      const std::int64_t count = std::min(kBlock, static_cast<std::int64_t>(part.frames) - first);
      auto records = reader_->records_from(first, count);
      if (!records) return std::unexpected(in_file(part.path, records.error()));
      block_ = std::move(*records);
      block_first_ = first;
    }
    return note_of(block_[static_cast<std::size_t>(index - block_first_)],
                   static_cast<std::uint64_t>(frame));
  }

  Result<void> read(std::uint64_t frame, std::span<std::byte> pixels) override {
    const auto note = this->note(frame);
    if (!note) return std::unexpected(note.error());
    const Part& part = parts_[current_];
    const auto intact = read_pixels(frame - part.first, pixels, note->crc32c);
    if (!intact) return std::unexpected(in_file(part.path, intact.error()));
    if (*intact) return {};
    return fail(ErrorCode::kCorrupt, "cannot export",
                fmt::format("{}: frame {} does not fit its checksum", part.path.string(),
                            frame - part.first));
  }

  Result<void> read_layer(std::size_t /*layer*/, std::uint64_t /*frame*/,
                          std::span<std::byte> /*pixels*/) override {
    return fail(ErrorCode::kNotFound, "a segment has no layers");
  }

  Result<void> read_series(std::size_t series, std::uint64_t first,
                           std::span<double> sums) override {
    for (std::size_t done = 0; done < sums.size();) {
      if (auto good = go_to(first + done); !good) return good;
      const Part& part = parts_[current_];
      if (auto good = load_series(series); !good) return good;
      const std::size_t at = first + done - part.first;
      const std::size_t count = std::min(sums.size() - done, series_.size() - at);
      std::copy_n(series_.begin() + static_cast<std::ptrdiff_t>(at), count, &sums[done]);
      done += count;
    }
    return {};
  }

 private:
  struct Part {
    std::filesystem::path path;
    std::uint64_t first{};  ///< Its first frame in the recording.
    std::uint64_t frames{};
    bool growing{};
  };

  Result<bool> read_pixels(std::uint64_t index, std::span<std::byte> pixels,
                           std::optional<std::uint32_t> expected) {
    if (stored_) return stored_->read(index, pixels, expected);
    if (auto done = reader_->pixels(static_cast<std::int64_t>(index), pixels); !done) {
      return std::unexpected(done.error());
    }
    const bool intact = !expected || crc32c(pixels) == *expected;
    if (reader_->big_endian()) swap_bytes(pixels, size_bytes(facts_.shape.type));
    return intact;
  }

  Result<void> go_to(std::uint64_t frame) {
    if (frame >= facts_.frames) {
      return fail(ErrorCode::kInvalid, "a frame that is not in the recording");
    }
    const auto behind = std::ranges::upper_bound(parts_, frame, {}, &Part::first);
    const auto wanted = static_cast<std::size_t>(behind - parts_.begin()) - 1;
    if (wanted == current_ && reader_) return {};
    current_ = wanted;
    return open(wanted);
  }

  Result<void> open(std::size_t index) {
    Part& part = parts_[index];
    reader_.reset();
    stored_.reset();
    block_.clear();
    series_.clear();
    auto reader = format_of(part.path)->open(files_, part.path);
    if (!reader && part.growing && !files_.exists(part.path)) {
      part.path = finished_name(part.path);  // Its recording has ended since it was found.
      reader = format_of(part.path)->open(files_, part.path);
    }
    if (!reader) return std::unexpected(in_file(part.path, reader.error()));
    reader_ = std::move(*reader);
    // HDF5 is read past the library where that can be; a TIFF would list all of its pages first.
    if (part.path.string().find(".h5") == std::string::npos) return {};
    if (auto stored = open_frame_file(files_, part.path);
        stored && (*stored)->facts().shape == reader_->shape() &&
        (*stored)->facts().frames >= part.frames) {
      stored_ = std::move(*stored);
    }
    return {};
  }

  Result<void> load_series(std::size_t series) {
    if (!series_.empty() && series == series_loaded_) return {};
    const Part& part = parts_[current_];
    auto sums =
        reader_->detector_series(facts_.series[series], static_cast<std::int64_t>(part.frames));
    if (!sums) return std::unexpected(in_file(part.path, sums.error()));
    series_ = std::move(*sums);
    series_loaded_ = series;
    return {};
  }

  Result<void> take_facts(const SegmentFile& file) {
    auto about = reader_->description();
    if (!about) return std::unexpected(in_file(file.path, about.error()));
    auto provenance = reader_->provenance();
    if (!provenance) return std::unexpected(in_file(file.path, provenance.error()));
    const auto json = nlohmann::json::parse(*provenance, nullptr, false);
    if (parts_.size() == 1) {
      take_first(file, *about, json);
    } else if (reader_->shape() != facts_.shape) {
      return fail(ErrorCode::kInvalid, "cannot export",
                  fmt::format("{}: frames of {}, those of {} are {} (allowed: all alike)",
                              file.path.string(), to_string(reader_->shape()),
                              parts_[0].path.string(), to_string(facts_.shape)));
    } else if (reader_->detectors() != facts_.series) {
      facts_.series.clear();
    }
    for (EventEntry& event : events_of(json)) facts_.events.push_back(std::move(event));
    facts_.provenances.push_back(std::move(*provenance));
    facts_.inputs.push_back({file.path, parts_.back().first, file.frames, file.growing});
    const auto gaps = file.growing ? gaps_so_far(facts_.provenances.back()) : reader_->gaps();
    if (!gaps) return std::unexpected(in_file(file.path, gaps.error()));
    facts_.gaps.insert(facts_.gaps.end(), gaps->begin(), gaps->end());
    return {};
  }

  /// Of the segment that is open and has no list of gaps yet: what its log and its frame table tell
  /// up to its last frame here.
  Result<std::vector<GapEntry>> gaps_so_far(const std::string& provenance) {
    const Part& part = parts_.back();
    // Its recording may have ended since it was found.
    auto listed =
        reader_->finished() ? reader_->gaps() : read_events(files_, events_path(part.path)).gaps;
    if (!listed) return listed;
    const auto summary = summarise_provenance(provenance);
    CrashGaps gaps(std::move(*listed), summary && summary->leaves_out());
    std::int64_t last = -1;
    const auto frames = static_cast<std::int64_t>(part.frames);
    for (std::int64_t first = 0; first < frames; first += kBlock) {
      const auto records = reader_->records_from(first, std::min(kBlock, frames - first));
      if (!records) return std::unexpected(records.error());
      for (const FrameRecord& record : *records) {
        if (is_placeholder(record)) continue;
        gaps.take(record);
        if (is_intact(record)) last = static_cast<std::int64_t>(record.sequence);
      }
    }
    auto found = std::move(gaps).finish(0);
    // Frames behind them may have come in the meantime, and others been lost.
    std::erase_if(found, [last](const GapEntry& gap) { return gap.after_sequence > last; });
    return found;
  }

  void take_first(const SegmentFile& file, const SegmentDescription& d,
                  const nlohmann::json& provenance) {
    facts_.shape = reader_->shape();
    facts_.scan = reader_->scan();
    facts_.value_unit = d.value_unit;
    facts_.channel = d.channel;
    facts_.instrument = d.instrument;
    facts_.product = file.product;
    facts_.title = d.title;
    facts_.operator_name = d.operator_name;
    facts_.sample = d.sample;
    facts_.notes = d.notes;
    facts_.detector_description = d.detector_description;
    facts_.serial_number = d.serial_number;
    facts_.run_uuid = file.run_uuid;
    facts_.run_number = file.run_number;
    facts_.start_utc_ns = d.run_start_utc_ns;
    facts_.has_times = true;
    facts_.bit_depth = d.bit_depth;
    facts_.saturation = d.saturation;
    facts_.detectors = detectors_in_product(d);
    facts_.series = reader_->detectors();
    const auto configuration = provenance.find("configuration");
    if (configuration != provenance.end()) facts_.configuration = text_in(*configuration, "text");
    facts_.description =
        fmt::format("{} of {}, run {}", file.product, d.instrument, file.run_number);
    take_calibration(d);
  }

  void take_calibration(const SegmentDescription& d) {
    const std::array<double, 2> bin{static_cast<double>(d.bin.rows),
                                    static_cast<double>(d.bin.columns)};
    const std::array<double, 2> start{static_cast<double>(d.region.y_start),
                                      static_cast<double>(d.region.x_start)};
    for (std::size_t i = 0; i < 2 && !d.pixel_size.empty(); ++i) {
      const Length& source = i == 0 ? d.pixel_size.front() : d.pixel_size.back();
      // A size in pixels is none.
      if (source.unit.empty() || source.unit == "px" || !(source.value > 0)) continue;
      facts_.pixel_size[i] = {source.value * bin[i], source.unit};
      facts_.origin[i] = (start[i] + (bin[i] - 1) / 2) * source.value;
    }
    if (d.scan_step.empty()) return;
    facts_.scan_step = {d.scan_step.front(), d.scan_step.back()};
  }

  void count_scans(std::uint64_t last_number) {
    const Scan& scan = *facts_.scan;
    if (last_number < scan.first_number) {
      facts_.scan.reset();
      return;
    }
    facts_.scans = (last_number - scan.first_number) / scan.frames_per_scan() + 1;
  }

  FileSystem& files_;
  RecordingFacts facts_;
  std::vector<Part> parts_;
  std::size_t current_{};
  std::unique_ptr<SegmentReader> reader_;  // Of parts_[current_], as what follows.
  std::unique_ptr<StoredFrames> stored_;   // Reads its pixels; null: the reader does.
  std::vector<FrameRecord> block_;
  std::int64_t block_first_{};
  std::vector<double> series_;  // The sums of one detector.
  std::size_t series_loaded_{};
};

}  // namespace

Result<std::unique_ptr<Recording>> open_segments(FileSystem& files, const SegmentRun& run) {
  auto recording = std::make_unique<SegmentRecording>(files);
  for (const SegmentFile& segment : run.segments) {
    if (auto added = recording->add(segment); !added) return std::unexpected(added.error());
  }
  if (auto done = recording->complete(); !done) return std::unexpected(done.error());
  return recording;
}

}  // namespace framelog
