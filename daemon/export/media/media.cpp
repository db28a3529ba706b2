#include "export/media/annotations.hpp"
#include "export/media/margins.hpp"
#include "export/media/media_interface.hpp"
#include "export/media/movies.hpp"

namespace framelog {
namespace {

Result<void> draw(RgbImage& image, const Drawing& drawing) {
  const auto margins = measure_margins(image, drawing);
  if (!margins) return std::unexpected(margins.error());
  auto canvas = Canvas::create(margins->top + image.height_px + margins->bottom,
                               margins->left + image.width_px + margins->right);
  if (!canvas) return std::unexpected(canvas.error());
  const PictureArea area{static_cast<double>(margins->top), static_cast<double>(margins->left),
                         static_cast<double>(image.height_px), static_cast<double>(image.width_px)};
  draw_margins(*canvas, area, drawing);
  canvas->put(image, margins->top, margins->left);
  draw_annotations(*canvas, area, drawing);
  image = canvas->take();
  return {};
}

Result<std::unique_ptr<MovieWriter>> create(FileSystem& files, std::string_view format,
                                            const std::filesystem::path& part,
                                            const MovieRequest& movie) {
  if (format == "gif") return create_gif(files, part);
  return create_video(files, format, part, movie);
}

constexpr MediaModule kModule{kMediaVersion, draw, create};

}  // namespace
}  // namespace framelog

extern "C" __attribute__((visibility("default"))) const framelog::MediaModule*
framelog_media() noexcept {
  return &framelog::kModule;
}
