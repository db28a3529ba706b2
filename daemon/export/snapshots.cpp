#include "export/snapshots.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "core/clock.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

constexpr std::string_view kFormat = "framelog-snapshots";
constexpr int kVersion = 1;
constexpr auto kPatience = 10s;

Json json_of(const Snapshot& snapshot) {
  Json json{{"name", snapshot.name},
            {"description", snapshot.description},
            {"tags", snapshot.tags},
            {"frame", snapshot.frame}};
  json["utc_ns"] = snapshot.utc_ns < 0 ? Json(nullptr) : Json(snapshot.utc_ns);
  json["time"] = snapshot.utc_ns < 0 ? Json(nullptr) : Json(iso_time(snapshot.utc_ns));
  if (const auto& r = snapshot.rectangle) {
    json["rectangle"] = {{"y", {r->y_start, r->y_stop}}, {"x", {r->x_start, r->x_stop}}};
  } else {
    json["rectangle"] = nullptr;
  }
  json["contrast"] = snapshot.contrast;
  json["files"] = snapshot.files;
  return json;
}

/// Throws Json::exception where it is another shape.
Snapshot snapshot_of(const Json& json) {
  Snapshot snapshot;
  snapshot.name = json.at("name").get<std::string>();
  snapshot.description = json.value("description", "");
  snapshot.tags = json.value("tags", std::vector<std::string>{});
  snapshot.frame = json.at("frame").get<std::uint64_t>();
  if (json.contains("utc_ns") && json["utc_ns"].is_number_integer()) {
    snapshot.utc_ns = json["utc_ns"].get<std::int64_t>();
  }
  if (json.contains("rectangle") && json["rectangle"].is_object()) {
    const auto y = json["rectangle"].at("y").get<std::array<std::uint32_t, 2>>();
    const auto x = json["rectangle"].at("x").get<std::array<std::uint32_t, 2>>();
    snapshot.rectangle = Region{y[0], y[1], x[0], x[1]};
  }
  snapshot.contrast = json.value("contrast", "");
  snapshot.files = json.at("files").get<std::vector<std::string>>();
  return snapshot;
}

/// Whether the name still leads to the file that is open: another may have taken its place while
/// the lock was waited for.
bool is_same_file(int fd, const std::filesystem::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

Result<UniqueFd> lock_file(FileSystem& files, const std::filesystem::path& path) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    auto file = files.open(path, O_RDWR | O_CREAT, 0644);
    if (!file) return file;
    const auto locked = files.lock(file->get());
    if (locked && is_same_file(file->get(), path)) return file;
    if (!locked && locked.error().code != ErrorCode::kBusy) return std::unexpected(locked.error());
    if (std::chrono::steady_clock::now() >= end) {
      return fail(ErrorCode::kBusy, "another process is changing", path.string());
    }
    if (!locked) std::this_thread::sleep_for(5ms);
  }
}

Result<void> replace_file(FileSystem& files, const std::filesystem::path& path,
                          const std::string& text) {
  std::filesystem::path fresh = path;
  fresh += fmt::format(".{}.new", ::getpid());
  auto written = write_new_file(files, fresh, std::as_bytes(std::span(text)));
  if (written) written = files.replace(fresh, path);
  if (!written) {
    static_cast<void>(files.remove(fresh));
    return written;
  }
  const auto folder = path.parent_path();
  return files.sync_directory(folder.empty() ? std::filesystem::path(".") : folder);
}

}  // namespace

std::filesystem::path snapshots_path(const std::filesystem::path& recording) {
  std::filesystem::path name = recording.filename();
  if (name.extension() == ".part") name = name.stem();
  return recording.parent_path() / (name.stem().string() + ".snapshots.json");
}

std::string snapshots_text(const std::vector<Snapshot>& snapshots) {
  Json all = Json::array();
  for (const Snapshot& snapshot : snapshots) all.push_back(json_of(snapshot));
  const Json json{{"format", kFormat}, {"version", kVersion}, {"snapshots", std::move(all)}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<std::vector<Snapshot>> parse_snapshots(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("format") != kFormat) return fail(ErrorCode::kCorrupt, "no list of snapshots");
    if (json.at("version") != kVersion) {
      return fail(ErrorCode::kUnsupported, "snapshots of another version",
                  fmt::format("{} (this program knows {})", json.at("version").dump(), kVersion));
    }
    std::vector<Snapshot> snapshots;
    for (const Json& one : json.at("snapshots")) snapshots.push_back(snapshot_of(one));
    return snapshots;
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kCorrupt, "no list of snapshots:", one_line(error.what()));
  }
}

Result<std::vector<Snapshot>> read_snapshots(FileSystem& files, const std::filesystem::path& path) {
  const auto text = read_text(files, path);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::vector<Snapshot>{};
  if (!text) return std::unexpected(text.error());
  // One who makes the file locks it before he writes it.
  if (text->empty()) return std::vector<Snapshot>{};
  auto snapshots = parse_snapshots(*text);
  if (!snapshots) {
    snapshots.error().context = path.string() + ": " + snapshots.error().context;
  }
  return snapshots;
}

Result<void> change_snapshots(FileSystem& files, const std::filesystem::path& path,
                              const std::function<Result<void>(std::vector<Snapshot>&)>& change) {
  const auto file = lock_file(files, path);
  if (!file) return std::unexpected(file.error());
  auto snapshots = read_snapshots(files, path);
  const bool was_empty = snapshots && snapshots->empty();
  Result<void> done = snapshots ? change(*snapshots) : std::unexpected(snapshots.error());
  const bool is_empty = done ? snapshots->empty() : was_empty;
  if (done && !is_empty) return replace_file(files, path, snapshots_text(*snapshots));
  // What the lock was held on and nothing came of.
  if (is_empty) {
    const auto removed = files.remove(path);
    if (done && !removed) return removed;
  }
  return done;
}

}  // namespace framelog
