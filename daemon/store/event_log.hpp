#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.hpp"
#include "formats/segment.hpp"

namespace framelog {

/// How a segment ended, as its recorder knew.
struct LoggedEnd {
  std::string stop_reason;
  Accounting accounting;
};

/// What happened beside the frames of one segment.
struct SegmentEvents {
  /// Frames from this sequence on are accounted for in this segment; none where the log is lost.
  std::optional<std::int64_t> accounted_from;
  std::vector<GapEntry> gaps;
  std::vector<ClockEntry> clock;
  std::vector<EventEntry> events;
  std::optional<LoggedEnd> end;  ///< None: its recorder died before, or the log is lost.
  std::vector<QuantityEntry> quantities;
  LineEdges lines{};
};

/// The append-only NAME.EXT.events of an open segment: one JSON object a line, so that what a dead
/// process knew of gaps and clock changes is still there. A torn last line is skipped when read.
/// Threads: add() any; entries() of one kind only while nobody adds one of that kind.
class EventLog {
 public:
  EventLog() = default;
  /// Creates the file; kExists when it is there.
  [[nodiscard]] static Result<EventLog> create(FileSystem& files,
                                               const std::filesystem::path& path);

  /// Goes on with that of a dead process; creates it where there is none. Errors: kIo and the like.
  [[nodiscard]] static Result<EventLog> resume(FileSystem& files,
                                               const std::filesystem::path& path);

  /// Each keeps the entry in memory too, whatever becomes of the file.
  /// Behind `most` gaps, a further one of known duration is added to the last of its stage and
  /// reason, in memory only.
  void add(FileSystem& files, const GapEntry& gap, std::size_t most);
  void add(FileSystem& files, const ClockEntry& clock);
  void add(FileSystem& files, const EventEntry& event);
  void add(FileSystem& files, const QuantityEntry& quantity);
  /// Beyond kMostEdges of a segment they are counted only.
  void add(FileSystem& files, const LineEdges& lines);
  /// The first entry of each log.
  void begin(FileSystem& files, std::int64_t accounted_from);
  /// The last entry: whoever finds the segment unfinished can finish it as its recorder would have.
  void end(FileSystem& files, const LoggedEnd& end);

  [[nodiscard]] const SegmentEvents& entries() const noexcept { return entries_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  void append(FileSystem& files, std::string_view line);

  // Gaps come from the write thread, notes from the files thread. By pointer, so that a log can be
  // moved.
  std::unique_ptr<std::mutex> mutex_{std::make_unique<std::mutex>()};
  UniqueFd fd_;
  std::int64_t size_{};
  SegmentEvents entries_;
};

/// Reads such a file; lines that are not whole are left out. A missing file has no entries.
[[nodiscard]] SegmentEvents read_events(FileSystem& files, const std::filesystem::path& path);

/// NAME.EXT.part -> NAME.EXT.events
[[nodiscard]] std::filesystem::path events_path(const std::filesystem::path& part);

}  // namespace framelog
