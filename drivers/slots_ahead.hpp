#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace framelog {

/// The memory into which frames will be read that have not come yet: a round of `count()` slots, of
/// which the frame with number n takes the one with n % count(). A source whose library fills
/// memory that it was given before may have it filled there. Threads: capture.
class SlotsAhead {
 public:
  virtual ~SlotsAhead() = default;
  [[nodiscard]] virtual std::size_t count() const noexcept = 0;
  [[nodiscard]] virtual std::span<std::byte> slot(std::uint64_t number) const noexcept = 0;
  /// How many end() can be ahead of next() at most, when nobody keeps slots busy.
  [[nodiscard]] virtual std::size_t most_ahead() const noexcept = 0;
  /// Number of the frame that read() delivers next, should it be kept.
  [[nodiscard]] virtual std::uint64_t next() const noexcept = 0;
  /// The slots of [next(), end()) are free now, and stay so until their frames are read.
  [[nodiscard]] virtual std::uint64_t end() const noexcept = 0;
};

}  // namespace framelog
