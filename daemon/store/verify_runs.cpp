#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "store/clock_steps.hpp"
#include "store/verify.hpp"
#include "store/verify_sums.hpp"

// Segments that were verified one by one, joined into their runs.
namespace framelog {
namespace {

using verify_sums::passed_over;
using verify_sums::sum;

bool is_copy(const VerifiedSegment& one, const VerifiedSegment& other) {
  return one.frames == other.frames && one.first_sequence == other.first_sequence &&
         one.last_sequence == other.last_sequence && one.records_crc == other.records_crc;
}

/// Frames with a number of their own that the segment accounts for.
std::int64_t accounted(const VerifiedSegment& segment) {
  const std::int64_t dropped =
      sum(sum(segment.dropped_with_sequence_before_first, segment.dropped_with_sequence_between),
          segment.dropped_with_sequence_after_last);
  return sum(sum(segment.frames, passed_over(segment.accounting)), dropped);
}

/// Adds one segment behind those that are in the run already; `next` is the first frame that they
/// do not account for, -1 where nobody knows. Returns the same with this one.
std::int64_t join(VerifiedRun& run, const VerifiedSegment& segment, std::int64_t next) {
  ++run.segments;
  run.frames = sum(run.frames, segment.frames);
  run.accounting += segment.accounting;
  // A segment accounts for frames up to its last one, and for what is behind it at the end of a
  // run.
  const std::int64_t least =
      sum(sum(segment.last_sequence, 1), segment.dropped_with_sequence_after_last);
  if (next < 0) return least;
  const std::int64_t end = sum(next, accounted(segment));
  const bool twice = segment.first_sequence < sum(next, segment.dropped_with_sequence_before_first);
  const bool missing = sum(end, segment.unplaced_before_first) < least;
  if (twice || missing) {
    run.problems.push_back(
        fmt::format("{} begins with frame {}, expected {}: {}", segment.path.filename().string(),
                    segment.first_sequence,
                    twice ? sum(next, segment.dropped_with_sequence_before_first)
                          : sum(segment.first_sequence, sum(end, -least)),
                    twice ? "frames were recorded twice" : "a segment is missing"));
  }
  return std::max(end, least);
}

/// A run ends with stop, end of source, a recovery and the like; these only end a segment. Behind
/// an event there may be no other.
bool is_roll(std::string_view reason) {
  return reason == "size" || reason == "duration" || reason == "frames" || reason == "hour" ||
         reason == "day" || reason == "scan" || reason == "write error";
}

void note_clock_between(VerifiedRun& run, const VerifiedSegment& before,
                        const VerifiedSegment& after) {
  const FrameRecord& first = after.first_record;
  const std::int64_t step_ns = clock_step_ns(before.last_record, first);
  if (step_ns == 0) return;
  run.notes.push_back(fmt::format("between {} and {} {}", before.path.filename().string(),
                                  after.path.filename().string(),
                                  describe(ClockStep{first.sequence, first.utc_ns, step_ns})));
}

VerifiedRun join_members(const std::string& uuid, const std::string& product,
                         std::vector<const VerifiedSegment*> members) {
  std::ranges::sort(members, [](const VerifiedSegment* a, const VerifiedSegment* b) {
    return std::tie(a->first_sequence, a->path) < std::tie(b->first_sequence, b->path);
  });
  const ProvenanceSummary& first = members.front()->provenance;
  VerifiedRun run;
  run.run_uuid = uuid;
  run.instrument = first.instrument;
  run.product = product;
  run.run_number = first.run_number;
  if (members.front()->is_export) {
    join(run, *members.front(), -1);
    run.notes.push_back(fmt::format("{} is an export", members.front()->path.string()));
    return run;
  }
  if (first.segment > 1) {
    run.notes.push_back(
        fmt::format("the segments before {} are not here", members.front()->path.string()));
  }
  run.ended_by_crash = members.back()->provenance.stop_reason == "recovered";
  if (run.ended_by_crash) {
    run.notes.emplace_back("the process died: what was in the ring then is not known");
  }
  const VerifiedSegment* before = nullptr;
  std::int64_t next = first.segment == 1 ? 0 : -1;
  for (const VerifiedSegment* segment : members) {
    if (before != nullptr && is_copy(*before, *segment)) {
      run.notes.push_back(
          fmt::format("{} is a copy of {}", segment->path.string(), before->path.string()));
      continue;
    }
    if (before != nullptr) note_clock_between(run, *before, *segment);
    next = join(run, *segment, next);
    before = segment;
  }
  if (is_roll(before->provenance.stop_reason)) {
    run.notes.push_back(
        fmt::format("the segments behind {} are not here, or not finished", before->path.string()));
  }
  return run;
}

}  // namespace

std::vector<VerifiedRun> join_runs(const std::vector<VerifiedSegment>& segments) {
  // Of exports each has a place of its own, behind the run.
  std::map<std::tuple<std::string, std::string, std::filesystem::path>,
           std::vector<const VerifiedSegment*>>
      by_run;
  for (const VerifiedSegment& segment : segments) {
    if (segment.first_sequence >= 0 && !segment.provenance.run_uuid.empty()) {
      const auto own = segment.is_export ? segment.path : std::filesystem::path();
      by_run[{segment.provenance.run_uuid, segment.provenance.product, own}].push_back(&segment);
    }
  }
  std::vector<VerifiedRun> runs;
  for (auto& [key, members] : by_run) {
    runs.push_back(join_members(std::get<0>(key), std::get<1>(key), std::move(members)));
  }
  std::ranges::sort(runs, {}, [](const VerifiedRun& run) {
    return std::tie(run.instrument, run.run_number, run.product, run.run_uuid);
  });
  return runs;
}

}  // namespace framelog
