#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <utility>

#include "formats/compression.hpp"
#include "formats/hdf5_layout.hpp"
#include "formats/hdf5_packed_head.hpp"
#include "formats/hdf5_packed_segment.hpp"
#include "formats/hdf5_packed_writer.hpp"
#include "formats/hdf5_segment.hpp"

namespace framelog {
namespace {

using namespace hdf5;

/// What a damaged file says of its tables must not be believed to the point of allocating it.
bool fits(hid_t file, hsize_t rows, std::size_t row_bytes) {
  constexpr hsize_t kMost = std::numeric_limits<std::ptrdiff_t>::max();
  hsize_t bytes = 0;
  return H5Fget_filesize(file, &bytes) >= 0 && rows <= std::min(bytes, kMost) / row_bytes;
}

/// The codec of which each chunk is one frame; otherwise none, and HDF5 reads.
Codec frame_codec(hid_t dataset, const FrameShape& shape) {
  const auto compression = compression_of(dataset);
  const Handle properties(H5Dget_create_plist(dataset));
  std::array<hsize_t, 3> chunk{};
  if (!compression || H5Pget_chunk(properties.get(), 3, chunk.data()) != 3 ||
      chunk != std::array<hsize_t, 3>{1, shape.height_px, shape.width_px}) {
    return Codec::kNone;
  }
  return compression->codec;
}

class Hdf5Reader final : public SegmentReader {
 public:
  Hdf5Reader(Handle file, Handle data, FrameShape shape, std::int64_t frames)
      : file_(std::move(file)),
        data_(std::move(data)),
        codec_(frame_codec(data_.get(), shape)),
        shape_(shape),
        frames_(frames) {}

  [[nodiscard]] FrameShape shape() const override { return shape_; }
  [[nodiscard]] bool big_endian() const override { return false; }
  [[nodiscard]] std::int64_t frames() const override { return frames_; }
  [[nodiscard]] std::int64_t valid() const override {
    return read_integer(id(), kValid).value_or(0);
  }
  [[nodiscard]] std::int64_t synced() const override {
    return read_integer(id(), kSynced).value_or(0);
  }
  [[nodiscard]] bool finished() const override { return has(id(), kAccounting); }
  [[nodiscard]] bool packed() const override { return codec_ != Codec::kNone; }

  Result<std::vector<FrameRecord>> records(std::int64_t count) override {
    return records(0, count);
  }

  Result<std::vector<FrameRecord>> records_from(std::int64_t first, std::int64_t count) override {
    return records(first, count);
  }

  Result<FrameRecord> record(std::int64_t frame) override {
    const auto one = records(frame, 1);
    if (!one) return std::unexpected(one.error());
    return one->front();
  }

  Result<void> pixels(std::int64_t frame, std::span<std::byte> into) override {
    if (frame < 0 || frame >= frames_ || into.size() != size_bytes(shape_)) {
      return fail(ErrorCode::kInvalid, "no such frame");
    }
    if (codec_ != Codec::kNone) return packed_pixels(frame, into);
    const std::array<hsize_t, 3> start{static_cast<hsize_t>(frame), 0, 0};
    const std::array<hsize_t, 3> count{1, shape_.height_px, shape_.width_px};
    const Handle space(H5Dget_space(data_.get()));
    const Handle memory(H5Screate_simple(3, count.data(), nullptr));
    H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
    if (H5Dread(data_.get(), type_of(shape_.type), memory.get(), space.get(), H5P_DEFAULT,
                into.data()) < 0) {
      return fail(ErrorCode::kIo, "cannot read pixels:", last_error());
    }
    return {};
  }

  Result<std::string> provenance() override { return read_text(id(), kProvenance + "/data"); }

  Result<std::vector<GapEntry>> gaps() override {
    const auto sizes = dimensions(id(), kGaps);
    std::vector<GapEntry> gaps;
    if (sizes.empty() || sizes[0] == 0) return gaps;
    if (!fits(id(), sizes[0], sizeof(GapRow))) {
      return fail(ErrorCode::kCorrupt, "the table of gaps is larger than the file");
    }
    std::vector<GapRow> rows(sizes[0]);
    const Handle set(H5Dopen2(id(), kGaps.c_str(), H5P_DEFAULT));
    if (H5Dread(set.get(), gap_type().get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.data()) < 0) {
      return fail(ErrorCode::kCorrupt, "cannot read the gaps:", last_error());
    }
    for (const GapRow& row : rows) {
      gaps.push_back({row.after_sequence, row.frames, row.duration_ns, text_of(row.stage),
                      text_of(row.reason)});
    }
    return gaps;
  }

  Result<std::optional<Accounting>> accounting() override {
    if (!has(id(), kAccounting)) return std::nullopt;
    std::vector<std::uint64_t> values(accounting_columns().size());
    const Handle set(H5Dopen2(id(), kAccounting.c_str(), H5P_DEFAULT));
    if (H5Dread(set.get(), accounting_type().get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) <
        0) {
      return fail(ErrorCode::kCorrupt, "cannot read the accounting:", last_error());
    }
    return accounting_from(values);
  }

