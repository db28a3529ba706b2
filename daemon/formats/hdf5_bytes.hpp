#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/file_system.hpp"
#include "core/result.hpp"

/// Private to the hdf5_*.cpp files of this folder: the few pieces of an HDF5 file that change while
/// compressed frames are recorded, as bytes (HDF5 File Format Specification 3.0, sections II.A
/// superblock 3, IV.A.1.b object header 2, VII.C fixed array). What the library has written is
/// taken over and checked; only counts, places and checksums are put in.
namespace framelog::hdf5 {

inline constexpr std::size_t kSuperblockBytes = 48;
/// The end of the file that a superblock at the beginning of `file` tells. Errors: kUnsupported, it
/// is another one.
[[nodiscard]] Result<std::int64_t> end_of_file(std::span<const std::byte> file);
/// `file` begins with a superblock that end_of_file() knows.
void set_end_of_file(std::span<std::byte> file, std::int64_t end) noexcept;

/// The first chunk of a dataset's object header: its number of rows lies in it.
class ObjectHeader {
 public:
  /// From a file's bytes, of which `file` is the beginning. Errors: kUnsupported, another version,
  /// no dataspace; kCorrupt.
  [[nodiscard]] static Result<ObjectHeader> parse(std::span<const std::byte> file,
                                                  std::int64_t address);
  [[nodiscard]] std::int64_t address() const noexcept { return address_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// The first dimension. With `and_most` it is not to become longer either, as HDF5 has it for
  /// what is contiguous.
  void set_rows(std::int64_t rows, bool and_most) noexcept;
  /// Where the fixed array of its chunks begins. Errors: kUnsupported, it has none.
  [[nodiscard]] Result<std::int64_t> chunk_array() const;

 private:
  struct Message {
    std::size_t offset{};
    std::size_t size{};
  };
  [[nodiscard]] Result<Message> find(std::uint8_t type) const;

  std::int64_t address_{};
  std::vector<std::byte> bytes_;
  std::size_t messages_{};  ///< Offset of the first,
  std::size_t end_{};       ///< and behind the last one.
  std::size_t message_head_bytes_{};
  std::size_t rows_{};       ///< Offset of the first dimension,
  std::size_t most_rows_{};  ///< and of its largest value; 0: there is none.
};

/// Where the chunks of a dataset are told to be: a fixed array in pages.
struct ArrayPlaces {
  std::int64_t header{};
  std::int64_t block{};
  std::int64_t entries{};
  std::int64_t entry_bytes{};
  [[nodiscard]] std::int64_t pages() const noexcept;
  [[nodiscard]] std::int64_t prefix_bytes() const noexcept;
  [[nodiscard]] std::int64_t page_bytes() const noexcept;
  [[nodiscard]] std::int64_t size_bytes() const noexcept {
    return prefix_bytes() + pages() * page_bytes();
  }
};
inline constexpr std::int64_t kArrayPageEntries = 1024;
/// So many entries, a multiple of pages and more than one, make an array that is read here.
[[nodiscard]] std::int64_t array_entries(std::int64_t chunks) noexcept;

/// Errors: kUnsupported, another version, not in pages, not of filtered chunks; kCorrupt.
[[nodiscard]] Result<ArrayPlaces> parse_array(std::span<const std::byte> file,
                                              std::int64_t address);

/// One chunk, as its dataset's index tells it.
struct ChunkPlace {
  std::int64_t offset{-1};  ///< -1: there is none.
  std::int64_t bytes{};
  std::uint32_t filter_mask{};
};

/// Writes the index of a dataset's chunks, from the first one on. A page is whole before the array
/// says that it is there. Threads: one at a time.
class ChunkArray {
 public:
  ChunkArray(FileSystem& files, const ArrayPlaces& places);
  [[nodiscard]] const ArrayPlaces& places() const noexcept { return places_; }
  /// No chunk is there.
  [[nodiscard]] Result<void> clear(int fd);
  /// Chunks from number `first` on, behind those that were put before. Allocates nothing.
  [[nodiscard]] Result<void> put(int fd, std::int64_t first, std::span<const ChunkPlace> chunks);

 private:
  void begin_page(std::int64_t page) noexcept;
  [[nodiscard]] Result<void> write_page(int fd);
  [[nodiscard]] Result<void> write_prefix(int fd);

  FileSystem& files_;
  ArrayPlaces places_;
  std::vector<std::byte> prefix_;
  std::vector<std::byte> page_;
  std::int64_t page_number_{-1};
};

/// The first `count` chunks of an index; none (-1) where a page is damaged or was never written.
/// Errors: kIo.
[[nodiscard]] Result<std::vector<ChunkPlace>> read_chunks(FileSystem& files, int fd,
                                                          const ArrayPlaces& places,
                                                          std::int64_t first, std::int64_t count);

}  // namespace framelog::hdf5
