#include "formats/hdf5_dataset.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "formats/hdf5_candidates.hpp"
#include "formats/hdf5_filters.hpp"
#include "formats/hdf5_tiles.hpp"

namespace framelog::hdf5 {
namespace {

constexpr std::size_t kSmallestCacheBytes = std::size_t{1} << 20U;
constexpr std::size_t kLargestCacheBytes = std::size_t{64} << 20U;
constexpr std::size_t kCacheSlots = 12421;  // A prime, as HDF5 asks for.

std::string name_of(const Filter& filter) {
  switch (filter.id) {
    case H5Z_FILTER_DEFLATE:
      return "gzip";
    case H5Z_FILTER_SHUFFLE:
      return "shuffle";
    case H5Z_FILTER_FLETCHER32:
      return "fletcher32";
    case H5Z_FILTER_SZIP:
      return "szip";
    case H5Z_FILTER_NBIT:
      return "nbit";
    case H5Z_FILTER_SCALEOFFSET:
      return "scale-offset";
    case kLz4Id:
      return "lz4";
    case kBitshuffleId:
      return "bitshuffle";
    case kZstdId:
      return "zstd";
    default:
      return filter.name.empty()
                 ? fmt::format("filter {}", filter.id)
                 : fmt::format("filter {} ({})", filter.id, one_line(cut_utf8(filter.name, 40)));
  }
}

/// How many chunks a dimension is cut into. As a double, which products of them cannot overflow.
double chunks_along(hsize_t size, hsize_t chunk) {
  const hsize_t chunks = size / chunk + (size % chunk == 0 ? 0 : 1);
  return static_cast<double>(chunks);
}

/// How many bytes of chunks one step of the first dimension takes, and one chunk.
std::pair<double, double> bytes_per_step(hid_t dataset, std::span<const hsize_t> chunk) {
  const auto sizes = dimensions_of(dataset);
  const Handle type(H5Dget_type(dataset));
  auto chunk_bytes = static_cast<double>(H5Tget_size(type.get()));
  double chunks = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    chunk_bytes *= static_cast<double>(chunk[i]);
    if (i > 0) chunks *= chunks_along(sizes[i], chunk[i]);
  }
  return {chunk_bytes * chunks, chunk_bytes};
}

Result<void> check_filters(hid_t properties) {
  for (const Filter& filter : filters_of(properties)) {
    if (H5Zfilter_avail(filter.id) > 0) continue;
    return fail(
        ErrorCode::kUnsupported, "compressed with",
        name_of(filter) +
            ", which this HDF5 does not have (allowed: none, gzip, lz4, bitshuffle, zstd, and "
            "filters whose plugin is in HDF5_PLUGIN_PATH)");
  }
  return {};
}

double bytes_of_chunk(hid_t dataset, std::span<const hsize_t> chunk) {
  const Handle type(H5Dget_type(dataset));
  auto bytes = static_cast<double>(H5Tget_size(type.get()));
  for (const hsize_t extent : chunk) bytes *= static_cast<double>(extent);
  return bytes;
}

/// The library believes what a file says of the length of a chunk, also where it is not packed and
/// all are as long, and would read behind the end of a shorter one. Of one of these it tells what
/// its length should be, or looks through all of them.
Result<void> check_lengths(hid_t dataset, std::span<const hsize_t> chunk) {
  const double bytes = bytes_of_chunk(dataset, chunk);
  const Handle space(H5Dget_space(dataset));
  hsize_t stored = 0;
  hsize_t chunks = 0;
  for (int look = 0; look < 2; ++look) {  // In between, another process may have written one.
    stored = H5Dget_storage_size(dataset);
    if (H5Dget_num_chunks(dataset, space.get(), &chunks) < 0) break;
    if (static_cast<double>(stored) == bytes * static_cast<double>(chunks)) return {};
  }
  return fail(ErrorCode::kCorrupt, "its chunks are not as long as chunks are:",
              fmt::format("{} bytes in {} chunks of {:.0f} bytes", stored, chunks, bytes));
}

/// Chunks that were never written read as if they were frames.
Result<void> check_written(hid_t dataset, hid_t properties) {
  const auto sizes = dimensions_of(dataset);
  const auto chunk = chunk_of(properties, sizes.size());
  if (chunk.empty()) {
    const hsize_t stored = H5Dget_storage_size(dataset);
    if (stored == 0) return fail(ErrorCode::kCorrupt, "never written");
    const Handle type(H5Dget_type(dataset));
    auto bytes = static_cast<double>(H5Tget_size(type.get()));
    for (const hsize_t size : sizes) bytes *= static_cast<double>(size);
    if (static_cast<double>(stored) >= bytes) return {};
    return fail(ErrorCode::kCorrupt,
                "written in part only:", fmt::format("{} of {:.0f} bytes", stored, bytes));
  }
  double wanted = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    wanted *= chunks_along(sizes[i], chunk[i]);
  }
  const Handle space(H5Dget_space(dataset));
  hsize_t written = 0;
  if (H5Dget_num_chunks(dataset, space.get(), &written) < 0) {
    return fail(ErrorCode::kCorrupt, "cannot count the chunks:", last_error());
  }
  if (static_cast<double>(written) < wanted) {
    return fail(ErrorCode::kCorrupt,
                "written in part only:", fmt::format("{} of {:.0f} chunks", written, wanted));
  }
  if (H5Pget_nfilters(properties) != 0) return {};
  return check_lengths(dataset, chunk);
}

