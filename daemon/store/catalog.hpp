#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/file_system.hpp"
#include "core/result.hpp"

namespace framelog {

/// One finished segment, as the catalog knows it.
struct CatalogEntry {
  std::filesystem::path path;  ///< Absolute.
  std::string product;
  std::string run_uuid;
  std::int64_t run_number{};
  std::int64_t segment_number{};
  std::int64_t first_sequence{-1}, last_sequence{-1};
  std::int64_t first_utc_ns{}, last_utc_ns{};
  std::int64_t frames{};
  std::int64_t bytes{};    ///< Space that the file and its companions take on the disk.
  std::int64_t dropped{};  ///< Frames dropped or lost at the source, as its accounting says.
  std::int64_t gaps{};
  std::string sha256;  ///< Of NAME.EXT, hexadecimal; empty: not worked out.
  bool pinned{};
  bool acknowledged{};
  bool clock_unsynchronised{};  ///< At the first or the last frame: its times may be far off.
  friend bool operator==(const CatalogEntry&, const CatalogEntry&) = default;
};

/// What segments to find; every member that is set must hold.
struct CatalogQuery {
  std::optional<std::int64_t> since_utc_ns;  ///< Its last frame is not before.
  std::optional<std::int64_t> until_utc_ns;  ///< Its first frame is before.
  std::optional<std::string> product;
  std::optional<std::string> run;  ///< A UUID or its beginning, or a number.
  bool only_gaps{};
  std::optional<std::int64_t> limit;
};

struct CatalogTotals {
  std::int64_t segments{};
  std::int64_t bytes{};
  std::int64_t pinned_segments{};  ///< Of these, as
  std::int64_t pinned_bytes{};
};

/// The index of one instrument's finished segments, over all of its bases: an SQLite data base in
/// WAL mode. Never the truth: the files are. Pins and acknowledgements, which no file can tell, are
/// in a log of lines beside it as well, so that a new index knows them. Threads: any, one after the
/// other (it locks); several processes.
class Catalog {
 public:
  enum class Mode { kWrite, kRead };
  /// With kWrite creates what is missing, and moves a data base that cannot be understood aside
  /// (NAME.damaged-TIME); is_new() says that it has to be filled. Errors: kNotFound with kRead,
  /// kDenied, kIo, kCorrupt with kRead.
  [[nodiscard]] static Result<Catalog> open(FileSystem& files, const std::filesystem::path& file,
                                            Mode mode);
  Catalog(Catalog&&) noexcept;
  Catalog& operator=(Catalog&&) noexcept;
  ~Catalog();

  /// It was not there, or damaged: what is in it is not all that is on the disk.
  [[nodiscard]] bool is_new() const noexcept;
  /// What open() found could not be understood.
  [[nodiscard]] bool was_moved_aside() const noexcept;
  /// With kWrite: looks whether its file is still there and sound, and else begins another, as
  /// open() does. True: it has, and the new one has to be filled. Cheap enough for once a second.
  [[nodiscard]] Result<bool> renew();

  /// Adds or replaces the entry of its path; what was pinned stays so, and so does the digest of a
  /// file whose size has not changed: unless it is now another run's or another segment's.
  [[nodiscard]] Result<void> add(const CatalogEntry& entry);
  [[nodiscard]] Result<void> add(const std::vector<CatalogEntry>& entries);  ///< All or none.
  /// Of a segment that has been deleted for good, with its marks. No such path is fine.
  [[nodiscard]] Result<void> remove(const std::filesystem::path& path);
  /// Of a file that is not there now; when it comes back it is pinned and acknowledged as before.
  [[nodiscard]] Result<void> forget(const std::filesystem::path& path);
  /// By time of the first frame.
  [[nodiscard]] Result<std::vector<CatalogEntry>> find(const CatalogQuery& query) const;
  [[nodiscard]] Result<std::optional<CatalogEntry>> find(const std::filesystem::path& path) const;
  /// The first entries behind `path` by their paths: for walking through all of them.
  [[nodiscard]] Result<std::vector<CatalogEntry>> after(const std::filesystem::path& path,
                                                        std::int64_t limit) const;
  /// The segments that retention may take first: unpinned, and with `acknowledged` only those; run
  /// by run, and in each by the first frame's number, because a clock that was wrong must make
  /// nothing old or new. Runs follow each other by the time at which they began where the clock was
  /// synchronised; one that never saw it so stands behind that with the next lower run number.
  [[nodiscard]] Result<std::vector<CatalogEntry>> oldest(bool acknowledged,
                                                         std::int64_t limit) const;
  /// Of those, the ones whose last frame was before, by a clock that was synchronised; oldest
  /// first.
  [[nodiscard]] Result<std::vector<CatalogEntry>> older_than(std::int64_t utc_ns, bool acknowledged,
                                                             std::int64_t limit) const;
  /// The last one in the order of oldest(), pinned or not; none in an empty catalog.
  [[nodiscard]] Result<std::optional<CatalogEntry>> newest() const;
  [[nodiscard]] Result<CatalogTotals> totals() const;
  /// Entries without a digest, the newest first.
  [[nodiscard]] Result<std::vector<CatalogEntry>> undigested(std::int64_t limit) const;
  /// No such path is fine.
  [[nodiscard]] Result<void> set_digest(const std::filesystem::path& path,
                                        const std::string& sha256);
  /// Where the master file of a run and product was written.
  [[nodiscard]] Result<std::optional<std::filesystem::path>> master_of(
      const std::string& run_uuid, const std::string& product) const;
  [[nodiscard]] Result<void> set_master(const std::string& run_uuid, const std::string& product,
                                        const std::filesystem::path& file);
  /// Errors: kNotFound when the path is no entry.
  [[nodiscard]] Result<void> set_pinned(const std::filesystem::path& path, bool pinned);
  [[nodiscard]] Result<void> set_acknowledged(const std::filesystem::path& path);
  /// Writes the log of marks anew without those of segments that are gone, where it has grown.
  /// Only when all segments are known: behind a rebuild.
  [[nodiscard]] Result<void> tidy_marks();

 private:
  struct State;
  explicit Catalog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Where the catalog of an instrument is: in the state directory (STATE_DIRECTORY of systemd, or
/// /var/lib/framelogd/NAME where that is, for /etc/framelogd/NAME.conf), else in the workshop of
/// its base. A configuration elsewhere never shares the catalog of the service with the same name.
[[nodiscard]] std::filesystem::path catalog_path(const std::string& instrument,
                                                 const std::filesystem::path& configuration,
                                                 const std::filesystem::path& base);

/// The entry of a finished segment, from its file. Errors: of the format.
[[nodiscard]] Result<CatalogEntry> catalog_entry(FileSystem& files,
                                                 const std::filesystem::path& path);

/// Makes the index say what lies below the bases: adds what is missing, removes what is gone (but
/// not what was in a directory that cannot be listed), and corrects what is otherwise. Returns the
/// number of segments. Interruptible by the process's end; what is added in between stays. Threads:
/// any.
[[nodiscard]] Result<std::int64_t> rebuild_catalog(FileSystem& files, Catalog& catalog,
                                                   const std::vector<std::filesystem::path>& bases,
                                                   const std::string& instrument);

}  // namespace framelog
