// CMake compiles this file alone for x86-64-v3.

#include "formats/bit_planes_kernel.hpp"

#if defined(__x86_64__)
#define FRAMELOG_KERNELS v3
#define FRAMELOG_VECTOR_BYTES 32
#include "formats/bit_planes_vector.hpp"
#endif

namespace framelog::bit_planes {

#if defined(__x86_64__)
const Kernels* v3_kernels() noexcept { return &v3::kKernels; }
#else
const Kernels* v3_kernels() noexcept { return nullptr; }
#endif

}  // namespace framelog::bit_planes
