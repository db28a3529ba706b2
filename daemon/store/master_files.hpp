#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "core/file_system.hpp"
#include "store/catalog.hpp"

namespace framelog {

/// Keeps the master files of runs in step with their finished HDF5 segments: one per run and
/// product that has several, beside its first segment. A file is written in the workshop and put
/// in place whole; another program's file is never replaced. A growing run's is written anew
/// seldom, the more so the longer that takes. Threads: files.
class MasterFiles {
 public:
  MasterFiles(FileSystem& files, std::string instrument, std::vector<std::filesystem::path> bases);

  /// A segment of it was finished, or is gone.
  void changed(const std::string& run_uuid, const std::string& product, Deadline now);
  /// Writes one that is due; with `all` those that would wait, too. False: none is. Errors: of the
  /// catalog or the disk; what failed is due again later.
  [[nodiscard]] Result<bool> step(Catalog& catalog, Deadline now, bool all);
  /// When the next one is due; kNoDeadline: nothing has changed.
  [[nodiscard]] Deadline next() const;

 private:
  using Key = std::pair<std::string, std::string>;  ///< Run and product.
  [[nodiscard]] Result<void> write(Catalog& catalog, const Key& key);
  [[nodiscard]] Result<std::filesystem::path> place_of(Catalog& catalog, const Key& key,
                                                       const CatalogEntry& first) const;
  [[nodiscard]] std::filesystem::path draft(const std::filesystem::path& master) const;

  FileSystem& files_;
  std::string instrument_;
  std::vector<std::filesystem::path> bases_;
  std::map<Key, Deadline> due_;
  std::map<Key, Deadline> not_before_;
};

}  // namespace framelog
