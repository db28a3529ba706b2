#include "pipeline/pending_signals.hpp"

namespace framelog {
namespace {

constexpr unsigned kKindBits = 2;  // The time has the others: 146 years.

std::uint64_t packed(RecordSignal signal) noexcept {
  return static_cast<std::uint64_t>(signal.monotonic_ns) << kKindBits |
         static_cast<std::uint64_t>(signal.kind);
}

RecordSignal unpacked(std::uint64_t word) noexcept {
  constexpr std::uint64_t kKind = (1U << kKindBits) - 1;
  return {static_cast<RecordSignal::Kind>(word & kKind),
          static_cast<std::int64_t>(word >> kKindBits)};
}

}  // namespace

bool PendingSignals::push(RecordSignal signal) noexcept {
  const std::scoped_lock lock(pushing_);
  const std::uint64_t pushed = pushed_.load(std::memory_order_relaxed);
  // Pairs with the release in pop(): the slot has been read.
  if (pushed - popped_.load(std::memory_order_acquire) >= kMost) return false;
  slots_[pushed % kMost].store(packed(signal), std::memory_order_relaxed);
  pushed_.store(pushed + 1, std::memory_order_release);  // Pairs with the acquire in front().
  return true;
}

std::optional<RecordSignal> PendingSignals::front() const noexcept {
  const std::uint64_t popped = popped_.load(std::memory_order_relaxed);
  if (pushed_.load(std::memory_order_acquire) == popped) return std::nullopt;
  return unpacked(slots_[popped % kMost].load(std::memory_order_relaxed));
}

void PendingSignals::pop() noexcept {
  // Pairs with the acquire in push().
  popped_.store(popped_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

}  // namespace framelog
