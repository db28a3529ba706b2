// The vector kernels for the processors that every build runs on: SSE2 or NEON.

#define FRAMELOG_KERNELS baseline
#define FRAMELOG_VECTOR_BYTES 16
#include "reduce/kernel_choice.hpp"

namespace framelog {

Kernel baseline_kernel(const ReductionPlan& plan) noexcept { return baseline::kernel_of(plan); }

}  // namespace framelog
