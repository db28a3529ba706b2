// The vector kernels for x86-64-v3 (AVX2); CMake compiles this file alone for it.

#include "reduce/detector_kernel.hpp"
#include "reduce/kernel.hpp"

#if defined(__x86_64__)
#define FRAMELOG_KERNELS v3
#define FRAMELOG_VECTOR_BYTES 32
#include "reduce/kernel_choice.hpp"
#endif

namespace framelog {

#if defined(__x86_64__)
Kernel v3_kernel(const ReductionPlan& plan) noexcept { return v3::kernel_of(plan); }
RowCounter v3_counter(PixelType type) noexcept { return v3::counter_of(type); }
RowAdder v3_adder(PixelType type) noexcept { return v3::adder_of(type); }
DetectorKernel v3_detector(PixelType type) noexcept { return v3::detector_of(type); }
#else
Kernel v3_kernel(const ReductionPlan&) noexcept { return nullptr; }
RowCounter v3_counter(PixelType) noexcept { return nullptr; }
RowAdder v3_adder(PixelType) noexcept { return nullptr; }
DetectorKernel v3_detector(PixelType) noexcept { return nullptr; }
#endif

}  // namespace framelog
