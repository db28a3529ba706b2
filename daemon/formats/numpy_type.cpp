#include "formats/numpy_type.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace framelog {
namespace {

struct Spelling {
  std::string_view text;
  PixelType type;
};
constexpr std::array<Spelling, 9> kSpellings{{
    {"u1", PixelType::kUint8},
    {"i1", PixelType::kInt8},
    {"u2", PixelType::kUint16},
    {"i2", PixelType::kInt16},
    {"u4", PixelType::kUint32},
    {"i4", PixelType::kInt32},
    {"u8", PixelType::kUint64},
    {"f4", PixelType::kFloat32},
    {"f8", PixelType::kFloat64},
}};

}  // namespace

std::expected<NumpyType, std::string> parse_numpy_type(std::string_view text) {
  const auto* found = text.size() == 3
                          ? std::ranges::find(kSpellings, text.substr(1), &Spelling::text)
                          : kSpellings.end();
  const char order = text.empty() ? '\0' : text[0];
  const bool with_order = order == '<' || order == '>';
  if (found == kSpellings.end() ||
      (!with_order && !(order == '|' && size_bytes(found->type) == 1))) {
    return std::unexpected(fmt::format("pixels of type '{}' ({})", text, kNumpyTypesAllowed));
  }
  return NumpyType{found->type, order == '>'};
}

std::string numpy_type(PixelType type, bool big_endian) {
  const auto* spelling = std::ranges::find(kSpellings, type, &Spelling::type);
  std::string_view order = big_endian ? ">" : "<";
  if (size_bytes(type) == 1) order = "|";
  return fmt::format("{}{}", order, spelling->text);
}

}  // namespace framelog
