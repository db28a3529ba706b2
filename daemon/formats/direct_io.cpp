#include "formats/direct_io.hpp"

#include <fcntl.h>

#include <array>
#include <utility>

namespace framelog {
namespace {

constexpr std::int64_t kAlignment = 4096;

}  // namespace

bool is_direct_io_fit(std::int64_t first_offset, std::int64_t frame_bytes) noexcept {
  return first_offset % kAlignment == 0 && frame_bytes % kAlignment == 0;
}

Result<PixelFile> open_for_pixels(FileSystem& files, const std::filesystem::path& path, bool wanted,
                                  std::int64_t probe_offset) {
  if (wanted) {
    alignas(kAlignment) static constexpr std::array<std::byte, kAlignment> kZeros{};
    auto direct = files.open(path, O_WRONLY | O_DIRECT);
    if (direct && files.write_at(direct->get(), kZeros, probe_offset)) {
      return PixelFile{std::move(*direct), true};
    }
  }
  auto buffered = files.open(path, O_WRONLY);
  if (!buffered) return std::unexpected(buffered.error());
  return PixelFile{std::move(*buffered), false};
}

}  // namespace framelog
