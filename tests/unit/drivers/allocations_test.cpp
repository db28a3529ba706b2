#include "allocations.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> g_allocations{0};

}  // namespace

// Not inlined, since the compiler would then take the pairing with malloc for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace framelog {

std::size_t allocations() noexcept { return g_allocations.load(std::memory_order_relaxed); }

TEST(Allocations, AreCounted) {
  const std::size_t before = allocations();
  void* memory = ::operator new(16);
  ::operator delete(memory);
  EXPECT_EQ(allocations(), before + 1);
}

}  // namespace framelog
