#include "store/quarantine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "store/examination.hpp"

namespace framelog {
namespace {

using std::filesystem::path;

/// All files of an unfinished segment that may be there, as the suffixes of its name.
std::vector<std::string> suffixes_of(const SegmentFormat& format) {
  const std::string extension(format.extension);
  std::vector<std::string> suffixes{extension + ".part", extension + ".events",
                                    extension + ".undo"};
  for (const auto companions : {format.companions, format.optional_companions}) {
    for (const std::string_view companion : companions) {
      for (const char* state : {".part", ".new", ""})
        suffixes.push_back(std::string(companion) + state);
    }
  }
  return suffixes;
}

}  // namespace

RecoveredSegment quarantine(FileSystem& files, const SegmentFormat& format, const path& part,
                            const Error& error) {
  RecoveredSegment result{part, RecoveryOutcome::kQuarantined, {}, 0, 0, describe(error)};
  const path directory = part.parent_path() / "quarantine";
  if (!files.make_directories(directory)) {
    result.outcome = RecoveryOutcome::kFailed;
    return result;
  }
  const auto suffixes = suffixes_of(format);
  std::string name = part.stem().string();
  name.resize(name.size() - format.extension.size());
  std::string kept = name;
  const auto here = [&](const std::string& suffix) { return part.parent_path() / (name + suffix); };
  // What a process that died on the way has moved already is where this goes as well.
  const auto is_taken = [&](const std::string& suffix) {
    return files.exists(directory / (kept + suffix)) &&
           (suffix == suffixes.front() || files.exists(here(suffix)));
  };
  for (int number = 2; std::ranges::any_of(suffixes, is_taken); ++number) {
    kept = fmt::format("{}_{}", name, number);
  }
  std::vector<std::string> moved_suffixes;
  for (const std::string& suffix : suffixes | std::views::drop(1)) {
    if (!files.exists(here(suffix))) continue;
    if (files.rename(here(suffix), directory / (kept + suffix))) moved_suffixes.push_back(suffix);
  }
  if (auto moved = files.rename(part, directory / (kept + suffixes.front())); !moved) {
    for (const std::string& suffix : moved_suffixes) {
      static_cast<void>(files.rename(directory / (kept + suffix), here(suffix)));
    }
    result.outcome = RecoveryOutcome::kFailed;
    return result;
  }
  const path reserve = part.parent_path() / ("." + part.stem().string() + ".undo-space");
  for (const path& spent : {reserve, tries_path(part)}) {
    if (files.exists(spent)) static_cast<void>(files.remove(spent));
  }
  result.result = directory / (kept + suffixes.front());
  const std::string note =
      fmt::format("{}: recovery did not understand {}: {}\n", iso_time(system_clock().utc_ns()),
                  part.string(), result.note);
  static_cast<void>(
      write_new_file(files, result.result.string() + ".why", std::as_bytes(std::span(note))));
  return result;
}

}  // namespace framelog
