// On 32-bit ARM CMake compiles this file alone for NEON.

#include "formats/bit_planes_kernel.hpp"

#if defined(__arm__) && !defined(__ARM_NEON)
#error "to be compiled with -mfpu=neon"
#endif

#define FRAMELOG_KERNELS baseline
#define FRAMELOG_VECTOR_BYTES 16
#include "formats/bit_planes_vector.hpp"

namespace framelog::bit_planes {

const Kernels& baseline_kernels() noexcept { return baseline::kKernels; }

}  // namespace framelog::bit_planes
