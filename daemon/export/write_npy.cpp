#include <fcntl.h>

#include "export/write_facts.hpp"
#include "export/write_tables.hpp"
#include "export/write_verify.hpp"
#include "formats/byte_stream.hpp"
#include "formats/npy_header.hpp"

namespace framelog {
namespace {

class NpyWriter final : public DatasetWriter {
 public:
  NpyWriter(FileSystem& files, const WritePlan& plan, UniqueFd fd)
      : files_(files), plan_(plan), fd_(std::move(fd)), stream_(files, fd_.get(), 0) {}

  Result<void> begin() {
    const std::string header = npy_header(numpy_type(plan_.result->type, plan_.request->big_endian),
                                          shape_of(*plan_.result));
    return stream_.append(std::as_bytes(std::span(header)));
  }
  Result<void> write(const ResultSlice& slice) override {
    ++slices_;
    return stream_.append_swapped(slice.pixels,
                                  plan_.request->big_endian ? size_bytes(plan_.result->type) : 1);
  }
  Result<void> finish(const ResultEnd& /*end*/) override {
    if (slices_ != plan_.result->slices) return fail(ErrorCode::kInvalid, "slices are missing");
    if (auto done = stream_.flush(); !done) return done;
    return files_.sync(fd_.get());
  }

 private:
  FileSystem& files_;
  WritePlan plan_;
  UniqueFd fd_;
  ByteStream stream_;
  std::uint64_t slices_{};
};

}  // namespace

Result<void> check_npy(const RecordingFacts& /*recording*/, const ResultFacts& /*result*/,
                       const WriteRequest& request, std::vector<std::string>& notes) {
  if (request.compression.codec != Codec::kNone) {
    return cannot_write("npy", "it has no compression (allowed: none)");
  }
  notes.emplace_back("npy holds pixels only: no times, calibration or provenance");
  return {};
}

std::int64_t estimate_npy(const RecordingFacts& /*recording*/, const ResultFacts& result,
                          const WriteRequest& /*request*/) {
  return static_cast<std::int64_t>(pixel_bytes(result)) + 512;
}

Result<std::unique_ptr<DatasetWriter>> create_npy(FileSystem& files, const WritePlan& plan) {
  auto fd = files.open(plan.part, O_RDWR | O_CREAT | O_EXCL);
  if (!fd) return std::unexpected(fd.error());
  auto writer = std::make_unique<NpyWriter>(files, plan, std::move(*fd));
  if (auto begun = writer->begin(); !begun) return std::unexpected(begun.error());
  return writer;
}

Result<void> verify_npy(FileSystem& files, const std::filesystem::path& part,
                        const ResultFacts& result, const WriteRequest& request,
                        std::span<const std::uint32_t> crc32c) {
  // What replay opens as frames is read as replay reads it.
  const std::size_t rank = result.axes.size();
  if (rank >= 2 && rank <= 4) return verify_frames(files, part, result, crc32c);
  const std::string header =
      npy_header(numpy_type(result.type, request.big_endian), shape_of(result));
  return verify_plain(files, part, static_cast<std::int64_t>(header.size()), result,
                      request.big_endian, true, crc32c);
}

}  // namespace framelog
