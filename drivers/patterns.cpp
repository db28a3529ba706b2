#include "drivers/patterns.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <type_traits>

namespace framelog {
namespace {

constexpr std::array<std::string_view, 3> kNames{"ramp", "counts", "spot"};

// Pixels are stored by copy, since a span of bytes promises no alignment; it compiles to plain
// (vector) stores.
template <class T>
void store(std::byte* pixels, std::size_t index, T value) noexcept {
  std::memcpy(pixels + index * sizeof(T), &value, sizeof(T));
}

// The finaliser of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
constexpr std::uint64_t mix(std::uint64_t value) noexcept {
  value += 0x9E3779B97F4A7C15U;
  value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27U)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31U);
}

template <class T>
void render_ramp(std::uint64_t sequence, std::size_t count, std::byte* pixels) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    const auto first = static_cast<std::uint32_t>(sequence * 7);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t value = (first + static_cast<std::uint32_t>(i)) & 0xFFFFU;
      store(pixels, i, static_cast<T>(static_cast<std::int32_t>(value)));
    }
  } else {
    using Unsigned = std::make_unsigned_t<T>;
    const auto first = static_cast<Unsigned>(sequence * 7);
    for (std::size_t i = 0; i < count; ++i) {
      store(pixels, i, static_cast<Unsigned>(first + static_cast<Unsigned>(i)));
    }
  }
}

/// The Poisson distribution of one mean, inverted: of 32 random bits a count is made. Computed by
/// the compiler, so that no machine's libm has a part in it.
class PoissonTable {
 public:
  constexpr PoissonTable(double mean, double exp_of_minus_mean) noexcept {
    double probability = exp_of_minus_mean;
    double below = 0.0;
    for (std::size_t count = 0; count < kCounts; ++count) {
      below += probability;
      limits_[count] = static_cast<std::uint64_t>(std::min(below, 1.0) * 4294967296.0);
      probability *= mean / static_cast<double>(count + 1);
    }
    limits_[kCounts - 1] = std::numeric_limits<std::uint64_t>::max();
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
      starts_[bucket] = search(0, bucket << 24U);
    }
  }

  [[nodiscard]] constexpr std::uint8_t count_of(std::uint32_t random) const noexcept {
    return search(starts_[random >> 24U], random);
  }

 private:
  static constexpr std::size_t kCounts = 96;
  static constexpr std::size_t kBuckets = 256;

  [[nodiscard]] constexpr std::uint8_t search(std::uint8_t from,
                                              std::uint64_t random) const noexcept {
    while (random >= limits_[from]) ++from;
    return from;
  }

  std::array<std::uint64_t, kCounts> limits_{};  // Count k has random < limits_[k].
  std::array<std::uint8_t, kBuckets> starts_{};  // By the upper 8 bits, where to begin to search.
};

constexpr PoissonTable kDim(4.0, 0.018315638888734179);
constexpr PoissonTable kBright(32.0, 1.2664165549094176e-14);

template <class T>
void render_counts(const Pattern& pattern, std::uint64_t sequence, std::byte* pixels) noexcept {
  const auto height = std::int64_t{pattern.shape.height_px};
  const auto width = std::int64_t{pattern.shape.width_px};
  const std::int64_t radius = std::min(height, width) / 4;
  const std::uint64_t key = mix(pattern.seed ^ mix(sequence));
  std::size_t index = 0;
  for (std::int64_t y = 0; y < height; ++y) {
    const std::int64_t dy = y - height / 2;
    for (std::int64_t x = 0; x < width; ++x, ++index) {
      const std::int64_t dx = x - width / 2;
      const PoissonTable& table = dx * dx + dy * dy < radius * radius ? kBright : kDim;
      const auto random = static_cast<std::uint32_t>(mix(key + index) >> 32U);
      store(pixels, index, static_cast<T>(table.count_of(random)));
    }
  }
}

