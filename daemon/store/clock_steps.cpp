#include "store/clock_steps.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "core/clock.hpp"

namespace framelog {
namespace {

/// Both clocks are read one behind the other, with whatever the scheduler puts in between.
constexpr std::int64_t kReadingNs = 50'000'000;
/// A clock that is slewed runs at most so much faster or slower: one part in this many. Linux
/// allows 500 parts in a million, and twice that is nothing to worry about.
constexpr std::int64_t kSlewParts = 1000;

/// Not in an export of a frame whose record was torn.
bool has_time(const FrameRecord& record) noexcept { return record.utc_ns != -1; }

}  // namespace

std::int64_t clock_step_ns(const FrameRecord& before, const FrameRecord& after) noexcept {
  if (!has_time(before) || !has_time(after)) return 0;
  const std::int64_t passed_ns = after.monotonic_ns - before.monotonic_ns;
  const std::int64_t step_ns = after.utc_ns - before.utc_ns - passed_ns;
  const std::int64_t most_ns = kReadingNs + std::abs(passed_ns) / kSlewParts;
  return std::abs(step_ns) > most_ns ? step_ns : 0;
}

std::vector<ClockStep> clock_steps(std::span<const FrameRecord> records) {
  std::vector<ClockStep> steps;
  const FrameRecord* before = nullptr;
  for (const FrameRecord& record : records) {
    if (!has_time(record)) continue;
    const std::int64_t step_ns = before == nullptr ? 0 : clock_step_ns(*before, record);
    if (step_ns != 0) steps.push_back({record.sequence, record.utc_ns, step_ns});
    before = &record;
  }
  return steps;
}

std::string describe(const ClockStep& step) {
  const bool back = step.step_ns < 0;
  return fmt::format("the clock was set {} by {:.3f} s before frame {} ({}){}",
                     back ? "back" : "forward", static_cast<double>(std::abs(step.step_ns)) / 1e9,
                     step.sequence, iso_time(step.utc_ns),
                     back ? ": times overlap, the order is that of the frames' numbers" : "");
}

}  // namespace framelog
