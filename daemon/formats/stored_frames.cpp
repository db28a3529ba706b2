#include "formats/stored_frames.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <limits>

namespace framelog {
namespace {

constexpr std::uint64_t kLongestSidePx = std::numeric_limits<std::uint32_t>::max();
// More than any file system holds, and far from where sums of offsets overflow.
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 60U;

constexpr std::uint64_t kMostFrameBytes = std::numeric_limits<std::ptrdiff_t>::max();

bool too_long(std::uint64_t side) noexcept { return side > kLongestSidePx; }

std::optional<std::uint64_t> product(std::span<const std::uint64_t> factors) noexcept {
  std::uint64_t result = 1;
  for (const std::uint64_t factor : factors) {
    if (__builtin_mul_overflow(result, factor, &result)) return std::nullopt;
  }
  return result;
}

}  // namespace

std::expected<PixelLayout, std::string> layout_of(std::span<const std::uint64_t> dimensions,
                                                  PixelType type, bool big_endian) {
  if (dimensions.empty() || dimensions.size() > kMostDimensions) {
    return std::unexpected(
        fmt::format("an array of {} dimensions (allowed: 1, scalars; 2, one frame; 3, frames; 4, a "
                    "scan; 5, scans)",
                    dimensions.size()));
  }
  const std::string text = fmt::format("{}", fmt::join(dimensions, " x "));
  if (std::ranges::find(dimensions, 0U) != dimensions.end()) {
    return std::unexpected("an empty array of " + text);
  }
  const std::size_t frame_dimensions = dimensions.size() == 1 ? 0 : 2;
  const auto outer = dimensions.first(dimensions.size() - frame_dimensions);
  const auto sides = dimensions.last(frame_dimensions);
  const auto pixels = product(dimensions);
  if (!pixels || *pixels > kMaxBytes / size_bytes(type) || std::ranges::any_of(sides, too_long) ||
      product(sides).value_or(0) > kMostFrameBytes / size_bytes(type) ||
      (outer.size() >= 2 && std::ranges::any_of(outer, too_long))) {
    return std::unexpected("an absurd array of " + text);
  }
  PixelLayout layout;
  layout.shape = {1, 1, type};
  if (!sides.empty()) {
    layout.shape.height_px = static_cast<std::uint32_t>(sides[0]);
    layout.shape.width_px = static_cast<std::uint32_t>(sides[1]);
  }
  layout.frames = product(outer).value_or(0);
  if (outer.size() >= 2) {
    const auto points = outer.last(2);
    layout.scan.emplace(static_cast<std::uint32_t>(points[0]),
                        static_cast<std::uint32_t>(points[1]));
  }
  layout.big_endian = big_endian;
  return layout;
}

Result<void> check_length(FileSystem& files, int fd, const std::filesystem::path& path,
                          const PixelLayout& layout) {
  const auto size = files.size_bytes(fd);
  if (!size) return fail_errno(size.error().system_errno, "cannot read", path.string());
  const std::int64_t expected =
      layout.offset_bytes + static_cast<std::int64_t>(layout.frames * size_bytes(layout.shape));
  if (*size == expected) return {};
  return fail(ErrorCode::kCorrupt, "cannot read",
              fmt::format("{}: {} than its description: {} bytes expected for {} frames of {}, {} "
                          "found",
                          path.string(), *size < expected ? "shorter" : "longer", expected,
                          layout.frames, to_string(layout.shape), *size));
}

Result<UniqueFd> open_regular_file(FileSystem& files, const std::filesystem::path& path) {
  auto fd = files.open(path, O_RDONLY | O_NONBLOCK);
  if (!fd) return fd;
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0) return fail_errno(errno, "cannot open", path.string());
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::kInvalid, "cannot read",
                path.string() + (S_ISDIR(status.st_mode) ? ": a directory" : ": not a file") +
                    " (allowed: a regular file)");
  }
  return fd;
}

}  // namespace framelog
