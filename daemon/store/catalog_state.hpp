#pragma once

#include <algorithm>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/catalog.hpp"
#include "store/catalog_aside.hpp"
#include "store/catalog_marks.hpp"
#include "store/catalog_query.hpp"
#include "store/catalog_runs.hpp"
#include "store/catalog_schema.hpp"
#include "store/sqlite.hpp"

/// Private to catalog.cpp: the data base, how it is opened and made, and its statements.
namespace framelog {
namespace catalog_state {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;
using std::filesystem::path;

inline constexpr std::string_view kMark =
    "INSERT OR REPLACE INTO marks (path, run_uuid, segment_number, pinned, acknowledged) "
    "VALUES (?1, ?2, ?3, ?4, ?5)";
/// What segment a mark is of: that one, or with no run whatever has the path.
inline constexpr std::string_view kMarkSegment =
    "UPDATE segments SET pinned = ?4, acknowledged = ?5 WHERE path = ?1 AND "
    "(?2 = '' OR (run_uuid = ?2 AND segment_number = ?3)) AND "
    "(pinned <> ?4 OR acknowledged <> ?5)";
/// From here on the log of marks is worth writing anew.
inline constexpr std::uintmax_t kLargeLogBytes = std::uintmax_t{1} << 20U;

inline Result<std::vector<CatalogEntry>> entries_of(Statement& statement) {
  std::vector<CatalogEntry> entries;
  for (;;) {
    const auto row = statement.next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return entries;
    entries.push_back(entry_of(statement));
  }
}

inline Result<void> run_mark(Statement& statement, const std::string& file,
                             const CatalogMark& mark) {
  statement.bind(1, file).bind(2, mark.run_uuid).bind(3, mark.segment_number);
  statement.bind(4, std::int64_t{mark.pinned}).bind(5, std::int64_t{mark.acknowledged});
  return statement.run();
}

/// The statements that are used all the time; preparing them shows that the tables are ours.
struct Statements {
  Statement add, remove, by_path, after, runs, of_run, last_of_run, older, totals, mark,
      mark_segment, mark_of, unmark;
};

inline Result<Statements> prepare_all(Database& database) {
  Statements all;
  const std::pair<Statement*, std::string> texts[] = {
      {&all.add, add_statement()},
      {&all.remove, "DELETE FROM segments WHERE path = ?1"},
      {&all.by_path, select_segments("WHERE path = ?1")},
      {&all.after, select_segments("WHERE path > ?1 ORDER BY path LIMIT ?2")},
      {&all.runs, "SELECT run_uuid, run_number, utc_ns IS NOT NULL, utc_ns FROM runs"},
      {&all.of_run, select_segments("WHERE run_uuid = ?1 AND pinned = 0 AND acknowledged >= ?2 "
                                    "ORDER BY first_sequence, id LIMIT ?3")},
      {&all.last_of_run,
       select_segments("WHERE run_uuid = ?1 ORDER BY first_sequence DESC, id DESC LIMIT 1")},
      {&all.older, select_segments("WHERE pinned = 0 AND clock_unsynchronised = 0 AND "
                                   "last_utc_ns < ?1 AND acknowledged >= ?2 "
                                   "ORDER BY last_utc_ns LIMIT ?3")},
      {&all.totals, "SELECT segments, bytes, pinned_segments, pinned_bytes FROM sums"},
      {&all.mark, std::string(kMark)},
      {&all.mark_segment, std::string(kMarkSegment)},
      {&all.mark_of,
       "SELECT run_uuid, segment_number, pinned, acknowledged FROM marks WHERE path = ?1"},
      {&all.unmark, "DELETE FROM marks WHERE path = ?1"}};
  for (const auto& [statement, text] : texts) {
    auto prepared = database.prepare(text);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return all;
}

}  // namespace catalog_state

struct Catalog::State {
  using Database = sqlite::Database;
  using Statement = sqlite::Statement;
  using Statements = catalog_state::Statements;
  using Transaction = sqlite::Transaction;
  using path = std::filesystem::path;

  State(FileSystem& file_system, path file, Mode open_mode)
      : files(file_system), name(std::move(file)), mode(open_mode) {}

  [[nodiscard]] path marks_log() const { return path(name).replace_extension(".marks"); }

  void close() {
    statements = {};
    database.reset();
  }

  /// Opens what is there, and creates the tables in what is empty.
  Result<void> connect() {
    const auto how = mode == Mode::kRead ? Database::Mode::kRead : Database::Mode::kCreate;
    auto opened = Database::open(name, how);
    if (!opened) return std::unexpected(opened.error());
    database = std::move(*opened);
    // A service may have nowhere to put what is sorted, and little memory.
    if (auto set = database->run("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1024"); !set) {
      return set;
    }
    const auto version = database->number("PRAGMA user_version");
    if (!version) return std::unexpected(version.error());
    if (mode == Mode::kWrite) {
      if (auto set = database->run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
          !set) {
        return set;
      }
      const auto tables = database->number("SELECT count(*) FROM sqlite_master");
      if (!tables) return std::unexpected(tables.error());
      if (*version == 0 && *tables == 0) {
        if (auto created = create(); !created) return created;
      }
    }
    if (const auto now = database->number("PRAGMA user_version"); !now || *now != kCatalogVersion) {
      return fail(ErrorCode::kCorrupt, "not a catalog of this version:", name.string());
    }
    auto prepared = catalog_state::prepare_all(*database);
    if (!prepared) return std::unexpected(prepared.error());
    statements = std::move(*prepared);
    return mode == Mode::kWrite ? replay_marks() : Result<void>{};
  }

