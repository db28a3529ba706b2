#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/file_system.hpp"
#include "store/catalog.hpp"
#include "store/catalog_rebuild.hpp"
#include "store/input_digests.hpp"
#include "store/master_files.hpp"

namespace framelog {

struct CatalogSettings {
  std::string instrument;
  std::filesystem::path file;                ///< Empty: there is none.
  std::vector<std::filesystem::path> bases;  ///< All directories that segments go to.
  bool digests{};                            ///< files.checksum = sha256
  friend bool operator==(const CatalogSettings&, const CatalogSettings&) = default;
};

/// What is known of an instrument's finished segments beside themselves: the catalog, SHA256SUMS
/// and master files. None of it is needed to record, so nothing here fails: what the disk does not
/// take is tried again, and told. A catalog that was lost or damaged is filled from the files, in
/// steps, as is one that missed segments when a process died. Threads: any, it locks; a call can
/// take as long as one step (some tens of milliseconds on a quick disk).
class CatalogKeeper {
 public:
  CatalogKeeper(FileSystem& files, CatalogSettings settings);

  /// A files thread begins, or ends and waits for what can still be done in a moment: of the last
  /// one the digests of this process' segments and the master files, 10 s at most of each.
  void begin();
  void end();
  /// One piece of what can wait. False: there is nothing to do until next_look().
  [[nodiscard]] bool step();
  [[nodiscard]] Deadline next_look();

  /// A segment was finished, or recovered.
  void add(const std::filesystem::path& segment);
  /// Its files have been deleted, on purpose, and the catalog knows.
  void removed(const CatalogEntry& segment);

  /// The disk of a base has gone, or is not there at the beginning: a catalog that lies there is
  /// closed until it is there again, and one that lies elsewhere keeps what it knows of the disk.
  void let_go(const std::filesystem::path& base);
  /// The disk is there: what it holds is looked for, if it was not there before.
  void found(const std::filesystem::path& base);

  enum class Mark : std::uint8_t { kPin, kUnpin, kAcknowledge };
  /// A line for people. Errors: kNotFound, not a finished segment of this instrument; those of the
  /// catalog.
  [[nodiscard]] Result<std::string> mark(const std::filesystem::path& segment, Mark mark);

  /// Null while it is not open, and while one that is new, or that a disk has come to, is being
  /// filled from the files: what is the oldest segment nobody knows then. Who keeps it keeps its
  /// file open. Threads: files.
  [[nodiscard]] std::shared_ptr<Catalog> complete();
  /// What is wrong with it, one line; empty: nothing.
  /// Waits for nothing.
  [[nodiscard]] std::string trouble();
  [[nodiscard]] const CatalogSettings& settings() const noexcept { return settings_; }

 private:
  struct Hashing {
    std::filesystem::path file;
    InputDigests digest;
  };
  // All of these with the mutex held.
  [[nodiscard]] bool look_after_file(Deadline now);
  [[nodiscard]] bool open();
  void close();
  [[nodiscard]] bool add_waiting();
  [[nodiscard]] bool fill();
  [[nodiscard]] bool hash(bool only_recent);
  [[nodiscard]] bool unlist();
  [[nodiscard]] bool begin_hash(bool only_recent);
  [[nodiscard]] bool write_master(Deadline now, bool all);
  [[nodiscard]] Result<CatalogEntry> entry_of(const std::filesystem::path& segment);
  [[nodiscard]] Result<void> put(const CatalogEntry& entry);
  void begin_fill();
  void note(const char* what, const Error& error);
  void note_good();
  [[nodiscard]] std::filesystem::path place_of(const std::filesystem::path& base) const;
  [[nodiscard]] std::filesystem::path absolute(const std::filesystem::path& segment) const;

  FileSystem& files_;
  const CatalogSettings settings_;
  std::mutex mutex_;
  std::shared_ptr<Catalog> catalog_;
  std::optional<CatalogRebuild> filling_;
  std::deque<std::filesystem::path> waiting_;  ///< Finished, and not in the catalog yet.
  std::set<std::filesystem::path> recent_;     ///< Of this process, without a digest.
  std::set<std::filesystem::path> unreadable_;
  std::deque<std::filesystem::path> unlisted_;  ///< Deleted, and still in SHA256SUMS.
  std::optional<Hashing> hashing_;
  MasterFiles masters_;
  std::mutex trouble_mutex_;  ///< Of its own: control must not wait for the disk.
  std::string trouble_;
  Deadline look_at_{};   ///< When the file is looked at again.
  Deadline retry_at_{};  ///< After an error.
  int users_{};
  bool fills_anew_{};
  std::set<std::filesystem::path> absent_;  ///< Bases whose disk is away.
  bool fills_found_{};                      ///< Some disk has come, and is not all known yet.
};

}  // namespace framelog
