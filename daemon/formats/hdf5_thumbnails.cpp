#include <new>

#include "formats/hdf5_layout.hpp"
#include "formats/thumbnail.hpp"

namespace framelog::hdf5 {
namespace {

/// Noise does not compress: a smaller picture of it does as well.
constexpr std::size_t kMostBytes = std::size_t{128} << 10U;
constexpr std::uint32_t kLongestSidePx = 640;
constexpr std::uint32_t kLongestNoisySidePx = 320;

Thumbnail make(SegmentReader& reader, std::int64_t frame) {
  try {
    std::vector<std::byte> pixels(size_bytes(reader.shape()));
    if (!reader.pixels(frame, pixels)) return {};
    auto png = make_thumbnail(reader.shape(), pixels, kLongestSidePx).value_or(Thumbnail{});
    if (png.size() <= kMostBytes) return png;
    return make_thumbnail(reader.shape(), pixels, kLongestNoisySidePx).value_or(Thumbnail{});
  } catch (const std::bad_alloc&) {
    return {};
  }
}

void write(Tree& tree, const std::string& path, const Thumbnail& png) {
  if (png.empty()) return;
  tree.group(path, "NXnote");
  tree.text(path + "/type", "image/png");
  const hsize_t size = png.size();
  const Handle space(H5Screate_simple(1, &size, nullptr));
  tree.dataset(path + "/data", H5T_STD_U8LE, space.get(), H5P_DEFAULT, png.data());
}

}  // namespace

Thumbnails make_thumbnails(SegmentReader& reader, std::int64_t frames) {
  Thumbnails thumbnails;
  if (frames == 0) return thumbnails;
  thumbnails.first = make(reader, 0);
  thumbnails.last = make(reader, frames - 1);
  return thumbnails;
}

void write_thumbnails(Tree& tree, const Thumbnails& thumbnails) {
  write(tree, kEntry + "/thumbnail", thumbnails.first);
  write(tree, kEntry + "/thumbnail_last", thumbnails.last);
}

}  // namespace framelog::hdf5
