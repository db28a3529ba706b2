#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "core/file_system.hpp"
#include "pipeline/session.hpp"

namespace framelog {

/// What became of the frames of a finished recording: a line per product.
[[nodiscard]] std::string describe_accounting(const SessionStatus::Product& product);

// The events of a run. Threads: the one that runs sessions.
void report_started(const std::string& instrument, const std::filesystem::path& base,
                    const RunIdentity& run);
void report_stopped(const RunIdentity& run, const SessionStatus& status, std::string_view reason);

/// Finishes what an earlier process left in these directories and reports each segment; a directory
/// that is not there, or cannot be read, is passed over: recording says what is wrong with it.
void recover_bases(FileSystem& files, const std::set<std::filesystem::path>& bases);

}  // namespace framelog
