#include "export/write_verify.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include "core/crc32c.hpp"
#include "export/write_facts.hpp"
#include "formats/byte_order.hpp"
#include "formats/frame_files.hpp"
#include "formats/hdf5_array_file.hpp"

namespace framelog {

Result<void> SliceCheck::take(std::uint64_t slice, std::span<const std::byte> pixels) {
  if (slice != taken_ || slice >= crc32c_.size()) {
    return fail(ErrorCode::kCorrupt, "read back, the output has other slices:",
                fmt::format("slice {} of {}", slice, crc32c_.size()));
  }
  if (crc32c(pixels) != crc32c_[slice]) {
    return fail(ErrorCode::kCorrupt,
                "read back, the output differs:", fmt::format("slice {}", slice));
  }
  ++taken_;
  return {};
}

Result<void> SliceCheck::finish() const {
  if (taken_ == crc32c_.size()) return {};
  return fail(ErrorCode::kCorrupt, "read back, the output is too short:",
              fmt::format("{} slices of {}", taken_, crc32c_.size()));
}

Result<void> verify_plain(FileSystem& files, const std::filesystem::path& path, std::int64_t offset,
                          const ResultFacts& result, bool big_endian, bool ends_there,
                          std::span<const std::uint32_t> crc32c) {
  auto fd = files.open(path, O_RDONLY);
  if (!fd) return std::unexpected(fd.error());
  const auto size = files.size_bytes(fd->get());
  if (!size) return std::unexpected(size.error());
  const auto bytes = static_cast<std::int64_t>(pixel_bytes(result));
  if (ends_there ? *size != offset + bytes : *size < offset + bytes) {
    return fail(ErrorCode::kCorrupt,
                "read back, the output has another size:", fmt::format("{} bytes", *size));
  }
  SliceCheck check(crc32c);
  std::vector<std::byte> pixels(slice_bytes(result));
  for (std::uint64_t i = 0; i < result.slices; ++i) {
    const auto got = files.read_at(fd->get(), pixels, offset);
    if (!got) return std::unexpected(got.error());
    if (*got != pixels.size()) return fail(ErrorCode::kCorrupt, "read back, the output ends early");
    if (big_endian) swap_bytes(pixels, size_bytes(result.type));
    if (auto same = check.take(i, pixels); !same) return same;
    offset += static_cast<std::int64_t>(pixels.size());
  }
  return check.finish();
}

Result<void> verify_frames(FileSystem& files, const std::filesystem::path& path,
                           const ResultFacts& result, std::span<const std::uint32_t> crc32c) {
  auto frames = open_frame_file(files, path);
  if (!frames) return std::unexpected(frames.error());
  const StoredFacts& facts = (*frames)->facts();
  if (facts.shape != result.slice || facts.frames != result.slices) {
    return fail(ErrorCode::kCorrupt, "read back, the output has another shape:",
                fmt::format("{} frames of {}", facts.frames, to_string(facts.shape)));
  }
  SliceCheck check(crc32c);
  std::vector<std::byte> pixels(slice_bytes(result));
  for (std::uint64_t i = 0; i < facts.frames; ++i) {
    const auto read = (*frames)->read(i, pixels, std::nullopt);
    if (!read) return std::unexpected(read.error());
    if (auto same = check.take(i, pixels); !same) return same;
  }
  return check.finish();
}

Result<void> verify_hdf5(const std::filesystem::path& path, const std::string& dataset,
                         PixelType type, std::span<const std::uint64_t> shape,
                         std::span<const std::uint32_t> crc32c) {
  SliceCheck check(crc32c);
  auto read = read_hdf5_slices(path, dataset, type, shape,
                               [&](std::uint64_t slice, std::span<const std::byte> pixels) {
                                 return check.take(slice, pixels);
                               });
  if (!read) return read;
  return check.finish();
}

Result<void> verify_hdf5_rows(const std::filesystem::path& path, const std::string& dataset,
                              const ResultFacts& result, std::span<const std::uint32_t> crc32c) {
  SliceCheck check(crc32c);
  auto read = read_hdf5_rows(path, dataset, result.type, result.slices, result.slice.width_px,
                             [&](std::uint64_t row, std::span<const std::byte> pixels) {
                               return check.take(row, pixels);
                             });
  if (!read) return read;
  return check.finish();
}

}  // namespace framelog
