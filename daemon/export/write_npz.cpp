#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "export/write_bundle.hpp"
#include "export/write_tables.hpp"
#include "export/write_verify.hpp"
#include "formats/npy_header.hpp"
#include "formats/stored_zip.hpp"

namespace framelog {
namespace {

constexpr std::size_t kHeadBytes = 128;
const std::string kData = "data.npy";

/// UTF-32 as NumPy's unicode arrays have it; bytes that are not UTF-8 become U+FFFD.
std::string utf32(std::string_view text) {
  std::string result;
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    std::uint32_t point = 0xFFFD;
    if (length == 1) point = byte(i);
    if (length == 2) point = (byte(i) & 0x1FU) << 6U | (byte(i + 1) & 0x3FU);
    if (length == 3) {
      point = (byte(i) & 0x0FU) << 12U | (byte(i + 1) & 0x3FU) << 6U | (byte(i + 2) & 0x3FU);
    }
    if (length == 4) {
      point = (byte(i) & 0x07U) << 18U | (byte(i + 1) & 0x3FU) << 12U |
              (byte(i + 2) & 0x3FU) << 6U | (byte(i + 3) & 0x3FU);
    }
    for (unsigned shift = 0; shift < 32; shift += 8) {
      result += static_cast<char>((point >> shift) & 0xFFU);
    }
    i += std::max<std::size_t>(1, length);
  }
  return result;
}

std::string text_head(std::uint64_t utf32_bytes) {
  // NumPy has no text of no characters.
  return npy_header(fmt::format("<U{}", std::max<std::uint64_t>(1, utf32_bytes / 4)), {},
                    kHeadBytes);
}

/// playNano's bundle, for any number of axes. What is of a known size is written at the same time,
/// each array at its own place; the frames' metadata come last, because their size is known last.
class NpzWriter final : public DatasetWriter {
 public:
  NpzWriter(const WritePlan& plan, std::unique_ptr<StoredZipWriter> zip)
      : plan_(plan), zip_(std::move(zip)), metadata_(plan) {}

  Result<void> begin() {
    const ResultFacts& result = *plan_.result;
    auto done = open_array(kData, result.type, shape_of(result), data_);
    for (const LayerFacts& layer : result.layers) {
      if (!done) return done;
      layers_.emplace_back();
      const std::vector<std::uint64_t> shape{result.slices, layer.shape.height_px,
                                             layer.shape.width_px};
      // NumPy's booleans are bytes of 0 and 1.
      done = open_array(layer_name(layer, "__") + ".npy", layer.shape.type, shape, layers_.back(),
                        layer.is_mask);
    }
    const std::vector<std::uint64_t> times{result.slices};
    if (done) done = open_array("timestamps.npy", PixelType::kFloat64, times, timestamps_);
    if (done) done = add_number("pixel_size_nm.npy", pixel_size_nm(result));
    if (done) done = add_text("channel.npy", bundle_channel(*plan_.recording));
    if (done) done = add_text("provenance_json.npy", plan_.provenance_json);
    metadata_entry_ = zip_->open_last("frame_metadata_json.npy", kHeadBytes);
    return done;
  }

  Result<void> write(const ResultSlice& slice) override {
    ++slices_;
    auto done = zip_->append(data_, slice.pixels);
    for (std::size_t i = 0; done && i < layers_.size() && i < slice.layers.size(); ++i) {
      done = zip_->append(layers_[i], slice.layers[i]);
    }
    const std::string text = utf32(metadata_.next(slice));
    const double time = metadata_.timestamp();
    if (done) done = zip_->append(timestamps_, std::as_bytes(std::span(&time, 1)));
    if (done) done = zip_->append(metadata_entry_, std::as_bytes(std::span(text)));
    return done;
  }

  Result<void> finish(const ResultEnd& /*end*/) override {
    if (slices_ != plan_.result->slices) return fail(ErrorCode::kInvalid, "slices are missing");
    const std::string text = utf32(metadata_.end());
    auto done = zip_->append(metadata_entry_, std::as_bytes(std::span(text)));
    zip_->set_head(metadata_entry_, text_head(zip_->bytes(metadata_entry_)));
    if (!done) return done;
    return zip_->finish();
  }

