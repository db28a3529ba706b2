#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "drivers/slots_ahead.hpp"
#include "pipeline/ring.hpp"

namespace framelog {

/// The slots that capture will fill next. Both are borrowed. Threads: capture.
class RingAhead final : public SlotsAhead {
 public:
  RingAhead(Ring& ring, const std::uint64_t& captured) noexcept
      : ring_(ring), captured_(captured) {}

  [[nodiscard]] std::size_t count() const noexcept override { return ring_.slots(); }
  [[nodiscard]] std::span<std::byte> slot(std::uint64_t number) const noexcept override {
    return ring_.slot(number).raw;
  }
  [[nodiscard]] std::size_t most_ahead() const noexcept override {
    return static_cast<std::size_t>(ring_.most_ahead());
  }
  [[nodiscard]] std::uint64_t next() const noexcept override { return captured_; }
  [[nodiscard]] std::uint64_t end() const noexcept override {
    return std::min(ring_.end_of(Stage::kCapture), captured_ + ring_.most_ahead());
  }

 private:
  Ring& ring_;
  const std::uint64_t& captured_;
};

}  // namespace framelog
