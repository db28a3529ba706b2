#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// Other orders of the same bytes, in which the codecs find more. The two spans have one size, a
/// whole number of elements, and do not overlap. Nothing is allocated. Threads: any.
namespace framelog {

/// Plain loops, and vectors of SSE2 or NEON or for x86-64-v3. All give the same.
enum class PlaneKernels : std::uint8_t { kPlain, kBaseline, kV3 };
/// The fastest that this processor runs.
[[nodiscard]] PlaneKernels best_plane_kernels() noexcept;

/// First the first bytes of all elements, then the second bytes, and so on, as HDF5's shuffle
/// filter has them.
void shuffle_bytes(std::span<const std::byte> elements, std::span<std::byte> shuffled,
                   std::size_t element_bytes, PlaneKernels kernels = best_plane_kernels()) noexcept;
void unshuffle_bytes(std::span<const std::byte> shuffled, std::span<std::byte> elements,
                     std::size_t element_bytes,
                     PlaneKernels kernels = best_plane_kernels()) noexcept;

/// First the lowest bits of the first bytes of all elements, eight to a byte from the lowest up,
/// then the bits above them, and so on, as bitshuffle has a block
/// (https://github.com/kiyo-masui/bitshuffle). The number of elements is a multiple of 8.
void split_bits(std::span<const std::byte> elements, std::span<std::byte> planes,
                std::size_t element_bytes, PlaneKernels kernels = best_plane_kernels()) noexcept;
void join_bits(std::span<const std::byte> planes, std::span<std::byte> elements,
               std::size_t element_bytes, PlaneKernels kernels = best_plane_kernels()) noexcept;

}  // namespace framelog
