#pragma once

#include <filesystem>

#include "core/file_system.hpp"
#include "formats/segment.hpp"
#include "store/recovery.hpp"

namespace framelog {

/// Moves an unfinished segment that is not understood, with all that is beside it, to quarantine/
/// in its directory, where NAME.EXT.part.why tells the reason; what is there already is not
/// touched. A process that dies on the way leaves what the next one completes. kFailed where the
/// disk refuses: then all is where it was.
[[nodiscard]] RecoveredSegment quarantine(FileSystem& files, const SegmentFormat& format,
                                          const std::filesystem::path& part, const Error& error);

}  // namespace framelog
