#include "formats/tiff_strips.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace framelog::tiff {
namespace {

constexpr std::int64_t kStepBytes = std::int64_t{1} << 20U;
// Where those of a frame's tags are that differ from frame to frame.
constexpr std::size_t kCompressionIndex = 3;
constexpr std::size_t kOffsetIndex = 5;
constexpr std::size_t kByteCountIndex = 8;
constexpr std::uint64_t kNoCompression = 1;

unsigned sample_format(PixelType type) noexcept {
  constexpr unsigned kUnsigned = 1;
  constexpr unsigned kSigned = 2;
  constexpr unsigned kFloat = 3;
  if (is_float(type)) return kFloat;
  return is_signed(type) ? kSigned : kUnsigned;
}

/// Calls `fill(bytes, first, count)` for pieces of the directories, which it reads before and, if
/// they have changed, writes behind it.
template <class Fill>
Result<void> over_directories(FileSystem& files, int fd, const Layout& layout, std::int64_t frames,
                              Fill fill) {
  const std::int64_t stride = layout.directory_stride();
  const std::int64_t step = std::min(frames, std::max(std::int64_t{1}, kStepBytes / stride));
  std::vector<std::byte> before(static_cast<std::size_t>(step * stride));
  std::vector<std::byte> after;
  for (std::int64_t first = 0; first < frames; first += step) {
    const std::int64_t count = std::min(step, frames - first);
    before.resize(static_cast<std::size_t>(count * stride));
    const auto got = files.read_at(fd, before, layout.directory_of(first));
    if (!got) return std::unexpected(got.error());
    if (*got != before.size()) return fail(ErrorCode::kCorrupt, "the TIFF ends early");
    after = before;
    if (auto filled = fill(std::span(after), first, count); !filled) return filled;
    if (after == before) continue;
    if (auto written = files.write_at(fd, after, layout.directory_of(first)); !written) {
      return written;
    }
  }
  return {};
}

}  // namespace

Strip plain_strip(const Layout& layout, std::int64_t frame) noexcept {
  return {layout.block.pixels + frame * layout.frame_bytes(), layout.frame_bytes(), false};
}

std::array<Entry, kFrameTags> frame_entries(const Layout& layout, const Strip& strip) noexcept {
  const Block& block = layout.block;
  constexpr std::uint64_t kMinIsBlack = 1;
  const Type place = layout.big() ? Type::kLong8 : Type::kLong;
  const auto rational = [&](const Resolution& value, std::int64_t index) -> std::uint64_t {
    if (!layout.big()) return static_cast<std::uint64_t>(kResolutionAt + index * 8);
    return value.numerator | std::uint64_t{value.denominator} << 32U;
  };
  return {{{kImageWidth, Type::kLong, 1, block.width_px},
           {kImageLength, Type::kLong, 1, block.height_px},
           {kBitsPerSample, Type::kShort, 1, 8 * size_bytes(layout.shape.type)},
           {kCompression, Type::kShort, 1, strip.is_packed ? block.compression : kNoCompression},
           {kPhotometric, Type::kShort, 1, kMinIsBlack},
           {kStripOffsets, place, 1, static_cast<std::uint64_t>(strip.offset)},
           {kSamplesPerPixel, Type::kShort, 1, 1},
           {kRowsPerStrip, Type::kLong, 1, block.height_px},
           {kStripByteCounts, place, 1, static_cast<std::uint64_t>(strip.bytes)},
           {kXResolution, Type::kRational, 1, rational(block.x, 0)},
           {kYResolution, Type::kRational, 1, rational(block.y, 1)},
           {kResolutionUnit, Type::kShort, 1, block.resolution_unit},
           {kSampleFormat, Type::kShort, 1, sample_format(layout.shape.type)}}};
}

void put_frame(std::span<std::byte> into, const Layout& layout, const Strip& strip,
               std::int64_t next) noexcept {
  put_directory(into, layout.big(), frame_entries(layout, strip), next);
}

Result<Strip> get_strip(std::span<const std::byte> directory, const Layout& layout) {
  const bool big = layout.big();
  const Entry compression = get_entry(directory, big, kCompressionIndex);
  const Entry offset = get_entry(directory, big, kOffsetIndex);
  const Entry bytes = get_entry(directory, big, kByteCountIndex);
  const Block& block = layout.block;
  const Strip strip{static_cast<std::int64_t>(offset.value), static_cast<std::int64_t>(bytes.value),
                    compression.value != kNoCompression};
  const bool known = compression.tag == kCompression && offset.tag == kStripOffsets &&
                     bytes.tag == kStripByteCounts &&
                     (!strip.is_packed || compression.value == block.compression);
  const bool fits = strip.offset >= block.pixels && strip.offset <= block.file_bytes &&
                    strip.bytes > 0 && strip.bytes <= layout.frame_bytes() &&
                    strip.bytes <= block.file_bytes - strip.offset &&
                    (strip.is_packed || strip.bytes == layout.frame_bytes());
  if (!known || !fits) return fail(ErrorCode::kCorrupt, "a damaged directory in the TIFF");
  return strip;
}

Result<Strip> read_strip(FileSystem& files, int fd, const Layout& layout, std::int64_t frame) {
  std::array<std::byte, 512> bytes{};
  const auto directory =
      std::span(bytes).first(static_cast<std::size_t>(layout.directory_stride()));
  const auto got = files.read_at(fd, directory, layout.directory_of(frame));
  if (!got) return std::unexpected(got.error());
  if (*got != directory.size()) return fail(ErrorCode::kCorrupt, "the TIFF ends early");
  return get_strip(directory, layout);
}

Result<void> write_directories(FileSystem& files, int fd, const Layout& layout) {
  const std::int64_t frames = layout.block.capacity;
  const auto stride = static_cast<std::size_t>(layout.directory_stride());
  return over_directories(
      files, fd, layout, frames,
      [&](std::span<std::byte> bytes, std::int64_t first, std::int64_t count) -> Result<void> {
        for (std::int64_t i = first; i < first + count; ++i, bytes = bytes.subspan(stride)) {
          put_frame(bytes, layout, plain_strip(layout, i),
                    i + 1 < frames ? layout.directory_of(i + 1) : 0);
        }
        return {};
      });
}

Result<void> complete_directories(FileSystem& files, int fd, const Layout& layout,
                                  std::int64_t frames) {
  const auto stride = static_cast<std::size_t>(layout.directory_stride());
  return over_directories(
      files, fd, layout, frames,
      [&](std::span<std::byte> bytes, std::int64_t first, std::int64_t count) -> Result<void> {
        for (std::int64_t i = first; i < first + count; ++i, bytes = bytes.subspan(stride)) {
          Strip strip = plain_strip(layout, i);
          if (layout.codec != Codec::kNone) {
            const auto told = get_strip(bytes.first(stride), layout);
            if (!told) return std::unexpected(told.error());
            strip = *told;
          }
          put_frame(bytes, layout, strip, i + 1 < frames ? layout.directory_of(i + 1) : 0);
        }
        return {};
      });
}

}  // namespace framelog::tiff
