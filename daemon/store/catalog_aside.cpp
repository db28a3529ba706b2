#include "store/catalog_aside.hpp"

#include <fmt/format.h>

#include <string>

#include "core/clock.hpp"
#include "core/time_format.hpp"

namespace framelog {

using std::filesystem::path;

path beside(const path& file, std::string_view suffix) {
  return file.string() + std::string(suffix);
}

Result<void> move_aside(FileSystem& files, const path& file) {
  const std::string name =
      fmt::format("{}.damaged-{}", file.string(),
                  format_time("%Y%m%dT%H%M%SZ", system_clock().utc_ns(), false));
  path target = name;
  for (int number = 2; files.exists(target); ++number) {
    target = fmt::format("{}_{}", name, number);
  }
  if (auto moved = files.rename(file, target); !moved) return moved;
  if (files.exists(beside(file, "-wal"))) {
    static_cast<void>(files.rename(beside(file, "-wal"), beside(target, "-wal")));
  }
  return {};
}

}  // namespace framelog
