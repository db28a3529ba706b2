#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/file_system.hpp"
#include "export/request.hpp"

namespace framelog {

/// What open_recording() leaves out of the run that a directory or a pattern leads to, in lines for
/// people: files that cannot be read, and segments by their numbers. Looks at all files once more.
/// Threads: any.
[[nodiscard]] std::vector<std::string> left_out_of(FileSystem& files, const InputRequest& request);

/// NAME.h5.part -> NAME.h5; a finished one stays.
[[nodiscard]] std::filesystem::path finished_name(std::filesystem::path segment);

}  // namespace framelog
