#include "formats/frame_image.hpp"

#include <algorithm>
#include <array>

#include "core/text.hpp"

namespace framelog {
namespace {

struct Format {
  const char* suffix;
  Result<std::vector<std::byte>> (*encode)(const FrameImage& image);
};

constexpr std::array kFormats{Format{".png", encode_png}, Format{".tif", encode_tiff},
                              Format{".tiff", encode_tiff}, Format{".h5", encode_hdf5},
                              Format{".hdf5", encode_hdf5}};

const Format* format_of(const std::filesystem::path& name) {
  const std::string suffix = lower_case(name.extension().string());
  const auto found = std::ranges::find(kFormats, suffix, &Format::suffix);
  return found == kFormats.end() ? nullptr : &*found;
}

}  // namespace

std::string image_formats() {
  return "a PNG (.png), a TIFF (.tif, .tiff) or an HDF5 file (.h5, .hdf5)";
}

bool is_image_name(const std::filesystem::path& name) { return format_of(name) != nullptr; }

Result<std::vector<std::byte>> encode_image(const std::filesystem::path& name,
                                            const FrameImage& image) {
  const Format* format = format_of(name);
  if (format == nullptr) {
    return fail(ErrorCode::kUnsupported, "unknown format of",
                name.string() + " (allowed: " + image_formats() + ")");
  }
  if (image.pixels.size() != size_bytes(image.shape) || image.pixels.empty()) {
    return fail(ErrorCode::kCorrupt, "a frame of", to_string(image.shape) + " with other pixels");
  }
  return format->encode(image);
}

}  // namespace framelog
