#include "core/frame.hpp"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <limits>

namespace framelog {
namespace {

struct TypeFacts {
  std::string_view name;
  std::size_t bytes;
  bool floating;
  bool with_sign;
  double largest;
};

constexpr std::array<TypeFacts, 9> kTypes{{
    {"uint8", 1, false, false, 255.0},
    {"int8", 1, false, true, 127.0},
    {"uint16", 2, false, false, 65535.0},
    {"int16", 2, false, true, 32767.0},
    {"uint32", 4, false, false, 4294967295.0},
    {"int32", 4, false, true, 2147483647.0},
    {"uint64", 8, false, false, 18446744073709551615.0},
    {"float32", 4, true, true, std::numeric_limits<double>::infinity()},
    {"float64", 8, true, true, std::numeric_limits<double>::infinity()},
}};

constexpr std::array<std::string_view, kDropReasons> kDropNames{
    "ring-full", "segment-not-ready", "disk-full", "no-disk", "write-error", "incomplete", "reload",
    "crash",     "no-process"};
constexpr std::array<std::string_view, kLossReasons> kLossNames{"sequence-gap", "disconnected"};

const TypeFacts& facts(PixelType type) noexcept { return kTypes[static_cast<std::size_t>(type)]; }

}  // namespace

std::size_t size_bytes(PixelType type) noexcept { return facts(type).bytes; }
bool is_float(PixelType type) noexcept { return facts(type).floating; }
bool is_signed(PixelType type) noexcept { return facts(type).with_sign; }
std::string_view name_of(PixelType type) noexcept { return facts(type).name; }
double largest_value(PixelType type) noexcept { return facts(type).largest; }

std::optional<PixelType> pixel_type_of(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i].name == name) return static_cast<PixelType>(i);
  }
  return std::nullopt;
}

std::size_t size_bytes(const FrameShape& shape) noexcept {
  // What is larger than memory can be must not pass for the little that is left in so many bits.
  constexpr std::uint64_t kMost = std::numeric_limits<std::ptrdiff_t>::max();
  const std::uint64_t pixels = std::uint64_t{shape.height_px} * shape.width_px;
  const std::uint64_t pixel_bytes = size_bytes(shape.type);
  return static_cast<std::size_t>(pixels > kMost / pixel_bytes ? kMost : pixels * pixel_bytes);
}

std::string to_string(const FrameShape& shape) {
  return fmt::format("{} x {} {}", shape.height_px, shape.width_px, name_of(shape.type));
}

std::string to_string(const Region& region) {
  return fmt::format("y={}:{}, x={}:{}", region.y_start, region.y_stop, region.x_start,
                     region.x_stop);
}

std::string_view name_of(DropReason reason) noexcept {
  return kDropNames[static_cast<std::size_t>(reason)];
}
std::string_view name_of(LossReason reason) noexcept {
  return kLossNames[static_cast<std::size_t>(reason)];
}

}  // namespace framelog
