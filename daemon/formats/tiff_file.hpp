#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/file_system.hpp"
#include "core/frame.hpp"
#include "core/result.hpp"

namespace framelog {

/// What one page (directory) of a TIFF holds.
struct TiffPage {
  FrameShape shape;
  bool says_sign{};  ///< Whether the file says if pixels are signed; else they are taken for not.
  bool reduced{};    ///< A thumbnail or a mask of another page.
  std::uint64_t directory_offset_bytes{};
  std::optional<std::uint64_t> pixels_offset_bytes;  ///< Where they lie one behind the other.
};

/// libtiff over our files: this is the one place that knows it. Its messages are kept for our
/// errors, none is printed, and no single allocation of its exceeds 256 MiB. Threads: one at a
/// time.
class TiffFile {
 public:
  /// Takes an open regular file, and stands at its first page. `files` is borrowed; `path` is for
  /// errors. Errors: kCorrupt, kIo.
  [[nodiscard]] static Result<std::unique_ptr<TiffFile>> open(FileSystem& files, UniqueFd fd,
                                                              std::filesystem::path path);
  ~TiffFile();
  TiffFile(const TiffFile&) = delete;
  TiffFile& operator=(const TiffFile&) = delete;

  /// The page where it stands. Errors: kUnsupported, kCorrupt.
  [[nodiscard]] Result<TiffPage> page();
  /// Goes to the next page; false behind the last one. Errors: kCorrupt.
  [[nodiscard]] Result<bool> next();
  /// Of the page where it stands; empty: none.
  [[nodiscard]] std::string description() const;
  /// Software, time, camera and the like, of the page where it stands.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> settings() const;
  /// Pixels in a unit of length along y and x, of the page where it stands; 0: not told.
  [[nodiscard]] std::array<double, 2> resolution() const;
  /// What playNano and framelog put into tag 65000 of the page where it stands; empty: none.
  [[nodiscard]] std::string provenance() const;

  /// Decodes the pixels of a page that page() has told of, into the machine's byte order. libtiff
  /// allocates in it. Errors: kCorrupt, kIo.
  [[nodiscard]] Result<void> read(const TiffPage& page, std::span<std::byte> pixels) noexcept;

  [[nodiscard]] bool swapped() const noexcept;  ///< Not in the machine's byte order.
  [[nodiscard]] std::uint64_t size_bytes() const noexcept;
  [[nodiscard]] int fd() const noexcept;

 private:
  struct Library;
  explicit TiffFile(std::unique_ptr<Library> library) noexcept;
  std::unique_ptr<Library> library_;
};

}  // namespace framelog
