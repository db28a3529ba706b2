#include <fmt/format.h>

#include <array>

#include "formats/hdf5_segment.hpp"
#include "formats/raw_segment.hpp"
#include "formats/segment.hpp"
#include "formats/tiff_segment.hpp"

namespace framelog {
namespace {

constexpr std::array<std::string_view, 2> kRawCompanions{".json", ".frames"};
constexpr std::array<std::string_view, 1> kHdf5OptionalCompanions{".chunks"};
constexpr std::array kHdf5Codecs{Codec::kGzip, Codec::kLz4, Codec::kBitshuffleLz4, Codec::kZstd};
constexpr std::array kOmeTiffCodecs{Codec::kDeflate, Codec::kLzw, Codec::kZstd};
constexpr std::array kImageJCodecs{Codec::kDeflate, Codec::kLzw};
// A directory and an element of OME-XML.
constexpr std::int64_t kTiffBytesPerFrame = 280;
// ImageJ reads no BigTIFF; with what is beside the frames.
constexpr std::int64_t kImageJBytes = (std::int64_t{1} << 32U) - (std::int64_t{96} << 20U);

std::filesystem::path itself(FileSystem& /*files*/, const std::filesystem::path& part) {
  return part;
}

constexpr std::array kFormats{
    SegmentFormat{.name = "hdf5",
                  .extension = ".h5",
                  .prepare = prepare_hdf5,
                  .resume = resume_hdf5,
                  .open = open_hdf5,
                  .undo = undo_hdf5,
                  .finalise = finalise_hdf5,
                  .publish = publish_hdf5,
                  .locked_file = itself,
                  .companions = {},
                  .optional_companions = kHdf5OptionalCompanions,
                  .codecs = kHdf5Codecs,
                  .reserves_packed = true},
    SegmentFormat{.name = "raw",
                  .extension = ".raw",
                  .prepare = prepare_raw,
                  .resume = resume_raw,
                  .open = open_raw,
                  .undo = undo_raw,
                  .finalise = finalise_raw,
                  .publish = publish_raw,
                  .locked_file = raw_table,
                  .companions = kRawCompanions},
    // Before that with the shorter extension, which is the end of this one.
    SegmentFormat{.name = "tiff",
                  .extension = ".ome.tif",
                  .prepare = prepare_ome_tiff,
                  .resume = resume_tiff,
                  .open = open_tiff_segment,
                  .undo = undo_tiff,
                  .finalise = finalise_tiff,
                  .publish = publish_tiff,
                  .locked_file = itself,
                  .companions = {},
                  .codecs = kOmeTiffCodecs,
                  .bytes_per_frame = kTiffBytesPerFrame},
    SegmentFormat{.name = "imagej-tiff",
                  .extension = ".tif",
                  .prepare = prepare_imagej_tiff,
                  .resume = resume_tiff,
                  .open = open_tiff_segment,
                  .undo = undo_tiff,
                  .finalise = finalise_tiff,
                  .publish = publish_tiff,
                  .locked_file = itself,
                  .companions = {},
                  .codecs = kImageJCodecs,
                  .bytes_per_frame = kTiffBytesPerFrame,
                  .most_bytes = kImageJBytes},
};

}  // namespace

std::span<const SegmentFormat> segment_formats() noexcept { return kFormats; }

std::string segment_names(std::string_view suffix) {
  std::string text;
  for (const SegmentFormat& format : kFormats) {
    if (!text.empty()) text += &format == &kFormats.back() ? " or " : ", ";
    text += fmt::format("NAME{}{}", format.extension, suffix);
  }
  return text;
}

Error not_a_segment(const std::filesystem::path& path) {
  return {ErrorCode::kInvalid, 0, "not a segment of framelog:",
          fmt::format("{} (allowed: {})", path.string(), segment_names())};
}

Result<void> check_format(const SegmentFormat& format, const FrameShape& shape) {
  const bool tiff = format.open == open_tiff_segment;
  if (!tiff || is_tiff_type(shape.type)) return {};
  return fail(
      ErrorCode::kUnsupported, "TIFF readers do not know such pixels:",
      fmt::format("{} (allowed: dtype of up to 32 bit, float32, float64, or another format)",
                  name_of(shape.type)));
}

const SegmentFormat* find_format(std::string_view name) noexcept {
  for (const SegmentFormat& format : kFormats) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

const SegmentFormat* format_of(const std::filesystem::path& path) noexcept {
  std::string_view text = path.native();
  if (text.ends_with(".part")) text.remove_suffix(5);
  for (const SegmentFormat& format : kFormats) {
    if (text.ends_with(format.extension)) return &format;
  }
  return nullptr;
}

}  // namespace framelog
