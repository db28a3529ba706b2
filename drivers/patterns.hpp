#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/frame.hpp"

namespace framelog {

/// What the simulated camera looks at.
enum class PatternKind : std::uint8_t {
  kRamp,    ///< Counts upwards through all pixels: every byte of a recording can be checked.
  kCounts,  ///< Photon counts: Poisson of mean 32 in a central disc, 4 around it.
  kSpot,    ///< A bright spot that moves through the frame and is reflected at its edges.
};

[[nodiscard]] std::string_view name_of(PatternKind kind) noexcept;
[[nodiscard]] std::optional<PatternKind> pattern_kind_of(std::string_view name) noexcept;

/// All that the content of frame N depends on, beside N.
struct Pattern {
  PatternKind kind{};
  std::uint64_t seed{};
  FrameShape shape;
};

/// Fills `pixels` (size_bytes(shape), of any alignment) with frame `sequence`. A pure function of
/// its arguments, the same on every machine; frames do not depend on one another.
///
/// ramp: pixel(y, x) = (sequence * 7 + y * width + x) mod 2^bits, as two's complement where the
///   type is signed; mod 2^16 where it is a float. The seed has no part in it. In NumPy, for
///   unsigned types: (sequence * 7 + numpy.arange(height * width)).astype(dtype)
/// counts: a Poisson deviate per pixel by inversion of 32 bits of a hash of (seed, sequence, pixel
///   index); at most 95. The disc has a quarter of the smaller side as its radius.
/// spot: a background of 1/32 and a peak of 3/4 above it, in units of 65535 or the type's largest
///   value, the smaller; (1 - r^2/R^2)^2 within R = 1/8 of the smaller side. The seed places it in
///   frame 0.
/// Threads: any. Allocates nothing.
void render(const Pattern& pattern, std::uint64_t sequence, std::span<std::byte> pixels) noexcept;

}  // namespace framelog
