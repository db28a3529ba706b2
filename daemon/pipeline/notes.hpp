#pragma once

#include <string_view>

#include "core/result.hpp"

namespace framelog {

/// Whether a mark can go into a file: at most 4 KiB of UTF-8 without control characters, and not
/// empty; its author at most 64 bytes of the same, or empty. Errors: kInvalid with what is allowed.
[[nodiscard]] Result<void> check_mark(std::string_view text, std::string_view author);

/// Whether a value of a quantity can: the key a name that HDF5, JSON and Python take, of at most 64
/// characters, the value finite, the unit at most 32 bytes of UTF-8 without control characters, or
/// empty. Errors: kInvalid with what is allowed.
[[nodiscard]] Result<void> check_quantity(std::string_view key, double value,
                                          std::string_view unit);

}  // namespace framelog
