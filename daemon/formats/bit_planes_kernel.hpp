#pragma once

#include <cstddef>

/// Private to the bit_planes*.cpp of this folder.
namespace framelog::bit_planes {

/// Rearranges `count` elements of `element_bytes`, as the function in bit_planes.hpp of its name
/// does, from the first on. Returns how many it did: what is left at the end is less than a kernel
/// takes at once, or all where it does not know the elements.
using Kernel = std::size_t (*)(const std::byte* from, std::byte* to, std::size_t element_bytes,
                               std::size_t count) noexcept;

struct Kernels {
  Kernel shuffle_bytes{};
  Kernel unshuffle_bytes{};
  Kernel split_bits{};
  Kernel join_bits{};
};

/// SSE2 or NEON, which every processor has but some of 32-bit ARM.
[[nodiscard]] const Kernels& baseline_kernels() noexcept;
/// For x86-64-v3 (AVX2); null on other processors.
[[nodiscard]] const Kernels* v3_kernels() noexcept;

}  // namespace framelog::bit_planes
