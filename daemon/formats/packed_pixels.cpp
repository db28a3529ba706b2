#include "formats/packed_pixels.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__) || defined(__arm__)
#include <arm_neon.h>

#include "core/processor.hpp"
#endif

namespace framelog {
namespace {

// All formats are read by the same steps, eight pixels at once: two bytes that hold all bits of a
// pixel become a word, whose parts are moved to their places,
//   pixel = (word >> shift & upper) | (word * factor >> shift & lower),
// where the product is a shift to the left, different for each pixel, that drops what is above.
constexpr std::size_t kGroup = 8;

struct Recipe {
  std::size_t group_bytes{};  ///< Of eight pixels.
  int shift{};
  std::array<std::uint8_t, 2 * kGroup> bytes{};  ///< Lower and upper byte of each word.
  std::array<std::uint16_t, kGroup> upper{};
  std::array<std::uint16_t, kGroup> factor{};
  std::array<std::uint16_t, kGroup> lower{};
};

/// One pixel of a recipe.
struct Step {
  std::size_t low_byte{};
  std::size_t high_byte{};
  unsigned upper{};
  unsigned factor{};
  unsigned lower{};
};

constexpr Step step_of(PackedFormat format, std::size_t i) {
  const std::size_t four = i / 4 * 5;  // Where its group of four or two pixels begins.
  const std::size_t two = i / 2 * 3;
  const bool second = i % 2 == 1;
  const unsigned factor = 64U >> (2 * (i % 4));
  switch (format) {
    case PackedFormat::kMono10p:
      return {four + i % 4, four + i % 4 + 1, 0, factor, 0x3FF};
    case PackedFormat::kMono12p:
      return {two + i % 2, two + i % 2 + 1, second ? 0xFFFU : 0U, 16, second ? 0U : 0xFFFU};
    case PackedFormat::kMono10Packed:
      return {two + 1, two + 2 * (i % 2), 0x3FC, second ? 4U : 64U, 3};
    case PackedFormat::kMono12Packed:
      return {two + 1, two + 2 * (i % 2), second ? 0xFFFU : 0xFF0U, 16, second ? 0U : 0xFU};
    case PackedFormat::kY10P:
      return {four + 4, four + i % 4, 0x3FC, factor, 3};
    case PackedFormat::kY12P:
      return {two + 2, two + i % 2, second ? 0xFFFU : 0xFF0U, 16, second ? 0U : 0xFU};
  }
  return {};
}

constexpr bool in_fours(PackedFormat format) {
  return format == PackedFormat::kMono10p || format == PackedFormat::kY10P;
}

constexpr Recipe recipe_of(PackedFormat format) {
  Recipe recipe;
  const bool ten = in_fours(format) || format == PackedFormat::kMono10Packed;
  recipe.group_bytes = in_fours(format) ? 10 : 12;
  recipe.shift = ten ? 6 : 4;
  for (std::size_t i = 0; i < kGroup; ++i) {
    const Step step = step_of(format, i);
    recipe.bytes[2 * i] = static_cast<std::uint8_t>(step.low_byte);
    recipe.bytes[2 * i + 1] = static_cast<std::uint8_t>(step.high_byte);
    recipe.upper[i] = static_cast<std::uint16_t>(step.upper);
    recipe.factor[i] = static_cast<std::uint16_t>(step.factor);
    recipe.lower[i] = static_cast<std::uint16_t>(step.lower);
  }
  return recipe;
}

constexpr std::array<Recipe, kPackedFormats> kRecipes{
    recipe_of(PackedFormat::kMono10p),      recipe_of(PackedFormat::kMono12p),
    recipe_of(PackedFormat::kMono10Packed), recipe_of(PackedFormat::kMono12Packed),
    recipe_of(PackedFormat::kY10P),         recipe_of(PackedFormat::kY12P)};
constexpr std::array<std::string_view, kPackedFormats> kNames{
    "Mono10p", "Mono12p", "Mono10Packed", "Mono12Packed", "Y10P", "Y12P"};

void unpack_plain(const Recipe& recipe, const std::byte* from,
                  std::span<std::uint16_t> to) noexcept {
  for (std::size_t i = 0; i < to.size(); ++i) {
    const std::size_t k = i % kGroup;
    const auto low = std::to_integer<unsigned>(from[recipe.bytes[2 * k]]);
    const auto high = std::to_integer<unsigned>(from[recipe.bytes[2 * k + 1]]);
    const unsigned word = high << 8U | low;
    const unsigned moved = word * recipe.factor[k] & 0xFFFFU;
    to[i] = static_cast<std::uint16_t>((word >> recipe.shift & recipe.upper[k]) |
                                       (moved >> recipe.shift & recipe.lower[k]));
    if (k + 1 == kGroup) from += recipe.group_bytes;
  }
}

// Each vector kernel returns the pixels it has unpacked, a multiple of eight; it loads 16 bytes per
// eight pixels, and stops before that would reach behind the last one.

#if defined(__x86_64__)

constexpr std::size_t kAheadBytes = 3072;
#define FRAMELOG_UNPACK_TARGET __attribute__((target("avx2")))

FRAMELOG_UNPACK_TARGET inline __m256i twice(const void* half) noexcept {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(half)));
}

