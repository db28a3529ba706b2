#include "core/crc32c.hpp"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) || defined(__arm__)
#if defined(__aarch64__)
#include <arm_acle.h>  // On 32 bits it has them only where all of the file may use them.
#endif
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace framelog {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78U;  // reflected

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value >> 1U) ^ ((value & 1U) != 0 ? kPolynomial : 0U);
    table[i] = value;
  }
  return table;
}

constexpr auto kTable = make_table();

// The instruction has a latency of three cycles and a throughput of one: three streams run side by
// side, and their sums are joined by shifting the earlier ones over the length of the later
// (multiplication by x^(8n) modulo the polynomial, here by tables for one fixed length).
constexpr std::size_t kStreamBytes = 1024;

constexpr std::uint32_t shift_by_bytes(std::uint32_t crc, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) crc = (crc >> 8U) ^ kTable[crc & 0xFFU];
  return crc;
}

using ShiftTable = std::array<std::array<std::uint32_t, 256>, 4>;

[[maybe_unused]] ShiftTable make_shift_table(std::size_t bytes) {
  ShiftTable table{};
  std::array<std::uint32_t, 32> of_bit{};
  for (std::size_t bit = 0; bit < 32; ++bit) of_bit[bit] = shift_by_bytes(1U << bit, bytes);
  for (std::size_t byte = 0; byte < 4; ++byte) {
    for (std::size_t value = 0; value < 256; ++value) {
      for (std::size_t bit = 0; bit < 8; ++bit) {
        if ((value >> bit & 1U) != 0) table[byte][value] ^= of_bit[byte * 8 + bit];
      }
    }
  }
  return table;
}

[[maybe_unused]] std::uint32_t shift(const ShiftTable& table, std::uint32_t crc) noexcept {
  return table[0][crc & 0xFFU] ^ table[1][crc >> 8U & 0xFFU] ^ table[2][crc >> 16U & 0xFFU] ^
         table[3][crc >> 24U];
}

#if defined(__x86_64__)
#define FRAMELOG_CRC_TARGET __attribute__((target("sse4.2")))
FRAMELOG_CRC_TARGET inline std::uint32_t step8(std::uint32_t crc, std::uint64_t word) noexcept {
  return static_cast<std::uint32_t>(_mm_crc32_u64(crc, word));
}
FRAMELOG_CRC_TARGET inline std::uint32_t step1(std::uint32_t crc, std::uint8_t byte) noexcept {
  return _mm_crc32_u8(crc, byte);
}
bool has_instruction() noexcept { return __builtin_cpu_supports("sse4.2") != 0; }
#elif defined(__aarch64__)
#define FRAMELOG_CRC_TARGET __attribute__((target("+crc")))
FRAMELOG_CRC_TARGET inline std::uint32_t step8(std::uint32_t crc, std::uint64_t word) noexcept {
  return __crc32cd(crc, word);
}
FRAMELOG_CRC_TARGET inline std::uint32_t step1(std::uint32_t crc, std::uint8_t byte) noexcept {
  return __crc32cb(crc, byte);
}
bool has_instruction() noexcept { return (::getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
#elif defined(__arm__)  // Processors of 64 bits that run a system of 32 bits have it.
#define FRAMELOG_CRC_TARGET __attribute__((target("arch=armv8-a+crc+simd")))
FRAMELOG_CRC_TARGET inline std::uint32_t step8(std::uint32_t crc, std::uint64_t word) noexcept {
  crc = __builtin_arm_crc32cw(crc, static_cast<std::uint32_t>(word));
  return __builtin_arm_crc32cw(crc, static_cast<std::uint32_t>(word >> 32U));
}
FRAMELOG_CRC_TARGET inline std::uint32_t step1(std::uint32_t crc, std::uint8_t byte) noexcept {
  return __builtin_arm_crc32cb(crc, byte);
}
bool has_instruction() noexcept { return (::getauxval(AT_HWCAP2) & HWCAP2_CRC32) != 0; }
#endif

#if defined(FRAMELOG_CRC_TARGET)
std::uint64_t word_at(const std::byte* at) noexcept {
  std::uint64_t word{};
  std::memcpy(&word, at, sizeof word);
  return word;
}

FRAMELOG_CRC_TARGET std::uint32_t crc32c_instruction(std::span<const std::byte> bytes,
                                                     std::uint32_t before) noexcept {
  static const ShiftTable over_one = make_shift_table(kStreamBytes);
  static const ShiftTable over_two = make_shift_table(2 * kStreamBytes);
  std::uint32_t crc = ~before;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 3 * kStreamBytes; left -= 3 * kStreamBytes, at += 3 * kStreamBytes) {
    std::uint32_t second = 0;
    std::uint32_t third = 0;
    for (std::size_t i = 0; i < kStreamBytes; i += 8) {
      crc = step8(crc, word_at(at + i));
      second = step8(second, word_at(at + kStreamBytes + i));
      third = step8(third, word_at(at + 2 * kStreamBytes + i));
    }
    crc = shift(over_two, crc) ^ shift(over_one, second) ^ third;
  }
  for (; left >= 8; left -= 8, at += 8) crc = step8(crc, word_at(at));
  for (; left > 0; --left, ++at) crc = step1(crc, std::to_integer<std::uint8_t>(*at));
  return ~crc;
}
#endif

}  // namespace

std::uint32_t crc32c_plain(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
  std::uint32_t crc = ~before;
  for (const std::byte byte : bytes) {
    crc = (crc >> 8U) ^ kTable[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xFFU];
  }
  return ~crc;
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
#if defined(FRAMELOG_CRC_TARGET)
  static const bool instruction = has_instruction();
  if (instruction) return crc32c_instruction(bytes, before);
#endif
  return crc32c_plain(bytes, before);
}

}  // namespace framelog
