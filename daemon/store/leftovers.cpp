#include "store/leftovers.hpp"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/frame_record.hpp"
#include "formats/segment.hpp"
#include "store/finish.hpp"

namespace framelog {
namespace {

using std::filesystem::path;

bool is_part(const path& file) { return file.extension() == ".part" && format_of(file) != nullptr; }

std::string without(const std::string& name, std::string_view suffix) {
  return name.substr(0, name.size() - suffix.size());
}

/// The state of one walk.
struct Walk {
  Unfinished found;
  /// NAME.raw.ready of which the other files have their new names already.
  std::vector<path> halves;
  /// NAME.frames.part of which the pixels are not beside it.
  std::vector<path> tables;
};

/// Whether from an offset to its end there are zeros only, as where nothing was ever written.
bool is_blank(FileSystem& files, int fd, std::int64_t offset) {
  std::vector<std::byte> bytes(std::size_t{1} << 20U);
  for (;;) {
    const auto got = files.read_at(fd, bytes, offset);
    if (!got) return false;
    const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
    if (!std::ranges::all_of(std::span(bytes).first(*got), is_zero)) return false;
    if (*got < bytes.size()) return true;
    offset += static_cast<std::int64_t>(*got);
  }
}

/// A NAME.frames that belongs to nobody.
struct DeadTable {
  path file;
  FramesFileHead head;
  bool has_records{};
};

std::optional<DeadTable> dead_table(FileSystem& files, const path& table) {
  auto fd = files.open(table, O_RDWR);
  if (!fd || !files.lock(fd->get())) return std::nullopt;
  DeadTable dead{table, {}, false};
  const auto got = files.read_at(fd->get(), std::as_writable_bytes(std::span(&dead.head, 1)), 0);
  if (!got || *got != sizeof dead.head) return std::nullopt;
  dead.has_records = !is_blank(files, fd->get(), kFramesFileHeadBytes);
  return dead;
}

/// The prepared pixels that such a table belongs to: those of the size that it was made for.
std::optional<path> take_half(Walk& walk, const FramesFileHead& head) {
  const auto half = std::ranges::find_if(walk.halves, [&](const path& candidate) {
    std::error_code error;
    return std::filesystem::file_size(candidate, error) == head.frame_bytes * head.capacity;
  });
  if (half == walk.halves.end()) return std::nullopt;
  path taken = *half;
  walk.halves.erase(half);
  return taken;
}

/// Unless nothing was ever written into them.
bool holds_pixels(FileSystem& files, const path& half) {
  const auto fd = files.open(half, O_RDONLY);
  return !fd || !is_blank(files, fd->get(), 0);
}

/// The other file of a prepared segment: "DIR/NAME.raw.ready" -> "DIR/NAME.json.ready".
path ready_description(const path& half) {
  return half.parent_path() / (half.stem().stem().string() + ".json.ready");
}

/// The process died while it gave the files of a RAW their names, the pixels last, or while it
/// removed one without a frame, the pixels first. Where there are frames, because a power cut has
/// undone some of the names or the segment was prepared when it got them, it is made whole again.
void complete_half_named(FileSystem& files, const DeadTable& table, Walk& walk) {
  const std::string stem = without(table.file.string(), ".frames.part");
  const auto half = take_half(walk, table.head);
  if (!table.has_records) {
    if (files.exists(stem + ".json.part")) static_cast<void>(files.remove(stem + ".json.part"));
    if (half && !holds_pixels(files, *half)) {
      // The pixels first: a description alone is nobody's.
      static_cast<void>(files.remove(*half));
      if (const path text = ready_description(*half); files.exists(text)) {
        static_cast<void>(files.remove(text));
      }
    } else if (half) {
      walk.halves.push_back(*half);  // Of another table, which is not here.
    }
    static_cast<void>(files.remove(table.file));
  } else if (half) {
    const path text = ready_description(*half);
    if (files.exists(text) && !files.exists(stem + ".json.part")) {
      static_cast<void>(files.rename(text, stem + ".json.part"));
    }
    if (files.rename(*half, stem + ".raw.part")) walk.found.parts.emplace_back(stem + ".raw.part");
  }
}

/// All tables without pixels; those with frames first, so that none without takes their pixels.
void complete_tables(FileSystem& files, Walk& walk) {
  std::vector<DeadTable> dead;
  for (const path& file : walk.tables) {
    if (auto table = dead_table(files, file)) dead.push_back(std::move(*table));
  }
  std::ranges::stable_partition(dead, &DeadTable::has_records);
  for (const DeadTable& table : dead) complete_half_named(files, table, walk);
}

/// Companions of interrupted finishing whose segment is complete.
void clear_companion(FileSystem& files, const path& file, Walk& walk) {
  const std::string name = file.filename().string();
  const auto is_finished = [&](const std::string& segment) {
    return files.exists(file.parent_path() / segment) &&
           !files.exists(file.parent_path() / (segment + ".part"));
  };
  const bool undo = name.ends_with(".undo") && is_finished(without(name, ".undo"));
  const bool log = name.ends_with(".events") && is_finished(without(name, ".events"));
  const bool space = name.starts_with(".") && name.ends_with(".undo-space") &&
                     is_finished(without(name, ".undo-space").substr(1));
  const bool tries = name.ends_with(".tries") && format_of(without(name, ".tries")) != nullptr &&
                     !files.exists(file.parent_path() / (without(name, ".tries") + ".part"));
  const bool json =
      name.ends_with(".json.part") && is_finished(without(name, ".json.part") + ".raw");
  const bool chunks =
      (name.ends_with(".chunks.part") && is_finished(without(name, ".chunks.part") + ".h5")) ||
      (name.ends_with(".chunks.part.new") &&
       is_finished(without(name, ".chunks.part.new") + ".h5"));
  // Of a prepared segment whose moving was interrupted: it goes by its own metadata, elsewhere.
  const bool is_lone =
      name.starts_with("recovered_") && name.ends_with(".chunks.part") &&
      !files.exists(file.parent_path() / (without(name, ".chunks.part") + ".h5.part"));
  if (undo || log || space || tries || json || chunks || is_lone)
    static_cast<void>(files.remove(file));
  if (name.ends_with(".frames.part")) {
    const std::string stem = without(file.string(), ".frames.part");
    if (!files.exists(stem + ".raw.part") && !files.exists(stem + ".raw")) {
      walk.tables.push_back(file);
    }
  }
}

/// Moves a prepared segment to where recovery looks for its frames. Readers know .part names; the
/// prepared files carry the same bytes.
void take_prepared(FileSystem& files, const path& ready, const SegmentFormat& format,
                   const path& base, Unfinished& found) {
  auto fd = files.open(ready, O_RDWR);
  if (!fd || !files.lock(fd->get())) return;
  const path stem = ready.parent_path() / ready.stem().stem();
  const path wanted = base / ("recovered_" + ready.stem().string());
  const path target = free_name(files, format, wanted);
  const path part = target.string() + ".part";
  // Tables before descriptions: a table tells whether what a kill parts here holds a frame.
  for (const auto companions : {format.companions, format.optional_companions}) {
    for (const std::string_view extension : std::views::reverse(companions)) {
      const path companion = path(target).replace_extension(extension).string() + ".part";
      // One that is missing makes the segment unreadable, which recovery says.
      static_cast<void>(files.rename(stem.string() + std::string(extension) + ".ready", companion));
    }
  }
  static_cast<void>(
      files.remove(ready.parent_path() / ("." + ready.stem().string() + ".undo-space")));
  if (auto moved = files.rename(ready, part); !moved) {
    found.failed.emplace_back(ready, moved.error());
  } else {
    found.prepared.push_back(part);
  }
}

/// Whether the companions of a prepared segment have left it.
bool is_half_named(FileSystem& files, const path& ready, const SegmentFormat& format) {
  const path stem = ready.parent_path() / ready.stem().stem();
  return std::ranges::any_of(format.companions, [&](std::string_view extension) {
    return !files.exists(stem.string() + std::string(extension) + ".ready");
  });
}

/// Prepared files that are not whole, or stand without their segment.
bool holds_nothing(FileSystem& files, const path& file) {
  const std::string name = file.filename().string();
  if (name == "runs.new" || name.ends_with(".new")) return true;
  if (name.starts_with(".") && name.ends_with(".undo-space")) return true;
  const path named = file.parent_path() / file.stem();  // Without .ready.
  const auto is_ready = [&](const char* extension) {
    return files.exists(path(named).replace_extension(extension).string() + ".ready");
  };
  return file.extension() == ".ready" && format_of(named) == nullptr &&
         !is_ready(named.extension() == ".chunks" ? ".h5" : ".raw");
}

/// Everything below .framelog/INSTRUMENT of a base, unless a living daemon holds its lock.
void clear_workshop(FileSystem& files, const path& workshop, const path& base, Walk& walk) {
  auto lock = files.open(workshop / "lock", O_RDWR);
  if (!lock || !files.lock(lock->get())) return;
  const auto names = files.list(workshop);
  if (!names) {
    walk.found.failed.emplace_back(workshop, names.error());
    return;
  }
  for (const std::string& name : *names) {
    const path file = workshop / name;
    const SegmentFormat* format = format_of(path(file).replace_extension());
    if (file.extension() != ".ready" || format == nullptr) continue;
    if (is_half_named(files, file, *format)) {
      walk.halves.push_back(file);
    } else {
      take_prepared(files, file, *format, base, walk.found);
    }
  }
  for (const std::string& name : *names) {
    const path file = workshop / name;
    if (files.exists(file) && holds_nothing(files, file)) static_cast<void>(files.remove(file));
  }
}

void look_through(FileSystem& files, const path& directory, Walk& walk) {
  const auto names = files.list(directory);
  if (!names) {
    walk.found.failed.emplace_back(directory, names.error());
    return;
  }
  for (const std::string& name : *names) {
    const path file = directory / name;
    std::error_code error;
    const auto status = std::filesystem::symlink_status(file, error);
    if (std::filesystem::is_directory(status)) {
      if (name == ".framelog") {
        const auto instruments = files.list(file);
        if (!instruments) walk.found.failed.emplace_back(file, instruments.error());
        for (const std::string& instrument : instruments.value_or(std::vector<std::string>{})) {
          clear_workshop(files, file / instrument, directory, walk);
        }
      } else if (name != "quarantine") {
        look_through(files, file, walk);
      }
    } else if (std::filesystem::is_regular_file(status)) {
      if (is_part(file)) {
        walk.found.parts.push_back(file);
      } else {
        clear_companion(files, file, walk);
      }
    }
  }
}

}  // namespace

Unfinished clear_leftovers(FileSystem& files, const path& directory) {
  Walk walk;
  look_through(files, directory, walk);
  complete_tables(files, walk);
  // Pixels whose table is nowhere: recovery says so.
  for (const path& half : walk.halves) {
    const path base = half.parent_path().parent_path().parent_path();
    take_prepared(files, half, *format_of(path(half).replace_extension()), base, walk.found);
  }
  return std::move(walk.found);
}

}  // namespace framelog
