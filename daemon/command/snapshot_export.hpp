#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "command/option_table.hpp"
#include "export/recording.hpp"
#include "export/snapshots.hpp"

namespace framelog {

/// Those of `framelog export` with which something is exported, and those of snapshots.
[[nodiscard]] std::span<const OptionRow> snapshot_export_options();

/// The first frame from a time on. Errors: kInvalid behind the last; those of reading.
[[nodiscard]] Result<std::uint64_t> frame_at(Recording& recording, std::int64_t utc_ns);

/// Pictures of snapshots, whose files are in `folder`. Returns an ExitStatus.
[[nodiscard]] int export_snapshots(const GivenOptions& given,
                                   const std::vector<Snapshot>& snapshots,
                                   const std::filesystem::path& folder);

}  // namespace framelog