FRAMELOG_UNPACK_TARGET std::size_t unpack_vector(const Recipe& recipe,
                                                 std::span<const std::byte> packed,
                                                 std::span<std::uint16_t> to) noexcept {
  const __m256i bytes = twice(recipe.bytes.data());
  const __m256i upper = twice(recipe.upper.data());
  const __m256i factor = twice(recipe.factor.data());
  const __m256i lower = twice(recipe.lower.data());
  const __m128i shift = _mm_cvtsi32_si128(recipe.shift);
  const std::size_t step = recipe.group_bytes;
  const std::byte* from = packed.data();
  const std::byte* const end = packed.data() + packed.size();
  std::size_t done = 0;
  for (; to.size() - done >= 2 * kGroup && static_cast<std::size_t>(end - from) >= step + 16;
       done += 2 * kGroup, from += 2 * step) {
    // Without it the processor does not look far enough ahead, as in the reductions.
    __builtin_prefetch(from + kAheadBytes);
    const __m256i loaded = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))),
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + step)), 1);
    const __m256i words = _mm256_shuffle_epi8(loaded, bytes);
    const __m256i high = _mm256_and_si256(_mm256_srl_epi16(words, shift), upper);
    const __m256i moved = _mm256_srl_epi16(_mm256_mullo_epi16(words, factor), shift);
    const __m256i pixels = _mm256_or_si256(high, _mm256_and_si256(moved, lower));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to.data() + done), pixels);
  }
  return done;
}

bool has_vector() noexcept { return __builtin_cpu_supports("avx2") != 0; }

#elif defined(__aarch64__) || defined(__arm__)

#if defined(__aarch64__)
#define FRAMELOG_UNPACK_TARGET
#else
#define FRAMELOG_UNPACK_TARGET __attribute__((target("fpu=neon")))
#endif

FRAMELOG_UNPACK_TARGET inline uint8x16_t picked(uint8x16_t bytes, uint8x16_t which) noexcept {
#if defined(__aarch64__)
  return vqtbl1q_u8(bytes, which);
#else
  const uint8x8x2_t halves{{vget_low_u8(bytes), vget_high_u8(bytes)}};
  return vcombine_u8(vtbl2_u8(halves, vget_low_u8(which)), vtbl2_u8(halves, vget_high_u8(which)));
#endif
}

FRAMELOG_UNPACK_TARGET std::size_t unpack_vector(const Recipe& recipe,
                                                 std::span<const std::byte> packed,
                                                 std::span<std::uint16_t> to) noexcept {
  const uint8x16_t bytes = vld1q_u8(recipe.bytes.data());
  const uint16x8_t upper = vld1q_u16(recipe.upper.data());
  const uint16x8_t factor = vld1q_u16(recipe.factor.data());
  const uint16x8_t lower = vld1q_u16(recipe.lower.data());
  const int16x8_t shift = vdupq_n_s16(static_cast<std::int16_t>(-recipe.shift));
  const std::byte* from = packed.data();
  const std::byte* const end = packed.data() + packed.size();
  std::size_t done = 0;
  for (; to.size() - done >= kGroup && static_cast<std::size_t>(end - from) >= 16;
       done += kGroup, from += recipe.group_bytes) {
    const uint8x16_t loaded = vld1q_u8(reinterpret_cast<const std::uint8_t*>(from));
    const uint16x8_t words = vreinterpretq_u16_u8(picked(loaded, bytes));
    const uint16x8_t high = vandq_u16(vshlq_u16(words, shift), upper);
    const uint16x8_t moved = vshlq_u16(vmulq_u16(words, factor), shift);
    vst1q_u16(to.data() + done, vorrq_u16(high, vandq_u16(moved, lower)));
  }
  return done;
}

bool has_vector() noexcept { return has_neon(); }

#else

std::size_t unpack_vector(const Recipe& /*recipe*/, std::span<const std::byte> /*packed*/,
                          std::span<std::uint16_t> /*to*/) noexcept {
  return 0;
}

bool has_vector() noexcept { return false; }

#endif

}  // namespace

std::string_view name_of(PackedFormat format) noexcept {
  return kNames[static_cast<std::size_t>(format)];
}

int bits_of(PackedFormat format) noexcept {
  return kRecipes[static_cast<std::size_t>(format)].shift == 6 ? 10 : 12;
}

std::size_t packed_bytes(PackedFormat format, std::size_t pixels) noexcept {
  const std::size_t fours = pixels / 4;
  const std::size_t rest = pixels % 4;
  switch (format) {
    case PackedFormat::kMono10p:
      return fours * 5 + (rest * 10 + 7) / 8;
    case PackedFormat::kY10P:
      return fours * 5 + (rest == 0 ? 0 : 5);
    case PackedFormat::kY12P:
      return fours * 6 + (rest + 1) / 2 * 3;
    default:
      return fours * 6 + (rest * 12 + 7) / 8;
  }
}

UnpackKernel best_unpack_kernel() noexcept {
  static const UnpackKernel best = has_vector() ? UnpackKernel::kVector : UnpackKernel::kPlain;
  return best;
}

void unpack(PackedFormat format, std::span<const std::byte> packed, std::span<std::uint16_t> pixels,
            UnpackKernel kernel) noexcept {
  const Recipe& recipe = kRecipes[static_cast<std::size_t>(format)];
  packed = packed.first(packed_bytes(format, pixels.size()));
  std::size_t done = 0;
  if (kernel == UnpackKernel::kVector) done = unpack_vector(recipe, packed, pixels);
  unpack_plain(recipe, packed.data() + done / kGroup * recipe.group_bytes, pixels.subspan(done));
}

void unpack(PackedFormat format, std::span<const std::byte> packed,
            std::span<std::uint16_t> pixels) noexcept {
  unpack(format, packed, pixels, best_unpack_kernel());
}

}  // namespace framelog
