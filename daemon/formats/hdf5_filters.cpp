#include "formats/hdf5_filters.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <utility>

#include "formats/big_endian.hpp"
#include "formats/bit_planes.hpp"
#include "formats/codecs.hpp"
#include "formats/hdf5_tree.hpp"

namespace framelog::hdf5 {
namespace {

// Bitshuffle's numbers: version, version, bytes of an element, elements of a block, what packs it.
constexpr std::size_t kElementBytesAt = 2;
constexpr std::size_t kBlockElementsAt = 3;
constexpr std::size_t kInnerAt = 4;
constexpr unsigned kInnerLz4 = 2;
constexpr unsigned kInnerZstd = 3;

constexpr std::size_t kLargestElement = 4096;
constexpr std::size_t kLargestChunk = std::numeric_limits<std::uint32_t>::max();  // HDF5's limit.
constexpr std::size_t kLz4Most = 255;  // A byte of LZ4 gives no more.

thread_local std::size_t t_expected_bytes = 0;

unsigned value_at(std::span<const unsigned> values, std::size_t index) {
  return index < values.size() ? values[index] : 0;
}

bool unshuffle(std::span<const unsigned> values, std::span<const std::byte> shuffled,
               std::span<std::byte> chunk) {
  const std::size_t element_bytes = value_at(values, 0);
  if (shuffled.size() != chunk.size() || element_bytes == 0) return false;
  const std::size_t whole = chunk.size() / element_bytes * element_bytes;
  unshuffle_bytes(shuffled.first(whole), chunk.first(whole), element_bytes);
  std::ranges::copy(shuffled.subspan(whole), chunk.begin() + static_cast<std::ptrdiff_t>(whole));
  return true;
}

bool undo_bitshuffle(std::span<const unsigned> values, std::span<const std::byte> packed,
                     std::span<std::byte> chunk) {
  const std::size_t element_bytes = value_at(values, kElementBytesAt);
  if (element_bytes == 0 || element_bytes > kLargestElement) return false;
  switch (value_at(values, kInnerAt)) {
    case 0:
      return codecs::decode_bitshuffle(
          element_bytes, value_at(values, kBlockElementsAt) * element_bytes, packed, chunk);
    case kInnerLz4:
      return codecs::decode_bitshuffle_lz4(element_bytes, packed, chunk);
    case kInnerZstd:
      return codecs::decode_bitshuffle_zstd(element_bytes, packed, chunk);
    default:
      return false;
  }
}

bool undo(H5Z_filter_t id, std::span<const unsigned> values, std::span<const std::byte> packed,
          std::span<std::byte> chunk) {
  switch (id) {
    case H5Z_FILTER_SHUFFLE:
      return unshuffle(values, packed, chunk);
    case H5Z_FILTER_DEFLATE:
      return codecs::inflate_into(packed, chunk);
    case kLz4Id:
      return codecs::decode_lz4(packed, chunk);
    case kBitshuffleId:
      return undo_bitshuffle(values, packed, chunk);
    case kZstdId:
      return codecs::decode_zstd(packed, chunk);
    default:
      return false;
  }
}

bool is_known(H5Z_filter_t id) {
  constexpr std::array kKnown{H5Z_FILTER_SHUFFLE, H5Z_FILTER_DEFLATE, kLz4Id, kBitshuffleId,
                              kZstdId};
  return std::ranges::find(kKnown, id) != kKnown.end();
}

/// How large the packed bytes say that they will be; 0 where they cannot be, or do not say.
std::size_t told_size(H5Z_filter_t id, std::span<const unsigned> values,
                      std::span<const std::byte> packed) {
  const bool is_plain = id == kBitshuffleId && value_at(values, kInnerAt) == 0;
  if (is_plain) return packed.size();
  std::uint64_t told = 0;
  std::uint64_t most = kLargestChunk;
  if (id == kZstdId) {
    told = codecs::zstd_told_size(packed);
  } else if (packed.size() >= sizeof(told)) {
    told = load_big_endian<std::uint64_t>(packed.data());
    const bool is_lz4 = id == kLz4Id || value_at(values, kInnerAt) == kInnerLz4;
    if (is_lz4) most = std::min<std::uint64_t>(most, packed.size() * kLz4Most);
  }
  return told > most ? 0 : told;
}

/// What HDF5 calls: takes over *buffer, or leaves it as it is and returns 0 where it cannot.
template <H5Z_filter_t kId>
std::size_t filter(unsigned flags, std::size_t value_count, const unsigned* values,
                   std::size_t bytes, std::size_t* buffer_bytes, void** buffer) noexcept {
  if ((flags & H5Z_FLAG_REVERSE) == 0) return 0;  // Frames come packed to HDF5.
  const std::span<const unsigned> numbers(values, value_count);
  const std::span<const std::byte> packed(static_cast<const std::byte*>(*buffer), bytes);
  const std::size_t expected = t_expected_bytes;
  const std::size_t size = expected > 0 ? expected : told_size(kId, numbers, packed);
  if (size == 0) return 0;
  void* const unpacked = H5allocate_memory(size, false);
  if (unpacked == nullptr) return 0;
  bool good = false;
  try {
    good = undo(kId, numbers, packed, std::span(static_cast<std::byte*>(unpacked), size));
  } catch (const std::bad_alloc&) {
    good = false;
  }
  H5free_memory(good ? *buffer : unpacked);
  if (!good) return 0;
  *buffer = unpacked;
  *buffer_bytes = size;
  return size;
}

template <H5Z_filter_t kId>
void register_one(const char* name) noexcept {
  // It says that it can pack as well, or datasets that ask for it could not be made.
  const H5Z_class2_t filter_class{H5Z_CLASS_T_VERS, kId, 1, 1, name, nullptr, nullptr, filter<kId>};
  H5Zregister(&filter_class);
}

}  // namespace

std::vector<Filter> filters_of(hid_t properties) {
  std::vector<Filter> filters;
  const int count = H5Pget_nfilters(properties);
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0;
    unsigned config = 0;
    std::array<unsigned, 16> values{};
    std::size_t value_count = values.size();
    std::array<char, 128> name{};
    const H5Z_filter_t id =
        H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &value_count, values.data(),
                       name.size(), name.data(), &config);
    name.back() = '\0';
    const auto known = std::span(values).first(std::min(value_count, values.size()));
    filters.push_back({id, name.data(), {known.begin(), known.end()}});
  }
  return filters;
}

