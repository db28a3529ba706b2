#include "store/catalog_marks.hpp"

#include <fcntl.h>

#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "core/clock.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;

/// Years of acknowledgements.
constexpr std::size_t kMostLogBytes = std::size_t{1} << 30U;

std::string line_of(const CatalogMarkChange& change) {
  Json json{{"utc", iso_time(system_clock().utc_ns())}, {"path", change.path}};
  if (!change.run_uuid.empty()) {
    json["run"] = change.run_uuid;
    json["segment"] = change.segment_number;
  }
  if (change.removed) json["removed"] = true;
  if (change.pinned) json["pinned"] = *change.pinned;
  if (change.acknowledged) json["acknowledged"] = *change.acknowledged;
  return json.dump() + "\n";
}

void take(std::string_view line, CatalogMarks& marks) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return;
  const auto path = json.find("path");
  if (path == json.end() || !path->is_string()) return;
  const auto flag = [&](const char* key, bool& value) {
    const auto found = json.find(key);
    if (found != json.end() && found->is_boolean()) value = found->get<bool>();
  };
  bool removed = false;
  flag("removed", removed);
  if (removed) {
    marks.erase(path->get<std::string>());
    return;
  }
  CatalogMark& mark = marks[path->get<std::string>()];
  const auto run = json.find("run");
  const auto segment = json.find("segment");
  if (run != json.end() && run->is_string() && segment != json.end() &&
      segment->is_number_integer()) {
    const auto uuid = run->get<std::string>();
    const auto number = segment->get<std::int64_t>();
    const bool is_same = mark.run_uuid == uuid && mark.segment_number == number;
    if (!is_same && !mark.run_uuid.empty()) mark = {};
    mark.run_uuid = uuid;
    mark.segment_number = number;
  }
  flag("pinned", mark.pinned);
  flag("acknowledged", mark.acknowledged);
}

/// Where the next line goes, and what has to stand before it: a kill can have torn the last one.
Result<std::pair<std::int64_t, bool>> end_of(FileSystem& files, int fd) {
  const auto size = files.size_bytes(fd);
  if (!size) return std::unexpected(size.error());
  if (*size == 0) return std::pair{*size, false};
  char last = '\n';
  const auto got = files.read_at(fd, std::as_writable_bytes(std::span(&last, 1)), *size - 1);
  if (!got) return std::unexpected(got.error());
  return std::pair{*size, last != '\n'};
}

}  // namespace

Result<void> append_mark(FileSystem& files, const std::filesystem::path& log,
                         const CatalogMarkChange& change) {
  if (!is_utf8(change.path)) {
    return fail(ErrorCode::kInvalid, "its path is no UTF-8 text:", in_quotes(change.path));
  }
  const bool is_first = !files.exists(log);
  const auto fd = files.open(log, O_RDWR | O_CREAT);
  if (!fd) return std::unexpected(fd.error());
  const auto end = end_of(files, fd->get());
  if (!end) return std::unexpected(end.error());
  const std::string line = (end->second ? "\n" : "") + line_of(change);
  if (auto done = files.write_at(fd->get(), std::as_bytes(std::span(line)), end->first); !done) {
    return done;
  }
  if (auto done = files.sync(fd->get()); !done) return done;
  return is_first ? files.sync_directory(log.parent_path()) : Result<void>{};
}

Result<CatalogMarks> read_marks(FileSystem& files, const std::filesystem::path& log) {
  CatalogMarks marks;
  if (!files.exists(log)) return marks;
  const auto text = read_text(files, log, kMostLogBytes);
  if (!text) return std::unexpected(text.error());
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    take(rest.substr(0, end), marks);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return marks;
}

Result<void> rewrite_marks(FileSystem& files, const std::filesystem::path& log,
                           const CatalogMarks& marks) {
  std::string text;
  for (const auto& [path, mark] : marks) {
    if (!mark.pinned && !mark.acknowledged) continue;
    CatalogMarkChange change{
        .path = path, .run_uuid = mark.run_uuid, .segment_number = mark.segment_number};
    if (mark.pinned) change.pinned = true;
    if (mark.acknowledged) change.acknowledged = true;
    text += line_of(change);
  }
  const std::filesystem::path fresh = log.string() + ".new";
  if (files.exists(fresh)) static_cast<void>(files.remove(fresh));
  if (auto done = write_new_file(files, fresh, std::as_bytes(std::span(text))); !done) return done;
  if (auto done = files.replace(fresh, log); !done) return done;
  return files.sync_directory(log.parent_path());
}

}  // namespace framelog
