#include "drivers/packet_marks.hpp"

#include <algorithm>
#include <cstring>
#include <random>

namespace framelog {

PacketMarks::PacketMarks(std::size_t place_bytes) : place_bytes_(place_bytes) {
  std::random_device random;
  std::ranges::generate(mark_, [&random] { return static_cast<std::byte>(random()); });
  if (place_bytes_ < mark_.size()) place_bytes_ = 0;
}

void PacketMarks::put(std::span<std::byte> frame) const noexcept {
  if (place_bytes_ == 0) {
    std::memset(frame.data(), 0, frame.size());
    return;
  }
  for (std::size_t at = 0; at < frame.size(); at += place_bytes_) {
    if (frame.size() - at < mark_.size()) {
      std::memset(frame.data() + at, 0, frame.size() - at);
    } else {
      std::memcpy(frame.data() + at, mark_.data(), mark_.size());
    }
  }
}

void PacketMarks::clear_missing(std::span<std::byte> frame) const noexcept {
  if (place_bytes_ == 0) return;
  for (std::size_t at = 0; at + mark_.size() <= frame.size(); at += place_bytes_) {
    if (std::memcmp(frame.data() + at, mark_.data(), mark_.size()) != 0) continue;
    std::memset(frame.data() + at, 0, std::min(place_bytes_, frame.size() - at));
  }
}

}  // namespace framelog
