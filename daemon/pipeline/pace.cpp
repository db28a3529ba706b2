#include "pipeline/pace.hpp"

#include <chrono>

namespace framelog {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr auto kOften = microseconds(300);  ///< Between two sleeps: frames come fast.
constexpr auto kNap = milliseconds(1);
constexpr std::uint64_t kDeepSlots = 256;

}  // namespace

bool Pace::wait(std::uint64_t sequence, Deadline deadline) noexcept {
  if (ring_.end_of(stage_) > sequence) return true;
  const auto now = std::chrono::steady_clock::now();
  const bool often = now - woken_ < kOften;
  const bool roomy =
      ring_.slots() >= kDeepSlots && ring_.captured() - ring_.written() < ring_.slots() / 4;
  if (often && roomy) ring_.nap(now + kNap);
  const bool there = ring_.wait(stage_, sequence, deadline);
  woken_ = std::chrono::steady_clock::now();
  return there;
}

}  // namespace framelog
