#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/text.hpp"
#include "export/media/media_interface.hpp"
#include "export/movie_zip.hpp"
#include "export/picture.hpp"

namespace framelog {
namespace {

constexpr std::array<MovieFormat, 4> kFormats{{
    {"gif", ".gif", "animated GIF: plays everywhere, 256 colours a frame",
     "Frames last as long as they did, in 1/100 s without drift, or 1/FPS with --fps; shorter "
     "ones\n"
     "than 1/100 s are refused. Pictures of at most 256 colours keep all of them.\n"
     "Example: framelog export run.h5 --to gif --colour-map afmhot --timestamps --scale-bar",
     true, 0},
    {"webm", ".webm", "WebM movie (VP9): for browsers and talks",
     "Times are those of the recording, in ms, or 1/FPS with --fps. --movie-quality 1 (best) to "
     "63,\n"
     "default 24. Colours are stored at half the resolution of brightness.\n"
     "Example: framelog export run.h5 --to webm --fps 25 --timestamps",
     true, 63},
    {"mp4", ".mp4", "MP4 movie (H.264): for players and office programs",
     "As webm, for programs that do not play it. --movie-quality 1 (best) to 51, default 18. An "
     "odd "
     "width\n"
     "or height grows by one pixel, which repeats the edge.\n"
     "Example: framelog export run.h5 --to mp4 --fps 25 --colour-map viridis",
     true, 51},
    {"zip", ".zip", "ZIP of numbered pictures, of any picture format",
     "000000.png and so on, of the format that --zip-of names, as displayed or raw. The archive\n"
     "itself is not compressed.\n"
     "Example: framelog export run.h5 --to zip --zip-of tif --images raw",
     false, 0},
}};

}  // namespace

Result<void> check_quality(const MovieFormat& format, const MovieRequest& movie) {
  const double most = format.worst_quality;
  if (movie.quality == 0 || (movie.quality >= 1 && movie.quality <= most)) return {};
  return fail(ErrorCode::kInvalid, "--movie-quality:",
              fmt::format("{:g} of {} (allowed: {})", movie.quality, format.name,
                          most > 0 ? fmt::format("1 to {:g}, smaller is better", most)
                                   : "webm and mp4 alone have one"));
}

std::span<const MovieFormat> movie_formats() noexcept { return kFormats; }

const MovieFormat* find_movie_format(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kFormats, name, &MovieFormat::name);
  return found == kFormats.end() ? nullptr : found;
}

Result<std::unique_ptr<MovieWriter>> create_movie(FileSystem& files, const MovieFormat& format,
                                                  const std::filesystem::path& part,
                                                  const MovieRequest& movie,
                                                  const PictureRequest& picture) {
  if (const auto good = check_quality(format, movie); !good) return std::unexpected(good.error());
  if (!format.needs_media) return create_zip_movie(files, part, movie, picture);
  const auto module = media_module(fmt::format("a movie as {}", format.name));
  if (!module) return std::unexpected(module.error());
  return (*module)->create_movie(files, format.name, part, movie);
}

}  // namespace framelog
