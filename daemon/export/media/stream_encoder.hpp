#pragma once

#include <map>

#include "export/media/libav.hpp"
#include "export/media/movie_file.hpp"

namespace framelog {

/// How frames are encoded.
struct EncoderSettings {
  const char* codec{};  ///< As libavcodec names it: "libvpx-vp9".
  AVPixelFormat pixels{};
  int height_px{}, width_px{};
  int ticks_per_second{};
  std::map<std::string, std::string> options;  ///< Of the encoder.
};

/// An encoder and the file that its packets go to. The number of threads is fixed, because packets
/// depend on it. Threads: one.
class StreamEncoder {
 public:
  /// Errors: kUnsupported, libavcodec has no such encoder.
  [[nodiscard]] static Result<StreamEncoder> open(std::unique_ptr<MovieFile> file,
                                                  const EncoderSettings& settings);
  /// A frame to be filled, of the encoder's format.
  [[nodiscard]] Result<LibavPointer<AVFrame>> new_frame() const;
  [[nodiscard]] Result<void> encode(AVFrame& frame, std::int64_t start, std::int64_t length);
  /// What the encoder still holds, and the end of the file.
  [[nodiscard]] Result<void> finish();
  [[nodiscard]] MovieFile& file() noexcept { return *file_; }

 private:
  StreamEncoder() = default;
  [[nodiscard]] Result<void> send(const AVFrame* frame);

  std::unique_ptr<MovieFile> file_;
  LibavPointer<AVCodecContext> encoder_;
  std::map<std::int64_t, std::int64_t> lengths_;  ///< By start, of frames within the encoder.
};

}  // namespace framelog
