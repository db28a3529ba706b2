#pragma once

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
  std::filesystem::path part;
  RecoveryOutcome outcome{};
  std::filesystem::path result;  ///< Finished file or place in quarantine.
  std::int64_t frames{};
  std::string note;  ///< Why, for kQuarantined and kFailed.
};

/// Frames of an unfinished segment that can be trusted: those up to `synced`, then one by one while
/// record, order and pixel CRC are right. Errors: those of the format.
[[nodiscard]] Result<std::int64_t> trusted_frames(FileSystem& files,
                                                  const std::filesystem::path& part);

/// Finishes one NAME.EXT.part that a dead process left (design page files.md, "Recovery"). Never
/// shortens or deletes what it does not understand.
[[nodiscard]] RecoveredSegment recover_part(FileSystem& files, const std::filesystem::path& part);

/// Every .part below a directory (symbolic links are not followed), or the one given; leftovers of
/// interrupted finishing are cleared. Prepared files in .framelog/ that no living daemon holds go,
/// unless a power cut left frames in one: that is finished as BASE/recovered_NAME. Errors:
/// kNotFound, kDenied.
[[nodiscard]] Result<std::vector<RecoveredSegment>> recover(FileSystem& files,
                                                            const std::filesystem::path& where);

}  // namespace framelog
