#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/file_system.hpp"
#include "store/catalog.hpp"

namespace framelog {

/// What is kept of an instrument's finished segments, and how much of the file system stays free.
struct RetentionPolicy {
  std::int64_t min_free_bytes{std::int64_t{1} << 30U};
  std::optional<std::int64_t> max_total_bytes{};
  std::optional<std::chrono::nanoseconds> max_age{};  ///< Since the last frame, by good clocks.
  std::optional<std::int64_t> max_segments{};
  bool delete_oldest{};  ///< Below min_free; else recording pauses.
  bool require_ack{};    ///< Only what has been acknowledged is ever taken.

  [[nodiscard]] bool has_bounds() const noexcept {
    return max_total_bytes || max_age || max_segments;
  }
};

/// Segments that have been deleted at one time.
struct DeletedSegments {
  std::vector<CatalogEntry> segments;
  std::int64_t bytes{};
  std::string why;  ///< "max_segments = 100".
};

/// Deletes finished segments, oldest first: only what the catalog knows as this instrument's, is
/// not pinned, and is acknowledged where that is required; never anything else. What is oldest say
/// the runs and their frames' numbers, not the clock (Catalog::oldest). A file that is no longer
/// the one of its entry is not deleted: the entry is forgotten, or made anew where the run shows
/// that it is this instrument's. Threads: one.
class Retention {
 public:
  using Paths = std::vector<std::filesystem::path>;

  /// `files` and `clock` are borrowed.
  Retention(FileSystem& files, const RetentionPolicy& policy, const Clock& clock);

  /// Deletes some of what the bounds of size, age and number leave no place for, below those bases
  /// and on their file systems only. What lies elsewhere, or is pinned, does not count against the
  /// size and the number, which never take the newest segment either. The age holds only while the
  /// clock is synchronised, and for segments whose clock was. Nothing deleted: they hold. Errors:
  /// of the catalog, or of the first file that cannot be deleted.
  [[nodiscard]] Result<DeletedSegments> keep_bounds(Catalog& catalog, const Paths& bases);
  /// Deletes until `bytes` more are free where the bases are, which lie on one file system. Some
  /// file systems give room back only later, as do files that somebody reads: it waits for it
  /// rather than delete more, and longer each time it was in vain, up to an hour: a snapshot may
  /// hold all of them. Nothing deleted: that, or nothing may be. Errors: as keep_bounds().
  [[nodiscard]] Result<DeletedSegments> make_room(Catalog& catalog, const Paths& bases,
                                                  std::int64_t bytes);
  /// There was enough of it somewhere. Where it was here, no more of what was deleted is to come.
  void room_is_there();
  /// Whether room that has been made is still to come.
  [[nodiscard]] bool awaits_room() const;

 private:
  /// What became of an entry.
  enum class Step : std::uint8_t {
    kTaken,
    kForgotten,  ///< Its file had gone already, or is another one.
    kElsewhere,  ///< It is not below the bases, or no file; or it stays.
    kFailed,     ///< It could not be deleted: `failure_`.
    kEnough,     ///< No more are looked at.
  };
  enum class Place : std::uint8_t {
    kHere,
    kGone,
    kElsewhere,
    kNoDisk,  ///< Gone, and so is the disk.
  };
  /// What was deleted on a file system, and whether room came of it.
  struct Promise {
    std::int64_t bytes{};         ///< Still to come; 0: nothing is awaited.
    std::int64_t wanted_bytes{};  ///< To come in all.
    std::int64_t free_before{};   ///< Before the first was deleted.
    std::int64_t at_ns{};
    std::int64_t wait_ns{};        ///< 0: it was never in vain.
    std::int64_t held_until_ns{};  ///< Nothing is deleted before.
  };
  template <class List, class Look>
  [[nodiscard]] std::optional<Error> walk(List list, Look look);
  [[nodiscard]] std::optional<Error> keep_size(Catalog& catalog, const Paths& bases,
                                               DeletedSegments& deleted);
  [[nodiscard]] std::optional<Error> keep_age(Catalog& catalog, const Paths& bases,
                                              DeletedSegments& deleted);
  [[nodiscard]] Result<CatalogTotals> excess(Catalog& catalog, const Paths& bases);
  [[nodiscard]] Result<void> count_elsewhere(Catalog& catalog, const Paths& bases);
  [[nodiscard]] Place place_of(const CatalogEntry& entry, const Paths& bases);
  [[nodiscard]] Step forget(Catalog& catalog, const CatalogEntry& entry);
  [[nodiscard]] std::optional<Step> other_than(Catalog& catalog, const CatalogEntry& entry);
  [[nodiscard]] Step failed(Error error);
  [[nodiscard]] bool has_come(const Promise& promise, const std::filesystem::path& base) const;
  void settle(Promise& promise, const std::filesystem::path& base) const;
  [[nodiscard]] Step take(Catalog& catalog, const CatalogEntry& entry, const Paths& bases,
                          DeletedSegments& deleted);
  [[nodiscard]] Result<void> remove_files(const CatalogEntry& entry);
  void remove_empty_directories(std::filesystem::path directory, const std::filesystem::path& base);
  [[nodiscard]] std::int64_t free_bytes(const std::filesystem::path& base) const;

  FileSystem& files_;
  RetentionPolicy policy_;
  const Clock& clock_;
  std::optional<Error> failure_;  ///< The first one of a walk.
  bool is_age_suspended_{};
  std::map<std::filesystem::path, Promise> promises_;  ///< By the first base of a file system.
  CatalogTotals elsewhere_;                            ///< Of what is not pinned,
  std::optional<Paths> looked_at_;  ///< by the last look at all files below these bases,
  std::int64_t looked_at_ns_{};     ///< which was then.
};

}  // namespace framelog
