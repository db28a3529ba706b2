#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "export/write_facts.hpp"
#include "export/write_tables.hpp"
#include "export/write_verify.hpp"
#include "formats/compression.hpp"
#include "formats/tiff_segment.hpp"

namespace framelog {
namespace {

// A directory (BigTIFF), a record, and the element of OME-XML.
constexpr std::uint64_t kBytesPerPlane = 272 + kFrameRecordBytes + 160;
/// Below it an ImageJ TIFF has room for its texts (offsets of 32 bits; see tiff_layout.cpp).
constexpr std::uint64_t kMostImageJBytes =
    std::numeric_limits<std::uint32_t>::max() - (std::uint64_t{80} << 20U);

bool is_tiff_codec(Codec codec) noexcept {
  return codec == Codec::kNone || std::ranges::find(kTiffCodecs, codec) != kTiffCodecs.end();
}

std::uint64_t bytes_at_most(const RecordingFacts& recording, const ResultFacts& result) {
  return pixel_bytes(result) + result.slices * kBytesPerPlane +
         static_cast<std::uint64_t>(text_bytes(recording));
}

Result<void> check_common(std::string_view format, const ResultFacts& result,
                          const WriteRequest& request, std::vector<std::string>& notes) {
  if (!is_tiff_type(result.type)) {
    return cannot_write(format, fmt::format("TIFF has no {} (allowed: uint8, int8, uint16, int16, "
                                            "uint32, int32, float32, float64; use --dtype)",
                                            name_of(result.type)));
  }
  const std::size_t rank = result.axes.size();
  if (rank < 2 || result.axes[rank - 2].axis != Axis::kY ||
      result.axes[rank - 1].axis != Axis::kX) {
    return cannot_write(format, "its planes are of (y, x) (allowed: --axes that end with yx)");
  }
  if (request.big_endian) return cannot_write(format, "it is little-endian (allowed: little)");
  if (!is_tiff_codec(request.compression.codec)) {
    return cannot_write(format, fmt::format("it has no compression {} (allowed: none, deflate, "
                                            "lzw, zstd)",
                                            to_string(request.compression)));
  }
  if (find_axis(result, Axis::kScanY)) {
    notes.push_back(
        fmt::format("{}: the points of the scan are written as frames in time", format));
  }
  return {};
}

/// Such a file as recordings are made of (formats/tiff_segment.hpp): made in full, with places for
/// all planes, and then filled.
class TiffWriter final : public DatasetWriter {
 public:
  TiffWriter(FileSystem& files, const WritePlan& plan, std::unique_ptr<SegmentWriter> segment)
      : files_(files),
        plan_(plan),
        segment_(std::move(segment)),
        encoder_(make_encoder(plan.request->compression, plan.result->slice)) {
    if (encoder_) packed_.resize(slice_bytes(*plan.result));
  }

  Result<void> write(const ResultSlice& slice) override {
    const auto record = record_of(*plan_.result, slice, slice.pixels);
    const std::span<const FrameRecord> records(&record, 1);
    if (!encoder_) return segment_->append(records, slice.pixels, {});
    const std::size_t bytes = encoder_->encode(slice.pixels, packed_);
    PackedFrame frame;
    frame.is_packed = bytes > 0;
    frame.bytes = frame.is_packed ? std::span<const std::byte>(packed_).first(bytes) : slice.pixels;
    return segment_->append_packed(records, std::span(&frame, 1), {});
  }

  Result<void> finish(const ResultEnd& end) override {
    if (std::cmp_not_equal(segment_->frames(), plan_.result->slices)) {
      return fail(ErrorCode::kInvalid, "slices are missing");
    }
    const auto frames = segment_->frames();
    segment_.reset();
    const auto done = finalise_tiff(files_, plan_.part, frames, end_as_segment(plan_, end));
    if (!done) return std::unexpected(done.error());
    return {};
  }

 private:
  FileSystem& files_;
  WritePlan plan_;
  std::unique_ptr<SegmentWriter> segment_;
  std::unique_ptr<FrameEncoder> encoder_;
  std::vector<std::byte> packed_;
};

using Prepare = Result<std::unique_ptr<SegmentWriter>> (*)(FileSystem&,
                                                           const std::filesystem::path&,
                                                           const SegmentDescription&);

Result<std::unique_ptr<DatasetWriter>> create(FileSystem& files, const WritePlan& plan,
                                              Prepare prepare, std::string_view extension) {
  if (files.exists(plan.part)) {
    return fail_errno(EEXIST, "cannot create", plan.part.string());
  }
  const std::filesystem::path stem = plan.part.string() + ".making";
  auto segment = prepare(files, stem, describe_as_segment(plan));
  if (!segment) return std::unexpected(segment.error());
  if (auto moved = (*segment)->activate(plan.part); !moved) {
    static_cast<void>(files.remove(stem.string() + std::string(extension) + ".ready"));
    return std::unexpected(moved.error());
  }
  return std::make_unique<TiffWriter>(files, plan, std::move(*segment));
}

}  // namespace

Result<void> check_ome_tiff(const RecordingFacts& /*recording*/, const ResultFacts& result,
                            const WriteRequest& request, std::vector<std::string>& notes) {
  if (result.slices == 1) {
    notes.emplace_back("ome-tiff: playNano does not read a file of one frame");
  }
  return check_common("ome-tiff", result, request, notes);
}

Result<void> check_imagej_tiff(const RecordingFacts& recording, const ResultFacts& result,
                               const WriteRequest& request, std::vector<std::string>& notes) {
  const std::uint64_t bytes = bytes_at_most(recording, result);
  if (bytes > kMostImageJBytes) {
    return cannot_write("imagej-tiff",
                        fmt::format("it ends at 4 GiB, because ImageJ opens no BigTIFF, and this "
                                    "would be {} bytes (allowed: fewer frames, --cutout, --bin; "
                                    "or ome-tiff)",
                                    bytes));
  }
  return check_common("imagej-tiff", result, request, notes);
}

std::int64_t estimate_ome_tiff(const RecordingFacts& recording, const ResultFacts& result,
                               const WriteRequest& /*request*/) {
  return static_cast<std::int64_t>(bytes_at_most(recording, result));
}

std::int64_t estimate_imagej_tiff(const RecordingFacts& recording, const ResultFacts& result,
                                  const WriteRequest& request) {
  return estimate_ome_tiff(recording, result, request);
}

Result<std::unique_ptr<DatasetWriter>> create_ome_tiff(FileSystem& files, const WritePlan& plan) {
  return create(files, plan, prepare_ome_tiff, ".ome.tif");
}

Result<std::unique_ptr<DatasetWriter>> create_imagej_tiff(FileSystem& files,
                                                          const WritePlan& plan) {
  return create(files, plan, prepare_imagej_tiff, ".tif");
}

Result<void> verify_ome_tiff(FileSystem& files, const std::filesystem::path& part,
                             const ResultFacts& result, const WriteRequest& /*request*/,
                             std::span<const std::uint32_t> crc32c) {
  return verify_frames(files, part, result, crc32c);
}

Result<void> verify_imagej_tiff(FileSystem& files, const std::filesystem::path& part,
                                const ResultFacts& result, const WriteRequest& request,
                                std::span<const std::uint32_t> crc32c) {
  return verify_ome_tiff(files, part, result, request, crc32c);
}

}  // namespace framelog
