#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace framelog {

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), with the processor's instruction where it has one.
/// crc32c(b, crc32c(a)) is the sum of a followed by b. Threads: any.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> bytes,
                                   std::uint32_t before = 0) noexcept;

/// The plain table-driven form: the reference of the one above.
[[nodiscard]] std::uint32_t crc32c_plain(std::span<const std::byte> bytes,
                                         std::uint32_t before = 0) noexcept;

}  // namespace framelog
