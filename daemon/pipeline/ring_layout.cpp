#include <algorithm>

#include "pipeline/ring_head.hpp"

namespace framelog {

using namespace ring_memory;

std::uint64_t RingLayout::slot_bytes() const noexcept {
  std::uint64_t bytes = kHeaderStride + raw_bytes;
  for (const ProductLayout& product : products) {
    bytes += product.bytes + product.packed_bytes + product.detectors * sizeof(double);
    if (product.accumulates()) bytes += kResultStride;
  }
  return bytes;
}

std::uint64_t RingLayout::memory_bytes() const noexcept {
  std::uint64_t bytes =
      kHeadBytes + area_bytes(slots, kHeaderStride) + area_bytes(slots, raw_bytes);
  for (const ProductLayout& product : products) bytes += AreaSizes(product, slots).total();
  return bytes;
}

bool RingLayout::in_order() const noexcept {
  return std::ranges::any_of(products, &ProductLayout::accumulates);
}

std::uint64_t RingLayout::fingerprint() const noexcept {
  std::uint64_t hash = 0xCBF29CE484222325U;  // FNV-1a
  const auto mix = [&hash](std::uint64_t value) {
    for (int byte = 0; byte < 8; ++byte, value >>= 8U)
      hash = (hash ^ (value & 0xFFU)) * 0x100000001B3U;
  };
  mix(sizeof(SlotHeader));
  mix(slots);
  mix(raw_bytes);
  mix(reducers);
  for (const ProductLayout& product : products) {
    mix(product.bytes + 1);
    mix(product.packed_bytes);
    mix(product.detectors);
    mix(product.group_bytes);
  }
  return hash;
}

std::uint64_t RingLayout::slots_in(std::uint64_t memory_bytes,
                                   const RingLayout& one_slot) noexcept {
  std::uint64_t overhead = kHeadBytes + 2 * kPage;
  for (const ProductLayout& product : one_slot.products) {
    // What does not grow with the slots, and a page for the rounding of each area that does.
    overhead += AreaSizes(product, 0).total() + kPage;
    if (product.detectors > 0) overhead += kPage;
    if (product.packed_bytes > 0) overhead += kPage;
    if (product.accumulates()) overhead += kPage;
  }
  return memory_bytes <= overhead ? 0 : (memory_bytes - overhead) / one_slot.slot_bytes();
}

}  // namespace framelog
