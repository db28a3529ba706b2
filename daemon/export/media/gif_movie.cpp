#include <cstring>
#include <optional>

#include "export/media/movies.hpp"
#include "export/media/stream_encoder.hpp"
#include "export/movie_clock.hpp"
#include "export/movie_palette.hpp"

namespace framelog {
namespace {

constexpr int kTicksPerSecond = 100;
constexpr std::int64_t kLongestTicks = 65535;  // 16 bits in the file.

class GifMovie final : public MovieWriter {
 public:
  explicit GifMovie(std::unique_ptr<MovieFile> file) : file_(std::move(file)) {}

  Result<void> add(const RgbImage& image, std::int64_t duration_ns) override {
    if (auto ready = prepare(image); !ready) return ready;
    const auto span = clock_.show(duration_ns);
    if (!span) return std::unexpected(span.error());
    auto frame = encoder_->new_frame();
    if (!frame) return std::unexpected(frame.error());
    const IndexedImage indexed = make_indexed(image);
    for (std::size_t y = 0; y < image.height_px; ++y) {
      std::memcpy((*frame)->data[0] + static_cast<std::ptrdiff_t>(y) * (*frame)->linesize[0],
                  indexed.indices.data() + y * image.width_px, image.width_px);
    }
    for (std::size_t index = 0; index < indexed.palette.size(); ++index) {
      const std::uint32_t opaque = indexed.palette[index] | 0xFF000000U;
      std::memcpy((*frame)->data[1] + 4 * index, &opaque, 4);
    }
    last_ticks_ = span->length;
    return encoder_->encode(**frame, span->start, span->length);
  }
  Result<void> add_file(const std::string& /*name*/,
                        std::span<const std::byte> /*bytes*/) override {
    return fail(ErrorCode::kUnsupported, "a GIF holds no files", "(allowed: zip)");
  }
  Result<void> finish() override {
    if (!encoder_) return fail(ErrorCode::kInvalid, "a movie needs a frame at least");
    // The muxer knows how long a frame lasts when the next one comes.
    encoder_->file().set_option("final_delay", last_ticks_);
    return encoder_->finish();
  }

 private:
  Result<void> prepare(const RgbImage& image) {
    if (encoder_) {
      if (image.height_px == height_px_ && image.width_px == width_px_) return {};
      return fail(ErrorCode::kInvalid, "movie", "its frames are not of one size");
    }
    height_px_ = image.height_px;
    width_px_ = image.width_px;
    EncoderSettings settings{"gif",
                             AV_PIX_FMT_PAL8,
                             static_cast<int>(height_px_),
                             static_cast<int>(width_px_),
                             kTicksPerSecond,
                             {}};
    auto encoder = StreamEncoder::open(std::move(file_), settings);
    if (!encoder) return std::unexpected(encoder.error());
    encoder_ = std::move(*encoder);
    return {};
  }

  std::unique_ptr<MovieFile> file_;
  std::optional<StreamEncoder> encoder_;
  MovieClock clock_{kTicksPerSecond, kLongestTicks};
  std::uint32_t height_px_{}, width_px_{};
  std::int64_t last_ticks_{};
};

}  // namespace

Result<std::unique_ptr<MovieWriter>> create_gif(FileSystem& files,
                                                const std::filesystem::path& part) {
  auto file = MovieFile::create(files, part, "gif");
  if (!file) return std::unexpected(file.error());
  return std::make_unique<GifMovie>(std::move(*file));
}

}  // namespace framelog
