#include "export/media/frame_converter.hpp"

#include <algorithm>
#include <array>

extern "C" {
#include <libswscale/swscale.h>
}

namespace framelog {
namespace {

/// The picture with its last column and row repeated.
void pad(const RgbImage& image, RgbImage& padded) {
  padded.rgb.resize(std::size_t{3} * padded.height_px * padded.width_px);
  for (std::size_t y = 0; y < padded.height_px; ++y) {
    const std::size_t from = std::min<std::size_t>(y, image.height_px - 1);
    for (std::size_t x = 0; x < padded.width_px; ++x) {
      const std::size_t column = std::min<std::size_t>(x, image.width_px - 1);
      std::copy_n(image.rgb.data() + 3 * (from * image.width_px + column), 3,
                  padded.rgb.data() + 3 * (y * padded.width_px + x));
    }
  }
}

}  // namespace

void FrameConverter::Free::operator()(SwsContext* context) const noexcept {
  sws_freeContext(context);
}

Result<void> FrameConverter::prepare(const AVFrame& frame) {
  if (context_) return {};
  // Exact rounding, so that processors with and without vector units agree.
  const int flags = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP | SWS_BITEXACT;
  context_.reset(sws_getContext(frame.width, frame.height, AV_PIX_FMT_RGB24, frame.width,
                                frame.height, AV_PIX_FMT_YUV420P, flags, nullptr, nullptr,
                                nullptr));
  if (!context_) return fail(ErrorCode::kNoMemory, "cannot convert pictures for a movie");
  const int* table = sws_getCoefficients(SWS_CS_ITU709);
  constexpr int kFullRange = 1;
  constexpr int kLimitedRange = 0;
  constexpr int kOne = 1 << 16;
  sws_setColorspaceDetails(context_.get(), table, kFullRange, table, kLimitedRange, 0, kOne, kOne);
  return {};
}

Result<void> FrameConverter::convert(const RgbImage& image, AVFrame& frame) {
  if (auto ready = prepare(frame); !ready) return ready;
  padded_.height_px = static_cast<std::uint32_t>(frame.height);
  padded_.width_px = static_cast<std::uint32_t>(frame.width);
  const bool fits = padded_.height_px == image.height_px && padded_.width_px == image.width_px;
  if (!fits) pad(image, padded_);
  const std::array<const std::uint8_t*, 1> rows{fits ? image.rgb.data() : padded_.rgb.data()};
  const std::array<int, 1> strides{3 * frame.width};
  const int lines = sws_scale(context_.get(), rows.data(), strides.data(), 0, frame.height,
                              frame.data, frame.linesize);
  if (lines != frame.height) return fail(ErrorCode::kIo, "cannot convert pictures for a movie");
  return {};
}

}  // namespace framelog
