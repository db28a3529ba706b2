#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "drivers/aravis_glib.hpp"
#include "drivers/slots_ahead.hpp"

namespace framelog {

/// One buffer that Aravis fills.
struct AravisBuffer {
  ObjectPtr<ArvBuffer> object;  ///< Aravis has a reference of its own while it fills it.
  std::span<std::byte> bytes;
  std::int64_t arrival_ns{-1};  ///< Of the first packet, monotonic.
  bool is_slot{};               ///< Else it is memory of our own.
};

/// The buffers that are given to Aravis, which fills them in the order in which it got them: slots
/// of the ring, where frames need no copy then, or memory of our own.
///
/// At most one frame takes a slot, so the frame that comes `waiting` frames after the next one has
/// a slot whose number is at most next + waiting. That one is given away, once, if it is free; else
/// memory of our own. So the slot of the frame that is read is either that in which it has arrived,
/// or one that Aravis does not have, and the frame can be copied there; and where frames were
/// dropped the two come together again by themselves. Threads: capture.
class AravisBuffers {
 public:
  /// `slots` is borrowed, or null. Slots serve where a frame arrives as it is kept, and is so large
  /// that a copy costs more than another buffer.
  AravisBuffers(std::size_t count, std::size_t bytes, bool arrives_as_kept, SlotsAhead* slots);

  /// The next one to give to Aravis; null while it has as many as there are.
  [[nodiscard]] AravisBuffer* next() noexcept;
  /// It has come back, and its frame is taken.
  void give_back(AravisBuffer& buffer) noexcept;

 private:
  static void make(AravisBuffer& buffer, std::span<std::byte> bytes, bool is_slot);

  std::size_t count_;
  SlotsAhead* slots_;
  std::unique_ptr<std::byte[]> memory_;
  std::vector<AravisBuffer> own_;
  std::vector<AravisBuffer*> free_;  // Of our own.
  std::vector<AravisBuffer> of_slots_;
  std::size_t waiting_{};      // Buffers that Aravis has.
  std::uint64_t next_slot_{};  // All before were given away already.
};

}  // namespace framelog
