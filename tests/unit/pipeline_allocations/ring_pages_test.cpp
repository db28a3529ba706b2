#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "pipeline/ring.hpp"
#include "tests/fakes/plain_products.hpp"

namespace framelog {
namespace {

long page_faults() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

/// Kernels before 5.14 refuse it; qemu-user takes any advice, of which it follows none.
bool can_populate() {
  constexpr int kNobodysAdvice = 1 << 20;
  return ::madvise(nullptr, 0, MADV_POPULATE_WRITE) == 0 &&
         ::madvise(nullptr, 0, kNobodysAdvice) != 0;
}

TEST(Ring, PagesThatArePopulatedCostNoFaultLater) {
  if (!can_populate()) GTEST_SKIP() << "an older kernel, or an emulated one";
  constexpr std::uint64_t kFrameBytes = 1 << 20;
  const RingLayout layout{16, kFrameBytes, plain_products({0}), 1};
  auto memory = Ring::create_memory(layout);
  ASSERT_TRUE(memory) << describe(memory.error());
  auto attached = Ring::attach(std::move(*memory), layout);
  ASSERT_TRUE(attached) << describe(attached.error());
  Ring& ring = *attached;
  ring.populate({});
  const long before = page_faults();
  for (std::uint64_t i = 0; i < 16; ++i) std::ranges::fill(ring.slot(i).raw, std::byte{1});
  const long pages = static_cast<long>(16 * kFrameBytes) / ::sysconf(_SC_PAGESIZE);
  EXPECT_LT(page_faults() - before, pages / 4);
}

}  // namespace
}  // namespace framelog
