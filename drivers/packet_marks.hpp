#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace framelog {

/// Tells which packets of a frame never arrived, without the frame's memory being cleared before:
/// the place of each packet begins with a mark of 16 random bytes, which the packet overwrites.
/// A place that is too short for a mark is zeroed instead. Pure; allocates nothing.
class PacketMarks {
 public:
  /// What each packet carries, the last one perhaps less; 0: not known, and all memory is zeroed.
  explicit PacketMarks(std::size_t place_bytes = 0);

  /// Before the frame arrives.
  void put(std::span<std::byte> frame) const noexcept;
  /// Zeroes the places of packets that did not arrive.
  void clear_missing(std::span<std::byte> frame) const noexcept;

 private:
  std::size_t place_bytes_;
  std::array<std::byte, 16> mark_{};
};

}  // namespace framelog
