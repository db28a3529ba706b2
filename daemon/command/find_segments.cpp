#include "command/find_segments.hpp"

#include <algorithm>
#include <string>
#include <system_error>

#include "formats/hdf5_master.hpp"
#include "formats/segment.hpp"
#include "store/recovery.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

SegmentState state_of(FileSystem& files, const fs::path& path) {
  if (path.extension() != ".part") return SegmentState::kFinished;
  if (is_being_recorded(files, path)) return SegmentState::kRecording;
  const bool quarantined = path.parent_path().filename() == "quarantine";
  return quarantined ? SegmentState::kQuarantined : SegmentState::kUnfinished;
}

std::int64_t size_of(const fs::path& file) {
  std::error_code error;
  const auto bytes = fs::file_size(file, error);
  return error ? 0 : static_cast<std::int64_t>(bytes);
}

std::int64_t size_with_companions(const SegmentFormat& format, const fs::path& path) {
  std::int64_t bytes = size_of(path);
  std::string stem = path.string();
  const bool part = path.extension() == ".part";
  stem.resize(stem.size() - format.extension.size() - (part ? 5 : 0));
  for (const auto companions : {format.companions, format.optional_companions}) {
    for (const std::string_view extension : companions) {
      bytes += size_of(stem + std::string(extension) + (part ? ".part" : ""));
    }
  }
  return bytes;
}

void add(FileSystem& files, const fs::path& path, const fs::path& shown, FoundSegments& found) {
  const SegmentFormat* format = format_of(path);
  // The process may have given it its final name since it was listed.
  if (format == nullptr || !files.exists(path) || is_master(path)) return;
  found.segments.push_back(
      {path, shown, state_of(files, path), size_with_companions(*format, path)});
}

void walk(FileSystem& files, const fs::path& directory, const fs::path& shown,
          FoundSegments& found) {
  const auto names = files.list(directory);
  if (!names) {
    found.failed.emplace_back(directory, names.error());
    return;
  }
  for (const std::string& name : *names) {
    std::error_code error;
    const auto status = fs::symlink_status(directory / name, error);
    if (fs::is_directory(status)) {
      if (name != ".framelog") walk(files, directory / name, shown / name, found);
    } else if (fs::is_regular_file(status)) {
      add(files, directory / name, shown / name, found);
    }
  }
}

/// NAME.json and NAME.frames, with or without .part, belong to NAME.raw, NAME.chunks to NAME.h5.
fs::path segment_of(FileSystem& files, const fs::path& file) {
  if (format_of(file) != nullptr) return file;
  const bool part = file.extension() == ".part";
  fs::path name = part ? fs::path(file).replace_extension() : file;
  const bool chunks = name.extension() == ".chunks";
  if (!chunks && name.extension() != ".json" && name.extension() != ".frames") return file;
  name.replace_extension(chunks ? ".h5" : ".raw");
  if (part) name += ".part";
  return files.exists(name) ? name : file;
}

}  // namespace

std::string_view name_of(SegmentState state) noexcept {
  switch (state) {
    case SegmentState::kFinished:
      return "finished";
    case SegmentState::kRecording:
      return "recording";
    case SegmentState::kUnfinished:
      return "unfinished";
    case SegmentState::kQuarantined:
      return "quarantined";
  }
  return "unknown";
}

FoundSegments find_segments(FileSystem& files, const fs::path& where) {
  FoundSegments found;
  std::error_code error;
  const auto status = fs::status(where, error);
  if (!fs::exists(status)) {
    const int code = error ? error.value() : ENOENT;
    found.failed.emplace_back(where, fail_errno(code, "cannot open", where.string()).error());
  } else if (fs::is_directory(status)) {
    walk(files, where, {}, found);
  } else {
    const fs::path segment = segment_of(files, where);
    add(files, segment, segment, found);
    if (found.segments.empty()) {
      found.failed.emplace_back(where, not_a_segment(where));
    }
  }
  return found;
}

}  // namespace framelog
