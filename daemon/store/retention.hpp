#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
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
  std::optional<std::chrono::nanoseconds> max_age{};  ///< Since the last frame.
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
/// not pinned, and is acknowledged where that is required; never anything else. Threads: one.
class Retention {
 public:
  using Paths = std::vector<std::filesystem::path>;

  /// `files` and `clock` are borrowed.
  Retention(FileSystem& files, const RetentionPolicy& policy, const Clock& clock);

  /// Deletes some of what the bounds of size, age and number leave no place for, below those bases
  /// only; what lies elsewhere is not counted either. Nothing deleted: they hold. Errors: of the
  /// catalog, or of the first file that cannot be deleted.
  [[nodiscard]] Result<DeletedSegments> keep_bounds(Catalog& catalog, const Paths& bases);
  /// Deletes until `bytes` more are free where the bases are, which lie on one file system. Some
  /// file systems give room back only later, as do files that somebody reads: it waits for it
  /// rather than delete more. Nothing deleted: that, or nothing may be. Errors: as keep_bounds().
  [[nodiscard]] Result<DeletedSegments> make_room(Catalog& catalog, const Paths& bases,
                                                  std::int64_t bytes);
  /// There was enough of it, so that no more of what was deleted is to come.
  void room_is_there();
  /// Whether room that has been made is still to come.
  [[nodiscard]] bool awaits_room() const;

 private:
  /// What became of an entry.
  enum class Step : std::uint8_t {
    kTaken,
    kForgotten,  ///< Its file had gone already.
    kElsewhere,  ///< It is not below the bases, or no file.
    kFailed,     ///< It could not be deleted: `failure_`.
    kEnough,     ///< No more are looked at.
  };
  template <class Look>
  [[nodiscard]] std::optional<Error> walk(Catalog& catalog, Look look);
  [[nodiscard]] Step take(Catalog& catalog, const CatalogEntry& entry, const Paths& bases,
                          DeletedSegments& deleted);
  [[nodiscard]] Result<void> remove_files(const CatalogEntry& entry);
  void remove_empty_directories(std::filesystem::path directory, const std::filesystem::path& base);
  [[nodiscard]] std::int64_t free_bytes(const std::filesystem::path& base) const;
  [[nodiscard]] bool is_clock_trusted() const;

  FileSystem& files_;
  RetentionPolicy policy_;
  const Clock& clock_;
  std::int64_t clock_offset_ns_;  ///< UTC minus monotonic time, at the beginning.
  std::optional<Error> failure_;  ///< The first one of a walk.
  std::int64_t promised_bytes_{};
  std::int64_t promised_at_ns_{};
};

}  // namespace framelog
