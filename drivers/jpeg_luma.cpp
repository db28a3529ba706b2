#include "drivers/jpeg_luma.hpp"

// jpeglib.h needs FILE.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <algorithm>
#include <csetjmp>

namespace framelog {
namespace {

/// All that changes between setjmp() and longjmp(); it lives in the caller of both.
struct Attempt {
  jpeg_decompress_struct decoder{};
  jpeg_error_mgr errors{};
  std::jmp_buf give_up{};
  bool whole{};
};

// libjpeg's way out of a fatal error must not return. No C++ object with a destructor lies between
// here and setjmp().
[[noreturn]] void leave(j_common_ptr decoder) {
  std::longjmp(static_cast<Attempt*>(decoder->client_data)->give_up, 1);
}

// Counts what is wrong, and says nothing: drivers do not log.
/// Many cameras put bytes between the last row and the end, which damage nothing.
bool is_behind_the_picture(j_common_ptr decoder) {
  if (decoder->err->msg_code != JWRN_EXTRANEOUS_DATA || decoder->is_decompressor == 0) return false;
  const auto* picture = reinterpret_cast<j_decompress_ptr>(decoder);
  return picture->input_scan_number > 0 && picture->output_height > 0 &&
         picture->output_scanline >= picture->output_height;
}

void count_warning(j_common_ptr decoder, int level) {
  if (level < 0 && !is_behind_the_picture(decoder)) ++decoder->err->num_warnings;
}

void decode_rows(Attempt& attempt, std::uint32_t height_px, std::uint32_t width_px,
                 std::byte* pixels) {
  jpeg_decompress_struct& decoder = attempt.decoder;
  static_cast<void>(jpeg_read_header(&decoder, TRUE));
  if (decoder.image_height != height_px || decoder.image_width != width_px) return;
  if (decoder.progressive_mode != 0 || decoder.arith_code != 0) return;
  decoder.out_color_space = JCS_GRAYSCALE;
  static_cast<void>(jpeg_start_decompress(&decoder));
  while (decoder.output_scanline < height_px) {
    JSAMPROW row =
        reinterpret_cast<JSAMPLE*>(pixels + std::size_t{decoder.output_scanline} * width_px);
    static_cast<void>(jpeg_read_scanlines(&decoder, &row, 1));
  }
  static_cast<void>(jpeg_finish_decompress(&decoder));
  attempt.whole = decoder.err->num_warnings == 0;
}

void decode(Attempt& attempt, std::span<const std::byte> picture, std::uint32_t height_px,
            std::uint32_t width_px, std::byte* pixels) {
  jpeg_decompress_struct& decoder = attempt.decoder;
  decoder.err = jpeg_std_error(&attempt.errors);
  attempt.errors.error_exit = leave;
  attempt.errors.emit_message = count_warning;
  decoder.client_data = &attempt;
  // NOLINTNEXTLINE(cert-err52-cpp): libjpeg knows no other way.
  if (setjmp(attempt.give_up) != 0) return;
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, reinterpret_cast<const unsigned char*>(picture.data()), picture.size());
  decode_rows(attempt, height_px, width_px, pixels);
}

}  // namespace

bool decode_jpeg_luma(std::span<const std::byte> picture, std::uint32_t height_px,
                      std::uint32_t width_px, std::span<std::byte> pixels) noexcept {
  Attempt attempt;
  if (!picture.empty()) decode(attempt, picture, height_px, width_px, pixels.data());
  if (!attempt.whole) {
    // A row in the making when libjpeg gave up does not count.
    const std::size_t rows = std::min(attempt.decoder.output_scanline, height_px);
    std::ranges::fill(pixels.subspan(rows * width_px), std::byte{0});
  }
  jpeg_destroy_decompress(&attempt.decoder);
  return attempt.whole;
}

}  // namespace framelog
