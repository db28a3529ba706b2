#include "export/recording.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <set>

#include "export/recording_files.hpp"
#include "export/recording_holes.hpp"

namespace framelog {
namespace {

Result<void> check_paths(const InputRequest& request) {
  if (!request.paths.empty()) return {};
  return fail(ErrorCode::kInvalid, "cannot export",
              "there is no input (allowed: segments, directories, master files, foreign files)");
}

/// Whether the frames of HDF5 segments are meant, by the names that they have there.
bool names_frames(const InputRequest& request, const std::vector<SegmentRun>& runs) {
  constexpr std::array<std::string_view, 2> kFrames{"/entry/data/data",
                                                    "/entry/instrument/detector/data"};
  const std::string& name = request.dataset;
  const std::string path = name.starts_with('/') ? name : "/" + name;
  return std::ranges::find(kFrames, path) != kFrames.end() &&
         std::ranges::all_of(runs, [](const SegmentRun& run) {
           return finished_name(run.segments.front().path).extension() == ".h5";
         });
}

/// What is said of files of another kind.
Result<void> check_words(const InputRequest& request, const std::vector<SegmentRun>& runs) {
  const bool is_foreign = runs.empty();
  const auto stray = [](const char* option, const char* what) {
    return fail(ErrorCode::kInvalid, option, what);
  };
  if (is_foreign && !request.product.empty()) {
    return stray("--product:", "of directories with recordings of framelog, and this is none");
  }
  if (is_foreign && !request.run.empty()) {
    return stray("--run:", "of directories with recordings of framelog, and this is none");
  }
  if (!is_foreign && !request.dataset.empty() && !names_frames(request, runs)) {
    return stray(
        "--dataset:",
        "of HDF5 files of other programs, and these are segments, of which "
        "only the frames are read (allowed in .h5: /entry/data/data, which is the default)");
  }
  if (!is_foreign && request.geometry) {
    return stray("--input-shape, --input-dtype:",
                 "of bytes that nothing describes, and these are segments");
  }
  return {};
}

}  // namespace

std::uint64_t step_of(std::string_view layer) noexcept {
  constexpr std::string_view kPrefix = "step_";
  std::uint64_t step = 0;
  if (layer.starts_with(kPrefix)) {
    layer.remove_prefix(kPrefix.size());
    std::from_chars(layer.data(), layer.data() + layer.size(), step);
  }
  return step;
}

Result<std::unique_ptr<Recording>> open_recording(FileSystem& files, const InputRequest& request) {
  if (auto good = check_paths(request); !good) return std::unexpected(good.error());
  const auto found = find_files(files, request);
  if (!found) return std::unexpected(found.error());
  if (auto good = check_words(request, found->runs); !good) {
    return std::unexpected(good.error());
  }
  if (found->runs.empty()) return open_foreign(files, found->foreign, request);
  if (found->runs.size() == 1) return open_segments(files, found->runs.front());
  return fail(ErrorCode::kInvalid, "several recordings; choose one of", list_runs(found->runs));
}

Result<std::vector<InputRequest>> split_runs(FileSystem& files, const InputRequest& request) {
  if (auto good = check_paths(request); !good) return std::unexpected(good.error());
  const auto found = find_files(files, request);
  if (!found) return std::unexpected(found.error());
  std::vector<InputRequest> requests;
  std::set<std::string> told;  // What is told of all runs is told once.
  for (const SegmentRun& run : found->runs) {
    InputRequest one = request;
    one.paths.clear();
    std::ranges::copy_if(run.warnings, std::back_inserter(one.left_out),
                         [&told](const auto& warning) { return told.insert(warning).second; });
    for (const SegmentFile& segment : run.segments) one.paths.push_back(segment.path);
    one.run = run.run_uuid;
    one.product = run.product;
    requests.push_back(std::move(one));
  }
  for (const auto& path : found->foreign) {
    InputRequest one = request;
    one.paths = {path};
    requests.push_back(std::move(one));
  }
  return requests;
}

}  // namespace framelog
