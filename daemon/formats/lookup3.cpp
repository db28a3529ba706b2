#include "formats/lookup3.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace framelog {
namespace {

constexpr std::size_t kBlockBytes = 12;

struct State {
  std::uint32_t a, b, c;

  void add(const std::array<std::uint32_t, 3>& words) noexcept {
    a += words[0];
    b += words[1];
    c += words[2];
  }
  void mix() noexcept {
    a -= c, a ^= std::rotl(c, 4), c += b;
    b -= a, b ^= std::rotl(a, 6), a += c;
    c -= b, c ^= std::rotl(b, 8), b += a;
    a -= c, a ^= std::rotl(c, 16), c += b;
    b -= a, b ^= std::rotl(a, 19), a += c;
    c -= b, c ^= std::rotl(b, 4), b += a;
  }
  void finish() noexcept {
    c ^= b, c -= std::rotl(b, 14);
    a ^= c, a -= std::rotl(c, 11);
    b ^= a, b -= std::rotl(a, 25);
    c ^= b, c -= std::rotl(b, 16);
    a ^= c, a -= std::rotl(c, 4);
    b ^= a, b -= std::rotl(a, 14);
    c ^= b, c -= std::rotl(b, 24);
  }
};

}  // namespace

std::uint32_t lookup3(std::span<const std::byte> bytes) noexcept {
  const std::uint32_t start = 0xDEADBEEFU + static_cast<std::uint32_t>(bytes.size());
  State state{start, start, start};
  std::array<std::uint32_t, 3> words{};
  while (bytes.size() > kBlockBytes) {
    std::memcpy(words.data(), bytes.data(), kBlockBytes);
    state.add(words);
    state.mix();
    bytes = bytes.subspan(kBlockBytes);
  }
  if (bytes.empty()) return state.c;
  words = {};
  std::memcpy(words.data(), bytes.data(), bytes.size());
  state.add(words);
  state.finish();
  return state.c;
}

}  // namespace framelog
