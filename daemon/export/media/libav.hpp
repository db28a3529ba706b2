#pragma once

#include <memory>
#include <string>

#include "core/result.hpp"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libavutil/opt.h>
}

namespace framelog {

struct FreeLibav {
  void operator()(AVCodecContext* context) const noexcept { avcodec_free_context(&context); }
  void operator()(AVFrame* frame) const noexcept { av_frame_free(&frame); }
  void operator()(AVPacket* packet) const noexcept { av_packet_free(&packet); }
};
template <class T>
using LibavPointer = std::unique_ptr<T, FreeLibav>;

/// "cannot ...: Invalid argument" of a negative status of libav.
[[nodiscard]] inline std::unexpected<Error> libav_failure(const char* what, int status) {
  char text[AV_ERROR_MAX_STRING_SIZE]{};
  av_strerror(status, text, sizeof(text));
  const ErrorCode code = status == AVERROR(ENOMEM) ? ErrorCode::kNoMemory : ErrorCode::kIo;
  return fail(code, what, text);
}

}  // namespace framelog
