#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "formats/segment.hpp"
#include "store/event_log.hpp"

namespace framelog {

/// Whether NAME.EXT, its companions and its .part are all free.
[[nodiscard]] bool is_name_free(FileSystem& files, const SegmentFormat& format,
                                const std::filesystem::path& final_path);

/// `wanted`, or with _2, _3, ... before the extension: the first name that is free.
[[nodiscard]] std::filesystem::path free_name(FileSystem& files, const SegmentFormat& format,
                                              const std::filesystem::path& wanted);

/// What finishing a segment needs to know beside its file.
struct FinishOrder {
  std::filesystem::path part;  ///< NAME.EXT.part
  std::int64_t frames{};
  std::string stop_reason;
  SegmentEvents events;
  Accounting accounting;
  std::map<std::string, std::string> input_digests;
};

struct FinishedSegment {
  std::filesystem::path path;
  SegmentSummary summary;
};

/// Finalises the .part and gives it its name, never over another file: if the name has been taken
/// meanwhile, it gets the next free one and an event that says so. Removes its .events. Threads:
/// files. Errors: of the format; the .part is then as while recording (its undo is written back),
/// and can be finished again.
[[nodiscard]] Result<FinishedSegment> finish_part(FileSystem& files, const SegmentFormat& format,
                                                  FinishOrder order);

/// Removes a .part that holds no frame, with all that belongs to it.
[[nodiscard]] Result<void> remove_empty_part(FileSystem& files, const SegmentFormat& format,
                                             const std::filesystem::path& part);

}  // namespace framelog
