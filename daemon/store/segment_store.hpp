#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.hpp"
#include "core/name_template.hpp"
#include "formats/segment.hpp"
#include "store/event_log.hpp"
#include "store/finish.hpp"
#include "store/provenance.hpp"
#include "store/roll_policy.hpp"

namespace framelog {

/// Where and how the segments of one product are made.
struct SegmentStoreConfig {
  std::filesystem::path base;
  bool require_mount{};            ///< Nothing is created below the base without its disk.
  std::filesystem::path workshop;  ///< BASE/.framelog/INSTRUMENT: prepared segments.
  NameTemplate names;
  NameFields fields;  ///< All but those of a segment and its first frame.
  const SegmentFormat* format{};
  RollPolicy roll;
  SegmentDescription description;  ///< All but segment number, capacity and provenance.
  RunFacts run;
  std::uint32_t generation{};  ///< Prepared segments of different ones are named differently.
};

/// What space is reserved for in each of these segments: frames, and bytes of their pixels.
[[nodiscard]] PackedCapacity segment_capacity(const SegmentStoreConfig& config);

/// A segment that is ready to be recorded.
struct PreparedSegment {
  std::int64_t number{};
  std::unique_ptr<SegmentWriter> writer;
};

/// Monotonic time of the oldest frame of a segment that a power cut could still take; 0: none.
/// Threads: any.
class OldestUnsynced {
 public:
  OldestUnsynced() noexcept = default;
  OldestUnsynced(OldestUnsynced&& other) noexcept : ns_(other.take()) {}
  OldestUnsynced& operator=(OldestUnsynced&&) = delete;

  /// A frame of that time was appended, or could not be synced.
  void note(std::int64_t frame_ns) noexcept {
    std::int64_t known_ns = ns_.load(std::memory_order_relaxed);
    while (frame_ns > 0 && (known_ns == 0 || frame_ns < known_ns) &&
           !ns_.compare_exchange_weak(known_ns, frame_ns, std::memory_order_relaxed)) {
    }
  }
  /// A sync begins: what is appended from now on is the next one's.
  [[nodiscard]] std::int64_t take() noexcept { return ns_.exchange(0, std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> ns_{0};
};

/// A segment that is being recorded, or waits to be finished. Owned by one thread at a time.
struct OpenSegment {
  std::int64_t number{};
  std::unique_ptr<SegmentWriter> writer;
  std::filesystem::path part;
  EventLog log;
  RollClock roll;
  std::string stop_reason;
  Accounting accounting;
  bool named_durably{};  ///< The directories that lead to it are synced. Threads: sync.
  OldestUnsynced unsynced{};
};

struct Resumed {
  std::unique_ptr<OpenSegment> segment;
  std::uint64_t last_sequence{};  ///< Of its last frame.
};

class SegmentStore {
 public:
  SegmentStore(FileSystem& files, SegmentStoreConfig config);

  /// Threads: files. Errors: kNoSpace with the space that was wanted and is free, kIo.
  [[nodiscard]] Result<PreparedSegment> prepare(std::int64_t number);
  /// Names it by its first frame and moves it there. Threads: write. Errors: kIo and the like; the
  /// prepared segment is lost then.
  [[nodiscard]] Result<std::unique_ptr<OpenSegment>> activate(PreparedSegment prepared,
                                                              const FrameInfo& first);
  /// Goes on with the open segment of a process that died. Threads: control. Errors: those of
  /// SegmentFormat::resume(); kInvalid also where its recorder had ended it.
  [[nodiscard]] Result<Resumed> resume(std::int64_t number, const std::filesystem::path& part);
  /// Syncs the frames, and once the directories that lead to them. Threads: sync.
  [[nodiscard]] Result<void> sync(OpenSegment& segment);
  /// Threads: files. Repeatable after an error.
  [[nodiscard]] Result<FinishedSegment> finish(
      OpenSegment& segment, const std::map<std::string, std::string>& input_digests);
  /// Removes a prepared segment that is not needed. Threads: files.
  void discard(PreparedSegment prepared);

  /// The name that a segment would get, relative to the base, with its extension. `sequence` is
  /// that of its first frame.
  [[nodiscard]] std::filesystem::path name(std::int64_t number, std::int64_t utc_ns,
                                           std::uint64_t sequence) const;
  [[nodiscard]] std::int64_t capacity_frames() const noexcept { return capacity_.frames; }
  /// What preparing a segment takes of the disk, about.
  [[nodiscard]] std::int64_t reserved_bytes() const noexcept;
  /// Whether the run has its number: it comes with the first disk that is there.
  [[nodiscard]] bool is_numbered() const noexcept { return config_.description.run_number > 0; }
  /// Threads: files, before it prepares anything.
  void set_run_number(std::int64_t number);
  [[nodiscard]] FileSystem& files() noexcept { return files_; }
  [[nodiscard]] const SegmentStoreConfig& config() const noexcept { return config_; }

 private:
  [[nodiscard]] Result<std::filesystem::path> move_to(SegmentWriter& writer,
                                                      const std::filesystem::path& wanted);
  [[nodiscard]] SegmentDescription describe(std::int64_t number) const;
  [[nodiscard]] std::filesystem::path stem(std::int64_t number) const;

  FileSystem& files_;
  SegmentStoreConfig config_;
  PackedCapacity capacity_;
};

}  // namespace framelog
