#include "export/media/stream_encoder.hpp"

#include <utility>

namespace framelog {
namespace {

constexpr int kThreads = 4;

void describe(AVCodecContext& encoder, const EncoderSettings& settings) {
  encoder.width = settings.width_px;
  encoder.height = settings.height_px;
  encoder.pix_fmt = settings.pixels;
  encoder.time_base = {1, settings.ticks_per_second};
  encoder.sample_aspect_ratio = {1, 1};
  encoder.flags |= AV_CODEC_FLAG_BITEXACT;
  encoder.thread_count = kThreads;
  if (settings.pixels != AV_PIX_FMT_YUV420P) return;
  encoder.color_range = AVCOL_RANGE_MPEG;
  encoder.colorspace = AVCOL_SPC_BT709;
  encoder.color_primaries = AVCOL_PRI_BT709;
  encoder.color_trc = AVCOL_TRC_BT709;
}

}  // namespace

Result<StreamEncoder> StreamEncoder::open(std::unique_ptr<MovieFile> file,
                                          const EncoderSettings& settings) {
  const AVCodec* codec = avcodec_find_encoder_by_name(settings.codec);
  if (codec == nullptr) {
    return fail(ErrorCode::kUnsupported, "libavcodec here has no encoder", settings.codec);
  }
  StreamEncoder self;
  self.encoder_.reset(avcodec_alloc_context3(codec));
  if (!self.encoder_) return fail(ErrorCode::kNoMemory, "cannot make an encoder");
  describe(*self.encoder_, settings);
  if (file->wants_global_header()) self.encoder_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  AVDictionary* options = nullptr;
  for (const auto& [name, value] : settings.options) {
    av_dict_set(&options, name.c_str(), value.c_str(), 0);
  }
  const int opened = avcodec_open2(self.encoder_.get(), codec, &options);
  const bool all_taken = av_dict_count(options) == 0;
  av_dict_free(&options);
  if (opened < 0) return libav_failure("cannot open the encoder:", opened);
  if (!all_taken) {
    return fail(ErrorCode::kUnsupported,
                "the encoder of libavcodec lacks an option:", settings.codec);
  }
  self.file_ = std::move(file);
  if (auto begun = self.file_->begin(*self.encoder_); !begun) return std::unexpected(begun.error());
  return self;
}

Result<LibavPointer<AVFrame>> StreamEncoder::new_frame() const {
  LibavPointer<AVFrame> frame(av_frame_alloc());
  if (!frame) return fail(ErrorCode::kNoMemory, "cannot make a frame of a movie");
  frame->format = encoder_->pix_fmt;
  frame->width = encoder_->width;
  frame->height = encoder_->height;
  frame->color_range = encoder_->color_range;
  frame->colorspace = encoder_->colorspace;
  const int status = av_frame_get_buffer(frame.get(), 0);
  if (status < 0) return libav_failure("cannot make a frame of a movie:", status);
  return frame;
}

Result<void> StreamEncoder::send(const AVFrame* frame) {
  const int sent = avcodec_send_frame(encoder_.get(), frame);
  if (sent < 0) return libav_failure("cannot encode a frame:", sent);
  const LibavPointer<AVPacket> packet(av_packet_alloc());
  if (!packet) return fail(ErrorCode::kNoMemory, "cannot encode a frame");
  while (true) {
    const int received = avcodec_receive_packet(encoder_.get(), packet.get());
    if (received == AVERROR(EAGAIN) || received == AVERROR_EOF) return {};
    if (received < 0) return libav_failure("cannot encode a frame:", received);
    // Without it the last frame would last as long as the one before.
    if (auto known = lengths_.extract(packet->pts); !known.empty()) {
      packet->duration = known.mapped();
    }
    if (auto written = file_->write(*packet); !written) return written;
  }
}

Result<void> StreamEncoder::encode(AVFrame& frame, std::int64_t start, std::int64_t length) {
  frame.pts = start;
  lengths_[start] = length;
  return send(&frame);
}

Result<void> StreamEncoder::finish() {
  if (auto flushed = send(nullptr); !flushed) return flushed;
  return file_->finish();
}

}  // namespace framelog
