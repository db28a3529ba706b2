#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "core/frame.hpp"

namespace framelog {

/// A pixel type in NumPy's spelling: "<u2", "|u1", ">f4".
struct NumpyType {
  PixelType type{};
  bool big_endian{};
};

/// Errors: a text for people that names what is allowed.
[[nodiscard]] std::expected<NumpyType, std::string> parse_numpy_type(std::string_view text);

/// "<u2", ">f4"; "|u1" where there is no order.
[[nodiscard]] std::string numpy_type(PixelType type, bool big_endian);

/// What parse_numpy_type() takes, for people.
inline constexpr std::string_view kNumpyTypesAllowed =
    "allowed: uint8, int8, uint16, int16, uint32, int32, uint64, float32, float64; convert with "
    "array.astype(...)";

}  // namespace framelog
