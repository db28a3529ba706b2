#pragma once

#include <time.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace framelog::bench {

/// Without it this core reads a fifth less.
inline void prefetch(const std::byte* at, std::size_t bytes) {
  constexpr std::size_t kAheadBytes = 3072;
  constexpr std::size_t kLineBytes = 64;
  for (std::size_t i = 0; i < bytes; i += kLineBytes) __builtin_prefetch(at + kAheadBytes + i);
}

/// Sums `bytes` (a multiple of 256) as fast as this core reads memory: eight independent
/// accumulators, so that it waits for nothing but the memory.
#if defined(__x86_64__)
__attribute__((target("avx2"))) inline std::uint64_t sum_avx2(std::span<const std::byte> bytes) {
  typedef std::uint64_t Words __attribute__((vector_size(32)));
  Words sums[8] = {};
  const std::size_t whole = bytes.size() / sizeof(sums) * sizeof(sums);
  for (std::size_t i = 0; i < whole; i += sizeof(sums)) {
    prefetch(bytes.data() + i, sizeof(sums));
    for (std::size_t k = 0; k < 8; ++k) {
      Words words;
      __builtin_memcpy(&words, bytes.data() + i + k * sizeof(Words), sizeof(Words));
      sums[k] += words;
    }
  }
  std::uint64_t total = 0;
  for (const Words& sum : sums) total += sum[0] + sum[1] + sum[2] + sum[3];
  return total;
}
#endif

inline std::uint64_t sum_baseline(std::span<const std::byte> bytes) {
  typedef std::uint64_t Words __attribute__((vector_size(16)));
  Words sums[8] = {};
  const std::size_t whole = bytes.size() / sizeof(sums) * sizeof(sums);
  for (std::size_t i = 0; i < whole; i += sizeof(sums)) {
    prefetch(bytes.data() + i, sizeof(sums));
    for (std::size_t k = 0; k < 8; ++k) {
      Words words;
      __builtin_memcpy(&words, bytes.data() + i + k * sizeof(Words), sizeof(Words));
      sums[k] += words;
    }
  }
  std::uint64_t total = 0;
  for (const Words& sum : sums) total += sum[0] + sum[1];
  return total;
}

/// Reads all of `bytes` with the widest loop that this processor runs.
inline std::uint64_t read_all(std::span<const std::byte> bytes) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return sum_avx2(bytes);
#endif
  return sum_baseline(bytes);
}

/// Processor time of this thread that `work` takes: what else runs on the machine does not count,
/// waiting for memory does.
template <class Work>
double seconds_of(Work&& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  };
  const double start = now();
  work();
  return now() - start;
}

/// Bytes per second at which this core reads `bytes` once, which should be far larger than its
/// caches.
inline double read_bandwidth(std::span<const std::byte> bytes) {
  volatile std::uint64_t sum = 0;
  const double seconds = seconds_of([&] { sum = read_all(bytes); });
  return static_cast<double>(bytes.size()) / seconds;
}

}  // namespace framelog::bench
