#include "formats/bit_planes_kernel.hpp"

#define FRAMELOG_KERNELS baseline
#define FRAMELOG_VECTOR_BYTES 16
#include "formats/bit_planes_vector.hpp"

namespace framelog::bit_planes {

const Kernels& baseline_kernels() noexcept { return baseline::kKernels; }

}  // namespace framelog::bit_planes
