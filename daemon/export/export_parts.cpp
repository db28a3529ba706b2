#include "export/export_parts.hpp"

#include <algorithm>
#include <ranges>
#include <set>

namespace framelog {

std::filesystem::path part_of(std::filesystem::path path) {
  path += ".part";
  return path;
}

PartFiles::~PartFiles() {
  if (kept_) return;
  for (const Entry& entry : entries_) {
    // One that was never written is not there; there is nobody to tell of another error.
    static_cast<void>(files_.remove(entry.is_named ? entry.path : part_of(entry.path)));
  }
  for (const auto& folder : std::views::reverse(made_)) {
    static_cast<void>(files_.remove_directory(folder));
  }
}

Result<void> PartFiles::make_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> missing;
  for (std::filesystem::path at = folder; !at.empty() && !files_.exists(at);) {
    missing.push_back(at);
    if (!at.has_parent_path() || at.parent_path() == at) break;
    at = at.parent_path();
  }
  // Noted before they are made: a part of them is ours to remove, too.
  std::ranges::copy(std::views::reverse(missing), std::back_inserter(made_));
  return missing.empty() ? Result<void>() : files_.make_directories(folder);
}

Result<std::filesystem::path> PartFiles::add(const std::filesystem::path& path, bool optional) {
  std::filesystem::path part = part_of(path);
  if (files_.exists(part)) {
    return fail(ErrorCode::kExists, "another export writes this, or was killed:",
                part.string() + " (remove it if nobody does)");
  }
  entries_.push_back({path, optional, false});
  return part;
}

void PartFiles::leave_to_others(const std::filesystem::path& path, const Error& error) {
  if (error.code != ErrorCode::kExists) return;
  std::erase_if(entries_, [&](const Entry& entry) { return entry.path == path; });
}

Result<void> PartFiles::keep() {
  std::set<std::filesystem::path> folders;
  for (Entry& entry : entries_) {
    if (entry.is_optional && !files_.exists(part_of(entry.path))) continue;
    if (auto renamed = files_.rename(part_of(entry.path), entry.path); !renamed) return renamed;
    entry.is_named = true;
    folders.insert(entry.path.parent_path());
  }
  for (const auto& folder : folders) {
    if (auto synced = files_.sync_directory(folder.empty() ? "." : folder); !synced) return synced;
  }
  kept_ = true;
  return {};
}

}  // namespace framelog
