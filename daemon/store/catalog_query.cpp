#include "store/catalog_query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>
#include <vector>

#include "core/text.hpp"

namespace framelog {
namespace {

constexpr std::string_view kColumns =
    "path, product, run_uuid, run_number, segment_number, first_sequence, last_sequence, "
    "first_utc_ns, last_utc_ns, frames, bytes, dropped, gaps, sha256, pinned, acknowledged, "
    "clock_unsynchronised";

/// A file that has the name of another one has neither its marks nor its digest.
constexpr std::string_view kAdd =
    "INSERT INTO segments (path, product, run_uuid, run_number, segment_number, first_sequence, "
    "last_sequence, first_utc_ns, last_utc_ns, frames, bytes, dropped, gaps, sha256, pinned, "
    "acknowledged, clock_unsynchronised) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
    "?12, ?13, ?14, "
    "max(?15, coalesce((SELECT pinned FROM marks WHERE path = ?1 AND "
    "(run_uuid = '' OR (run_uuid = ?3 AND segment_number = ?5))), 0)), "
    "max(?16, coalesce((SELECT acknowledged FROM marks WHERE path = ?1 AND "
    "(run_uuid = '' OR (run_uuid = ?3 AND segment_number = ?5))), 0)), ?17) "
    "ON CONFLICT (path) DO UPDATE SET product = excluded.product, run_uuid = excluded.run_uuid, "
    "run_number = excluded.run_number, segment_number = excluded.segment_number, "
    "first_sequence = excluded.first_sequence, last_sequence = excluded.last_sequence, "
    "first_utc_ns = excluded.first_utc_ns, last_utc_ns = excluded.last_utc_ns, "
    "frames = excluded.frames, dropped = excluded.dropped, gaps = excluded.gaps, "
    "sha256 = CASE WHEN excluded.sha256 <> '' THEN excluded.sha256 "
    "WHEN excluded.bytes = bytes AND excluded.run_uuid = run_uuid "
    "AND excluded.segment_number = segment_number THEN sha256 ELSE '' END, "
    "bytes = excluded.bytes, clock_unsynchronised = excluded.clock_unsynchronised, "
    "pinned = CASE WHEN excluded.run_uuid = run_uuid AND excluded.segment_number = segment_number "
    "THEN max(pinned, excluded.pinned) ELSE excluded.pinned END, "
    "acknowledged = CASE WHEN excluded.run_uuid = run_uuid "
    "AND excluded.segment_number = segment_number "
    "THEN max(acknowledged, excluded.acknowledged) ELSE excluded.acknowledged END";
/// "12" is a number, "0b5c" and everything longer the beginning of a UUID.
std::optional<std::int64_t> run_number_of(const std::string& run) {
  constexpr std::size_t kMostDigits = 7;  // Eight digits of a UUID can look like a number.
  if (run.empty() || run.size() > kMostDigits || !std::ranges::all_of(run, is_digit)) {
    return std::nullopt;
  }
  return std::stoll(run);
}

struct Condition {
  std::string text;  ///< With one ?
  std::variant<std::int64_t, std::string> value;
};

std::vector<Condition> conditions_of(const CatalogQuery& query, std::int64_t longest_ns) {
  std::vector<Condition> all;
  if (query.since_utc_ns) {
    all.push_back({"last_utc_ns >= ?", *query.since_utc_ns});
    all.push_back({"first_utc_ns >= ?", *query.since_utc_ns - longest_ns});
  }
  if (query.until_utc_ns) all.push_back({"first_utc_ns < ?", *query.until_utc_ns});
  if (query.product) all.push_back({"product = ?", *query.product});
  if (query.run) {
    if (const auto number = run_number_of(*query.run)) {
      all.push_back({"run_number = ?", *number});
    } else {
      const std::string uuid = lower_case(*query.run);
      all.push_back({"run_uuid >= ?", uuid});
      all.push_back({"run_uuid < ?", uuid + "~"});
    }
  }
  return all;
}

}  // namespace

std::string select_segments(std::string_view rest) {
  return fmt::format("SELECT {} FROM segments {}", kColumns, rest);
}

CatalogEntry entry_of(const sqlite::Statement& row) {
  CatalogEntry entry;
  entry.path = row.text(0);
  entry.product = row.text(1);
  entry.run_uuid = row.text(2);
  int column = 3;
  for (std::int64_t CatalogEntry::*member :
       {&CatalogEntry::run_number, &CatalogEntry::segment_number, &CatalogEntry::first_sequence,
        &CatalogEntry::last_sequence, &CatalogEntry::first_utc_ns, &CatalogEntry::last_utc_ns,
        &CatalogEntry::frames, &CatalogEntry::bytes, &CatalogEntry::dropped, &CatalogEntry::gaps}) {
    entry.*member = row.integer(column++);
  }
  entry.sha256 = row.text(column++);
  entry.pinned = row.integer(column++) != 0;
  entry.acknowledged = row.integer(column++) != 0;
  entry.clock_unsynchronised = row.integer(column) != 0;
  return entry;
}

std::string add_statement() { return std::string(kAdd); }

Result<void> put_entry(sqlite::Statement& add, const CatalogEntry& entry) {
  add.bind(1, entry.path.native()).bind(2, entry.product).bind(3, entry.run_uuid);
  int parameter = 4;
  for (const std::int64_t value : {entry.run_number, entry.segment_number, entry.first_sequence,
                                   entry.last_sequence, entry.first_utc_ns, entry.last_utc_ns,
                                   entry.frames, entry.bytes, entry.dropped, entry.gaps}) {
    add.bind(parameter++, value);
  }
  add.bind(14, entry.sha256);
  add.bind(15, std::int64_t{entry.pinned}).bind(16, std::int64_t{entry.acknowledged});
  add.bind(17, std::int64_t{entry.clock_unsynchronised});
  return add.run();
}

Result<sqlite::Statement> prepare_find(sqlite::Database& database, const CatalogQuery& query,
                                       std::int64_t longest_ns) {
  const auto conditions = conditions_of(query, longest_ns);
  std::string where;
  for (const Condition& condition : conditions) {
    where += (where.empty() ? "WHERE " : " AND ") + condition.text;
  }
  if (query.only_gaps) where += where.empty() ? "WHERE gaps > 0" : " AND gaps > 0";
  where += " ORDER BY first_utc_ns, path";
  if (query.limit) where += fmt::format(" LIMIT {}", *query.limit);
  auto statement = database.prepare(select_segments(where));
  if (!statement) return statement;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    std::visit([&](const auto& value) { statement->bind(static_cast<int>(i) + 1, value); },
               conditions[i].value);
  }
  return statement;
}

}  // namespace framelog
