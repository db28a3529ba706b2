#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace framelog {

/// Durations, counted in buckets whose bounds are powers of two of a microsecond: 1 us, 2 us, ...
/// 2^26 us (67 s), and beyond. One writer thread, readers everywhere; no lock, no allocation.
class Histogram {
 public:
  static constexpr std::size_t kBounds = 27;

  struct Counts {
    std::array<std::uint64_t, kBounds + 1> buckets{};  ///< Each alone; the last: beyond all bounds.
    std::int64_t sum_ns{};
  };

  /// In seconds; the bucket counts what is not longer.
  [[nodiscard]] static constexpr double bound_s(std::size_t bucket) noexcept {
    return static_cast<double>(std::uint64_t{1} << bucket) * 1e-6;
  }

  /// Threads: the one that writes.
  void observe(std::int64_t duration_ns) noexcept {
    const std::uint64_t ns = duration_ns < 0 ? 0 : static_cast<std::uint64_t>(duration_ns);
    const std::uint64_t us = (ns + 999) / 1000;
    const auto bucket = us <= 1 ? std::size_t{0} : static_cast<std::size_t>(std::bit_width(us - 1));
    add(buckets_[bucket < kBounds ? bucket : kBounds], std::uint64_t{1});
    add(sum_ns_, static_cast<std::int64_t>(ns));
  }

  /// Threads: any. Numbers of one moment, not exactly of the same.
  [[nodiscard]] Counts counts() const noexcept {
    Counts counts;
    for (std::size_t i = 0; i <= kBounds; ++i) {
      counts.buckets[i] = buckets_[i].load(std::memory_order_relaxed);
    }
    counts.sum_ns = sum_ns_.load(std::memory_order_relaxed);
    return counts;
  }

 private:
  template <class T>
  static void add(std::atomic<T>& counter, T more) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint64_t>, kBounds + 1> buckets_{};
  std::atomic<std::int64_t> sum_ns_{};
};

}  // namespace framelog
