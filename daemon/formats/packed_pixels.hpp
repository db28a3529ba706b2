#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace framelog {

/// How cameras put pixels of 10 and 12 bit together.
enum class PackedFormat : std::uint8_t {
  kMono10p,       ///< GenICam PFNC: one stream of bits, the lowest first.
  kMono12p,       ///< The same.
  kMono10Packed,  ///< GigE Vision: upper bits, both lower bits in one byte, upper bits.
  kMono12Packed,  ///< The same.
  kY10P,          ///< V4L2 and MIPI CSI-2: upper bits of four, then the lower bits of all.
  kY12P,          ///< The same of two.
};
inline constexpr std::size_t kPackedFormats = 6;

/// "Mono12p", as the standards spell it.
[[nodiscard]] std::string_view name_of(PackedFormat format) noexcept;
/// 10 or 12.
[[nodiscard]] int bits_of(PackedFormat format) noexcept;

/// What so many pixels occupy; of kY10P and kY12P whole groups. No count that memory holds
/// overflows it.
[[nodiscard]] std::size_t packed_bytes(PackedFormat format, std::size_t pixels) noexcept;

enum class UnpackKernel : std::uint8_t { kPlain, kVector };
/// What this processor runs fastest.
[[nodiscard]] UnpackKernel best_unpack_kernel() noexcept;

/// Unpacks into the lower bits of `pixels`. `packed` has packed_bytes() or more; rows that are
/// padded are unpacked one by one. Allocates nothing. Threads: any.
void unpack(PackedFormat format, std::span<const std::byte> packed,
            std::span<std::uint16_t> pixels) noexcept;
/// With a kernel of one's choice; kVector only where it is the best one.
void unpack(PackedFormat format, std::span<const std::byte> packed, std::span<std::uint16_t> pixels,
            UnpackKernel kernel) noexcept;

}  // namespace framelog
