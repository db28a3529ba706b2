#include "export/export_numbered.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>

#include "core/text.hpp"

namespace framelog {
namespace {

/// The slice of which a file is: a number in its name that gives this name. Where other digits
/// stand beside it ("run12" and "00003"), a part of them is.
std::optional<std::uint64_t> slice_of(const ExportPlan& plan, const PlannedOutput& sequence,
                                      const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  for (std::size_t begin = 0; begin < name.size(); ++begin) {
    std::uint64_t slice = 0;
    for (std::size_t end = begin; end < name.size() && is_digit(name[end]); ++end) {
      const char* const last = name.data() + end + 1;
      if (std::from_chars(name.data() + begin, last, slice).ec != std::errc{}) break;
      if (plan.path(sequence, slice) == path) return slice;
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::uint64_t> slices_there(FileSystem& files, const ExportPlan& plan,
                                        const PlannedOutput& sequence) {
  std::set<std::uint64_t> slices;
  // Also those whose folders have the number.
  for (std::uint64_t slice = 0; slice < plan.result.slices; ++slice) {
    if (files.exists(plan.path(sequence, slice))) slices.insert(slice);
  }
  const std::filesystem::path first = plan.path(sequence, 0);
  const auto folder = first.has_parent_path() ? first.parent_path() : std::filesystem::path(".");
  const auto names = files.list(folder);
  if (!names) return {slices.begin(), slices.end()};
  for (const std::string& name : *names) {
    const auto path = first.parent_path() / name;
    if (path.extension() != first.extension()) continue;
    if (const auto slice = slice_of(plan, sequence, path)) slices.insert(*slice);
  }
  return {slices.begin(), slices.end()};
}

}  // namespace framelog
