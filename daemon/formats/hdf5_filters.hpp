#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Private to the hdf5_*.cpp files of this folder: the filters that need no plugin, whoever has
/// written the file.
namespace framelog::hdf5 {

// As registered at https://github.com/HDFGroup/hdf5_plugins.
inline constexpr H5Z_filter_t kLz4Id = 32004;
inline constexpr H5Z_filter_t kBitshuffleId = 32008;
inline constexpr H5Z_filter_t kZstdId = 32015;

/// One step of a dataset's packing, and the numbers that it was set up with.
struct Filter {
  H5Z_filter_t id{};
  std::string name;  ///< As the file has it.
  std::vector<unsigned> values;
};
/// The filters of a dataset's creation properties, in the order of packing.
[[nodiscard]] std::vector<Filter> filters_of(hid_t properties);

/// Makes LZ4, bitshuffle and Zstandard known to this process's HDF5, for reading. Chunks that HDF5
/// itself would have to pack with them it leaves as they are. Called once.
void register_filters() noexcept;

/// What the chunks that HDF5 unpacks in this thread must come to: it does not check what a filter
/// of ours gave, and would read past the end of less. Unknown (0) without one of these.
class ExpectedChunk {
 public:
  explicit ExpectedChunk(std::size_t bytes) noexcept;
  ExpectedChunk(const ExpectedChunk&) = delete;
  ExpectedChunk& operator=(const ExpectedChunk&) = delete;
  ~ExpectedChunk();
};

/// Unpacks chunks of one dataset without HDF5. Threads: any.
class ChunkDecoder {
 public:
  /// Empty where a filter is of another kind, or the dataset is not in chunks.
  [[nodiscard]] static std::optional<ChunkDecoder> of(hid_t dataset);
  /// Fills `chunk`. Bit k of `skipped` stands for the filter k that was not applied. False when the
  /// packed bytes are damaged. Throws std::bad_alloc.
  [[nodiscard]] bool decode(std::uint32_t skipped, std::span<const std::byte> packed,
                            std::span<std::byte> chunk) const;

 private:
  std::vector<Filter> filters_;
};

}  // namespace framelog::hdf5