/// Of chunks with other dimensions than the dataset, and of those that are too large to be unpacked
/// without HDF5 (hdf5_tiles.hpp), it would read as many pixels of what was unpacked as a damaged
/// file says, however few these are.
Result<void> check_chunks(hid_t dataset, hid_t properties) {
  auto most = dimensions_of(dataset);
  const auto chunk = chunk_of(properties, most.size());
  if (chunk.empty() && H5Pget_layout(properties) == H5D_CHUNKED) {
    return fail(ErrorCode::kCorrupt, "its chunks have another number of dimensions");
  }
  if (bytes_of_chunk(dataset, chunk) <= static_cast<double>(FrameTiles::kLargestChunkBytes)) {
    return {};
  }
  const Handle space(H5Dget_space(dataset));
  if (H5Sget_simple_extent_dims(space.get(), nullptr, most.data()) < 0) {
    return fail(ErrorCode::kCorrupt, "no dimensions:", last_error());
  }
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    if (most[i] == H5S_UNLIMITED || chunk[i] <= most[i]) continue;
    return fail(ErrorCode::kCorrupt, "its chunks are larger than it can be:",
                fmt::format("{} of {}", chunk[i], most[i]));
  }
  return {};
}

}  // namespace

std::vector<hsize_t> chunk_of(hid_t properties, std::size_t rank) {
  std::vector<hsize_t> chunk(rank);
  if (H5Pget_layout(properties) != H5D_CHUNKED) return {};
  const int told = H5Pget_chunk(properties, static_cast<int>(rank), chunk.data());
  if (told < 0 || static_cast<std::size_t>(told) != rank) return {};
  return chunk;
}

Handle open_for_frames(hid_t file, const std::string& path) {
  Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  if (!set.valid()) return set;
  const Handle properties(H5Dget_create_plist(set.get()));
  const auto chunk = chunk_of(properties.get(), dimensions_of(set.get()).size());
  if (chunk.empty()) return set;
  const auto [step_bytes, chunk_bytes] = bytes_per_step(set.get(), chunk);
  // A chunk beyond the limit needs its memory anyway, and is not decompressed again when it stays.
  const double bytes =
      std::max(chunk_bytes, std::clamp(step_bytes, static_cast<double>(kSmallestCacheBytes),
                                       static_cast<double>(kLargestCacheBytes)));
  const Handle access(H5Pcreate(H5P_DATASET_ACCESS));
  H5Pset_chunk_cache(access.get(), kCacheSlots, static_cast<std::size_t>(bytes), 1.0);
  set.close();
  return Handle(H5Dopen2(file, path.c_str(), access.get()));
}

std::string storage_text(hid_t dataset) {
  const Handle properties(H5Dget_create_plist(dataset));
  std::string text = "compact";
  const H5D_layout_t layout = H5Pget_layout(properties.get());
  if (layout == H5D_CONTIGUOUS) text = "contiguous";
  if (layout == H5D_VIRTUAL) text = "virtual";
  if (layout == H5D_CHUNKED) text = "chunked";
  for (const Filter& filter : filters_of(properties.get())) text += ", " + name_of(filter);
  return text;
}

std::vector<std::filesystem::path> virtual_sources(hid_t dataset,
                                                   const std::filesystem::path& path) {
  std::vector<std::filesystem::path> sources;
  const Handle properties(H5Dget_create_plist(dataset));
  std::size_t count = 0;
  if (H5Pget_layout(properties.get()) != H5D_VIRTUAL ||
      H5Pget_virtual_count(properties.get(), &count) < 0) {
    return sources;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const ssize_t length = H5Pget_virtual_filename(properties.get(), i, nullptr, 0);
    if (length <= 0) continue;
    std::string name(static_cast<std::size_t>(length) + 1, '\0');
    H5Pget_virtual_filename(properties.get(), i, name.data(), name.size());
    name.pop_back();
    const auto source = path.parent_path() / name;
    if (name != "." && std::ranges::find(sources, source) == sources.end()) {
      sources.push_back(source);
    }
  }
  return sources;
}

Result<void> check_readable(hid_t dataset, const std::filesystem::path& path) {
  const Handle properties(H5Dget_create_plist(dataset));
  if (auto filters = check_filters(properties.get()); !filters) return filters;
  if (auto chunks = check_chunks(dataset, properties.get()); !chunks) return chunks;
  const H5D_layout_t layout = H5Pget_layout(properties.get());
  for (const auto& source : virtual_sources(dataset, path)) {
    std::error_code ignored;
    if (std::filesystem::exists(source, ignored)) continue;
    // HDF5 would read fill values in its place. Names with % stand for many files.
    if (source.string().find('%') != std::string::npos) {
      return fail(ErrorCode::kUnsupported, "made of files with numbered names", source.string());
    }
    return fail(ErrorCode::kNotFound, "made of a file that is not there:", source.string());
  }
  if (layout == H5D_VIRTUAL || H5Pget_external_count(properties.get()) > 0) return {};
  return check_written(dataset, properties.get());
}

}  // namespace framelog::hdf5
