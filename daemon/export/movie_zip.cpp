#include "export/movie_zip.hpp"

#include <fmt/format.h>

#include "core/text.hpp"
#include "formats/zip_writer.hpp"

namespace framelog {
namespace {

class ZipMovie final : public MovieWriter {
 public:
  ZipMovie(ZipWriter zip, const PictureFormat& format, const PictureRequest& picture)
      : zip_(std::move(zip)), format_(&format), picture_(picture) {}

  Result<void> add(const RgbImage& image, std::int64_t /*duration_ns*/) override {
    const auto bytes = format_->encode(image, picture_);
    if (!bytes) return std::unexpected(bytes.error());
    return zip_.add(fmt::format("{:06}{}", zip_.entries(), format_->extension), *bytes);
  }
  Result<void> add_file(const std::string& name, std::span<const std::byte> bytes) override {
    return zip_.add(name, bytes);
  }
  Result<void> finish() override { return zip_.finish(); }

 private:
  ZipWriter zip_;
  const PictureFormat* format_;
  PictureRequest picture_;
};

}  // namespace

Result<std::unique_ptr<MovieWriter>> create_zip_movie(FileSystem& files,
                                                      const std::filesystem::path& part,
                                                      const MovieRequest& movie,
                                                      const PictureRequest& picture) {
  const PictureFormat* format = find_picture_format(movie.zip_of);
  if (format == nullptr) {
    std::string allowed;
    for (const PictureFormat& each : picture_formats()) {
      allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", each.name);
    }
    return fail(ErrorCode::kInvalid,
                "--zip-of:", fmt::format("{} (allowed: {})", in_quotes(movie.zip_of), allowed));
  }
  auto zip = ZipWriter::create(files, part);
  if (!zip) return std::unexpected(zip.error());
  return std::make_unique<ZipMovie>(std::move(*zip), *format, picture);
}

}  // namespace framelog
