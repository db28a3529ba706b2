#include "store/finish.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/clock.hpp"
#include "store/provenance.hpp"

namespace framelog {
namespace {

using std::filesystem::path;

path without_part(const path& part) { return part.parent_path() / part.stem(); }

path with_extension_of(const path& file, std::string_view old_extension,
                       std::string_view extension) {
  std::string text = file.string();
  text.resize(text.size() - old_extension.size());
  return text + std::string(extension);
}

/// Whether the file or a companion of it is there, with `suffix` behind each name.
bool is_taken(FileSystem& files, const SegmentFormat& format, const path& final_path,
              std::string_view suffix) {
  if (files.exists(final_path.string() + std::string(suffix))) return true;
  const auto is_there = [&](std::string_view extension) {
    const path companion = with_extension_of(final_path, format.extension, extension);
    return files.exists(companion.string() + std::string(suffix));
  };
  return std::ranges::any_of(format.companions, is_there) ||
         std::ranges::any_of(format.optional_companions, is_there);
}

/// Completes what is known at the end from the file's own records.
Result<SegmentEnd> end_of_segment(FileSystem& files, const SegmentFormat& format,
                                  const FinishOrder& order, const path& final_path) {
  auto reader = format.open(files, order.part);
  if (!reader) return std::unexpected(reader.error());
  const auto records = (*reader)->records(order.frames);
  if (!records) return std::unexpected(records.error());
  const auto started = (*reader)->provenance();
  if (!started) return std::unexpected(started.error());
  SegmentEnd end;
  end.file_name = final_path.filename().string();
  end.stop_reason = order.stop_reason;
  end.gaps = order.events.gaps;
  end.clock = order.events.clock;
  end.events = order.events.events;
  end.quantities = order.events.quantities;
  end.lines = order.events.lines;
  end.accounting = order.accounting;
  if (end.clock.empty() && !records->empty()) {
    // A power cut has taken the log: the first record knows the clocks too.
    const FrameRecord& first = records->front();
    end.clock.push_back({first.utc_ns, first.utc_ns - first.monotonic_ns,
                         (first.flags & kFlagClockUnsynchronised) == 0});
  }
  SegmentSpan span;
  if (!records->empty()) span = {records->front().utc_ns, records->back().utc_ns};
  auto completed = complete_provenance(*started, end, span, order.input_digests);
  if (!completed) return std::unexpected(completed.error());
  end.provenance_json = std::move(*completed);
  return end;
}

Result<FinishedSegment> finish_as(FileSystem& files, const SegmentFormat& format,
                                  const FinishOrder& order, const path& final_path) {
  const auto end = end_of_segment(files, format, order, final_path);
  if (!end) return std::unexpected(end.error());
  const auto summary = format.finalise(files, order.part, order.frames, *end);
  if (!summary) return std::unexpected(summary.error());
  if (auto published = format.publish(files, order.part, final_path); !published) {
    return std::unexpected(published.error());
  }
  return FinishedSegment{final_path, *summary};
}

}  // namespace

bool is_name_free(FileSystem& files, const SegmentFormat& format, const path& final_path) {
  // An undo, a log or a count that outlived its segment must never be taken for another's.
  for (const std::string_view suffix : {".part", ".undo", ".events", ".tries"}) {
    if (files.exists(final_path.string() + std::string(suffix))) return false;
  }
  return !is_taken(files, format, final_path, "") && !is_taken(files, format, final_path, ".part");
}

path free_name(FileSystem& files, const SegmentFormat& format, const path& wanted) {
  path candidate = wanted;
  for (int number = 2; !is_name_free(files, format, candidate); ++number) {
    candidate =
        with_extension_of(wanted, format.extension, fmt::format("_{}{}", number, format.extension));
  }
  return candidate;
}

Result<FinishedSegment> finish_part(FileSystem& files, const SegmentFormat& format,
                                    FinishOrder order) {
  const path own_name = without_part(order.part);
  const path log = events_path(order.part);
  path final_path = own_name;
  constexpr int kTries =
      100;  // Somebody who creates exactly our next names that often does it on purpose.
  for (int tries = 0; tries < kTries; ++tries) {
    if (is_taken(files, format, final_path, "")) {
      final_path = free_name(files, format, own_name);
      order.events.events.push_back(
          {system_clock().utc_ns(),
           fmt::format("{} was taken meanwhile: this segment is {}", own_name.filename().string(),
                       final_path.filename().string())});
    }
    auto finished = finish_as(files, format, order, final_path);
    if (finished) {
      if (files.exists(log)) static_cast<void>(files.remove(log));
      return finished;
    }
    if (auto undone = format.undo(files, order.part); !undone)
      return std::unexpected(undone.error());
    if (finished.error().code != ErrorCode::kExists) return finished;
  }
  return fail(ErrorCode::kExists, "no free name for", own_name.string());
}

Result<void> remove_empty_part(FileSystem& files, const SegmentFormat& format, const path& part) {
  const path name = without_part(part);
  const auto remove_companions = [&](std::span<const std::string_view> extensions) {
    for (const std::string_view extension : extensions) {
      const path companion =
          with_extension_of(name, format.extension, extension).string() + ".part";
      if (files.exists(companion)) static_cast<void>(files.remove(companion));
    }
  };
  remove_companions(format.optional_companions);
  const path reserve = part.parent_path() / ("." + part.stem().string() + ".undo-space");
  for (const path& beside : {reserve, events_path(part)}) {
    if (files.exists(beside)) static_cast<void>(files.remove(beside));
  }
  // Before what it cannot be read without: a process may die between any two of these.
  if (auto removed = files.remove(part); !removed) return removed;
  remove_companions(format.companions);
  return {};
}

}  // namespace framelog