void register_filters() noexcept {
  register_one<kLz4Id>("lz4");
  register_one<kBitshuffleId>("bitshuffle");
  register_one<kZstdId>("zstd");
}

ExpectedChunk::ExpectedChunk(std::size_t bytes) noexcept { t_expected_bytes = bytes; }
ExpectedChunk::~ExpectedChunk() { t_expected_bytes = 0; }

std::optional<ChunkDecoder> ChunkDecoder::of(hid_t dataset) {
  const Handle properties(H5Dget_create_plist(dataset));
  if (H5Pget_layout(properties.get()) != H5D_CHUNKED) return std::nullopt;
  ChunkDecoder decoder;
  decoder.filters_ = filters_of(properties.get());
  for (const Filter& step : decoder.filters_) {
    if (!is_known(step.id)) return std::nullopt;
  }
  return decoder;
}

bool ChunkDecoder::decode(std::uint32_t skipped, std::span<const std::byte> packed,
                          std::span<std::byte> chunk) const {
  std::vector<std::byte> between;  // What one step has left for the next.
  std::size_t steps = 0;
  for (std::size_t i = 0; i < filters_.size(); ++i) steps += (skipped >> i & 1U) == 0 ? 1 : 0;
  for (std::size_t i = filters_.size(); i > 0; --i) {
    if ((skipped >> (i - 1) & 1U) != 0) continue;
    --steps;
    std::vector<std::byte> unpacked(steps == 0 ? 0 : chunk.size());
    const std::span<std::byte> into = steps == 0 ? chunk : std::span(unpacked);
    const Filter& step = filters_[i - 1];
    if (!undo(step.id, step.values, packed, into)) return false;
    if (steps == 0) return true;
    between = std::move(unpacked);
    packed = between;
  }
  if (packed.size() != chunk.size()) return false;
  std::ranges::copy(packed, chunk.begin());
  return true;
}

}  // namespace framelog::hdf5
