// The vector kernels for x86-64-v3 (AVX2); CMake compiles this file alone for it.

#include "reduce/kernel.hpp"

#if defined(__x86_64__)
#define FRAMELOG_KERNELS v3
#define FRAMELOG_VECTOR_BYTES 32
#include "reduce/kernel_choice.hpp"
#endif

namespace framelog {

#if defined(__x86_64__)
Kernel v3_kernel(const ReductionPlan& plan) noexcept { return v3::kernel_of(plan); }
#else
Kernel v3_kernel(const ReductionPlan&) noexcept { return nullptr; }
#endif

}  // namespace framelog
