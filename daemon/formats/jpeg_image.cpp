// jpeglib.h needs FILE.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdlib>

#include "formats/picture_file.hpp"

namespace framelog {
namespace {

/// All that changes between setjmp() and longjmp(); it lives in the caller of both.
struct Attempt {
  jpeg_compress_struct encoder{};
  jpeg_error_mgr errors{};
  std::jmp_buf give_up{};
  unsigned char* bytes{};  ///< libjpeg's, of malloc().
  unsigned long size{};
  bool whole{};
};

// libjpeg's way out of a fatal error must not return. No C++ object with a destructor lies between
// here and setjmp().
[[noreturn]] void leave(j_common_ptr encoder) {
  std::longjmp(static_cast<Attempt*>(encoder->client_data)->give_up, 1);
}

void say_nothing(j_common_ptr /*encoder*/) {}

void describe_picture(jpeg_compress_struct& encoder, const FilePicture& picture) {
  encoder.image_width = picture.shape.width_px;
  encoder.image_height = picture.shape.height_px;
  encoder.input_components = static_cast<int>(picture.channels);
  encoder.in_color_space = picture.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, picture.jpeg_quality, TRUE);
  encoder.dct_method = JDCT_ISLOW;
  if (picture.jpeg_quality >= 90 && picture.channels == 3) {  // Colours as fine as brightness.
    encoder.comp_info[0].h_samp_factor = 1;
    encoder.comp_info[0].v_samp_factor = 1;
  }
  if (picture.dpi) {
    const auto density = static_cast<UINT16>(std::clamp(std::round(*picture.dpi), 1.0, 65535.0));
    encoder.density_unit = 1;  // Per inch.
    encoder.X_density = density;
    encoder.Y_density = density;
  }
}

void encode(Attempt& attempt, const FilePicture& picture) {
  jpeg_compress_struct& encoder = attempt.encoder;
  encoder.err = jpeg_std_error(&attempt.errors);
  attempt.errors.error_exit = leave;
  attempt.errors.output_message = say_nothing;
  encoder.client_data = &attempt;
  // NOLINTNEXTLINE(cert-err52-cpp): libjpeg knows no other way.
  if (setjmp(attempt.give_up) != 0) return;
  jpeg_create_compress(&encoder);
  jpeg_mem_dest(&encoder, &attempt.bytes, &attempt.size);
  describe_picture(encoder, picture);
  jpeg_start_compress(&encoder, TRUE);
  const std::size_t row_bytes = std::size_t{picture.shape.width_px} * picture.channels;
  while (encoder.next_scanline < encoder.image_height) {
    // libjpeg does not change the rows, but does not say so.
    JSAMPROW row = reinterpret_cast<JSAMPLE*>(
        const_cast<std::byte*>(picture.pixels.data() + encoder.next_scanline * row_bytes));
    jpeg_write_scanlines(&encoder, &row, 1);
  }
  jpeg_finish_compress(&encoder);
  attempt.whole = true;
}

}  // namespace

Result<std::vector<std::byte>> encode_jpeg(const FilePicture& picture) {
  if (picture.shape.type != PixelType::kUint8) {
    return fail(ErrorCode::kUnsupported, "a JPEG holds uint8 only, this picture is",
                std::string(name_of(picture.shape.type)) +
                    " (allowed: tif, which takes every type, or png)");
  }
  if (std::max(picture.shape.height_px, picture.shape.width_px) > JPEG_MAX_DIMENSION) {
    return fail(ErrorCode::kInvalid, "a JPEG has sides of at most 65500 pixels, this picture is",
                to_string(picture.shape));
  }
  if (picture.jpeg_quality < 1 || picture.jpeg_quality > 100) {
    return fail(ErrorCode::kInvalid, "JPEG quality",
                std::to_string(picture.jpeg_quality) + " (allowed: 1 to 100)");
  }
  Attempt attempt;
  encode(attempt, picture);
  jpeg_destroy_compress(&attempt.encoder);
  std::vector<std::byte> bytes;
  if (attempt.whole) {
    const auto* first = reinterpret_cast<const std::byte*>(attempt.bytes);
    bytes.assign(first, first + attempt.size);
  }
  std::free(attempt.bytes);  // NOLINT(cppcoreguidelines-no-malloc): libjpeg allocated it.
  if (!attempt.whole) return fail(ErrorCode::kNoMemory, "cannot make a JPEG");
  return bytes;
}

}  // namespace framelog
