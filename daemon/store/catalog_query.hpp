#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/catalog.hpp"
#include "store/sqlite.hpp"

/// Private to the catalog*.cpp files of this folder: what is asked of the table of segments.
namespace framelog {

/// "SELECT ... FROM segments " and the rest, with the columns of entry_of().
[[nodiscard]] std::string select_segments(std::string_view rest);
[[nodiscard]] CatalogEntry entry_of(const sqlite::Statement& row);

/// Adds or replaces an entry; for put_entry().
[[nodiscard]] std::string add_statement();
[[nodiscard]] Result<void> put_entry(sqlite::Statement& add, const CatalogEntry& entry);

/// By time of the first frame. No segment is longer than `longest_ns`.
[[nodiscard]] Result<sqlite::Statement> prepare_find(sqlite::Database& database,
                                                     const CatalogQuery& query,
                                                     std::int64_t longest_ns);

}  // namespace framelog
