#pragma once

#include <cstdint>

#include "core/accounting.hpp"

/// Private to the verify*.cpp files of this folder: sums of numbers that a damaged file may say.
namespace framelog::verify_sums {

/// Wraps where the numbers of a damaged file would overflow.
inline std::int64_t sum(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

/// Frames that have a number of their own and are in no record on purpose.
inline std::int64_t passed_over(const Accounting& accounting) noexcept {
  return static_cast<std::int64_t>(accounting.merged + accounting.skipped +
                                   accounting.not_recorded);
}

}  // namespace framelog::verify_sums
