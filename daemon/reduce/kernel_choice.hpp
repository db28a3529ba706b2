#pragma once

// The vector kernels of one instruction set, see vector_ops.hpp.

#include "reduce/detector_kernels.hpp"
#include "reduce/float_kernels.hpp"
#include "reduce/integer_kernels.hpp"
#include "reduce/row_kernels.hpp"

namespace framelog::FRAMELOG_KERNELS {
namespace {

/// Null where the plain loop is to do it.
Kernel kernel_of(const ReductionPlan& plan) {
  switch (plan.corrected.type) {
    case PixelType::kUint8:
      return integer_kernel<std::uint8_t>(plan);
    case PixelType::kUint16:
      return integer_kernel<std::uint16_t>(plan);
    case PixelType::kUint32:
      return integer_kernel<std::uint32_t>(plan);
    case PixelType::kFloat32:
      return float_kernel(plan);
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace framelog::FRAMELOG_KERNELS