  std::optional<Scan> scan() override { return read_scan(id()); }
  std::vector<std::string> detectors() override { return detector_names(id()); }
  Result<std::int64_t> detector_pixels(const std::string& detector) override {
    return read_integer_attribute(id(), detector_path(detector), "pixels");
  }
  Result<std::vector<double>> detector_series(const std::string& detector,
                                              std::int64_t count) override {
    return read_series(id(), detector, count);
  }

  Result<SegmentDescription> description() override { return read_description(id()); }

  Result<std::string> tree() override { return describe_tree(id()); }

 private:
  /// The filter need not be there.
  Result<void> packed_pixels(std::int64_t frame, std::span<std::byte> into) {
    const std::array<hsize_t, 3> start{static_cast<hsize_t>(frame), 0, 0};
    hsize_t size = 0;
    if (H5Dget_chunk_storage_size(data_.get(), start.data(), &size) < 0 || size == 0) {
      return fail(ErrorCode::kCorrupt, "a frame was never written");
    }
    if (size > into.size()) return fail(ErrorCode::kCorrupt, "a packed frame is too large");
    packed_.resize(size);
    std::uint32_t skipped = 0;
    if (H5Dread_chunk(data_.get(), H5P_DEFAULT, start.data(), &skipped, packed_.data()) < 0) {
      return fail(ErrorCode::kIo, "cannot read pixels:", last_error());
    }
    if (skipped == 0) return decode_frame(codec_, shape_, packed_, into);
    if (size != into.size() || skipped != unpacked_mask(codec_)) {
      return fail(ErrorCode::kCorrupt, "a frame that is packed in part");
    }
    std::ranges::copy(packed_, into.begin());
    return {};
  }

  template <std::size_t N>
  static std::string text_of(const char (&field)[N]) {
    return std::string(field, std::find(field, field + N, '\0'));
  }
  [[nodiscard]] hid_t id() const noexcept { return file_.get(); }

  Result<std::vector<FrameRecord>> records(std::int64_t first, std::int64_t count) {
    const Handle set(H5Dopen2(id(), kFrameTable.c_str(), H5P_DEFAULT));
    const Handle space(H5Dget_space(set.get()));
    hsize_t size = 0;
    if (first < 0 || count < 0 || H5Sget_simple_extent_ndims(space.get()) != 1 ||
        H5Sget_simple_extent_dims(space.get(), &size, nullptr) != 1 ||
        std::cmp_greater(count, size) ||
        std::cmp_greater(first, size - static_cast<hsize_t>(count))) {
      return fail(ErrorCode::kCorrupt, "the frame table is shorter than the frames");
    }
    if (!fits(id(), static_cast<hsize_t>(count), kFrameRecordBytes)) {
      return fail(ErrorCode::kCorrupt, "the frame table is larger than the file");
    }
    std::vector<FrameRecord> records(static_cast<std::size_t>(count));
    if (count == 0) return records;
    const auto start = static_cast<hsize_t>(first);
    const auto rows = static_cast<hsize_t>(count);
    const Handle memory(H5Screate_simple(1, &rows, nullptr));
    H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, &start, nullptr, &rows, nullptr);
    if (H5Dread(set.get(), frame_record_type().get(), memory.get(), space.get(), H5P_DEFAULT,
                records.data()) < 0) {
      return fail(ErrorCode::kCorrupt, "cannot read the frame table:", last_error());
    }
    return records;
  }

  Handle file_;
  Handle data_;
  Codec codec_;
  std::vector<std::byte> packed_;
  FrameShape shape_;
  std::int64_t frames_;
};

}  // namespace

Result<std::unique_ptr<SegmentReader>> open_hdf5(FileSystem& files,
                                                 const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return fail_errno(error ? error.value() : ENOENT, "cannot open", path.string());
  }
  if (path.extension() == ".part" && is_packed_part(files, path)) {
    return open_packed_part(files, path);
  }
  auto file = open_file(path.string(), H5F_ACC_RDONLY);
  if (!file) return std::unexpected(file.error());
  const auto sizes = dimensions(file->get(), kData);
  if (sizes.size() != 3 || !has(file->get(), kFrameTable)) {
    return fail(ErrorCode::kCorrupt, "not a segment of framelog:", path.string());
  }
  Handle data(H5Dopen2(file->get(), kData.c_str(), H5P_DEFAULT));
  const Handle type(H5Dget_type(data.get()));
  const auto pixel = pixel_type(type.get());
  if (!pixel) return fail(ErrorCode::kUnsupported, "pixels of an unknown type:", path.string());
  const FrameShape shape{static_cast<std::uint32_t>(sizes[1]), static_cast<std::uint32_t>(sizes[2]),
                         *pixel};
  return std::make_unique<Hdf5Reader>(std::move(*file), std::move(data), shape,
                                      static_cast<std::int64_t>(sizes[0]));
}

}  // namespace framelog
