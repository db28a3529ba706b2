// A program of its own, because it counts every allocation and every lock of a mutex.

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <string>

#include "tests/unit/pipeline/recording.hpp"

namespace {

thread_local std::uint64_t t_allocations = 0;
thread_local std::uint64_t t_locks = 0;
constexpr int kUnlimited = 1 << 30;
std::atomic<int> g_threads_left{kUnlimited};

using LockFunction = int (*)(pthread_mutex_t*);
using CreateFunction = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

/// The C library's own function, which the one of this name here stands before.
template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

// Not inlined, since the compiler would then take the pairing with malloc for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++t_allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++t_allocations;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  static const auto real = next<LockFunction>("pthread_mutex_lock");
  ++t_locks;
  return real(mutex);
}

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*run)(void*), void* argument) noexcept {
  static const auto real = next<CreateFunction>("pthread_create");
  if (g_threads_left.fetch_sub(1) <= 0) return EAGAIN;
  return real(thread, attributes, run, argument);
}

namespace framelog {
namespace {

/// Every stage looks at the clock when it begins to work: there this one notes what the stage's
/// thread has allocated and locked since the recording had warmed up.
class CountingClock final : public Clock {
 public:
  struct Counts {
    std::uint64_t looks{};
    std::uint64_t first_allocations{}, allocations{};
    std::uint64_t first_locks{}, locks{};
  };

  [[nodiscard]] std::int64_t utc_ns() const noexcept override {
    return monotonic_ns() + FakeClock::kUtcStart;
  }
  [[nodiscard]] std::int64_t monotonic_ns() const noexcept override {
    if (warm.load()) note();
    return system_clock().monotonic_ns();
  }
  [[nodiscard]] bool synchronised() const noexcept override { return true; }

  [[nodiscard]] std::map<std::string, Counts> counts() const {
    const std::scoped_lock lock(mutex_);
    return counts_;
  }
  std::atomic<bool> warm{false};

 private:
  void note() const {
    const std::uint64_t allocations = t_allocations;
    const std::uint64_t locks = t_locks;
    {
      char name[16]{};
      ::pthread_getname_np(::pthread_self(), name, sizeof name);
      const std::scoped_lock lock(mutex_);
      const auto [entry, is_new] = counts_.try_emplace(name);
      Counts& counts = entry->second;
      if (is_new) {
        counts.first_allocations = allocations;
        counts.first_locks = locks;
      }
      ++counts.looks;
      counts.allocations = allocations;
      counts.locks = locks;
    }
    // What this function does itself does not count.
    t_allocations = allocations;
    t_locks = locks;
  }

  mutable std::mutex mutex_;
  mutable std::map<std::string, Counts> counts_;
};

/// Lines of configuration under a name.
struct Reductions {
  std::string name;
  std::vector<Line> lines;
  std::uint64_t recorded{6000};
};

class Allocations : public testing::TestWithParam<Reductions> {};

TEST_P(Allocations, AndLocksDoNotHappenPerFrameInAnyStage) {
  CountingClock clock;
  Recording recording({16, 32, PixelType::kUint16});
  recording.slots = 32;
  recording.set("product.raw", "max_size", "64 MiB");
  recording.set("product.h5", "max_size", "64 MiB");
  for (const Line& line : GetParam().lines) recording.set(line.section, line.key, line.text);
  recording.source.frames(1000).then([&] { clock.warm = true; }).frames(5000).then([&] {
    clock.warm = false;
  });
  auto session = Session::start(recording.source, recording.plan(), system_files(), clock);
  ASSERT_TRUE(session) << describe(session.error());
  static_cast<void>((*session)->drain());
  EXPECT_EQ((*session)->status().products.at(0).accounting.recorded, GetParam().recorded);
  const auto all = clock.counts();
  for (const std::string stage : {"capture", "reduce", "write"}) {
    ASSERT_TRUE(all.contains(stage)) << stage;
    const CountingClock::Counts& counts = all.at(stage);
    EXPECT_GT(counts.looks, 20U) << stage;
    EXPECT_EQ(counts.allocations - counts.first_allocations, 0U) << stage;
    EXPECT_EQ(counts.locks - counts.first_locks, 0U) << stage;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Reductions, Allocations,
    testing::Values(Reductions{"little", {{"product.raw", "endian", "little"}}},
                    Reductions{"big", {{"product.raw", "endian", "big"}}},
                    Reductions{"converted",
                               {{"product.h5", "dtype", "uint8"},
                                {"product.h5", "renormalise", "0, 65535 -> 0, 255"},
                                {"product.h5", "bin", "4x4"},
                                {"product.h5", "detectors", "disc, ring"},
                                {"detector.disc", "shape", "disc"},
                                {"detector.disc", "outer", "6 px"},
                                {"detector.ring", "shape", "annulus"},
                                {"detector.ring", "inner", "3 px"},
                                {"detector.ring", "outer", "9 px"}}},
                    Reductions{"grouped",
                               {{"product.raw", "accumulate", "3"},
                                {"product.h5", "accumulate", "7"},
                                {"product.h5", "accumulate_mode", "mean"},
                                {"product.h5", "keep_every", "2"}},
                               2000},
                    Reductions{"triggered",
                               {{"record", "start", "trigger"},
                                {"record", "trigger", "statistic raw.mean >= 0"},
                                {"record", "pre_frames", "4"},
                                {"record", "post_frames", "10"}}}),
    [](const auto& test) { return test.param.name; });

TEST(Allocations, AndLocksAreCounted) {
  const std::uint64_t allocations = t_allocations;
  const std::uint64_t locks = t_locks;
  ::operator delete(::operator new(16));
  std::mutex mutex;
  { const std::scoped_lock lock(mutex); }
  EXPECT_EQ(t_allocations, allocations + 1);
  EXPECT_EQ(t_locks, locks + 1);
}

TEST(Session, ThatGetsTooFewThreadsIsAnErrorAndLeavesNothingRunning) {
  Recording recording;
  recording.source.frames(1);
  for (int threads = 0; threads < 5; ++threads) {
    g_threads_left = threads;
    EXPECT_FALSE(recording.start()) << threads;
    g_threads_left = kUnlimited;
    EXPECT_EQ(recording.error.system_errno, EAGAIN);
    ASSERT_TRUE(recover(system_files(), recording.base));
    EXPECT_TRUE(recording.leftovers().empty());
  }
  recording.run();
  EXPECT_EQ(recording.accounting("raw").recorded, 1U);
}

}  // namespace
}  // namespace framelog
