#include <algorithm>
#include <utility>

#include "core/text.hpp"
#include "export/export_numbered.hpp"
#include "export/export_plan.hpp"
#include "export/export_proof.hpp"
#include "export/export_runs.hpp"
#include "export/exporter.hpp"

// What --delete removes.
namespace framelog {
namespace {

/// Whether the path is an input or lies beside one as a part of it: NAME.json of NAME.raw.
bool belongs_to_input(const InputRequest& request,
                      const std::vector<std::unique_ptr<Recording>>& recordings,
                      const std::filesystem::path& path) {
  const auto is_same = [](const std::filesystem::path& a, const std::filesystem::path& b) {
    std::error_code ignored;
    return a == b || std::filesystem::equivalent(a, b, ignored);
  };
  if (std::ranges::any_of(request.paths, [&](const auto& given) { return is_same(given, path); })) {
    return true;
  }
  for (const auto& recording : recordings) {
    for (const InputFile& input : recording->facts().inputs) {
      if (is_same(input.path, path)) return true;
      if (input.path.extension() != ".raw") continue;
      for (const char* extension : {".json", ".frames"}) {
        auto companion = input.path;
        if (is_same(companion.replace_extension(extension), path)) return true;
      }
    }
  }
  return false;
}

std::unexpected<Error> is_input(const std::filesystem::path& path) {
  return fail(ErrorCode::kInvalid,
              "--delete:", one_line(path.string()) + " is the input (allowed: names of exports)");
}

/// Files that are there, each proven to be an export, or to belong to one.
class EarlierFiles {
 public:
  EarlierFiles(FileSystem& files, const InputRequest& request, const ExportPlan& plan)
      : files_(files), request_(request), plan_(plan) {}

  Result<void> add(const PlannedOutput& output, const std::filesystem::path& path) {
    const bool is_there = files_.exists(path);
    if (is_there) {
      if (belongs_to_input(request_, plan_.recordings, path)) return is_input(path);
      if (auto proven = check_is_export(files_, path); !proven) return proven;
      found_.push_back(path);
    }
    for (const auto& companion : ExportPlan::companions(output, path)) {
      if (!files_.exists(companion)) continue;
      if (auto added = add_companion(companion, path, is_there); !added) return added;
    }
    return {};
  }
  [[nodiscard]] std::vector<std::filesystem::path> take() { return std::move(found_); }

 private:
  /// What proves an array to be an export proves it of what lies beside it, and nothing else does.
  Result<void> add_companion(const std::filesystem::path& companion,
                             const std::filesystem::path& path, bool is_proven) {
    if (belongs_to_input(request_, plan_.recordings, companion)) return is_input(companion);
    if (!is_proven) {
      return fail(ErrorCode::kInvalid, "--delete:",
                  one_line(companion.string()) + " has no " + one_line(path.filename().string()) +
                      " beside it (allowed: exports as a whole; delete it by hand)");
    }
    found_.push_back(companion);
    return {};
  }

  FileSystem& files_;
  const InputRequest& request_;
  const ExportPlan& plan_;
  std::vector<std::filesystem::path> found_;
};

}  // namespace

Result<std::vector<std::filesystem::path>> find_earlier(FileSystem& files,
                                                        const ExportRequest& request) {
  const auto scans = split_into_scans(files, request);
  if (!scans) return std::unexpected(scans.error());
  auto plan = plan_export(files, scans->front(), false);
  if (!plan) return std::unexpected(plan.error());
  EarlierFiles earlier(files, request.input, *plan);
  for (const PlannedOutput& output : plan->outputs) {
    // An earlier sequence may have been longer.
    const auto slices =
        output.is_sequence ? slices_there(files, *plan, output) : std::vector<std::uint64_t>{0};
    for (const std::uint64_t slice : slices) {
      if (auto added = earlier.add(output, plan->path(output, slice)); !added) {
        return std::unexpected(added.error());
      }
    }
  }
  return earlier.take();
}

}  // namespace framelog
