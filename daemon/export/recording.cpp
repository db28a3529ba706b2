#include "export/recording.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "export/recording_files.hpp"

namespace framelog {
namespace {

Result<void> check_paths(const InputRequest& request) {
  if (!request.paths.empty()) return {};
  return fail(ErrorCode::kInvalid, "cannot export",
              "there is no input (allowed: segments, directories, master files, foreign files)");
}

/// What is said of files of another kind.
Result<void> check_words(const InputRequest& request, bool is_foreign) {
  const auto stray = [](const char* option, const char* what) {
    return fail(ErrorCode::kInvalid, option, what);
  };
  if (is_foreign && !request.product.empty()) {
    return stray("--product:", "of directories with recordings of framelog, and this is none");
  }
  if (is_foreign && !request.run.empty()) {
    return stray("--run:", "of directories with recordings of framelog, and this is none");
  }
  if (!is_foreign && !request.dataset.empty()) {
    return stray("--dataset:", "of HDF5 files of other programs, and these are segments");
  }
  if (!is_foreign && request.geometry) {
    return stray("--input-shape, --input-dtype:",
                 "of bytes that nothing describes, and these are segments");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Recording>> open_recording(FileSystem& files, const InputRequest& request) {
  if (auto good = check_paths(request); !good) return std::unexpected(good.error());
  const auto found = find_files(files, request);
  if (!found) return std::unexpected(found.error());
  if (auto good = check_words(request, found->runs.empty()); !good) {
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
