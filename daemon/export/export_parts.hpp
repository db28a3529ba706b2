#pragma once

#include <filesystem>
#include <vector>

#include "core/file_system.hpp"
#include "core/result.hpp"

namespace framelog {

/// The files of an export while they are NAME.part, and the directories that were made for them.
/// What has not been kept() is removed by the destructor, whatever happened. Threads: one.
class PartFiles {
 public:
  explicit PartFiles(FileSystem& files) : files_(files) {}
  ~PartFiles();
  PartFiles(const PartFiles&) = delete;
  PartFiles& operator=(const PartFiles&) = delete;

  /// With parents; those that were not there are removed again, where nothing is kept.
  [[nodiscard]] Result<void> make_folder(const std::filesystem::path& folder);
  /// From now on `path` + ".part" is ours. Errors: kExists, somebody's file has this name.
  /// `optional`: it may turn out not to be written.
  [[nodiscard]] Result<std::filesystem::path> add(const std::filesystem::path& path,
                                                  bool optional = false);
  /// What add() has named was not created by us but, in the same moment, by another export, as
  /// `error` says (kExists): it is theirs and stays. Nothing happens for other errors.
  void leave_to_others(const std::filesystem::path& path, const Error& error);
  /// Gives all of them their names, without replacing anything, and syncs the directories. Errors:
  /// kExists, kIo; then none of them stays.
  [[nodiscard]] Result<void> keep();

 private:
  struct Entry {
    std::filesystem::path path;
    bool is_optional{};
    bool is_named{};
  };
  FileSystem& files_;
  std::vector<Entry> entries_;
  std::vector<std::filesystem::path> made_;  ///< Outermost first.
  bool kept_{};
};

/// NAME.EXT -> NAME.EXT.part
[[nodiscard]] std::filesystem::path part_of(std::filesystem::path path);

}  // namespace framelog