/// Where a point is that moves by `step` per frame between 0 and length - 1, and turns at the ends.
std::int64_t bounce(std::uint64_t start, std::uint64_t sequence, std::uint64_t step,
                    std::uint64_t length) noexcept {
  if (length == 1) return 0;
  const std::uint64_t period = 2 * (length - 1);
  const std::uint64_t phase = (start % period + (sequence % period) * (step % period)) % period;
  return static_cast<std::int64_t>(std::min(phase, period - phase));
}

template <class T>
void render_spot(const Pattern& pattern, std::uint64_t sequence, std::byte* pixels) noexcept {
  const auto height = std::int64_t{pattern.shape.height_px};
  const auto width = std::int64_t{pattern.shape.width_px};
  const double scale = std::min(largest_value(pattern.shape.type), 65535.0);
  const auto background = static_cast<T>(scale / 32.0);
  const double peak = scale * 0.75;
  const auto count = static_cast<std::size_t>(height * width);
  for (std::size_t i = 0; i < count; ++i) store(pixels, i, background);

  const std::uint64_t start = mix(pattern.seed);
  const std::int64_t centre_y =
      bounce(start >> 32U, sequence, pattern.shape.height_px / 61U + 1, pattern.shape.height_px);
  const std::int64_t centre_x = bounce(start & 0xFFFFFFFFU, sequence,
                                       pattern.shape.width_px / 97U + 1, pattern.shape.width_px);
  const std::int64_t radius = std::max<std::int64_t>(1, std::min(height, width) / 8);
  const auto radius_squared = static_cast<double>(radius * radius);
  for (std::int64_t y = std::max<std::int64_t>(0, centre_y - radius);
       y < std::min(height, centre_y + radius); ++y) {
    for (std::int64_t x = std::max<std::int64_t>(0, centre_x - radius);
         x < std::min(width, centre_x + radius); ++x) {
      const std::int64_t dy = y - centre_y;
      const std::int64_t dx = x - centre_x;
      const std::int64_t inside = radius * radius - dx * dx - dy * dy;
      if (inside <= 0) continue;
      const double height_of_bump = static_cast<double>(inside) / radius_squared;
      const double value = static_cast<double>(background) + peak * height_of_bump * height_of_bump;
      store(pixels, static_cast<std::size_t>(y * width + x), static_cast<T>(value));
    }
  }
}

template <class T>
void render_as(const Pattern& pattern, std::uint64_t sequence,
               std::span<std::byte> pixels) noexcept {
  switch (pattern.kind) {
    case PatternKind::kRamp:
      return render_ramp<T>(sequence, pixels.size() / sizeof(T), pixels.data());
    case PatternKind::kCounts:
      return render_counts<T>(pattern, sequence, pixels.data());
    case PatternKind::kSpot:
      return render_spot<T>(pattern, sequence, pixels.data());
  }
}

}  // namespace

std::string_view name_of(PatternKind kind) noexcept {
  return kNames[static_cast<std::size_t>(kind)];
}

std::optional<PatternKind> pattern_kind_of(std::string_view name) noexcept {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<PatternKind>(found - kNames.begin());
}

void render(const Pattern& pattern, std::uint64_t sequence, std::span<std::byte> pixels) noexcept {
  switch (pattern.shape.type) {
    case PixelType::kUint8:
      return render_as<std::uint8_t>(pattern, sequence, pixels);
    case PixelType::kInt8:
      return render_as<std::int8_t>(pattern, sequence, pixels);
    case PixelType::kUint16:
      return render_as<std::uint16_t>(pattern, sequence, pixels);
    case PixelType::kInt16:
      return render_as<std::int16_t>(pattern, sequence, pixels);
    case PixelType::kUint32:
      return render_as<std::uint32_t>(pattern, sequence, pixels);
    case PixelType::kInt32:
      return render_as<std::int32_t>(pattern, sequence, pixels);
    case PixelType::kUint64:
      return render_as<std::uint64_t>(pattern, sequence, pixels);
    case PixelType::kFloat32:
      return render_as<float>(pattern, sequence, pixels);
    case PixelType::kFloat64:
      return render_as<double>(pattern, sequence, pixels);
  }
}

}  // namespace framelog
