// The vector kernels of SSE2 or NEON. Every processor has them but some of 32-bit ARM, where CMake
// compiles this file alone for NEON.

#if defined(__arm__) && !defined(__ARM_NEON)
#error "to be compiled with -mfpu=neon"
#endif
#define FRAMELOG_KERNELS baseline
#define FRAMELOG_VECTOR_BYTES 16
#include "reduce/kernel_choice.hpp"

namespace framelog {

Kernel baseline_kernel(const ReductionPlan& plan) noexcept { return baseline::kernel_of(plan); }
RowCounter baseline_counter(PixelType type) noexcept { return baseline::counter_of(type); }
RowAdder baseline_adder(PixelType type) noexcept { return baseline::adder_of(type); }
DetectorKernel baseline_detector(PixelType type) noexcept { return baseline::detector_of(type); }

}  // namespace framelog
