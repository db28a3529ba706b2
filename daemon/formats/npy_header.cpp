#include "formats/npy_header.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace framelog {

std::string npy_header(std::string_view type, std::span<const std::uint64_t> shape,
                       std::size_t most_bytes) {
  constexpr std::size_t kAlignment = 64;
  constexpr std::size_t kHeadBytes = 10;
  const std::string sides =
      shape.size() == 1 ? fmt::format("{},", shape[0]) : fmt::format("{}", fmt::join(shape, ", "));
  std::string text =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, sides);
  const std::size_t used = std::max(kHeadBytes + text.size() + 1, most_bytes);
  text.resize((used + kAlignment - 1) / kAlignment * kAlignment - kHeadBytes - 1, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size() & 0xFFU);
  header += static_cast<char>(text.size() >> 8U);
  return header + text;
}

}  // namespace framelog
