#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "core/file_system.hpp"
#include "core/result.hpp"

/// Private to the catalog*.cpp files of this folder: pins and acknowledgements as lines of JSON,
/// {"utc": ..., "path": ..., "run": ..., "segment": ..., "pinned": true}, or "acknowledged": true,
/// or "removed": true, in the order in which they were made. Run and segment tell it from what gets
/// the same name later; a line without them is for whatever has the name first. The data base can
/// be made again from the files and from these.
namespace framelog {

struct CatalogMark {
  std::string run_uuid;  ///< Empty: of any.
  std::int64_t segment_number{};
  bool pinned{};
  bool acknowledged{};
  friend bool operator==(const CatalogMark&, const CatalogMark&) = default;
};
using CatalogMarks = std::map<std::string, CatalogMark>;

/// What one line changes.
struct CatalogMarkChange {
  std::string path;
  std::string run_uuid{};
  std::int64_t segment_number{};
  std::optional<bool> pinned{};
  std::optional<bool> acknowledged{};
  bool removed{};  ///< The segment is gone for good, and all that was said of it.
};

/// Adds a line and syncs it. Callers exclude each other. Errors: kInvalid, the path is no UTF-8.
[[nodiscard]] Result<void> append_mark(FileSystem& files, const std::filesystem::path& log,
                                       const CatalogMarkChange& change);
/// What all lines together say; lines that are torn or not understood are passed over. No log is an
/// empty one.
[[nodiscard]] Result<CatalogMarks> read_marks(FileSystem& files, const std::filesystem::path& log);
/// Replaces the log by one that says only this.
[[nodiscard]] Result<void> rewrite_marks(FileSystem& files, const std::filesystem::path& log,
                                         const CatalogMarks& marks);

}  // namespace framelog
