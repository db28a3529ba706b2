#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.hpp"
#include "core/frame.hpp"
#include "core/result.hpp"
#include "export/recording.hpp"
#include "export/request.hpp"
#include "export/result_frames.hpp"

namespace framelog {

/// A picture to be encoded or drawn on: rows one behind the other, 8-bit RGB.
struct RgbImage {
  std::uint32_t height_px{};
  std::uint32_t width_px{};
  std::vector<std::uint8_t> rgb;  ///< 3 x width x height
};

/// Values that are black and white.
struct ContrastLimits {
  double low{};
  double high{};
};

/// Limits of a whole stack: one pass, or two for percentiles, which are exact for integers of 8 and
/// 16 bits and of a histogram of 65536 steps for others; NaN and infinities are left out. The
/// result is rewound. Errors: of reading; kInvalid when zmin is not below zmax.
[[nodiscard]] Result<ContrastLimits> find_limits(ResultFrames& result,
                                                 const ContrastRequest& request);
/// The same of one image.
[[nodiscard]] Result<ContrastLimits> find_limits(const FrameShape& shape,
                                                 std::span<const std::byte> pixels,
                                                 const ContrastRequest& request);

/// Pixels as brightness (0 to 255, rounded; NaN is 0), then through the colour map. Threads: any.
void colour(const FrameShape& shape, std::span<const std::byte> pixels,
            const ContrastLimits& limits, ColourMap map, RgbImage& into);

/// What is drawn over one picture.
struct PictureFacts {
  std::string timestamp;                ///< Empty: none.
  std::array<AxisFacts, 2> axes;        ///< Of rows and columns, for scale bar and ticks.
  std::vector<DetectorSpec> detectors;  ///< Outlines, in pixels of the picture.
  std::vector<Region> regions;          ///< Likewise.
};

/// Zoom, scale bar, time stamp, outlines, axes with ticks, and title, as the request says. Errors:
/// kUnsupported where the media module is not installed, with the package's name; kInvalid, a scale
/// bar without a pixel size.
[[nodiscard]] Result<void> annotate(RgbImage& image, const PictureFacts& facts,
                                    const PictureRequest& request);

/// One row of the table of picture formats.
struct PictureFormat {
  std::string_view name;       ///< "png", "tif", "jpg", "bmp", "pgm", "ppm"
  std::string_view extension;  ///< ".png"
  std::string_view help;
  std::string_view manual;
  Result<std::vector<std::byte>> (*encode)(const RgbImage& image, const PictureRequest& request);
  /// Values as they are. Errors: kUnsupported, a pixel type that the format has not.
  Result<std::vector<std::byte>> (*encode_raw)(const FrameShape& shape,
                                               std::span<const std::byte> pixels,
                                               const PictureRequest& request);
  bool keeps_values{};  ///< encode_raw is for some types of pixels at least.
};
[[nodiscard]] std::span<const PictureFormat> picture_formats() noexcept;
[[nodiscard]] const PictureFormat* find_picture_format(std::string_view name) noexcept;

/// One row of the table of movie formats: "gif", "webm", "mp4", "zip".
struct MovieFormat {
  std::string_view name;
  std::string_view extension;
  std::string_view help;
  std::string_view manual;
  bool needs_media{};      ///< The media module, of the package framelog-media.
  double worst_quality{};  ///< Qualities are 1, the best, to this; 0: it has none.
};
[[nodiscard]] std::span<const MovieFormat> movie_formats() noexcept;
[[nodiscard]] const MovieFormat* find_movie_format(std::string_view name) noexcept;

/// A movie being written to `part`. Threads: one.
class MovieWriter {
 public:
  MovieWriter() = default;
  MovieWriter(const MovieWriter&) = delete;
  MovieWriter& operator=(const MovieWriter&) = delete;
  virtual ~MovieWriter() = default;
  /// All pictures have the size of the first. `duration_ns`: how long it is shown.
  [[nodiscard]] virtual Result<void> add(const RgbImage& image, std::int64_t duration_ns) = 0;
  /// A zip of raw values: one encoded file each.
  [[nodiscard]] virtual Result<void> add_file(const std::string& name,
                                              std::span<const std::byte> bytes) = 0;
  [[nodiscard]] virtual Result<void> finish() = 0;
  /// What the user should know that is no error: an odd size that grew by a pixel.
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
};
/// Errors: kInvalid, a quality that the format has not.
[[nodiscard]] Result<void> check_quality(const MovieFormat& format, const MovieRequest& movie);
/// Errors: kInvalid, a quality or picture format that is not allowed; kUnsupported where the media
/// module is not installed or has no such encoder; those of creating `part`.
[[nodiscard]] Result<std::unique_ptr<MovieWriter>> create_movie(FileSystem& files,
                                                                const MovieFormat& format,
                                                                const std::filesystem::path& part,
                                                                const MovieRequest& movie,
                                                                const PictureRequest& picture);

/// Pictures with a black ground in their colours, added up and clipped at white; all of one size.
[[nodiscard]] Result<RgbImage> composite(std::span<const RgbImage> greys,
                                         std::span<const Rgb> colours);
/// Pictures beside and below each other, `columns` of them in a row (0: about as wide as high).
[[nodiscard]] Result<RgbImage> contact_sheet(std::span<const RgbImage> pictures,
                                             std::uint32_t columns);

/// The automatic length of a scale bar: 1, 2 or 5 times a power of ten nearest to 15 % of the width
/// and within 4 to 30 %, in the largest of nm, um, mm, m in which the target is at least 0.1; other
/// units (mrad, 1/nm, px) are kept. Errors: kInvalid, a pixel size that is not above zero.
struct ScaleBar {
  double length{};
  std::string unit;
  double length_px{};
  [[nodiscard]] std::string text() const;  ///< "100 µm"
};
[[nodiscard]] Result<ScaleBar> automatic_scale_bar(double width_px, const Length& pixel_size);

}  // namespace framelog
