#include <fmt/format.h>
#include <png.h>

#include <bit>
#include <csetjmp>
#include <new>

#include "core/clock.hpp"
#include "formats/frame_image.hpp"
#include "formats/picture_file.hpp"

namespace framelog {
namespace {

/// What libpng's callbacks need.
struct Output {
  std::vector<std::byte> bytes;
};

// NOLINTNEXTLINE(readability-non-const-parameter): libpng's signature.
void on_write(png_structp png, png_bytep data, std::size_t count) {
  auto& output = *static_cast<Output*>(png_get_io_ptr(png));
  try {
    const auto* from = reinterpret_cast<const std::byte*>(data);
    output.bytes.insert(output.bytes.end(), from, from + count);
    return;
  } catch (const std::bad_alloc&) {  // Reported below.
  }
  png_error(png, "no memory");  // Not from within the handler: it jumps.
}

void on_flush(png_structp /*png*/) {}
void on_error(png_structp png, png_const_charp /*message*/) { png_longjmp(png, 1); }
void on_warning(png_structp /*png*/, png_const_charp /*message*/) {}

void describe_picture(png_structp png, png_infop info, const FilePicture& picture) {
  png_set_user_limits(png, picture.shape.width_px, picture.shape.height_px);
  png_set_IHDR(png, info, picture.shape.width_px, picture.shape.height_px,
               static_cast<int>(8 * size_bytes(picture.shape.type)),
               picture.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (picture.dpi) {
    const png_uint_32 density = pixels_per_metre(*picture.dpi);
    png_set_pHYs(png, info, density, density, PNG_RESOLUTION_METER);
  }
}

/// Nothing with a destructor lives here: libpng's errors jump over it. `text` may be null.
bool encode(png_structp png, png_infop info, const FilePicture& picture, png_text* text,
            Output& output) {
  // NOLINTNEXTLINE(cert-err52-cpp,modernize-avoid-setjmp-longjmp): libpng's way to fail.
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_write_fn(png, &output, on_write, on_flush);
  describe_picture(png, info, picture);
  if (text != nullptr) png_set_text(png, info, text, 1);
  png_write_info(png, info);
  const std::size_t pixel_bytes = size_bytes(picture.shape.type) * picture.channels;
  if (picture.shape.type == PixelType::kUint16 && std::endian::native == std::endian::little) {
    png_set_swap(png);
  }
  const auto* row = reinterpret_cast<const png_byte*>(picture.pixels.data());
  for (std::uint32_t y = 0; y < picture.shape.height_px; ++y) {
    png_write_row(png, row + std::size_t{y} * picture.shape.width_px * pixel_bytes);
  }
  png_write_end(png, info);
  return true;
}

Result<std::vector<std::byte>> encode(const FilePicture& picture, png_text* text) {
  if (picture.shape.type != PixelType::kUint8 &&
      (picture.shape.type != PixelType::kUint16 || picture.channels != 1)) {
    return fail(ErrorCode::kUnsupported, "a PNG holds uint8 and uint16 only, this frame is",
                fmt::format("{} (allowed: a .tif or .h5 file)", name_of(picture.shape.type)));
  }
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, on_error, on_warning);
  if (png == nullptr) return fail(ErrorCode::kNoMemory, "cannot make a PNG");
  png_infop info = png_create_info_struct(png);
  Output output;
  const bool done = info != nullptr && encode(png, info, picture, text, output);
  png_destroy_write_struct(&png, &info);
  if (!done) return fail(ErrorCode::kNoMemory, "cannot make a PNG");
  return std::move(output.bytes);
}

}  // namespace

Result<std::vector<std::byte>> encode_png(const FrameImage& image) {
  // libpng's texts are not const.
  std::string about = fmt::format("{} {}, frame {}, {}", image.instrument, image.product,
                                  image.sequence, iso_time(image.utc_ns));
  std::string key = "Description";
  png_text text{};
  text.key = key.data();
  text.text = about.data();
  text.compression = PNG_TEXT_COMPRESSION_NONE;
  return encode(FilePicture{.shape = image.shape, .pixels = image.pixels, .dpi = {}}, &text);
}

Result<std::vector<std::byte>> encode_png(const FilePicture& picture) {
  return encode(picture, nullptr);
}

}  // namespace framelog
