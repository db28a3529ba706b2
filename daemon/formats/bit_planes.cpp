#include "formats/bit_planes.hpp"

#include "core/processor.hpp"
#include "formats/bit_planes_kernel.hpp"

namespace framelog {
namespace {

using bit_planes::Kernel;
using bit_planes::Kernels;

PlaneKernels find_best() noexcept {
#if defined(__arm__)
  return has_neon() ? PlaneKernels::kBaseline : PlaneKernels::kPlain;
#elif defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma")) {
    return PlaneKernels::kV3;
  }
#endif
  return PlaneKernels::kBaseline;
}

/// How many elements the kernel of that set does.
std::size_t run(PlaneKernels kernels, Kernel Kernels::*which, const std::byte* from, std::byte* to,
                std::size_t element_bytes, std::size_t count) noexcept {
  if (kernels == PlaneKernels::kPlain) return 0;
  const Kernels* const v3 = bit_planes::v3_kernels();
  const bool takes_v3 = kernels == PlaneKernels::kV3 && v3 != nullptr;
  const Kernels& set = takes_v3 ? *v3 : bit_planes::baseline_kernels();
  return (set.*which)(from, to, element_bytes, count);
}

/// Turns eight bytes, as a matrix of 8 x 8 bits, about its diagonal: bit k of byte i goes to bit i
/// of byte k (Hacker's Delight, 7-3).
std::uint64_t turned(std::uint64_t bits) noexcept {
  const auto swap = [&bits](unsigned distance, std::uint64_t mask) {
    const std::uint64_t differing = (bits ^ bits >> distance) & mask;
    bits ^= differing ^ differing << distance;
  };
  swap(7, 0x00AA00AA00AA00AAU);
  swap(14, 0x0000CCCC0000CCCCU);
  swap(28, 0x00000000F0F0F0F0U);
  return bits;
}

/// Turns eight bytes that are `from_step` bytes apart into eight that are `to_step` apart.
void turn(const std::byte* from, std::size_t from_step, std::byte* to,
          std::size_t to_step) noexcept {
  std::uint64_t bits = 0;
  for (unsigned k = 0; k < 8; ++k) {
    bits |= std::to_integer<std::uint64_t>(from[k * from_step]) << 8 * k;
  }
  bits = turned(bits);
  for (unsigned k = 0; k < 8; ++k) to[k * to_step] = static_cast<std::byte>(bits >> 8 * k);
}

}  // namespace

PlaneKernels best_plane_kernels() noexcept {
  static const PlaneKernels best = find_best();
  return best;
}

void shuffle_bytes(std::span<const std::byte> elements, std::span<std::byte> shuffled,
                   std::size_t element_bytes, PlaneKernels kernels) noexcept {
  const std::size_t count = elements.size() / element_bytes;
  const std::size_t done =
      run(kernels, &Kernels::shuffle_bytes, elements.data(), shuffled.data(), element_bytes, count);
  for (std::size_t i = done; i < count; ++i) {
    for (std::size_t byte = 0; byte < element_bytes; ++byte) {
      shuffled[byte * count + i] = elements[i * element_bytes + byte];
    }
  }
}

void unshuffle_bytes(std::span<const std::byte> shuffled, std::span<std::byte> elements,
                     std::size_t element_bytes, PlaneKernels kernels) noexcept {
  const std::size_t count = elements.size() / element_bytes;
  const std::size_t done = run(kernels, &Kernels::unshuffle_bytes, shuffled.data(), elements.data(),
                               element_bytes, count);
  for (std::size_t i = done; i < count; ++i) {
    for (std::size_t byte = 0; byte < element_bytes; ++byte) {
      elements[i * element_bytes + byte] = shuffled[byte * count + i];
    }
  }
}

void split_bits(std::span<const std::byte> elements, std::span<std::byte> planes,
                std::size_t element_bytes, PlaneKernels kernels) noexcept {
  const std::size_t count = elements.size() / element_bytes;
  const std::size_t done =
      run(kernels, &Kernels::split_bits, elements.data(), planes.data(), element_bytes, count);
  for (std::size_t i = done / 8; i < count / 8; ++i) {
    for (std::size_t byte = 0; byte < element_bytes; ++byte) {
      turn(elements.data() + i * 8 * element_bytes + byte, element_bytes,
           planes.data() + byte * count + i, count / 8);
    }
  }
}

void join_bits(std::span<const std::byte> planes, std::span<std::byte> elements,
               std::size_t element_bytes, PlaneKernels kernels) noexcept {
  const std::size_t count = elements.size() / element_bytes;
  const std::size_t done =
      run(kernels, &Kernels::join_bits, planes.data(), elements.data(), element_bytes, count);
  for (std::size_t i = done / 8; i < count / 8; ++i) {
    for (std::size_t byte = 0; byte < element_bytes; ++byte) {
      turn(planes.data() + byte * count + i, count / 8,
           elements.data() + i * 8 * element_bytes + byte, element_bytes);
    }
  }
}

}  // namespace framelog
