#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "formats/segment.hpp"
#include "store/catalog.hpp"

namespace framelog {

/// A finished segment and whose it is: two instruments may share a base.
struct IndexedSegment {
  std::string instrument;
  CatalogEntry entry;
};
/// Reads its head and two records, no pixels. Threads: any. Errors: of the format; kInvalid, it is
/// not finished or holds no frame.
[[nodiscard]] Result<IndexedSegment> index_segment(FileSystem& files,
                                                   const std::filesystem::path& file);
/// What the file and its companions take on the disk.
[[nodiscard]] std::int64_t segment_space(const SegmentFormat& format,
                                         const std::filesystem::path& file);

/// Compares the catalog with what lies below the bases, in steps that are small enough to stand
/// between other work. Symbolic links are not followed. Threads: one; others may use the catalog
/// meanwhile.
class CatalogRebuild {
 public:
  enum class Kind : std::uint8_t {
    kFill,   ///< Reads what the catalog does not know, or knows with another size.
    kAll,    ///< Reads all files.
    kCheck,  ///< Reads all files and changes nothing.
  };
  struct Difference {
    std::filesystem::path path;
    std::string what;
  };
  /// The catalog is borrowed. Of the bases that are `absent` nothing is listed and no entry is
  /// touched: the mount point of a disk that is away is an empty directory.
  CatalogRebuild(FileSystem& files, Catalog& catalog, std::vector<std::filesystem::path> bases,
                 std::string instrument, Kind kind,
                 const std::vector<std::filesystem::path>& absent = {});

  [[nodiscard]] bool done() const noexcept { return stage_ == Stage::kDone; }
  /// One directory's names, or a few segments. Errors: those of the catalog; it can be gone on
  /// with.
  [[nodiscard]] Result<void> step();
  /// A run and a product.
  using Part = std::pair<std::string, std::string>;
  /// Those whose master file may be out of date, since the last time: entries of them came or went,
  /// or it was made from others than there are now.
  [[nodiscard]] std::set<Part> take_changed() { return std::exchange(changed_, {}); }
  /// Segments of the instrument that were found.
  [[nodiscard]] std::int64_t segments() const noexcept { return segments_; }
  /// What the catalog did not say, or said otherwise; and what cannot be read.
  [[nodiscard]] const std::vector<Difference>& differences() const noexcept { return differences_; }
  [[nodiscard]] std::int64_t difference_count() const noexcept { return difference_count_; }

 private:
  enum class Stage : std::uint8_t { kWalk, kGone, kMasters, kDone };
  void list_directory();
  void take_file(const std::filesystem::path& file);
  [[nodiscard]] Result<void> look_at_files();
  [[nodiscard]] Result<void> look_at(const std::filesystem::path& file,
                                     std::vector<CatalogEntry>& fresh);
  [[nodiscard]] Result<void> look_for_gone();
  [[nodiscard]] Result<void> look_at_master();
  [[nodiscard]] bool is_absent(const std::filesystem::path& directory) const;
  [[nodiscard]] bool is_unseen(const std::filesystem::path& file) const;
  void differs(const std::filesystem::path& path, std::string what);

  FileSystem& files_;
  Catalog& catalog_;
  std::string instrument_;
  Kind kind_;
  Stage stage_{Stage::kWalk};
  std::vector<std::filesystem::path> directories_;  ///< Still to be listed.
  std::deque<std::filesystem::path> found_;         ///< In one directory,
  std::map<std::string, std::string> checksums_;    ///< which has these digests.
  std::vector<std::filesystem::path> unlisted_;     ///< What lies below is not known to be gone.
  std::filesystem::path checked_;                   ///< Entries up to here have been looked for.
  std::set<Part> changed_;
  std::vector<std::pair<Part, std::int64_t>> masters_;  ///< With their fingerprints.
  std::int64_t segments_{};
  std::vector<Difference> differences_;
  std::int64_t difference_count_{};
};

}  // namespace framelog
