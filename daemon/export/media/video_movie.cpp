#include <fmt/format.h>

#include <optional>

#include "export/media/frame_converter.hpp"
#include "export/media/movies.hpp"
#include "export/media/stream_encoder.hpp"
#include "export/movie_clock.hpp"

namespace framelog {
namespace {

/// What differs between the two.
struct VideoKind {
  const char* muxer;
  const char* codec;
  int ticks_per_second;
  bool even_sizes;
  double quality;  ///< Default.
  std::map<std::string, std::string> options;
};

VideoKind webm() {
  return {"webm",
          "libvpx-vp9",
          1000,  // What the muxer counts in.
          false,
          24,
          {{"b", "0"},  // Constant quality.
           {"deadline", "realtime"},
           {"cpu-used", "7"},
           {"row-mt", "1"},
           {"tile-columns", "2"},
           {"lag-in-frames", "0"}}};
}

VideoKind mp4() {
  return {"mp4", "libx264", 90'000,
          true,  18,        {{"preset", "fast"}, {"x264-params", "cpu-independent=1"}}};
}

class VideoMovie final : public MovieWriter {
 public:
  VideoMovie(std::unique_ptr<MovieFile> file, VideoKind kind)
      : kind_(std::move(kind)), clock_(kind_.ticks_per_second), file_(std::move(file)) {}

  Result<void> add(const RgbImage& image, std::int64_t duration_ns) override {
    if (auto ready = prepare(image); !ready) return ready;
    const auto span = clock_.show(duration_ns);
    if (!span) return std::unexpected(span.error());
    auto frame = encoder_->new_frame();
    if (!frame) return std::unexpected(frame.error());
    if (auto done = converter_.convert(image, **frame); !done) return done;
    return encoder_->encode(**frame, span->start, span->length);
  }
  Result<void> add_file(const std::string& /*name*/,
                        std::span<const std::byte> /*bytes*/) override {
    return fail(ErrorCode::kUnsupported, "a movie holds no files", "(allowed: zip)");
  }
  Result<void> finish() override {
    if (!encoder_) return fail(ErrorCode::kInvalid, "a movie needs a frame at least");
    return encoder_->finish();
  }
  [[nodiscard]] std::vector<std::string> notes() const override {
    if (!is_padded_) return {};
    return {fmt::format("{} needs even sizes: {} x {} pixels grew by the edge's", kind_.muxer,
                        height_px_, width_px_)};
  }

 private:
  Result<void> prepare(const RgbImage& image) {
    if (encoder_) {
      if (image.height_px == height_px_ && image.width_px == width_px_) return {};
      return fail(ErrorCode::kInvalid, "movie", "its frames are not of one size");
    }
    height_px_ = image.height_px;
    width_px_ = image.width_px;
    const std::uint32_t odd = kind_.even_sizes ? 1 : 0;
    is_padded_ = ((height_px_ | width_px_) & odd) != 0;
    EncoderSettings settings{kind_.codec,
                             AV_PIX_FMT_YUV420P,
                             static_cast<int>(height_px_ + (height_px_ & odd)),
                             static_cast<int>(width_px_ + (width_px_ & odd)),
                             kind_.ticks_per_second,
                             kind_.options};
    auto encoder = StreamEncoder::open(std::move(file_), settings);
    if (!encoder) return std::unexpected(encoder.error());
    encoder_ = std::move(*encoder);
    return {};
  }

  VideoKind kind_;
  MovieClock clock_;
  std::unique_ptr<MovieFile> file_;
  std::optional<StreamEncoder> encoder_;
  FrameConverter converter_;
  std::uint32_t height_px_{}, width_px_{};
  bool is_padded_{};
};

}  // namespace

Result<std::unique_ptr<MovieWriter>> create_video(FileSystem& files, std::string_view format,
                                                  const std::filesystem::path& part,
                                                  const MovieRequest& movie) {
  VideoKind kind = format == "mp4" ? mp4() : webm();
  if (avcodec_find_encoder_by_name(kind.codec) == nullptr) {
    return fail(
        ErrorCode::kUnsupported, kind.muxer,
        fmt::format("libavcodec here has no encoder {} (allowed: webm, gif, zip)", kind.codec));
  }
  kind.options["crf"] = fmt::format("{:g}", movie.quality > 0 ? movie.quality : kind.quality);
  auto file = MovieFile::create(files, part, kind.muxer);
  if (!file) return std::unexpected(file.error());
  return std::make_unique<VideoMovie>(std::move(*file), std::move(kind));
}

}  // namespace framelog
