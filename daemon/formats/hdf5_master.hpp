#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/file_system.hpp"
#include "core/frame.hpp"
#include "core/result.hpp"
#include "core/scan.hpp"

namespace framelog {

/// The whole of one product of one run.
struct MasterIdentity {
  std::string run_uuid;
  std::string product;
  friend bool operator==(const MasterIdentity&, const MasterIdentity&) = default;
};

/// What a master has to know of one finished HDF5 segment.
struct MasterSegment {
  std::filesystem::path file;
  FrameShape shape;
  std::int64_t frames{};
  std::optional<Scan> scan;
  std::uint64_t first_number{}, last_number{};  ///< The hardware's, of the first and last frame.
  bool is_merged{};                             ///< Some frames are sums of several.
};

/// Threads: files. Errors: of the format; kInvalid, it is not finished or holds no frame.
[[nodiscard]] Result<MasterSegment> read_master_segment(FileSystem& files,
                                                        const std::filesystem::path& file);

/// What a master file consists of.
struct MasterPlan {
  MasterIdentity of;
  std::filesystem::path place;  ///< Directory in which the file will stand: sources are relative.
  std::vector<MasterSegment> segments;  ///< In the order of their frames.
  std::int64_t fingerprint{};           ///< Of all that it was made from.
};

struct MasterSummary {
  std::int64_t frames{};
  std::int64_t segments{};
  bool is_scan{};  ///< (scan_y, scan_x, y, x), or one dimension more for several scans.
};

/// NAME_master.h5: the segments of a run as one virtual dataset /entry/data/data, (n, y, x), or by
/// the points of the scan where all of them are there, with explicit mappings of what was finished;
/// /entry/frames holds time and number of all frames, in the same way. Written to `file`, which
/// must not be there, and synced. Segments of another shape or pixel type than the first are left
/// out. Of the segments only the first is opened. Threads: files. Errors: kNotFound, no segment;
/// kIo, kNoSpace, kCorrupt.
[[nodiscard]] Result<MasterSummary> write_master(FileSystem& files,
                                                 const std::filesystem::path& file,
                                                 const MasterPlan& plan);

/// Whose master file it is. Only its own marker counts, not its name. Errors: kNotFound, it is
/// none.
[[nodiscard]] Result<MasterIdentity> read_master(const std::filesystem::path& file);

/// The segments that it consists of, in the order of their frames. Errors: kNotFound, it is none.
[[nodiscard]] Result<std::vector<std::filesystem::path>> read_master_sources(
    const std::filesystem::path& file);

/// The fingerprint of its plan. Errors: kNotFound, it has none.
[[nodiscard]] Result<std::int64_t> read_master_fingerprint(const std::filesystem::path& file);

/// Whether it is a master file, and no segment. Cheap for other names.
[[nodiscard]] bool is_master(const std::filesystem::path& file);

inline constexpr const char* kMasterSuffix = "_master.h5";

}  // namespace framelog
