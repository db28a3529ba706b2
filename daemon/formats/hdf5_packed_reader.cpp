#include <algorithm>
#include <utility>

#include "formats/hdf5_layout.hpp"
#include "formats/hdf5_packed_part.hpp"
#include "formats/hdf5_packed_segment.hpp"

namespace framelog {
namespace {

using namespace hdf5;

constexpr std::int64_t kStep = 1024;

class PackedReader final : public SegmentReader {
 public:
  PackedReader(PackedPart part, Handle image, std::filesystem::path path)
      : part_(std::move(part)), image_(std::move(image)), path_(std::move(path)) {}

  [[nodiscard]] FrameShape shape() const override { return part_.head().shape; }
  [[nodiscard]] bool big_endian() const override { return false; }
  // All that it has room for, as with uncompressed frames.
  [[nodiscard]] std::int64_t frames() const override { return part_.head().tables.capacity_frames; }
  [[nodiscard]] std::int64_t valid() const override { return part_.counts().valid; }
  [[nodiscard]] std::int64_t synced() const override { return part_.counts().synced; }
  [[nodiscard]] bool finished() const override { return false; }
  [[nodiscard]] bool packed() const override { return true; }

  Result<FrameRecord> record(std::int64_t frame) override {
    const auto rows = part_.rows(frame, 1);
    if (!rows) return std::unexpected(rows.error());
    if (rows->rows.empty()) return fail(ErrorCode::kInvalid, "no such frame");
    return rows->rows.front().record;
  }

  Result<std::vector<FrameRecord>> records(std::int64_t count) override {
    return records_from(0, count);
  }

  Result<std::vector<FrameRecord>> records_from(std::int64_t begin, std::int64_t count) override {
    if (begin < 0 || count < 0 || count > frames() - begin) {
      return fail(ErrorCode::kCorrupt, "the frame table is shorter than the frames");
    }
    std::vector<FrameRecord> records;
    records.reserve(static_cast<std::size_t>(count));
    for (std::int64_t first = begin; first < begin + count; first += kStep) {
      const auto rows = part_.rows(first, std::min(kStep, begin + count - first));
      if (!rows) return std::unexpected(rows.error());
      for (const ChunkRow& row : rows->rows) records.push_back(row.record);
    }
    return records;
  }

  Result<void> pixels(std::int64_t frame, std::span<std::byte> into) override {
    if (frame < 0 || frame >= frames() || into.size() != size_bytes(shape())) {
      return fail(ErrorCode::kInvalid, "no such frame");
    }
    const auto rows = part_.rows(frame, 1);
    if (!rows) return std::unexpected(rows.error());
    const ChunkRow& row = rows->rows.front();
    const auto packed = part_.packed(row);
    if (!packed) return std::unexpected(packed.error());
    if (row.filter_mask == 0) {
      return decode_frame(part_.head().compression.codec, shape(), *packed, into);
    }
    if (packed->size() != into.size()) {
      return fail(ErrorCode::kCorrupt, "a frame that is not packed has another size");
    }
    std::ranges::copy(*packed, into.begin());
    return {};
  }

  Result<std::string> provenance() override {
    return read_text(image_.get(), kProvenance + "/data");
  }
  Result<std::vector<GapEntry>> gaps() override { return std::vector<GapEntry>{}; }
  Result<std::optional<Accounting>> accounting() override { return std::nullopt; }
  std::optional<Scan> scan() override { return read_scan(image_.get()); }
  std::vector<std::string> detectors() override { return detector_names(image_.get()); }
  Result<std::int64_t> detector_pixels(const std::string& detector) override {
    return read_integer_attribute(image_.get(), detector_path(detector), "pixels");
  }

  Result<std::vector<double>> detector_series(const std::string& detector,
                                              std::int64_t count) override {
    const auto names = detectors();
    const auto found = std::ranges::find(names, detector);
    if (found == names.end() || count > frames()) {
      return fail(ErrorCode::kNotFound, "no such detector:", detector);
    }
    const auto column = static_cast<std::size_t>(found - names.begin());
    std::vector<double> series;
    for (std::int64_t first = 0; first < count; first += kStep) {
      const auto rows = part_.rows(first, std::min(kStep, count - first));
      if (!rows) return std::unexpected(rows.error());
      for (std::size_t i = column; i < rows->sums.size(); i += names.size()) {
        series.push_back(rows->sums[i]);
      }
    }
    return series;
  }

  Result<SegmentDescription> description() override { return read_description(image_.get()); }

  Result<std::string> tree() override {
    // As it is now; where HDF5 cannot open it, as it was prepared.
    const auto file = open_file(path_.string(), H5F_ACC_RDONLY);
    return describe_tree(file ? file->get() : image_.get());
  }

 private:
  PackedPart part_;
  Handle image_;
  std::filesystem::path path_;
};

}  // namespace

bool is_packed_part(FileSystem& files, const std::filesystem::path& part) {
  const auto opened = PackedPart::open(files, part);
  if (opened) return true;
  const ErrorCode code = opened.error().code;
  if (code == ErrorCode::kUnsupported) return false;
  return files.exists(chunk_index_path(part)) || code == ErrorCode::kInvalid;
}

Result<std::unique_ptr<SegmentReader>> open_packed_part(FileSystem& files,
                                                        const std::filesystem::path& part) {
  auto opened = PackedPart::open(files, part);
  if (!opened) {
    if (opened.error().code == ErrorCode::kInvalid) {
      return fail(ErrorCode::kCorrupt,
                  "its finishing was cut short, and its .chunks is gone:", part.string());
    }
    return std::unexpected(opened.error());
  }
  auto image = open_image(opened->head().image);
  if (!image) return std::unexpected(image.error());
  return std::make_unique<PackedReader>(std::move(*opened), std::move(*image), part);
}

}  // namespace framelog
