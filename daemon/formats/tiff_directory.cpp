#include "formats/tiff_directory.hpp"

#include <array>
#include <cstring>

namespace framelog::tiff {
namespace {

template <class Number>
void put(std::span<std::byte> into, std::size_t at, std::uint64_t value) noexcept {
  const auto number = static_cast<Number>(value);
  std::memcpy(into.subspan(at).data(), &number, sizeof number);
}

template <class Number>
std::uint64_t get(std::span<const std::byte> from, std::size_t at) noexcept {
  Number number{};
  std::memcpy(&number, from.subspan(at).data(), sizeof number);
  return number;
}

std::size_t entry_place(bool big, std::size_t index) noexcept {
  return static_cast<std::size_t>(entries_bytes(big, index));
}

}  // namespace

void put_header(std::span<std::byte> into, bool big, std::int64_t first) noexcept {
  constexpr std::array<unsigned char, 4> kClassic{'I', 'I', 42, 0};
  constexpr std::array<unsigned char, 8> kBig{'I', 'I', 43, 0, 8, 0, 0, 0};
  if (big) {
    std::memcpy(into.data(), kBig.data(), kBig.size());
  } else {
    std::memcpy(into.data(), kClassic.data(), kClassic.size());
  }
  put_link(into.subspan(static_cast<std::size_t>(first_link(big))), big, first);
}

void put_link(std::span<std::byte> into, bool big, std::int64_t next) noexcept {
  const auto value = static_cast<std::uint64_t>(next);
  big ? put<std::uint64_t>(into, 0, value) : put<std::uint32_t>(into, 0, value);
}

std::int64_t get_link(std::span<const std::byte> from, bool big) noexcept {
  return static_cast<std::int64_t>(big ? get<std::uint64_t>(from, 0) : get<std::uint32_t>(from, 0));
}

// Integers are stored little-endian and at the start of their field: a SHORT in the field of a LONG
// reads the same as the LONG would.
void put_directory(std::span<std::byte> into, bool big, std::span<const Entry> entries,
                   std::int64_t next) noexcept {
  big ? put<std::uint64_t>(into, 0, entries.size()) : put<std::uint16_t>(into, 0, entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    const auto place = into.subspan(entry_place(big, i));
    put<std::uint16_t>(place, 0, entry.tag);
    put<std::uint16_t>(place, 2, static_cast<std::uint16_t>(entry.type));
    if (big) {
      put<std::uint64_t>(place, 4, entry.count);
      put<std::uint64_t>(place, 12, entry.value);
    } else {
      put<std::uint32_t>(place, 4, entry.count);
      put<std::uint32_t>(place, 8, entry.value);
    }
  }
  put_link(into.subspan(entry_place(big, entries.size())), big, next);
}

Entry get_entry(std::span<const std::byte> from, bool big, std::size_t index) noexcept {
  const auto place = from.subspan(entry_place(big, index));
  Entry entry;
  entry.tag = static_cast<std::uint16_t>(get<std::uint16_t>(place, 0));
  entry.type = static_cast<Type>(get<std::uint16_t>(place, 2));
  entry.count = big ? get<std::uint64_t>(place, 4) : get<std::uint32_t>(place, 4);
  entry.value = big ? get<std::uint64_t>(place, 12) : get<std::uint32_t>(place, 8);
  return entry;
}

Result<std::vector<Entry>> get_entries(std::span<const std::byte> from, bool big) {
  if (from.size() < entry_place(big, 0)) return fail(ErrorCode::kCorrupt, "no directory");
  const std::uint64_t count = big ? get<std::uint64_t>(from, 0) : get<std::uint16_t>(from, 0);
  const std::size_t room = (from.size() - entry_place(big, 0)) / (big ? 20U : 12U);
  if (count > room) return fail(ErrorCode::kCorrupt, "a directory of too many entries");
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < count; ++i) entries.push_back(get_entry(from, big, i));
  return entries;
}

}  // namespace framelog::tiff
