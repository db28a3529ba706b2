#pragma once

#include <filesystem>

#include "core/file_system.hpp"
#include "core/result.hpp"

namespace framelog {

/// What has a name that an export would give may be a recording, or anybody's: only a file that
/// tells itself that it was exported is one. NPY, tables, pictures and movies have no place for
/// that and are taken for exports, but for a TIFF that is no picture of ours. Errors: kInvalid,
/// with why it is not taken for one.
[[nodiscard]] Result<void> check_is_export(FileSystem& files, const std::filesystem::path& path);

}  // namespace framelog
