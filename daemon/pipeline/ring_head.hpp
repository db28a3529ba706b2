#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/crc32c.hpp"
#include "pipeline/ring.hpp"

/// Private to the ring*.cpp files of this folder: how a ring lies in its memory.
namespace framelog {
namespace ring_memory {

inline constexpr std::size_t kCacheLine = 64;
inline constexpr std::uint64_t kPage = 4096;
inline constexpr char kMagic[8] = {'f', 'r', 'l', 'g', 'r', 'i', 'n', 'g'};
inline constexpr std::uint32_t kVersion = 5;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

struct alignas(kCacheLine) Cursor {
  std::atomic<std::uint64_t> value{};
};

inline constexpr std::uint64_t kHeaderStride = round_up(sizeof(SlotHeader), kCacheLine);

/// What a stage has in work.
struct alignas(kCacheLine) Hand {
  std::atomic<std::uint64_t> frame{};  ///< Its sequence plus one; 0: none.
  Suspect suspect;
};

/// How to take the ring over: the one of two places that `version` says.
struct Recipes {
  struct Place {
    std::uint64_t bytes{};
    std::uint32_t crc32c{};
  };
  std::atomic<std::uint64_t> version{};  ///< 0: there is none.
  std::array<Place, 2> places;
};

/// What is fixed when the ring is made.
struct Identity {
  char magic[8];
  std::uint32_t version;
  std::uint32_t reducers;
  std::uint64_t fingerprint;
  std::uint64_t bytes;         ///< Of the layout; the recipes lie behind.
  std::uint64_t recipe_bytes;  ///< Room for each of two.

  [[nodiscard]] std::uint32_t check() const noexcept {
    return crc32c(std::as_bytes(std::span(this, 1)));
  }
};

inline constexpr std::uint64_t kHeadBytes = 16 * kPage;

/// Areas in the order in which they lie: slot headers, raw frames, then the products that have
/// bytes of their own.
inline std::uint64_t area_bytes(std::uint64_t slots, std::uint64_t bytes_per_slot) {
  return round_up(slots * bytes_per_slot, kPage);
}

/// The tail of a product that accumulates: its ProductResult and its GroupResult.
struct TailResults {
  ProductResult result;
  GroupResult group;
};

inline constexpr std::uint64_t kResultStride =
    round_up(std::max(sizeof(GroupResult), sizeof(TailResults)), kCacheLine);

/// Slots of one product's areas.
inline std::uint64_t slots_of(const ProductLayout& product, std::uint64_t slots) {
  return product.accumulates() ? slots + 1 : slots;
}

/// Sizes of one product's areas, in their order.
struct AreaSizes {
  std::uint64_t pixels{};
  std::uint64_t packed{};
  std::uint64_t detectors{};
  std::uint64_t results{};
  std::uint64_t group{};
  std::uint64_t kept{kKeptBytes};

  AreaSizes(const ProductLayout& product, std::uint64_t slots)
      : pixels(area_bytes(slots_of(product, slots), product.bytes)),
        packed(area_bytes(slots_of(product, slots), product.packed_bytes)),
        detectors(area_bytes(slots_of(product, slots), product.detectors * sizeof(double))),
        results(product.accumulates() ? area_bytes(slots + 1, kResultStride) : 0),
        group(round_up(product.group_bytes, kPage)) {}
  [[nodiscard]] std::uint64_t total() const {
    return pixels + packed + detectors + results + group + kept;
  }
};

}  // namespace ring_memory

struct Ring::Head {
  ring_memory::Identity identity;
  std::uint32_t identity_check;
  std::atomic<std::uint32_t> attempts;
  ring_memory::Recipes recipes;
  ring_memory::Cursor captured;
  ring_memory::Cursor written;
  std::array<ring_memory::Cursor, kMostReducers> reduced;
  alignas(ring_memory::kCacheLine) CaptureCounters capture;
  Ring::KeptWords kept_by_capture;
  alignas(ring_memory::kCacheLine) std::array<ProductCounters, kMostProducts> products;
  std::array<ring_memory::Hand, kMostReducers + 1> hands;
  alignas(ring_memory::kCacheLine) std::array<std::byte, kKeptBytes> kept_by_write;
};

}  // namespace framelog
