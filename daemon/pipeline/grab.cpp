#include "pipeline/grab.hpp"

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <thread>
#include <type_traits>

namespace framelog {
namespace {

constexpr int kTries = 100;

/// Copies what another thread may be writing at the same time; whether it did is asked afterwards.
/// Word by word through the builtin, because a call of memcpy would be watched by ThreadSanitizer,
/// which is to be silent about this race alone.
__attribute__((no_sanitize("thread"))) void copy_racing(std::span<const std::byte> from,
                                                        std::span<std::byte> into) noexcept {
  std::size_t at = 0;
  const bool aligned = reinterpret_cast<std::uintptr_t>(from.data()) % sizeof(std::uint64_t) == 0 &&
                       reinterpret_cast<std::uintptr_t>(into.data()) % sizeof(std::uint64_t) == 0;
  if (aligned) {
    for (; at + sizeof(std::uint64_t) <= from.size(); at += sizeof(std::uint64_t)) {
      const auto* word = reinterpret_cast<const std::uint64_t*>(from.data() + at);
      *reinterpret_cast<std::uint64_t*>(into.data() + at) = __atomic_load_n(word, __ATOMIC_RELAXED);
    }
  }
  for (; at < from.size(); ++at) {
    const auto* byte = reinterpret_cast<const std::uint8_t*>(from.data() + at);
    into[at] = static_cast<std::byte>(__atomic_load_n(byte, __ATOMIC_RELAXED));
  }
}

template <class Value>
Value racing_value(const Value& value) noexcept {
  static_assert(std::is_trivially_copyable_v<Value>);
  Value copy;
  copy_racing(std::as_bytes(std::span(&value, 1)), std::as_writable_bytes(std::span(&copy, 1)));
  return copy;
}

/// Whether capture has stayed away from the slot of frame `sequence`. It writes frame
/// `sequence + slots` there once it has published the one before, and a source that looks ahead so
/// many frames earlier; one frame more is kept away from, because a processor may show the pixels
/// of a frame before the cursor that leads to it.
bool is_untouched(const Ring& ring, std::uint64_t sequence) noexcept {
  // What was copied has been read when the cursor is.
#ifndef __SANITIZE_THREAD__  // It knows no fences, and does not look at the copy.
  std::atomic_thread_fence(std::memory_order_acquire);
#endif
  return ring.captured() + ring.most_ahead() + 1 < sequence + ring.slots();
}

/// The latest reduced slot that holds something of the product.
std::optional<std::uint64_t> latest(Ring& ring, std::size_t product) noexcept {
  for (std::uint64_t next = ring.reduced(); next > 0 && is_untouched(ring, next - 1); --next) {
    const SlotHeader& header = ring.slot(next - 1).header;
    if (racing_value(header.results[product].emits)) return next - 1;
  }
  return std::nullopt;
}

}  // namespace

Result<GrabbedFrame> grab_frame(Ring& ring, std::size_t product,
                                const ProductReduction& reduction) {
  const bool groups = ring.layout().products[product].accumulates();
  GrabbedFrame frame;
  frame.shape = reduction.plan.output;
  frame.pixels.resize(size_bytes(frame.shape));
  for (int tries = 0; tries < kTries; ++tries) {
    const std::uint64_t next = ring.reduced();
    if (next > 0 && !is_untouched(ring, next - 1)) {
      std::this_thread::yield();
      continue;
    }
    const auto sequence = latest(ring, product);
    if (!sequence) return fail(ErrorCode::kNotFound, "there is no frame in the ring; try again");
    frame.info = groups ? racing_value(ring.group_result(*sequence, product).info)
                        : racing_value(ring.slot(*sequence).header.info);
    copy_racing(ring.product(*sequence, product), frame.pixels);
    if (!is_untouched(ring, *sequence)) continue;
    if (reduction.big_endian) swap_bytes(frame.pixels, size_bytes(frame.shape.type));
    return frame;
  }
  return fail(ErrorCode::kTimeout, "frames come faster than one can be copied; try again");
}

}  // namespace framelog
