#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/accounting.hpp"
#include "core/file_system.hpp"
#include "core/frame.hpp"
#include "core/result.hpp"
#include "formats/compression.hpp"
#include "formats/segment.hpp"

namespace framelog {

/// Text of a fixed length without a terminator, ASCII: NumPy's bytes, as PyTables has them.
struct Hdf5FixedText {
  std::string text;
};
/// Values of attributes and of small datasets. Texts are UTF-8 of variable length, booleans are
/// h5py's enumeration.
using Hdf5Value =
    std::variant<std::string, Hdf5FixedText, double, std::int64_t, bool, std::vector<double>,
                 std::vector<std::int64_t>, std::vector<std::string>, std::vector<std::uint32_t>>;

/// A large array, whose elements come one behind the other in C order.
struct Hdf5ArraySpec {
  std::string path;
  PixelType type{};
  std::vector<std::uint64_t> shape;
  bool big_endian{};
  /// So many of the last dimensions lie in a chunk as a whole.
  std::size_t inner{2};
  /// Of the dimension before them, so many in a chunk; 0: not in chunks, which is only for what is
  /// neither extensible nor compressed.
  std::uint64_t chunk_rows{};
  bool extensible{};  ///< The first dimension has no limit.
  Compression compression;
};

/// An HDF5 file (format of 1.10) being written for other programs: groups, attributes and small
/// datasets by the library, large arrays past it as plain bytes wherever they have one place. The
/// same calls give the same bytes: no object has a time. The first failure is remembered, and
/// everything after it does nothing; good() tells. Threads: one.
class Hdf5ArrayFile {
 public:
  /// Errors: kExists, kDenied, kNoSpace, kIo.
  [[nodiscard]] static Result<std::unique_ptr<Hdf5ArrayFile>> create(
      FileSystem& files, const std::filesystem::path& path);
  ~Hdf5ArrayFile();
  Hdf5ArrayFile(const Hdf5ArrayFile&) = delete;
  Hdf5ArrayFile& operator=(const Hdf5ArrayFile&) = delete;

  void group(const std::string& path);
  /// With the attribute NX_class.
  void group(const std::string& path, std::string_view nexus_class);
  void dataset(const std::string& path, const Hdf5Value& value);
  void dataset(const std::string& path, const Hdf5Value& value, std::string_view units);
  /// In one chunk: PyTables' CARRAY.
  void chunked_dataset(const std::string& path, const std::vector<double>& values);
  /// Of one dimension without limit, rows of bytes of any length: PyTables' VLARRAY.
  void byte_rows(const std::string& path, std::span<const std::string> rows);
  /// Replaces one of the same name.
  void attribute(const std::string& path, const std::string& name, const Hdf5Value& value);
  void hard_link(const std::string& from, const std::string& to);
  void gaps(const std::string& path, std::span<const GapEntry> gaps);
  void accounting(const std::string& path, const Accounting& accounting);

  /// Creates an array; the number is for append().
  [[nodiscard]] std::size_t array(const Hdf5ArraySpec& spec);
  /// A column of numbers in one piece.
  [[nodiscard]] std::size_t column(const std::string& path, PixelType type, std::uint64_t rows);
  /// Of FrameRecord, as a segment has it.
  [[nodiscard]] std::size_t frame_table(const std::string& path, std::uint64_t rows);
  /// The next elements in the machine's byte order: of arrays in chunks whole rows of them.
  [[nodiscard]] Result<void> append(std::size_t array, std::span<const std::byte> bytes);
  template <class T>
  [[nodiscard]] Result<void> append_value(std::size_t array, const T& value) {
    return append(array, std::as_bytes(std::span(&value, 1)));
  }

  [[nodiscard]] Result<void> good() const;
  /// Completes, closes and syncs. Errors: kInvalid when an array is not full; kIo, kNoSpace.
  [[nodiscard]] Result<void> finish();

 private:
  struct State;
  explicit Hdf5ArrayFile(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

/// Reads an array of numbers back by the HDF5 library alone, slice after slice of its last two
/// dimensions (of one dimension: as a whole), in the machine's byte order. LZ4, bitshuffle and
/// Zstandard need no plugin. Errors: kCorrupt, kUnsupported when type or shape differ from those
/// expected, and those of `take`.
[[nodiscard]] Result<void> read_hdf5_slices(
    const std::filesystem::path& path, const std::string& dataset, PixelType type,
    std::span<const std::uint64_t> shape,
    const std::function<Result<void>(std::uint64_t, std::span<const std::byte>)>& take);

/// The same of a table of two dimensions, row after row, in bounded memory however many there are.
[[nodiscard]] Result<void> read_hdf5_rows(
    const std::filesystem::path& path, const std::string& dataset, PixelType type,
    std::uint64_t rows, std::uint32_t columns,
    const std::function<Result<void>(std::uint64_t, std::span<const std::byte>)>& take);

}  // namespace framelog
