#include "formats/hdf5_frames.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/crc32c.hpp"
#include "core/text.hpp"
#include "formats/bundle.hpp"
#include "formats/byte_order.hpp"
#include "formats/checked_read.hpp"
#include "formats/hdf5_calibration.hpp"
#include "formats/hdf5_candidates.hpp"
#include "formats/hdf5_dataset.hpp"
#include "formats/hdf5_filters.hpp"
#include "formats/hdf5_layout.hpp"
#include "formats/hdf5_places.hpp"
#include "formats/hdf5_records.hpp"
#include "formats/hdf5_tiles.hpp"
#include "formats/stored_record.hpp"

namespace framelog {
namespace {

using namespace hdf5;

constexpr std::array<unsigned char, 8> kSignature{0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n'};

const std::string kRunStart = kReadout + "/run_start_utc_ns";

/// A dataset of frames that was found to be good, and what is known of it.
struct Found {
  Handle file;
  Handle set;
  std::vector<hsize_t> sizes;
  StoredType type;
  UniqueFd fd;  ///< Of the file that the dataset is in.
  std::int64_t file_bytes{};
  FrameTable records;
  StoredFacts facts;
  std::vector<double> times;  ///< Of a foreign file that tells them.
};

/// What the ways of reading pixels share. They take over what `found` holds.
class Hdf5Frames : public StoredFrames {
 public:
  Hdf5Frames(FileSystem& files, Found& found)
      : files_(files),
        facts_(std::move(found.facts)),
        fd_(std::move(found.fd)),
        records_(std::move(found.records)) {}

  [[nodiscard]] const StoredFacts& facts() const noexcept override { return facts_; }
  [[nodiscard]] Result<StoredInfo> info(std::uint64_t index) noexcept override {
    return records_.info(files_, fd_.get(), index);
  }

 protected:
  FileSystem& files_;
  StoredFacts facts_;
  UniqueFd fd_;
  FrameTable records_;
};

/// A place in a dataset, in its first so many dimensions.
using Start = std::array<hsize_t, kMostDimensions>;

/// Where a frame begins in a dataset of these dimensions.
Start start_of(std::uint64_t index, std::span<const hsize_t> sizes) {
  Start start{};
  for (std::size_t i = sizes.size() - 2; i-- > 0;) {
    start[i] = index % sizes[i];
    index /= sizes[i];
  }
  return start;
}

class PlacedFrames final : public Hdf5Frames {
 public:
  PlacedFrames(FileSystem& files, Found& found, RowPlaces places)
      : Hdf5Frames(files, found),
        places_(std::move(places)),
        swapped_bytes_(found.type.big_endian ? size_bytes(found.type.type) : 1) {}

  [[nodiscard]] Result<bool> read(std::uint64_t index, std::span<std::byte> pixels,
                                  std::optional<std::uint32_t> crc32c) noexcept override {
    const auto intact = checked_read(files_, fd_.get(), pixels, places_.offset_of(index), crc32c);
    if (intact) swap_bytes(pixels, swapped_bytes_);
    return intact;
  }

 private:
  RowPlaces places_;
  std::size_t swapped_bytes_;
};

/// What the ways of unpacking chunks without HDF5 share.
class UnpackedFrames : public Hdf5Frames {
 public:
  UnpackedFrames(FileSystem& files, Found& found)
      : Hdf5Frames(files, found),
        file_(std::move(found.file)),
        set_(std::move(found.set)),
        sizes_(found.sizes),
        swapped_bytes_(found.type.big_endian ? size_bytes(found.type.type) : 1) {}

  [[nodiscard]] Result<bool> read(std::uint64_t index, std::span<std::byte> pixels,
                                  std::optional<std::uint32_t> crc32c) noexcept override {
    set_up_library();
    if (auto read = unpack(start_of(index, sizes_), pixels); !read) {
      return std::unexpected(read.error());
    }
    const bool intact = !crc32c || framelog::crc32c(pixels) == *crc32c;
    swap_bytes(pixels, swapped_bytes_);
    return intact;
  }

 protected:
  /// A frame's pixels as they are stored.
  [[nodiscard]] virtual Result<void> unpack(const Start& start,
                                            std::span<std::byte> pixels) noexcept = 0;

  Handle file_;
  Handle set_;
  std::vector<hsize_t> sizes_;

 private:
  std::size_t swapped_bytes_;
};

/// Chunks of one frame each, packed by filters that need no HDF5.
class PackedFrames final : public UnpackedFrames {
 public:
  PackedFrames(FileSystem& files, Found& found, ChunkDecoder decoder)
      : UnpackedFrames(files, found), decoder_(std::move(decoder)) {}

 private:
  [[nodiscard]] Result<void> unpack(const Start& start,
                                    std::span<std::byte> pixels) noexcept override {
    hsize_t bytes = 0;
    std::uint32_t skipped = 0;
    // No filter makes more of a chunk than three times as much.
    if (H5Dget_chunk_storage_size(set_.get(), start.data(), &bytes) < 0 ||
        bytes > 3 * pixels.size() + 4096) {
      return fail(ErrorCode::kCorrupt, "HDF5 cannot find a frame");
    }
    packed_.resize(bytes);
    if (H5Dread_chunk(set_.get(), H5P_DEFAULT, start.data(), &skipped, packed_.data()) < 0) {
      return fail(ErrorCode::kCorrupt, "HDF5 cannot read a frame");
    }
    if (!decoder_.decode(skipped, packed_, pixels)) {
      return fail(ErrorCode::kCorrupt, "the packed bytes of a frame are damaged");
    }
    return {};
  }

  ChunkDecoder decoder_;
  std::vector<std::byte> packed_;
};

/// Packed chunks of parts of frames, or of several frames.
class TiledFrames final : public UnpackedFrames {
 public:
  TiledFrames(FileSystem& files, Found& found, FrameTiles tiles)
      : UnpackedFrames(files, found), tiles_(std::move(tiles)) {}

 private:
  [[nodiscard]] Result<void> unpack(const Start& start,
                                    std::span<std::byte> pixels) noexcept override {
    return tiles_.read(set_.get(), std::span(start).first(sizes_.size()), pixels);
  }

  FrameTiles tiles_;
};

class DecodedFrames final : public Hdf5Frames {
 public:
  DecodedFrames(FileSystem& files, Found& found)
      : Hdf5Frames(files, found),
        file_(std::move(found.file)),
        set_(std::move(found.set)),
        sizes_(found.sizes),
        stored_(H5Dget_type(set_.get())),
        space_(H5Dget_space(set_.get())) {
    std::ranges::fill(count_, 1);
    const std::size_t rank = sizes_.size();
    std::ranges::copy(std::span(sizes_).last(2), &count_[rank - 2]);
    memory_ = Handle(H5Screate_simple(static_cast<int>(rank), count_.data(), nullptr));
    const Handle properties(H5Dget_create_plist(set_.get()));
    const auto chunk = chunk_of(properties.get(), rank);
    if (chunk.empty()) return;
    chunk_bytes_ = H5Tget_size(stored_.get());
    for (const hsize_t extent : chunk) chunk_bytes_ *= extent;
  }

  [[nodiscard]] Result<bool> read(std::uint64_t index, std::span<std::byte> pixels,
                                  std::optional<std::uint32_t> crc32c) noexcept override {
    const auto start = start_of(index, sizes_);
    // An enumeration is read as it is; HDF5 does not convert it to a number.
    const bool as_stored = H5Tget_class(stored_.get()) == H5T_ENUM;
    const hid_t type = as_stored ? stored_.get() : type_of(facts_.shape.type);
    set_up_library();
    const ExpectedChunk expected(chunk_bytes_);
    if (H5Sselect_hyperslab(space_.get(), H5S_SELECT_SET, start.data(), nullptr, count_.data(),
                            nullptr) < 0 ||
        H5Dread(set_.get(), type, memory_.get(), space_.get(), H5P_DEFAULT, pixels.data()) < 0) {
      return fail(ErrorCode::kCorrupt, "HDF5 cannot read a frame");
    }
    return !crc32c || framelog::crc32c(pixels) == *crc32c;
  }

 private:
  Handle file_;
  Handle set_;
  std::vector<hsize_t> sizes_;
  Handle stored_;
  Handle space_;
  Handle memory_;
  Start count_{};
  std::size_t chunk_bytes_{};  ///< 0: not in chunks.
};

/// What unpacks chunks of one frame each; empty where they are others, or only HDF5 can do it.
std::optional<ChunkDecoder> frame_decoder_of(hid_t dataset, std::span<const hsize_t> sizes) {
  const Handle properties(H5Dget_create_plist(dataset));
  const auto chunk = chunk_of(properties.get(), sizes.size());
  if (chunk.empty()) return std::nullopt;
  const auto outer = std::span(chunk).first(sizes.size() - 2);
  if (!std::ranges::equal(std::span(chunk).last(2), sizes.last(2))) return std::nullopt;
  if (!std::ranges::all_of(outer, [](hsize_t extent) { return extent == 1; })) return std::nullopt;
  unsigned options = 0;  // That the chunk at the end is not packed.
  if (H5Pget_chunk_opts(properties.get(), &options) < 0 || options != 0) return std::nullopt;
  // How long a chunk is that is not packed, the library does not tell.
  return H5Pget_nfilters(properties.get()) > 0 ? ChunkDecoder::of(dataset) : std::nullopt;
}

std::unexpected<Error> wrong(ErrorCode code, const std::filesystem::path& path,
                             std::string_view reason) {
  return fail(code, "cannot read", fmt::format("{}: {}", path.string(), reason));
}

/// `error` with the path of the file in front of what it says.
std::unexpected<Error> in_file(const std::filesystem::path& path, const Error& error) {
  return wrong(error.code, path, describe(error));
}

Result<void> understand(Found& found, const std::string& name, const std::filesystem::path& path) {
  if (!found.set.valid()) {
    return wrong(ErrorCode::kCorrupt, path, one_line(name) + ": " + last_error());
  }
  const Handle type(H5Dget_type(found.set.get()));
  const auto stored = stored_type_of(type.get());
  if (!stored) return wrong(ErrorCode::kUnsupported, path, one_line(name) + ": " + stored.error());
  found.type = *stored;
  found.sizes = dimensions_of(found.set.get());
  if (found.sizes.size() < 2) {
    return wrong(ErrorCode::kUnsupported, path,
                 fmt::format("{}: an array of {} dimensions (allowed: 2, one frame; 3, frames; 4, "
                             "a scan; 5, scans)",
                             one_line(name), found.sizes.size()));
  }
  const std::vector<std::uint64_t> sizes(found.sizes.begin(), found.sizes.end());
  const auto layout = layout_of(sizes, stored->type, stored->big_endian);
  if (!layout) return wrong(ErrorCode::kCorrupt, path, one_line(name) + ": " + layout.error());
  found.facts.shape = layout->shape;
  found.facts.frames = layout->frames;
  found.facts.scan = layout->scan;
  found.facts.description =
      fmt::format("HDF5, {}, {}", one_line(name), storage_text(found.set.get()));
  found.facts.settings = {{"dataset", name}};
  return {};
}

/// Opens the plain file that the dataset is in, which is another one behind an external link.
Result<void> open_plain_file(FileSystem& files, const std::filesystem::path& path, Found& found) {
  std::string name(
      static_cast<std::size_t>(std::max<ssize_t>(0, H5Fget_name(found.set.get(), nullptr, 0))) + 1,
      '\0');
  H5Fget_name(found.set.get(), name.data(), name.size());
  name.pop_back();
  auto fd = open_regular_file(files, name);
  if (!fd) return std::unexpected(fd.error());
  const auto size = files.size_bytes(fd->get());
  if (!size) return fail_errno(size.error().system_errno, "cannot read", name);
  found.fd = std::move(*fd);
  found.file_bytes = *size;
  found.facts.inputs = {path};
  if (name != path.string()) found.facts.inputs.emplace_back(name);
  for (auto& source : virtual_sources(found.set.get(), path)) {
    found.facts.inputs.push_back(std::move(source));
  }
  return {};
}

Result<void> add_segment_facts(Found& found, const std::string& name) {
  take_calibration(found.file.get(), name, found.facts);
  if (!is_segment(found.file.get(), name)) {
    found.times = frame_times(found.file.get(), name, found.facts);
    return {};
  }
  auto facts = segment_facts(found.file.get(), found.facts.frames);
  if (!facts) return std::unexpected(facts.error());
  auto records = FrameTable::of(found.file.get(), facts->frames, found.file_bytes);
  if (!records) return std::unexpected(records.error());
  found.records = std::move(*records);
  found.facts.frames = facts->frames;
  found.facts.has_times = true;
  found.facts.saturation = facts->saturation;
  found.facts.bit_depth = facts->bit_depth;
  found.facts.description = "segment of framelog, " + found.facts.description;
  return {};
}

/// When the first frame of a segment was, from the start of its run on.
void add_start(FileSystem& files, Found& found) {
  constexpr double kSecondsPerNanosecond = 1e-9;
  if (!has(found.file.get(), kRunStart)) return;
  const auto start = read_integer(found.file.get(), kRunStart);
  if (!start || *start <= 0) return;
  auto first = found.records.info(files, found.fd.get(), 0);
  for (std::uint64_t i = 1; first && !tells_of_frame(*first) && i < found.facts.frames; ++i) {
    first = found.records.info(files, found.fd.get(), i);
  }
  if (!first || first->info.utc_ns < *start) return;
  found.facts.first_s = static_cast<double>(first->info.utc_ns - *start) * kSecondsPerNanosecond;
}

Result<Found> find(FileSystem& files, const std::filesystem::path& path,
                   const std::string& dataset) {
  auto file = open_file(path.string(), H5F_ACC_RDONLY);
  if (!file) return std::unexpected(file.error());
  Found found;
  found.file = std::move(*file);
  const auto name = find_frames(found.file.get(), dataset);
  if (!name) return in_file(path, name.error());
  found.set = open_for_frames(found.file.get(), *name);
  if (auto good = understand(found, *name, path); !good) return std::unexpected(good.error());
  if (auto good = check_readable(found.set.get(), path); !good) {
    return wrong(good.error().code, path, one_line(*name) + ": " + describe(good.error()));
  }
  if (auto opened = open_plain_file(files, path, found); !opened) {
    return std::unexpected(opened.error());
  }
  if (auto added = add_segment_facts(found, *name); !added) return in_file(path, added.error());
  add_start(files, found);
  return found;
}

/// The quickest way of reading its pixels.
std::unique_ptr<StoredFrames> read_by(FileSystem& files, Found& found) {
  auto places = RowPlaces::of(found.set.get(), found.sizes, 2, size_bytes(found.facts.shape),
                              found.file_bytes);
  if (places) return std::make_unique<PlacedFrames>(files, found, std::move(*places));
  if (auto decoder = frame_decoder_of(found.set.get(), found.sizes)) {
    return std::make_unique<PackedFrames>(files, found, std::move(*decoder));
  }
  if (auto tiles = FrameTiles::of(found.set.get(), found.sizes)) {
    return std::make_unique<TiledFrames>(files, found, std::move(*tiles));
  }
  return std::make_unique<DecodedFrames>(files, found);
}

}  // namespace

bool is_hdf5(FileSystem& files, const std::filesystem::path& path) {
  const auto fd = open_regular_file(files, path);
  if (!fd) return false;
  const auto size = files.size_bytes(fd->get());
  if (!size) return false;
  std::array<unsigned char, kSignature.size()> start{};
  // The signature is at 0, or behind a user block of 512 bytes, or twice that, and so on.
  for (std::int64_t at = 0; at < *size; at = at == 0 ? 512 : 2 * at) {
    const auto got = files.read_at(fd->get(), std::as_writable_bytes(std::span(start)), at);
    if (!got || *got < start.size()) return false;
    if (start == kSignature) return true;
  }
  return false;
}

Result<std::unique_ptr<StoredFrames>> open_hdf5_frames(FileSystem& files,
                                                       const std::filesystem::path& path,
                                                       const std::string& dataset) {
  if (auto regular = open_regular_file(files, path); !regular) {
    return std::unexpected(regular.error());
  }
  if (!is_hdf5(files, path)) {
    return wrong(ErrorCode::kCorrupt, path,
                 "wrong magic bytes (an HDF5 file begins with \\x89HDF)");
  }
  auto found = find(files, path, dataset);
  if (!found) return std::unexpected(found.error());
  const std::vector<double> times = std::move(found->times);
  auto frames = read_by(files, *found);
  if (times.empty()) return frames;
  return with_times(std::move(frames), times);
}

}  // namespace framelog
