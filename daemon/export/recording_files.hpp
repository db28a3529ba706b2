#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/file_system.hpp"
#include "export/recording.hpp"
#include "export/request.hpp"

/// Private to the recording_*.cpp files of this folder: which files are one recording.
namespace framelog {

/// A segment of ours, as far as it matters to which recording it belongs.
struct SegmentFile {
  std::filesystem::path path;
  std::string run_uuid, product;
  std::int64_t run_number{};
  std::int64_t segment_number{};
  std::int64_t run_start_utc_ns{};
  std::int64_t first_sequence{};
  FrameShape shape;
  std::uint64_t frames{};  ///< At least one.
  bool growing{};
  bool is_export{};  ///< Of a recording: the same frames once more, or what became of them.
};

/// All segments of one product of one run, in the order of their frames, copies left out.
struct SegmentRun {
  std::string run_uuid, product;
  std::int64_t run_number{};
  std::vector<SegmentFile> segments;
  std::vector<std::string> warnings;  ///< Lines for people, of what is not in it.
};

/// What the paths of a request lead to: segments by run and product, in the order of their start,
/// those that the request does not choose left out; or else foreign files, which are one recording.
struct FoundFiles {
  std::vector<SegmentRun> runs;
  std::vector<std::filesystem::path> foreign;
};

/// Errors: kNotFound; kInvalid, nothing of what was chosen, with what there is, or segments among
/// foreign files.
[[nodiscard]] Result<FoundFiles> find_files(FileSystem& files, const InputRequest& request);

/// "run 7 (0b7f2f3e) product whole, ...", for people.
[[nodiscard]] std::string list_runs(const std::vector<SegmentRun>& runs);

/// `run` has at least one segment. Errors: kInvalid, segments of several shapes.
[[nodiscard]] Result<std::unique_ptr<Recording>> open_segments(FileSystem& files,
                                                               const SegmentRun& run);
[[nodiscard]] Result<std::unique_ptr<Recording>> open_foreign(
    FileSystem& files, const std::vector<std::filesystem::path>& paths,
    const InputRequest& request);
/// Null: it is none.
[[nodiscard]] Result<std::unique_ptr<Recording>> open_bundle(FileSystem& files,
                                                             const std::filesystem::path& path);

}  // namespace framelog
