#include "export/result_grid.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace framelog {
namespace {

std::unexpected<Error> no_scan(Axis axis, bool flat) {
  return fail(ErrorCode::kInvalid, "--cutout:",
              fmt::format("{}: {} (allowed: t, y, x)", name_of(axis),
                          flat ? "with --flat there are no points of a scan"
                               : "the recording has no scan"));
}

Result<IndexRange> range_of(const TransformRequest& request, Axis axis, std::uint64_t size) {
  const auto found = std::ranges::find(request.cutout, axis, &AxisCut::axis);
  if (found == request.cutout.end()) return IndexRange{0, size};
  return apply(*found, size);
}

/// The frames from the first that is not before `since` to the last before the first that is not
/// before `until`, whatever a clock that was set does in between.
Result<IndexRange> time_range(Recording& recording, const TransformRequest& request,
                              IndexRange range) {
  if (!request.since_utc_ns && !request.until_utc_ns) return range;
  if (!recording.facts().has_times) {
    return fail(ErrorCode::kInvalid,
                "--since, --until:", "the recording has no times (allowed: a cutout of t)");
  }
  IndexRange found{range.stop, range.stop};
  for (std::uint64_t frame = range.start; frame < range.stop; ++frame) {
    const auto note = recording.note(frame);
    if (!note) return std::unexpected(note.error());
    const std::int64_t utc_ns = note->info.utc_ns;
    if (utc_ns < 0) continue;
    const bool begun = found.start < range.stop;
    if (!begun && utc_ns >= request.since_utc_ns.value_or(utc_ns) &&
        utc_ns < request.until_utc_ns.value_or(utc_ns + 1)) {
      found.start = frame;
    } else if (begun && request.until_utc_ns && utc_ns >= *request.until_utc_ns) {
      found.stop = frame;
      break;
    }
  }
  if (found.size() > 0) return found;
  return fail(ErrorCode::kInvalid, "--since, --until:", "no frame is in this range of time");
}

Result<FrameGrid> plan_scan(const RecordingFacts& facts, const TransformRequest& request) {
  if (request.since_utc_ns || request.until_utc_ns) {
    return fail(ErrorCode::kInvalid, "--since, --until:",
                "a scan is not cut by time (allowed: a cutout of t, sy, sx; or --flat)");
  }
  FrameGrid grid{.is_scan = true, .time = {}, .every = request.every};
  const auto time = range_of(request, Axis::kTime, facts.scans);
  const auto sy = range_of(request, Axis::kScanY, facts.scan->rows);
  const auto sx = range_of(request, Axis::kScanX, facts.scan->columns);
  for (const auto* range : {&time, &sy, &sx}) {
    if (!*range) return std::unexpected(range->error());
  }
  grid.time = *time;
  grid.scan = {*sy, *sx};
  grid.subsample = {request.subsample_sy, request.subsample_sx};
  return grid;
}

Result<void> check_steps(const TransformRequest& request, bool is_scan) {
  if (request.every == 0 || request.subsample_sy == 0 || request.subsample_sx == 0) {
    return fail(ErrorCode::kInvalid,
                request.every == 0 ? "--every:" : "--subsample:", "0 (allowed: 1 and more)");
  }
  if (!is_scan && (request.subsample_sy > 1 || request.subsample_sx > 1)) {
    return fail(ErrorCode::kInvalid,
                "--subsample:", "there are no points of a scan (allowed: --every)");
  }
  return {};
}

std::uint64_t steps_in(const IndexRange& range, std::uint64_t step) noexcept {
  return (range.size() + step - 1) / step;
}

}  // namespace

// A frame that its camera found corrupt, and whose file has no checksums, still has its time.
bool is_torn(const FrameNote& note) noexcept {
  return (note.info.flags & kFlagCorrupt) != 0 && !note.crc32c && note.info.utc_ns < 0 &&
         note.info.monotonic_ns < 0;
}

bool is_placeholder(const FrameNote& note) noexcept { return note.accumulated == 0; }

std::array<std::uint64_t, 3> FrameGrid::sizes() const noexcept {
  return {steps_in(time, every), steps_in(scan[0], subsample[0]), steps_in(scan[1], subsample[1])};
}

std::uint64_t FrameGrid::frames() const noexcept {
  const auto n = sizes();
  return n[0] * n[1] * n[2];
}

Result<FrameGrid> plan_grid(Recording& recording, const TransformRequest& request) {
  const RecordingFacts& facts = recording.facts();
  const bool is_scan = facts.scan && !request.flat;
  if (auto good = check_steps(request, is_scan); !good) return std::unexpected(good.error());
  for (const AxisCut& cut : request.cutout) {
    const bool one = cut.axis == Axis::kChannel || cut.axis == Axis::kZ;
    if (one) {
      if (auto range = apply(cut, 1); !range) return std::unexpected(range.error());
    }
    if (!is_scan && (cut.axis == Axis::kScanY || cut.axis == Axis::kScanX)) {
      return no_scan(cut.axis, facts.scan.has_value());
    }
  }
  if (is_scan) return plan_scan(facts, request);
  auto range = range_of(request, Axis::kTime, facts.frames);
  if (!range) return std::unexpected(range.error());
  range = time_range(recording, request, *range);
  if (!range) return std::unexpected(range.error());
  return FrameGrid{.is_scan = false, .time = *range, .every = request.every};
}

Result<std::optional<GridFrames::Numbered>> GridFrames::numbered(std::uint64_t frame,
                                                                 std::uint64_t end) {
  for (; frame < end; ++frame) {
    const auto note = recording_.note(frame);
    if (!note) return std::unexpected(note.error());
    if (!is_torn(*note)) return Numbered{frame, note->info.source_sequence};
  }
  return std::nullopt;
}

Result<std::optional<std::uint64_t>> GridFrames::find_number(std::uint64_t number) {
  std::uint64_t low = 0;
  std::uint64_t high = recording_.facts().frames;
  // Numbers grow by one and more from frame to frame, so that a frame is no further than its
  // number.
  if (near_ && number >= near_->number) {
    low = near_->frame;
    high = std::min(high - low, number - near_->number + 1) + low;
  } else if (near_) {
    high = near_->frame;
    low = high - std::min(high, near_->number - number);
  }
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const auto found = numbered(middle, high);
    if (!found) return std::unexpected(found.error());
    if (!*found || (*found)->number > number) {
      high = middle;
    } else {
      near_ = **found;
      if (near_->number == number) return near_->frame;
      low = near_->frame + 1;
    }
  }
  return std::nullopt;
}

Result<std::optional<std::uint64_t>> GridFrames::find(std::uint64_t index) {
  const auto n = grid_.sizes();
  const std::uint64_t t = grid_.time.start + index / (n[1] * n[2]) * grid_.every;
  if (!grid_.is_scan) return told_by(t);
  const Scan& scan = *recording_.facts().scan;
  const std::uint64_t row = grid_.scan[0].start + index / n[2] % n[1] * grid_.subsample[0];
  const std::uint64_t column = grid_.scan[1].start + index % n[2] * grid_.subsample[1];
  const std::uint64_t line = t * scan.rows + row;
  const auto frame = find_number(scan.first_number + line * scan.frames_per_line() + column);
  return frame && *frame ? told_by(**frame) : frame;
}

Result<std::optional<std::uint64_t>> GridFrames::told_by(std::uint64_t frame) {
  const auto note = recording_.note(frame);
  if (!note) return std::unexpected(note.error());
  return is_placeholder(*note) ? std::nullopt : std::optional(frame);
}

}  // namespace framelog
