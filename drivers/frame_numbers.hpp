#pragma once

#include <cstdint>
#include <optional>

namespace framelog {

/// How a camera counts its frames.
enum class FrameIds : std::uint8_t {
  k16Bit,  ///< GigE Vision: 1 to 65535, then 1 again; 0 is none of them.
  k64Bit,  ///< USB3 Vision, and GigE Vision with extended ids: never comes round.
};

/// Makes numbers that never come round of a camera's frame ids. Frames come in the order of their
/// ids. Pure; allocates nothing.
class FrameNumbers {
 public:
  explicit FrameNumbers(FrameIds ids = FrameIds::k64Bit) noexcept : ids_(ids) {}

  /// The number of the frame with this id: the id itself until it has come round.
  [[nodiscard]] std::uint64_t number(std::uint64_t id) noexcept;
  /// Of a frame whose id never arrived: behind the last one. None before the first.
  [[nodiscard]] std::optional<std::uint64_t> unnamed() noexcept;
  /// The same, of one that belongs right before the frame with this id; not before the last one.
  [[nodiscard]] std::optional<std::uint64_t> unnamed_before(std::uint64_t id) noexcept;

 private:
  [[nodiscard]] std::uint64_t carried_on(std::uint64_t id) const noexcept;

  FrameIds ids_;
  std::optional<std::uint64_t> last_;  // A number.
};

}  // namespace framelog
