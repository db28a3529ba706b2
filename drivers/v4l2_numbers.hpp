#pragma once

#include <cstdint>
#include <optional>

namespace framelog {

/// Makes one rising 64-bit number of the 32 bits in which V4L2 counts frames. What goes back by
/// less than half of their range is a camera that counts anew, and stays a step back.
class VideoNumbers {
 public:
  /// The next frame is the first of a stream.
  void restart() noexcept { last_.reset(); }
  [[nodiscard]] std::uint64_t extend(std::uint32_t sequence) noexcept {
    if (last_) {
      const auto step = static_cast<std::int32_t>(sequence - static_cast<std::uint32_t>(*last_));
      const std::int64_t next = static_cast<std::int64_t>(*last_) + step;
      last_ = next < 0 ? sequence : static_cast<std::uint64_t>(next);
    } else {
      last_ = sequence;
    }
    return *last_;
  }

 private:
  std::optional<std::uint64_t> last_;
};

}  // namespace framelog