 private:
  Result<void> open_array(const std::string& name, PixelType type,
                          std::span<const std::uint64_t> shape, std::size_t& entry,
                          bool boolean = false) {
    const std::string head = npy_header(boolean ? "|b1" : numpy_type(type, false), shape);
    std::uint64_t bytes = size_bytes(type);
    for (const std::uint64_t side : shape) bytes *= side;
    entry = zip_->reserve(name, head.size() + bytes);
    return zip_->append(entry, std::as_bytes(std::span(head)));
  }
  Result<void> add_number(const std::string& name, double value) {
    std::string bytes = npy_header("<f8", {});
    const auto raw = std::as_bytes(std::span(&value, 1));
    for (const std::byte one : raw) bytes += static_cast<char>(one);
    return zip_->add(name, std::as_bytes(std::span(bytes)));
  }
  Result<void> add_text(const std::string& name, std::string_view text) {
    std::string characters = utf32(text);
    if (characters.empty()) characters.assign(4, '\0');
    const std::string bytes = text_head(characters.size()) + characters;
    return zip_->add(name, std::as_bytes(std::span(bytes)));
  }

  WritePlan plan_;
  std::unique_ptr<StoredZipWriter> zip_;
  FrameMetadata metadata_;
  std::size_t data_{}, timestamps_{}, metadata_entry_{};
  std::vector<std::size_t> layers_;
  std::uint64_t slices_{};
};

Result<void> verify_data(FileSystem& files, const std::filesystem::path& part,
                         const StoredZipEntry& entry, const ResultFacts& result,
                         std::span<const std::uint32_t> crc32c) {
  SliceCheck check(crc32c);
  std::uint64_t slice = 0;
  const StoredZipPieces pieces{
      entry.bytes - pixel_bytes(result), slice_bytes(result),
      [&](std::span<const std::byte> pixels) { return check.take(slice++, pixels); }};
  if (auto read = check_stored_entry(files, part, entry, pieces); !read) return read;
  return check.finish();
}

}  // namespace

Result<void> check_npz(const RecordingFacts& /*recording*/, const ResultFacts& result,
                       const WriteRequest& request, std::vector<std::string>& notes) {
  if (request.compression.codec != Codec::kNone) {
    return cannot_write("npz", "it has no compression (allowed: none)");
  }
  if (request.big_endian) return cannot_write("npz", "it is little-endian (allowed: little)");
  if (!length_in(result.pixel_size[1], "nm")) {
    notes.emplace_back("npz: the recording has no pixel size; pixel_size_nm is 1");
  }
  if (!has_axes(result, "tyx")) {
    notes.emplace_back("npz: playNano reads three axes only (--axes tyx; a scan with --flat)");
  }
  return {};
}

std::int64_t estimate_npz(const RecordingFacts& recording, const ResultFacts& result,
                          const WriteRequest& /*request*/) {
  // Of a frame's metadata: what a bundle said of it, four bytes for each character.
  std::uint64_t metadata = 1024;
  for (const std::string& one : recording.frame_metadata) {
    metadata = std::max<std::uint64_t>(metadata, 4 * one.size() + 256);
  }
  std::uint64_t bytes = pixel_bytes(result) + result.slices * (8 + metadata);
  for (const LayerFacts& layer : result.layers) bytes += size_bytes(layer.shape) * result.slices;
  return static_cast<std::int64_t>(bytes + (result.layers.size() + 8) * 1024) +
         4 * text_bytes(recording);
}

Result<std::unique_ptr<DatasetWriter>> create_npz(FileSystem& files, const WritePlan& plan) {
  auto zip = StoredZipWriter::create(files, plan.part);
  if (!zip) return std::unexpected(zip.error());
  auto writer = std::make_unique<NpzWriter>(plan, std::move(*zip));
  if (auto begun = writer->begin(); !begun) return std::unexpected(begun.error());
  return writer;
}

Result<void> verify_npz(FileSystem& files, const std::filesystem::path& part,
                        const ResultFacts& result, const WriteRequest& /*request*/,
                        std::span<const std::uint32_t> crc32c) {
  const auto entries = read_stored_zip(files, part);
  if (!entries) return std::unexpected(entries.error());
  // Layers and texts by the checksums that were made of them as they came; the data by both.
  bool has_data = false;
  for (const StoredZipEntry& entry : *entries) {
    const bool is_data = entry.name == kData;
    if (is_data && entry.bytes < pixel_bytes(result)) break;
    has_data = has_data || is_data;
    auto same = is_data ? verify_data(files, part, entry, result, crc32c)
                        : check_stored_entry(files, part, entry);
    if (!same) return same;
  }
  if (has_data) return {};
  return fail(ErrorCode::kCorrupt, "read back, the NPZ has no data");
}

}  // namespace framelog
