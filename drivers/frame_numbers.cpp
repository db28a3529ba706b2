#include "drivers/frame_numbers.hpp"

namespace framelog {
namespace {

constexpr std::uint64_t kRound = 65535;  // GigE Vision 1.2, block_id: 0 is left out.

}  // namespace

std::uint64_t FrameNumbers::carried_on(std::uint64_t id) const noexcept {
  if (!last_ || ids_ != FrameIds::k16Bit) return id;
  // Both count from 0 in a round. A frame that was counted as unnamed may have been this one.
  const std::uint64_t now = (id + kRound - 1) % kRound;
  const std::uint64_t before = (*last_ + kRound - 1) % kRound;
  return *last_ + (now + kRound - before) % kRound;
}

std::uint64_t FrameNumbers::number(std::uint64_t id) noexcept {
  const std::uint64_t number = carried_on(id);
  if (!last_ || number > *last_) last_ = number;
  return number;
}

std::optional<std::uint64_t> FrameNumbers::unnamed_before(std::uint64_t id) noexcept {
  const std::uint64_t next = carried_on(id);
  if (!last_ || next < *last_ + 2) return unnamed();
  last_ = next - 1;
  return last_;
}

std::optional<std::uint64_t> FrameNumbers::unnamed() noexcept {
  if (last_) ++*last_;
  return last_;
}

}  // namespace framelog
