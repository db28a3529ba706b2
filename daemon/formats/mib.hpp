#pragma once

#include <filesystem>
#include <memory>

#include "core/file_system.hpp"
#include "formats/stored_frames.hpp"

namespace framelog {

/// Whether the file begins as a Merlin .mib, or its .hdr, does. False also when it cannot be read.
[[nodiscard]] bool is_mib(FileSystem& files, const std::filesystem::path& path);

/// Opens NAME.mib of a Medipix detector with Merlin readout, and the NAME.hdr beside it where there
/// is one; given NAME.hdr it is the same. What is left over of a last frame that was cut off is
/// told in the description. A jump of the detector's numbers is told as frames lost. Scan points
/// are told where the .hdr has them (ScanY x ScanX, or the triggers) and they are as many as the
/// frames. `files` is borrowed. Errors: kNotFound, kDenied, kIo; kInvalid, not a regular file;
/// kCorrupt, not what it should be, or no whole frame; kUnsupported, another pixel type or
/// arrangement of chips. A frame whose header does not fit the first one's is kCorrupt when it is
/// read.
[[nodiscard]] Result<std::unique_ptr<StoredFrames>> open_mib(FileSystem& files,
                                                             const std::filesystem::path& path);

}  // namespace framelog
