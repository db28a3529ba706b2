#include "formats/checked_read.hpp"

#include <algorithm>

#include "core/crc32c.hpp"

namespace framelog {
namespace {

// What has just been read is summed up while it is still in the second-level cache.
constexpr std::size_t kPieceBytes = std::size_t{128} << 10U;

}  // namespace

Result<bool> checked_read(FileSystem& files, int fd, std::span<std::byte> pixels,
                          std::int64_t offset, std::optional<std::uint32_t> crc32c) noexcept {
  const std::size_t step = crc32c ? kPieceBytes : std::max<std::size_t>(1, pixels.size());
  std::uint32_t sum = 0;
  for (std::size_t done = 0; done < pixels.size(); done += step) {
    const auto piece = pixels.subspan(done, std::min(step, pixels.size() - done));
    const auto got = files.read_at(fd, piece, offset + static_cast<std::int64_t>(done));
    if (!got) return fail_errno(got.error().system_errno, "cannot read a frame");
    if (*got < piece.size()) {
      return fail(ErrorCode::kCorrupt, "the file has become shorter than its description");
    }
    if (crc32c) sum = framelog::crc32c(piece, sum);
  }
  return !crc32c || sum == *crc32c;
}

}  // namespace framelog
