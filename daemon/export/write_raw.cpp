#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "core/clock.hpp"
#include "export/write_facts.hpp"
#include "export/write_tables.hpp"
#include "export/write_verify.hpp"
#include "formats/byte_order.hpp"
#include "formats/byte_stream.hpp"
#include "formats/frame_record.hpp"
#include "formats/raw_text.hpp"

namespace framelog {
namespace {

constexpr std::string_view kExtension = ".raw";

/// What the sidecar of a recording tells, and the array's own axes, which may be others.
Result<std::string> sidecar(const WritePlan& plan, const ResultEnd& end) {
  const SegmentDescription description = describe_as_segment(plan);
  const auto text = raw_sidecar(description, static_cast<std::int64_t>(plan.result->slices),
                                end_as_segment(plan, end));
  if (!text) return std::unexpected(text.error());
  auto json = nlohmann::ordered_json::parse(*text, nullptr, false);
  json["array_shape"] = shape_of(*plan.result);
  auto axes = nlohmann::ordered_json::array();
  for (const AxisFacts& axis : plan.result->axes) {
    axes.push_back({{"axis", name_of(axis.axis)},
                    {"size", axis.size},
                    {"origin", axis.origin},
                    {"step", axis.step},
                    {"unit", axis.unit}});
  }
  json["axes"] = axes;
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

/// Pixels alone; the records of the frames and what is known of the array lie beside them.
class RawWriter final : public DatasetWriter {
 public:
  RawWriter(FileSystem& files, const WritePlan& plan, UniqueFd pixels, UniqueFd records)
      : files_(files),
        plan_(plan),
        pixels_(std::move(pixels)),
        records_(std::move(records)),
        pixel_stream_(files, pixels_.get(), 0),
        record_stream_(files, records_.get(), kFramesFileHeadBytes) {}

  Result<void> write(const ResultSlice& slice) override {
    const bool swaps = plan_.request->big_endian && size_bytes(plan_.result->type) > 1;
    std::span<const std::byte> bytes = slice.pixels;
    if (swaps) {
      swapped_.assign(bytes.begin(), bytes.end());
      swap_bytes(swapped_, size_bytes(plan_.result->type));
      bytes = swapped_;
    }
    if (auto done = pixel_stream_.append(bytes); !done) return done;
    ++slices_;
    return record_stream_.append_value(record_of(*plan_.result, slice, bytes));
  }

  Result<void> finish(const ResultEnd& end) override {
    if (slices_ != plan_.result->slices) return fail(ErrorCode::kInvalid, "slices are missing");
    FramesFileHead head;
    head.valid = static_cast<std::int64_t>(slices_);
    head.synced = head.valid;
    head.frame_bytes = slice_bytes(*plan_.result);
    head.capacity = slices_;
    const auto text = sidecar(plan_, end);
    if (!text) return std::unexpected(text.error());
    auto done = pixel_stream_.flush();
    if (done) done = record_stream_.flush();
    if (done) done = files_.write_at(records_.get(), std::as_bytes(std::span(&head, 1)), 0);
    if (done) done = files_.sync(pixels_.get());
    if (done) done = files_.sync(records_.get());
    if (!done) return done;
    return write_new_file(files_, companion_part(plan_.part, kExtension, ".json"),
                          std::as_bytes(std::span(*text)));
  }

 private:
  FileSystem& files_;
  WritePlan plan_;
  UniqueFd pixels_;
  UniqueFd records_;
  ByteStream pixel_stream_;
  ByteStream record_stream_;
  std::vector<std::byte> swapped_;
  std::uint64_t slices_{};
};

}  // namespace

Result<void> check_raw(const RecordingFacts& /*recording*/, const ResultFacts& /*result*/,
                       const WriteRequest& request, std::vector<std::string>& /*notes*/) {
  if (request.compression.codec == Codec::kNone) return {};
  return cannot_write("raw", "it has no compression (allowed: none)");
}

std::int64_t estimate_raw(const RecordingFacts& recording, const ResultFacts& result,
                          const WriteRequest& /*request*/) {
  return static_cast<std::int64_t>(pixel_bytes(result) + result.slices * kFrameRecordBytes) +
         kFramesFileHeadBytes + text_bytes(recording);
}

Result<std::unique_ptr<DatasetWriter>> create_raw(FileSystem& files, const WritePlan& plan) {
  auto pixels = files.open(plan.part, O_RDWR | O_CREAT | O_EXCL);
  if (!pixels) return std::unexpected(pixels.error());
  // A full disk is found out now, and what is written into reserved space costs half as much.
  if (auto reserved =
          files.reserve(pixels->get(), static_cast<std::int64_t>(pixel_bytes(*plan.result)), 0);
      !reserved) {
    static_cast<void>(files.remove(plan.part));
    return std::unexpected(reserved.error());
  }
  auto records =
      files.open(companion_part(plan.part, kExtension, ".frames"), O_RDWR | O_CREAT | O_EXCL);
  if (!records) {
    static_cast<void>(files.remove(plan.part));
    return std::unexpected(records.error());
  }
  return std::make_unique<RawWriter>(files, plan, std::move(*pixels), std::move(*records));
}

Result<void> verify_raw(FileSystem& files, const std::filesystem::path& part,
                        const ResultFacts& result, const WriteRequest& request,
                        std::span<const std::uint32_t> crc32c) {
  return verify_plain(files, part, 0, result, request.big_endian, true, crc32c);
}

}  // namespace framelog
