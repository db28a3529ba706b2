#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/frame.hpp"
#include "core/result.hpp"

namespace framelog {

/// One frame that leaves the recorder by itself, with what is known of it.
struct FrameImage {
  FrameShape shape;
  std::span<const std::byte> pixels;  ///< In the machine's byte order. Borrowed.
  std::string instrument;
  std::string product;
  std::uint64_t sequence{};
  std::int64_t utc_ns{-1};
};

/// "a PNG (.png), a TIFF (.tif, .tiff) or an HDF5 file (.h5, .hdf5)"
[[nodiscard]] std::string image_formats();
/// Whether the name ends as one of them does.
[[nodiscard]] bool is_image_name(const std::filesystem::path& name);

/// The whole file, of the format that `name` ends with; pixels as they are. Threads: any.
/// Errors: kUnsupported with what is allowed, kNoMemory.
[[nodiscard]] Result<std::vector<std::byte>> encode_image(const std::filesystem::path& name,
                                                          const FrameImage& image);

/// The three of them. PNG: unsigned integers of 8 and 16 bit; others take every pixel type. HDF5:
/// the dataset /frame with attributes.
[[nodiscard]] Result<std::vector<std::byte>> encode_png(const FrameImage& image);
[[nodiscard]] Result<std::vector<std::byte>> encode_tiff(const FrameImage& image);
[[nodiscard]] Result<std::vector<std::byte>> encode_hdf5(const FrameImage& image);

}  // namespace framelog
