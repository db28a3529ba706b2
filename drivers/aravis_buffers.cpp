#include "drivers/aravis_buffers.hpp"

#include <arv.h>

#include <algorithm>

namespace framelog {
namespace {

constexpr std::size_t kLeastSlotBytes = std::size_t{64} << 10U;
constexpr std::size_t kFewestBuffers = 8;

}  // namespace

AravisBuffers::AravisBuffers(std::size_t count, std::size_t bytes, bool arrives_as_kept,
                             SlotsAhead* slots)
    : count_(count),
      slots_(arrives_as_kept && bytes >= kLeastSlotBytes ? slots : nullptr),
      // Written once, so that no page is missing when the first frame arrives.
      memory_(std::make_unique<std::byte[]>(count * bytes)),
      own_(count),
      of_slots_(slots_ == nullptr ? 0 : slots_->count()) {
  free_.reserve(count);
  for (std::size_t i = 0; i < own_.size(); ++i) {
    make(own_[i], {memory_.get() + i * bytes, bytes}, false);
    free_.push_back(&own_[i]);
  }
  // Where Aravis had more than it may be ahead, the last ones would never be slots.
  // How full the ring is now does not matter: it will not stay so.
  if (slots_ != nullptr && slots_->most_ahead() >= kFewestBuffers) {
    count_ = std::min(count_, slots_->most_ahead());
  }
  for (std::size_t i = 0; i < of_slots_.size(); ++i) make(of_slots_[i], slots_->slot(i), true);
}

void AravisBuffers::make(AravisBuffer& buffer, std::span<std::byte> bytes, bool is_slot) {
  buffer.object.reset(arv_buffer_new_full(bytes.size(), bytes.data(), &buffer, nullptr));
  buffer.bytes = bytes;
  buffer.is_slot = is_slot;
}

AravisBuffer* AravisBuffers::next() noexcept {
  if (waiting_ == count_) return nullptr;
  if (slots_ != nullptr) {
    const std::uint64_t number = slots_->next() + waiting_;
    if (number >= next_slot_ && number < slots_->end()) {
      next_slot_ = number + 1;
      ++waiting_;
      return &of_slots_[number % of_slots_.size()];
    }
  }
  // There are as many as all that Aravis may have together.
  AravisBuffer* buffer = free_.back();
  free_.pop_back();
  ++waiting_;
  return buffer;
}

void AravisBuffers::give_back(AravisBuffer& buffer) noexcept {
  --waiting_;
  if (!buffer.is_slot) free_.push_back(&buffer);
}

}  // namespace framelog