  /// A power cut can take what the data base wrote last, but not the log, which was synced before
  /// anybody was told that the mark is set.
  Result<void> replay_marks() {
    if (!files.exists(marks_log())) return {};
    auto transaction = Transaction::begin(*database);
    if (!transaction) return std::unexpected(transaction.error());
    const auto marks = read_marks(files, marks_log());
    if (!marks) return std::unexpected(marks.error());
    for (const auto& [file, logged] : *marks) {
      const auto known = mark_of(file);
      if (!known) return std::unexpected(known.error());
      if (*known == logged) continue;
      for (Statement* statement : {&statements.mark, &statements.mark_segment}) {
        if (auto done = catalog_state::run_mark(*statement, file, logged); !done) return done;
      }
    }
    return transaction->commit();
  }

  /// The tables. The marks come from the log, with all else that it knows better.
  Result<void> create() {
    auto transaction = Transaction::begin(*database);
    if (!transaction) return std::unexpected(transaction.error());
    if (auto created = database->run(kCatalogSchema); !created) return created;
    is_new = true;
    return transaction->commit();
  }

  Result<void> open() {
    is_damaged = false;
    if (mode == Mode::kWrite) {
      if (auto made = files.make_directories(name.parent_path()); !made) return made;
      if (!files.exists(name)) {
        // What belonged to another file must not be taken for this one's.
        for (const std::string_view suffix : {"-wal", "-shm"}) {
          const path old = beside(name, suffix);
          if (files.exists(old)) static_cast<void>(files.remove(old));
        }
      }
    }
    auto connected = connect();
    if (connected || mode == Mode::kRead || connected.error().code != ErrorCode::kCorrupt) {
      return connected;
    }
    close();
    if (auto moved = move_aside(files, name); !moved) return moved;
    was_moved_aside = true;
    return connect();
  }

  /// Reads all of it; what is damaged makes room for a new one.
  Result<void> check() {
    auto statement = database->prepare("PRAGMA quick_check(1)");
    if (!statement) return std::unexpected(statement.error());
    const auto row = statement->next();
    const bool is_sound = row && *row && statement->text(0) == "ok";
    *statement = Statement();
    if (is_sound) return {};
    close();
    if (auto moved = move_aside(files, name); !moved) return moved;
    return open();
  }

  /// Lends the data base to `use`, and remembers where it is damaged.
  template <class Use>
  auto with(Use use) -> decltype(use()) {
    const std::scoped_lock lock(mutex);
    if (!database) return fail(ErrorCode::kIo, "the catalog is not open:", name.string());
    auto result = use();
    if (!result && result.error().code == ErrorCode::kCorrupt) is_damaged = true;
    return result;
  }

  Result<CatalogMark> mark_of(const path& file) {
    statements.mark_of.bind(1, file.native());
    const auto row = statements.mark_of.next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return CatalogMark{};
    const CatalogMark mark{statements.mark_of.text(0), statements.mark_of.integer(1),
                           statements.mark_of.integer(2) != 0, statements.mark_of.integer(3) != 0};
    statements.mark_of.reset();
    return mark;
  }

  /// The writing lock also keeps the log's writers apart, in all processes.
  Result<void> mark(CatalogMarkChange change) {
    auto transaction = Transaction::begin(*database);
    if (!transaction) return std::unexpected(transaction.error());
    auto entry = one(change.path);
    if (!entry) return std::unexpected(entry.error());
    if (!*entry) return fail(ErrorCode::kNotFound, "not in the catalog:", change.path);
    change.run_uuid = (*entry)->run_uuid;
    change.segment_number = (*entry)->segment_number;
    const CatalogMark mark{change.run_uuid, change.segment_number,
                           change.pinned.value_or((*entry)->pinned),
                           change.acknowledged.value_or((*entry)->acknowledged)};
    // All of what holds: lines of another run before it end there.
    change.pinned = mark.pinned;
    change.acknowledged = mark.acknowledged;
    for (Statement* statement : {&statements.mark, &statements.mark_segment}) {
      if (auto done = catalog_state::run_mark(*statement, change.path, mark); !done) return done;
    }
    if (auto done = append_mark(files, marks_log(), change); !done) return done;
    return transaction->commit();
  }

  /// The oldest first.
  Result<std::vector<CatalogRun>> runs() {
    std::vector<CatalogRun> all;
    for (;;) {
      const auto row = statements.runs.next();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      CatalogRun run{statements.runs.text(0), statements.runs.integer(1), std::nullopt};
      if (statements.runs.integer(2) != 0) run.utc_ns = statements.runs.integer(3);
      all.push_back(std::move(run));
    }
    put_in_order(all);
    return all;
  }

  Result<std::optional<CatalogEntry>> one(const path& file) {
    statements.by_path.bind(1, file.native());
    const auto row = statements.by_path.next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return std::nullopt;
    CatalogEntry entry = entry_of(statements.by_path);
    statements.by_path.reset();
    return entry;
  }

  FileSystem& files;
  path name;
  Mode mode;
  mutable std::mutex mutex;
  std::optional<Database> database;  // All of these: guarded by it.
  Statements statements;
  bool is_new{};
  bool was_moved_aside{};  ///< On opening.
  bool is_damaged{};
};

}  // namespace framelog
