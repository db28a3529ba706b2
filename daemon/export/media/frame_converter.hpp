#pragma once

#include "export/media/libav.hpp"
#include "export/picture.hpp"

struct SwsContext;

namespace framelog {

/// RGB pictures as YUV 4:2:0 of ITU-R BT.709 in its limited range, which every player knows. A
/// frame that is larger by a pixel gets the picture's edge once more. Threads: one.
class FrameConverter {
 public:
  /// Errors: kNoMemory.
  [[nodiscard]] Result<void> convert(const RgbImage& image, AVFrame& frame);

 private:
  struct Free {
    void operator()(SwsContext* context) const noexcept;
  };
  [[nodiscard]] Result<void> prepare(const AVFrame& frame);

  std::unique_ptr<SwsContext, Free> context_;
  RgbImage padded_;
};

}  // namespace framelog
