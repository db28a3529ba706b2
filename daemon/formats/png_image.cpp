#include <fmt/format.h>
#include <png.h>

#include <bit>
#include <csetjmp>
#include <new>

#include "core/clock.hpp"
#include "formats/frame_image.hpp"

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

/// Nothing with a destructor lives here: libpng's errors jump over it.
bool encode(png_structp png, png_infop info, const FrameShape& shape, const std::byte* pixels,
            png_text* text, Output& output) {
  // NOLINTNEXTLINE(cert-err52-cpp,modernize-avoid-setjmp-longjmp): libpng's way to fail.
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  const std::size_t pixel_bytes = size_bytes(shape.type);
  png_set_write_fn(png, &output, on_write, on_flush);
  png_set_user_limits(png, shape.width_px, shape.height_px);
  png_set_IHDR(png, info, shape.width_px, shape.height_px, static_cast<int>(8 * pixel_bytes),
               PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_set_text(png, info, text, 1);
  png_write_info(png, info);
  if (pixel_bytes == 2 && std::endian::native == std::endian::little) png_set_swap(png);
  const auto* row = reinterpret_cast<const png_byte*>(pixels);
  for (std::uint32_t y = 0; y < shape.height_px; ++y) {
    png_write_row(png, row + std::size_t{y} * shape.width_px * pixel_bytes);
  }
  png_write_end(png, info);
  return true;
}

}  // namespace

Result<std::vector<std::byte>> encode_png(const FrameImage& image) {
  if (image.shape.type != PixelType::kUint8 && image.shape.type != PixelType::kUint16) {
    return fail(ErrorCode::kUnsupported, "a PNG holds uint8 and uint16 only, this frame is",
                fmt::format("{} (allowed: a .tif or .h5 file)", name_of(image.shape.type)));
  }
  // libpng's texts are not const.
  std::string about = fmt::format("{} {}, frame {}, {}", image.instrument, image.product,
                                  image.sequence, iso_time(image.utc_ns));
  std::string key = "Description";
  png_text text{};
  text.key = key.data();
  text.text = about.data();
  text.compression = PNG_TEXT_COMPRESSION_NONE;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, on_error, on_warning);
  if (png == nullptr) return fail(ErrorCode::kNoMemory, "cannot make a PNG");
  png_infop info = png_create_info_struct(png);
  Output output;
  const bool done =
      info != nullptr && encode(png, info, image.shape, image.pixels.data(), &text, output);
  png_destroy_write_struct(&png, &info);
  if (!done) return fail(ErrorCode::kNoMemory, "cannot make a PNG");
  return std::move(output.bytes);
}

}  // namespace framelog
