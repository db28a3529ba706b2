#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "core/frame.hpp"

namespace framelog {

/// What became of the frames of one product, at one moment.
///
///   received = recorded + merged + skipped + not_recorded + sum(dropped) + in_flight()
///
/// in_flight() is 0 when recording has stopped. What the hardware lost before it reached us is
/// beside it.
struct Accounting {
  std::uint64_t received{};
  std::uint64_t recorded{};
  std::uint64_t merged{};        ///< Into an accumulated frame.
  std::uint64_t skipped{};       ///< By keep_every.
  std::uint64_t not_recorded{};  ///< While idle or armed.
  std::array<std::uint64_t, kDropReasons> dropped{};
  std::array<std::uint64_t, kLossReasons> lost_at_source{};

  [[nodiscard]] std::uint64_t total_dropped() const noexcept {
    std::uint64_t total = 0;
    for (const std::uint64_t count : dropped) total += count;
    return total;
  }
  [[nodiscard]] std::uint64_t total_lost_at_source() const noexcept {
    std::uint64_t total = 0;
    for (const std::uint64_t count : lost_at_source) total += count;
    return total;
  }
  [[nodiscard]] std::uint64_t in_flight() const noexcept {
    return received - recorded - merged - skipped - not_recorded - total_dropped();
  }
  Accounting& operator+=(const Accounting& more) noexcept;
};

/// The living counters. They lie in the ring's header, so that they outlive the process; each has
/// one writer thread, named here, and readers everywhere. Relaxed: they order nothing, and are
/// exact once threads have joined.
struct CaptureCounters {  // Threads: capture
  std::atomic<std::uint64_t> received;
  std::atomic<std::uint64_t> bytes;
  std::array<std::atomic<std::uint64_t>, kDropReasons> dropped;  ///< For every product.
  std::array<std::atomic<std::uint64_t>, kLossReasons> lost_at_source;
  std::atomic<std::uint64_t> reconnects;
};

struct ProductCounters {  // Threads: write
  std::atomic<std::uint64_t> recorded;
  std::atomic<std::uint64_t> bytes;
  std::atomic<std::uint64_t> merged;
  std::atomic<std::uint64_t> skipped;
  std::atomic<std::uint64_t> not_recorded;
  std::array<std::atomic<std::uint64_t>, kDropReasons> dropped;
  std::atomic<std::uint64_t> segments;
  std::atomic<std::uint64_t> clipped_pixels;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// For counters with one writer: no read-modify-write on the bus. The release pairs with the
/// acquire in snapshot(), so that who sees a frame recorded has seen it received.
inline void add(std::atomic<std::uint64_t>& counter, std::uint64_t count) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_release);
}

[[nodiscard]] Accounting snapshot(const CaptureCounters& capture,
                                  const ProductCounters& product) noexcept;

}  // namespace framelog
