#include "formats/tiff_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "core/crc32c.hpp"
#include "formats/numpy_type.hpp"
#include "formats/tiff_segment.hpp"

namespace framelog::tiff {
namespace {

constexpr std::int64_t kPage = 4096;
constexpr std::int64_t kTextAlignment = 8;
// A classic TIFF has offsets of 32 bits; with room for texts that turn out longer than expected.
constexpr std::int64_t kMostClassicBytes =
    std::int64_t{std::numeric_limits<std::uint32_t>::max()} - (std::int64_t{64} << 20U);
/// Of the texts behind the pixels: what is the same for any number of frames, and of each frame the
/// element of OME-XML.
constexpr std::int64_t kTextBytes = 32768;
constexpr std::int64_t kPlaneBytes = 112;
constexpr std::uint64_t kMostPixels = std::uint64_t{1} << 56U;
constexpr std::int64_t kMostFrames = std::int64_t{1} << 30U;
constexpr std::int64_t kMostFileBytes = std::int64_t{1} << 60U;

struct Packing {
  Codec codec;
  std::uint32_t number;
};
constexpr std::array kPackings{Packing{Codec::kNone, 1}, Packing{Codec::kLzw, 5},
                               Packing{Codec::kDeflate, 8}, Packing{Codec::kZstd, 50000}};

constexpr std::int64_t round_up(std::int64_t value, std::int64_t to) noexcept {
  return (value + to - 1) / to * to;
}

std::uint32_t crc_of(const Block& block) noexcept {
  constexpr std::size_t kFrom = offsetof(Block, kind);
  constexpr std::size_t kTo = offsetof(Block, valid);
  return crc32c(std::as_bytes(std::span(&block, 1)).subspan(kFrom, kTo - kFrom));
}

/// Of a product's pixel, in micrometres; none where the unit is no length.
std::optional<double> micrometres(const Length& length, std::uint32_t binned) noexcept {
  struct Scale {
    std::string_view unit;
    double micrometres;
  };
  constexpr std::array<Scale, 4> kScales{{{"um", 1.0}, {"nm", 1e-3}, {"mm", 1e3}, {"m", 1e6}}};
  const auto* scale = std::ranges::find(kScales, length.unit, &Scale::unit);
  if (scale == kScales.end() || !(length.value > 0)) return std::nullopt;
  return length.value * scale->micrometres * binned;
}

/// The nearest fraction with as many digits as fit; none beyond what 32 bits hold.
std::optional<Resolution> fraction_of(double value) noexcept {
  constexpr double kMost = 4e9;
  if (!(value > 1 / kMost && value < kMost)) return std::nullopt;
  double denominator = 1;
  while (value * denominator * 10 < kMost && denominator < 1e9) denominator *= 10;
  return Resolution{static_cast<std::uint32_t>(std::llround(value * denominator)),
                    static_cast<std::uint32_t>(denominator)};
}

void calibrate(Block& block, const SegmentDescription& d) noexcept {
  constexpr std::uint32_t kNoUnit = 1;
  constexpr std::uint32_t kCentimetre = 3;
  constexpr double kMicrometresPerCentimetre = 1e4;
  block.resolution_unit = kNoUnit;
  const auto size = pixel_size_um(d);
  if (!size) return;
  const double per = block.kind == Kind::kOme ? kMicrometresPerCentimetre : 1.0;
  const auto y = fraction_of(per / size->first);
  const auto x = fraction_of(per / size->second);
  if (!x || !y) return;
  block.x = *x;
  block.y = *y;
  if (block.kind == Kind::kOme) block.resolution_unit = kCentimetre;
}

void place(Layout& layout) noexcept {
  Block& block = layout.block;
  const std::int64_t frame_room =
      layout.codec == Codec::kNone ? layout.frame_bytes() : strip_room(layout.frame_bytes());
  block.description = kFirstPageBytes;
  block.first_directory = round_up(block.description + block.description_bytes, kTextAlignment);
  block.directories = round_up(
      block.first_directory + entries_bytes(layout.big(), kFirstTags) + link_bytes(layout.big()),
      kTextAlignment);
  block.records = round_up(block.directories + block.capacity * layout.directory_stride(), kPage);
  block.pixels = round_up(block.records + block.capacity * std::int64_t{kFrameRecordBytes}, kPage);
  block.file_bytes = block.pixels + block.capacity * (frame_room + kPlaneBytes) +
                     2 * block.description_bytes + kTextBytes;
}

/// Whether its parts follow each other and have room for what is in them.
bool is_sensible(const Layout& layout) noexcept {
  const Block& block = layout.block;
  const std::uint64_t pixels = std::uint64_t{block.height_px} * block.width_px;
  const std::array places{block.description, block.description_bytes, block.first_directory,
                          block.directories, block.records,           block.pixels,
                          block.file_bytes};
  const auto is_place = [](std::int64_t place) { return place >= 0 && place <= kMostFileBytes; };
  if (pixels == 0 || pixels > kMostPixels || block.capacity < 1 || block.capacity > kMostFrames ||
      block.big > 1 || !std::ranges::all_of(places, is_place) ||
      layout.frame_bytes() > kMostFileBytes / block.capacity) {
    return false;
  }
  const std::int64_t first_bytes =
      entries_bytes(layout.big(), kFirstTags) + link_bytes(layout.big());
  return block.description >= kFirstPageBytes &&
         block.first_directory - block.description >= block.description_bytes &&
         block.directories - block.first_directory >= first_bytes &&
         block.records - block.directories >= block.capacity * layout.directory_stride() &&
         block.pixels - block.records >= block.capacity * std::int64_t{kFrameRecordBytes} &&
         block.file_bytes - block.pixels >= block.capacity * layout.frame_bytes();
}

}  // namespace

std::int64_t strip_room(std::int64_t bytes) noexcept { return round_up(bytes, kTextAlignment); }

std::optional<std::pair<double, double>> pixel_size_um(const SegmentDescription& d) {
  if (d.pixel_size.empty()) return std::nullopt;
  const auto y = micrometres(d.pixel_size.front(), d.bin.rows);
  const auto x = micrometres(d.pixel_size.back(), d.bin.columns);
  if (!y || !x) return std::nullopt;
  return std::pair(*y, *x);
}

std::int64_t Layout::directory_stride() const noexcept {
  return round_up(entries_bytes(big(), kFrameTags) + link_bytes(big()), kTextAlignment);
}

Result<Layout> make_layout(Kind kind, const SegmentDescription& description,
                           std::int64_t text_bytes) {
  if (!is_tiff_type(description.shape.type)) {
    return fail(ErrorCode::kUnsupported,
                "TIFF has no pixels of type:", std::string(name_of(description.shape.type)));
  }
  const auto* packing =
      std::ranges::find(kPackings, description.compression.codec, &Packing::codec);
  if (packing == kPackings.end()) {
    return fail(ErrorCode::kUnsupported,
                "TIFF has no such compression:", to_string(description.compression));
  }
  Layout layout;
  layout.shape = description.shape;
  layout.codec = packing->codec;
  Block& block = layout.block;
  block.kind = kind;
  block.height_px = description.shape.height_px;
  block.width_px = description.shape.width_px;
  const std::string type = numpy_type(description.shape.type, false);
  type.copy(block.type, sizeof block.type - 1);
  block.compression = packing->number;
  block.capacity = description.capacity_frames;
  block.description_bytes = text_bytes;
  calibrate(block, description);
  place(layout);
  if (block.file_bytes > kMostClassicBytes) {
    if (kind == Kind::kImageJ) {
      return fail(ErrorCode::kUnsupported, "an ImageJ TIFF is smaller than 4 GiB:",
                  fmt::format("{} frames of {}", block.capacity, to_string(layout.shape)));
    }
    block.big = 1;
    place(layout);
  }
  block.crc = crc_of(block);
  return layout;
}

Result<Layout> read_layout(FileSystem& files, int fd, const std::filesystem::path& path) {
  Layout layout;
  Block& block = layout.block;
  const Block expected;
  const auto got = files.read_at(fd, std::as_writable_bytes(std::span(&block, 1)), kBlockAt);
  if (!got) return std::unexpected(got.error());
  if (*got != sizeof block || !std::ranges::equal(block.magic, expected.magic)) {
    return fail(ErrorCode::kCorrupt, "not a TIFF of framelog:", path.string());
  }
  if (block.version != expected.version) {
    return fail(ErrorCode::kUnsupported, "a TIFF of another version of framelog:", path.string());
  }
  const auto type =
      parse_numpy_type(std::string_view(block.type, ::strnlen(block.type, sizeof block.type)));
  const auto* packing = std::ranges::find(kPackings, block.compression, &Packing::number);
  const bool known = type && packing != kPackings.end() &&
                     (block.kind == Kind::kOme || block.kind == Kind::kImageJ);
  if (block.crc == crc_of(block) && known) {
    layout.shape = {block.height_px, block.width_px, type->type};
    layout.codec = packing->codec;
    if (is_sensible(layout)) return layout;
  }
  return fail(ErrorCode::kCorrupt, "the head of the TIFF is damaged:", path.string());
}

SegmentPlaces places_of(const Layout& layout) noexcept {
  SegmentPlaces places;
  places.pixels = layout.block.pixels;
  places.frame_bytes = layout.frame_bytes();
  places.frames_per_run = layout.block.capacity;
  places.run_stride = places.frame_bytes * layout.block.capacity;
  places.capacity_frames = layout.block.capacity;
  places.records = layout.block.records;
  places.valid = kBlockAt + static_cast<std::int64_t>(offsetof(Block, valid));
  places.synced = kBlockAt + static_cast<std::int64_t>(offsetof(Block, synced));
  return places;
}

}  // namespace framelog::tiff
