#include "command/segment_facts.hpp"

#include <algorithm>
#include <new>

#include "formats/segment.hpp"

namespace framelog {
namespace {

std::int64_t lost_frames(SegmentReader& reader, std::span<const FrameRecord> records) {
  const auto accounting = reader.accounting();
  if (accounting && *accounting) {
    return static_cast<std::int64_t>((*accounting)->total_dropped() +
                                     (*accounting)->total_lost_at_source());
  }
  std::int64_t lost = 0;
  for (const FrameRecord& record : records) lost += record.dropped_before;
  return lost;
}

Result<SegmentFacts> look(FileSystem& files, const SegmentFormat& format,
                          const std::filesystem::path& path) {
  auto reader = format.open(files, path);
  if (!reader) return std::unexpected(reader.error());
  const auto text = (*reader)->provenance();
  if (!text) return std::unexpected(text.error());
  auto provenance = summarise_provenance(*text);
  if (!provenance) return std::unexpected(provenance.error());
  const std::int64_t there = (*reader)->frames();
  const std::int64_t frames =
      (*reader)->finished() ? there : std::clamp((*reader)->valid(), std::int64_t{0}, there);
  const auto records = (*reader)->records(frames);
  if (!records) return std::unexpected(records.error());
  SegmentFacts facts{std::move(*provenance), (*reader)->shape(), frames, -1, 0, 0};
  if (!records->empty()) {
    facts.first_utc_ns = records->front().utc_ns;
    facts.duration_ns =
        std::max(std::int64_t{0}, records->back().monotonic_ns - records->front().monotonic_ns);
  }
  facts.lost = lost_frames(**reader, *records);
  return facts;
}

}  // namespace

Result<SegmentFacts> look_at_segment(FileSystem& files, const std::filesystem::path& path) {
  const SegmentFormat* format = format_of(path);
  if (format == nullptr) {
    return std::unexpected(not_a_segment(path));
  }
  try {
    return look(files, *format, path);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kNoMemory,
                "it describes more than the memory of this machine holds:", path.string());
  }
}

}  // namespace framelog
