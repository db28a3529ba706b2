#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/file_system.hpp"

namespace framelog {

enum class RecoveryOutcome : std::uint8_t {
  kFinished,     ///< Its frames are in a finished file now.
  kEmpty,        ///< It held no frame and is gone.
  kInUse,        ///< A living daemon records it; left alone.
  kQuarantined,  ///< Not understood; moved to quarantine/ with a note.
  kFailed,       ///< The disk did not let it be finished; left as it was.
};

struct RecoveredSegment {
  std::filesystem::path part;  ///< Or, for kFailed, a directory that cannot be looked into.
  RecoveryOutcome outcome{};
  std::filesystem::path result;  ///< Finished file or place in quarantine.
  std::int64_t frames{};
  /// Frames that the file counted, but that are not whole; with kEmpty none was on the disk.
  std::int64_t lost{};
  std::string note;  ///< Why, for kQuarantined and kFailed.
};

/// Whether a living process holds an unfinished segment. It takes no lock, and needs only to read.
[[nodiscard]] bool is_being_recorded(FileSystem& files, const std::filesystem::path& part);

/// Frames of an unfinished segment that can be trusted: those up to `synced`, then one by one while
/// record, order and pixel CRC are right. Errors: those of the format.
[[nodiscard]] Result<std::int64_t> trusted_frames(FileSystem& files,
                                                  const std::filesystem::path& part);

/// The sequence of the last frame in a segment whose recorder died: in NAME.EXT.part, or in
/// NAME.EXT where it has been finished since; -1 where neither is there or holds one.
[[nodiscard]] std::int64_t last_sequence(FileSystem& files, const std::filesystem::path& part);

/// Finishes one NAME.EXT.part that a dead process left (design page files.md, "Recovery"). Losses
/// that only the frame table tells of become gaps with the reason "crash". Never shortens or
/// deletes what it does not understand, and leaves alone what is not a .part.
[[nodiscard]] RecoveredSegment recover_part(FileSystem& files, const std::filesystem::path& part);

/// Every .part below a directory (symbolic links are not followed), or the one given; leftovers of
/// interrupted finishing are cleared. Prepared files in .framelog/ that no living daemon holds go,
/// unless a power cut left frames in one: that is finished as BASE/recovered_NAME. Errors:
/// kNotFound, kDenied.
[[nodiscard]] Result<std::vector<RecoveredSegment>> recover(FileSystem& files,
                                                            const std::filesystem::path& where);

}  // namespace framelog
