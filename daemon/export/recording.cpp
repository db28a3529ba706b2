#include "export/recording.hpp"

#include "export/recording_files.hpp"

namespace framelog {
namespace {

Result<void> check_paths(const InputRequest& request) {
  if (!request.paths.empty()) return {};
  return fail(ErrorCode::kInvalid, "cannot export",
              "there is no input (allowed: segments, directories, master files, foreign files)");
}

}  // namespace

Result<std::unique_ptr<Recording>> open_recording(FileSystem& files, const InputRequest& request) {
  if (auto good = check_paths(request); !good) return std::unexpected(good.error());
  const auto found = find_files(files, request);
  if (!found) return std::unexpected(found.error());
  if (found->runs.empty()) return open_foreign(files, found->foreign, request);
  if (found->runs.size() == 1) return open_segments(files, found->runs.front());
  return fail(ErrorCode::kInvalid, "several recordings; choose one of", list_runs(found->runs));
}

Result<std::vector<InputRequest>> split_runs(FileSystem& files, const InputRequest& request) {
  if (auto good = check_paths(request); !good) return std::unexpected(good.error());
  const auto found = find_files(files, request);
  if (!found) return std::unexpected(found.error());
  std::vector<InputRequest> requests;
  for (const SegmentRun& run : found->runs) {
    InputRequest one = request;
    one.paths.clear();
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
