#include "formats/hdf5_array_stream.hpp"

#include <algorithm>

#include "formats/byte_order.hpp"
#include "formats/hdf5_packed_writer.hpp"

namespace framelog::hdf5 {
namespace {

constexpr std::uint64_t kMostBufferBytes = ByteStream::kBufferBytes;

class PlainStream final : public ArrayStream {
 public:
  PlainStream(FileSystem& files, int fd, std::int64_t offset, std::uint64_t bytes,
              std::size_t swapped_bytes)
      : stream_(files, fd, offset, std::clamp<std::uint64_t>(bytes / 16, 4096, kMostBufferBytes)),
        left_(bytes),
        swapped_bytes_(swapped_bytes) {}

  Result<void> append(std::span<const std::byte> bytes) override {
    if (bytes.size() > left_) return fail(ErrorCode::kInvalid, "more than the array has room for");
    left_ -= bytes.size();
    return stream_.append_swapped(bytes, swapped_bytes_);
  }
  Result<void> finish() override {
    if (left_ > 0) return fail(ErrorCode::kInvalid, "the array is not full");
    return stream_.flush();
  }

 private:
  ByteStream stream_;
  std::uint64_t left_;
  std::size_t swapped_bytes_;
};

class ChunkStream final : public ArrayStream {
 public:
  ChunkStream(Handle set, const Hdf5ArraySpec& spec)
      : set_(std::move(set)), spec_(spec), at_(spec.shape.size()), element_(size_bytes(spec.type)) {
    const std::size_t outer = spec.shape.size() - spec.inner;
    row_bytes_ = element_;
    for (const auto side : std::span(spec.shape).last(spec.inner)) row_bytes_ *= side;
    rows_ = outer == 0 ? 1 : spec.shape[outer - 1];
    chunk_rows_ = outer == 0 ? 1 : std::min(spec.chunk_rows, rows_);
    chunks_left_ = (rows_ + chunk_rows_ - 1) / chunk_rows_;
    for (std::size_t i = 0; i + 1 < outer; ++i) chunks_left_ *= spec.shape[i];
    const std::size_t bytes = row_bytes_ * chunk_rows_;
    // Its sides matter to nobody but for their product.
    const FrameShape shape{static_cast<std::uint32_t>(chunk_rows_),
                           static_cast<std::uint32_t>(row_bytes_ / element_), spec.type};
    encoder_ = make_encoder(spec.compression, shape);
    if (encoder_) packed_.resize(bytes);
  }

  Result<void> append(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      if (chunks_left_ == 0) return fail(ErrorCode::kInvalid, "more than the array has room for");
      const std::size_t wanted = chunk_bytes_here() - chunk_.size();
      if (chunk_.empty() && bytes.size() >= wanted && wanted == full_bytes() && !swaps()) {
        if (auto done = write(bytes.first(wanted)); !done) return done;
        bytes = bytes.subspan(wanted);
        continue;
      }
      const auto part = bytes.first(std::min(wanted, bytes.size()));
      chunk_.insert(chunk_.end(), part.begin(), part.end());
      bytes = bytes.subspan(part.size());
      if (part.size() < wanted) continue;
      if (swaps()) swap_bytes(chunk_, element_);
      chunk_.resize(full_bytes());  // Beyond the array's end there is something in a chunk, too.
      auto done = write(chunk_);
      chunk_.clear();
      if (!done) return done;
    }
    return {};
  }
  Result<void> finish() override {
    if (chunks_left_ > 0) return fail(ErrorCode::kInvalid, "the array is not full");
    set_.close();
    return {};
  }

 private:
  [[nodiscard]] bool swaps() const noexcept { return spec_.big_endian && element_ > 1; }
  [[nodiscard]] std::size_t full_bytes() const noexcept { return row_bytes_ * chunk_rows_; }
  [[nodiscard]] std::size_t outer() const noexcept { return spec_.shape.size() - spec_.inner; }
  /// Of the chunk that is filled, what is within the array.
  [[nodiscard]] std::size_t chunk_bytes_here() const noexcept {
    if (outer() == 0) return full_bytes();
    return row_bytes_ * std::min<std::uint64_t>(chunk_rows_, rows_ - at_[outer() - 1]);
  }

  Result<void> write(std::span<const std::byte> chunk) {
    std::uint32_t skipped = 0;
    if (encoder_) {
      const std::size_t packed = encoder_->encode(chunk, packed_);
      if (packed == 0) {
        skipped = unpacked_mask(spec_.compression.codec);
      } else {
        chunk = std::span<const std::byte>(packed_).first(packed);
      }
    }
    set_up_library();
    if (H5Dwrite_chunk(set_.get(), H5P_DEFAULT, skipped, at_.data(), chunk.size(), chunk.data()) <
        0) {
      return failure(last_error());
    }
    --chunks_left_;
    go_on();
    return {};
  }
  /// The place of the next chunk, in C order.
  void go_on() noexcept {
    if (outer() == 0) return;
    std::size_t i = outer() - 1;
    at_[i] += chunk_rows_;
    while (i > 0 && at_[i] >= spec_.shape[i]) {
      at_[i] = 0;
      ++at_[--i];
    }
  }

  Handle set_;
  Hdf5ArraySpec spec_;
  std::vector<hsize_t> at_;
  std::size_t element_;
  std::size_t row_bytes_{};
  std::uint64_t rows_{};
  std::uint64_t chunk_rows_{};
  std::uint64_t chunks_left_{};
  std::unique_ptr<FrameEncoder> encoder_;
  std::vector<std::byte> chunk_;
  std::vector<std::byte> packed_;
};

}  // namespace

std::unique_ptr<ArrayStream> make_plain_stream(FileSystem& files, int fd, std::int64_t offset,
                                               std::uint64_t bytes, std::size_t swapped_bytes) {
  return std::make_unique<PlainStream>(files, fd, offset, bytes, swapped_bytes);
}

std::unique_ptr<ArrayStream> make_chunk_stream(Handle set, const Hdf5ArraySpec& spec) {
  return std::make_unique<ChunkStream>(std::move(set), spec);
}

std::vector<hsize_t> chunk_of(const Hdf5ArraySpec& spec) {
  if (spec.chunk_rows == 0) return {};
  const std::size_t outer = spec.shape.size() - spec.inner;
  std::vector<hsize_t> chunk(spec.shape.begin(), spec.shape.end());
  for (std::size_t i = 0; i < outer; ++i) chunk[i] = 1;
  if (outer > 0) chunk[outer - 1] = std::min(spec.chunk_rows, spec.shape[outer - 1]);
  return chunk;
}

Handle file_type_of(PixelType type, bool big_endian) {
  Handle made(H5Tcopy(type_of(type)));
  if (big_endian && size_bytes(type) > 1) H5Tset_order(made.get(), H5T_ORDER_BE);
  return made;
}

}  // namespace framelog::hdf5
