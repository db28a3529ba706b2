#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "core/file_system.hpp"
#include "formats/hdf5_master.hpp"
#include "store/catalog.hpp"

namespace framelog {

/// What a master is made from, in one number: where it is another than the master's, that is out of
/// date. The order does not matter, nor does what is no HDF5 segment.
[[nodiscard]] std::int64_t master_fingerprint(const std::vector<CatalogEntry>& entries);

/// Keeps the master files of runs in step with their finished HDF5 segments: one per run and
/// product that has several, beside its first segment. A file is written in the workshop and put
/// in place whole; another program's file is never replaced. A growing run's is written anew
/// seldom, the more so the longer that takes, and each of its segments is opened once for all of
/// that. Threads: files.
class MasterFiles {
 public:
  MasterFiles(FileSystem& files, std::string instrument, std::vector<std::filesystem::path> bases);

  /// A segment of it was finished, or is gone.
  void changed(const std::string& run_uuid, const std::string& product, Deadline now);
  /// Goes on with one that is due, by a few segments, or by writing it when all of them are known;
  /// with `all` those that would wait are due, too. False: none is. Errors: of the catalog or the
  /// disk; what failed is due again later.
  [[nodiscard]] Result<bool> step(Catalog& catalog, Deadline now, bool all);
  /// When the next one is due; kNoDeadline: nothing has changed.
  [[nodiscard]] Deadline next() const;

 private:
  using Key = std::pair<std::string, std::string>;  ///< Run and product.
  struct Known {
    std::int64_t bytes{};                  ///< As the catalog has it: another, another file.
    std::optional<MasterSegment> segment;  ///< None: it cannot be one of a master.
  };
  /// The one that is being worked on.
  struct Job {
    Key key;
    std::vector<CatalogEntry> entries;  ///< Its HDF5 segments, in the order of their frames.
    std::size_t looked_at;
    std::map<std::filesystem::path, Known> known;
    std::chrono::steady_clock::duration spent;
  };
  [[nodiscard]] Result<void> begin(Catalog& catalog);
  void look_at_some();
  [[nodiscard]] Result<void> write(Catalog& catalog);
  void end(bool done, bool all);
  [[nodiscard]] Result<std::filesystem::path> place_of(Catalog& catalog, const Key& key,
                                                       const CatalogEntry& first) const;
  [[nodiscard]] std::filesystem::path draft(const std::filesystem::path& master) const;

  FileSystem& files_;
  std::string instrument_;
  std::vector<std::filesystem::path> bases_;
  std::map<Key, Deadline> due_;
  std::map<Key, Deadline> not_before_;
  std::optional<Job> job_;
  std::map<Key, std::map<std::filesystem::path, Known>> known_;  ///< Of the latest run.
};

}  // namespace framelog
