#include "store/catalog.hpp"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <utility>

#include "store/catalog_state.hpp"

namespace framelog {

using namespace catalog_state;
using std::filesystem::path;

Catalog::Catalog(std::unique_ptr<State> state) : state_(std::move(state)) {}
Catalog::Catalog(Catalog&&) noexcept = default;
Catalog& Catalog::operator=(Catalog&&) noexcept = default;
Catalog::~Catalog() = default;

Result<Catalog> Catalog::open(FileSystem& files, const path& file, Mode mode) {
  auto state = std::make_unique<State>(files, file, mode);
  if (auto opened = state->open(); !opened) return std::unexpected(opened.error());
  return Catalog(std::move(state));
}

bool Catalog::is_new() const noexcept {
  const std::scoped_lock lock(state_->mutex);
  return state_->is_new;
}

bool Catalog::was_moved_aside() const noexcept {
  const std::scoped_lock lock(state_->mutex);
  return state_->was_moved_aside;
}

Result<bool> Catalog::renew() {
  State& state = *state_;
  const std::scoped_lock lock(state.mutex);
  const bool is_sound = state.database && !state.is_damaged && !state.database->has_moved() &&
                        state.database->has_head();
  if (is_sound || state.mode == Mode::kRead) return false;
  const bool aside = state.is_damaged;
  state.close();
  if (aside && state.files.exists(state.name)) {
    if (auto moved = move_aside(state.files, state.name); !moved) {
      return std::unexpected(moved.error());
    }
  }
  if (auto opened = state.open(); !opened) return std::unexpected(opened.error());
  // Closing may have written a part of it back.
  if (auto checked = state.check(); !checked) return std::unexpected(checked.error());
  return true;
}

Result<void> Catalog::add(const CatalogEntry& entry) {
  return state_->with([&] { return put_entry(state_->statements.add, entry); });
}

Result<void> Catalog::add(const std::vector<CatalogEntry>& entries) {
  return state_->with([&]() -> Result<void> {
    auto transaction = Transaction::begin(*state_->database);
    if (!transaction) return std::unexpected(transaction.error());
    for (const CatalogEntry& entry : entries) {
      if (auto done = put_entry(state_->statements.add, entry); !done) return done;
    }
    return transaction->commit();
  });
}

Result<void> Catalog::remove(const path& path) {
  return state_->with([&]() -> Result<void> {
    auto transaction = Transaction::begin(*state_->database);
    if (!transaction) return std::unexpected(transaction.error());
    const auto mark = state_->mark_of(path);
    if (!mark) return std::unexpected(mark.error());
    for (Statement* statement : {&state_->statements.remove, &state_->statements.unmark}) {
      if (auto done = statement->bind(1, path.native()).run(); !done) return done;
    }
    if (*mark != CatalogMark{}) {
      // Without this line (the disk is full) the mark is left over, but of a segment that is gone.
      static_cast<void>(append_mark(state_->files, state_->marks_log(),
                                    {.path = path.string(), .removed = true}));
    }
    return transaction->commit();
  });
}

Result<void> Catalog::forget(const path& path) {
  return state_->with([&] { return state_->statements.remove.bind(1, path.native()).run(); });
}

Result<std::vector<CatalogEntry>> Catalog::find(const CatalogQuery& query) const {
  return state_->with([&]() -> Result<std::vector<CatalogEntry>> {
    const auto longest_ns = state_->database->number("SELECT longest_ns FROM sums");
    if (!longest_ns) return std::unexpected(longest_ns.error());
    auto statement = prepare_find(*state_->database, query, *longest_ns);
    if (!statement) return std::unexpected(statement.error());
    return entries_of(*statement);
  });
}

Result<std::optional<CatalogEntry>> Catalog::find(const path& path) const {
  return state_->with([&] { return state_->one(path); });
}

Result<std::vector<CatalogEntry>> Catalog::after(const path& path, std::int64_t limit) const {
  return state_->with(
      [&] { return entries_of(state_->statements.after.bind(1, path.native()).bind(2, limit)); });
}

Result<std::vector<CatalogEntry>> Catalog::oldest(bool acknowledged, std::int64_t limit) const {
  return state_->with([&]() -> Result<std::vector<CatalogEntry>> {
    const auto runs = state_->runs();
    if (!runs) return std::unexpected(runs.error());
    std::vector<CatalogEntry> all;
    for (const CatalogRun& run : *runs) {
      const std::int64_t wanted = limit - static_cast<std::int64_t>(all.size());
      if (wanted <= 0) break;
      Statement& statement = state_->statements.of_run;
      statement.bind(1, run.run_uuid).bind(2, std::int64_t{acknowledged}).bind(3, wanted);
      auto some = entries_of(statement);
      if (!some) return some;
      std::ranges::move(*some, std::back_inserter(all));
    }
    return all;
  });
}

Result<std::vector<CatalogEntry>> Catalog::older_than(std::int64_t utc_ns, bool acknowledged,
                                                      std::int64_t limit) const {
  return state_->with([&] {
    Statement& statement = state_->statements.older;
    return entries_of(statement.bind(1, utc_ns).bind(2, std::int64_t{acknowledged}).bind(3, limit));
  });
}

Result<std::optional<CatalogEntry>> Catalog::newest() const {
  return state_->with([&]() -> Result<std::optional<CatalogEntry>> {
    const auto runs = state_->runs();
    if (!runs) return std::unexpected(runs.error());
    if (runs->empty()) return std::nullopt;
    auto last = entries_of(state_->statements.last_of_run.bind(1, runs->back().run_uuid));
    if (!last) return std::unexpected(last.error());
    return last->empty() ? std::nullopt : std::optional(std::move(last->front()));
  });
}

Result<CatalogTotals> Catalog::totals() const {
  return state_->with([&]() -> Result<CatalogTotals> {
    Statement& statement = state_->statements.totals;
    const auto row = statement.next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return fail(ErrorCode::kCorrupt, "the catalog has lost its sums");
    const CatalogTotals totals{statement.integer(0), statement.integer(1), statement.integer(2),
                               statement.integer(3)};
    statement.reset();
    return totals;
  });
}

Result<std::vector<CatalogEntry>> Catalog::undigested(std::int64_t limit) const {
  return state_->with([&]() -> Result<std::vector<CatalogEntry>> {
    auto statement = state_->database->prepare(
        select_segments("WHERE sha256 = '' ORDER BY last_utc_ns DESC LIMIT ?1"));
    if (!statement) return std::unexpected(statement.error());
    return entries_of(statement->bind(1, limit));
  });
}

Result<void> Catalog::set_digest(const path& path, const std::string& sha256) {
  return state_->with([&]() -> Result<void> {
    auto statement = state_->database->prepare("UPDATE segments SET sha256 = ?2 WHERE path = ?1");
    if (!statement) return std::unexpected(statement.error());
    return statement->bind(1, path.native()).bind(2, sha256).run();
  });
}

Result<std::optional<path>> Catalog::master_of(const std::string& run_uuid,
                                               const std::string& product) const {
  return state_->with([&]() -> Result<std::optional<path>> {
    auto statement =
        state_->database->prepare("SELECT path FROM masters WHERE run_uuid = ?1 AND product = ?2");
    if (!statement) return std::unexpected(statement.error());
    const auto row = statement->bind(1, run_uuid).bind(2, product).next();
    if (!row) return std::unexpected(row.error());
    return *row ? std::optional<path>(statement->text(0)) : std::nullopt;
  });
}

Result<void> Catalog::set_master(const std::string& run_uuid, const std::string& product,
                                 const path& file) {
  return state_->with([&]() -> Result<void> {
    auto statement =
        state_->database->prepare("INSERT OR REPLACE INTO masters VALUES (?1, ?2, ?3)");
    if (!statement) return std::unexpected(statement.error());
    return statement->bind(1, run_uuid).bind(2, product).bind(3, file.native()).run();
  });
}

Result<void> Catalog::set_pinned(const path& path, bool pinned) {
  return state_->with([&] { return state_->mark({.path = path.string(), .pinned = pinned}); });
}

Result<void> Catalog::set_acknowledged(const path& path) {
  return state_->with([&] { return state_->mark({.path = path.string(), .acknowledged = true}); });
}

Result<void> Catalog::tidy_marks() {
  return state_->with([&]() -> Result<void> {
    State& state = *state_;
    std::error_code error;
    const auto bytes = std::filesystem::file_size(state.marks_log(), error);
    if (error || bytes < kLargeLogBytes) return {};
    auto transaction = Transaction::begin(*state.database);
    if (!transaction) return std::unexpected(transaction.error());
    auto removed = state.database->run(
        "DELETE FROM marks WHERE pinned = 0 AND path NOT IN (SELECT path FROM segments)");
    if (!removed) return removed;
    auto rows = state.database->prepare(
        "SELECT path, run_uuid, segment_number, pinned, acknowledged FROM marks");
    if (!rows) return std::unexpected(rows.error());
    CatalogMarks marks;
    for (;;) {
      const auto row = rows->next();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      marks[rows->text(0)] = {rows->text(1), rows->integer(2), rows->integer(3) != 0,
                              rows->integer(4) != 0};
    }
    if (auto done = rewrite_marks(state.files, state.marks_log(), marks); !done) return done;
    return transaction->commit();
  });
}

}  // namespace framelog
