#include <algorithm>
#include <array>

#include "export/picture.hpp"
#include "formats/picture_file.hpp"

namespace framelog {
namespace {

using Encode = Result<std::vector<std::byte>> (*)(const FilePicture&);

bool is_gray(const RgbImage& image) {
  for (std::size_t at = 0; at < image.rgb.size(); at += 3) {
    if (image.rgb[at] != image.rgb[at + 1] || image.rgb[at] != image.rgb[at + 2]) return false;
  }
  return true;
}

FilePicture file_picture(const FrameShape& shape, std::span<const std::byte> pixels,
                         const PictureRequest& request) {
  FilePicture picture;
  picture.shape = shape;
  picture.pixels = pixels;
  picture.dpi = request.dpi;
  picture.jpeg_quality = request.jpeg_quality;
  return picture;
}

/// Grey where the colour map is and nothing in colour was drawn. A black frame of another map stays
/// RGB, so that all pictures of a sequence are alike.
template <Encode encode>
Result<std::vector<std::byte>> shown(const RgbImage& image, const PictureRequest& request) {
  const FrameShape shape{image.height_px, image.width_px, PixelType::kUint8};
  if (request.colour_map != ColourMap::kGray || !is_gray(image)) {
    FilePicture picture = file_picture(shape, std::as_bytes(std::span(image.rgb)), request);
    picture.channels = 3;
    return encode(picture);
  }
  std::vector<std::uint8_t> levels(image.rgb.size() / 3);
  for (std::size_t pixel = 0; pixel < levels.size(); ++pixel) levels[pixel] = image.rgb[3 * pixel];
  return encode(file_picture(shape, std::as_bytes(std::span(levels)), request));
}

template <Encode encode>
Result<std::vector<std::byte>> raw(const FrameShape& shape, std::span<const std::byte> pixels,
                                   const PictureRequest& request) {
  return encode(file_picture(shape, pixels, request));
}

Result<std::vector<std::byte>> no_raw(const FrameShape& shape,
                                      std::span<const std::byte> /*pixels*/,
                                      const PictureRequest& /*request*/) {
  return fail(ErrorCode::kUnsupported,
              "this format shows pictures and keeps no raw values, these are",
              std::string(name_of(shape.type)) +
                  " (allowed: tif, which takes every type, png and pgm for uint8 and uint16)");
}

constexpr std::array<PictureFormat, 6> kFormats{{
    {"png", ".png", "PNG: pictures, or raw values of uint8 and uint16",
     "Pictures as displayed are 8-bit grey, or RGB with a colour map. Raw values keep the 8 or 16\n"
     "bits of the recording; other types go into tif. --dpi is told by pHYs.\n"
     "Example: framelog export run.h5 --to png --output-name '{nickname}_{slice_index}' "
     "--colour-map viridis",
     shown<encode_png>, raw<encode_png>, true},
    {"tif", ".tif", "TIFF, one picture: raw values of every type, or as displayed",
     "Raw values keep the type of the recording, uncompressed, so that every program reads them;\n"
     "pictures as displayed are 8-bit grey or RGB. For stacks see ome-tiff.\n"
     "Example: framelog export run.h5 --to tif --images raw "
     "--output-name '{nickname}_{slice_index}'",
     shown<encode_tiff>, raw<encode_tiff>, true},
    {"jpg", ".jpg", "JPEG: pictures as displayed, small and not exact",
     "For looking at, not for measuring: values change by the compression. --jpeg-quality 1 to\n"
     "100, default 90; from 90 on colours are as fine as brightness.\n"
     "Example: framelog export run.h5 --to jpg --output-name '{nickname}_{slice_index}' "
     "--jpeg-quality 95",
     shown<encode_jpeg>, no_raw, false},
    {"bmp", ".bmp", "Windows bitmap: pictures as displayed, uncompressed",
     "8-bit grey with a palette, or 24-bit RGB; for programs that read nothing else.\n"
     "Example: framelog export run.h5 --to bmp --output-name '{nickname}_{slice_index}'",
     shown<encode_bmp>, no_raw, false},
    {"pgm", ".pgm", "portable grey map: pictures or raw values of uint8 and uint16",
     "The simplest of all: a line of text and the pixels, of 16 bits with the high byte first.\n"
     "Grey only.\n"
     "Example: framelog export run.h5 --to pgm --images raw "
     "--output-name '{nickname}_{slice_index}'",
     shown<encode_pgm>, raw<encode_pgm>, true},
    {"ppm", ".ppm", "portable pixel map: pictures as displayed, RGB",
     "A line of text and 8-bit RGB.\n"
     "Example: framelog export run.h5 --to ppm --output-name '{nickname}_{slice_index}' "
     "--colour-map magma",
     shown<encode_ppm>, no_raw, false},
}};

}  // namespace

std::span<const PictureFormat> picture_formats() noexcept { return kFormats; }

const PictureFormat* find_picture_format(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kFormats, name, &PictureFormat::name);
  return found == kFormats.end() ? nullptr : found;
}

}  // namespace framelog
