#include "drivers/v4l2_negotiation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace framelog {
namespace {

std::string words_text(const std::vector<std::uint32_t>& offered) {
  std::string text;
  for (const std::uint32_t fourcc : offered) {
    if (find_video_format(fourcc) != nullptr) text += (text.empty() ? "" : " ") + word_of(fourcc);
  }
  if (!text.empty()) return "it offers " + text;
  for (const std::uint32_t fourcc : offered) text += (text.empty() ? "" : " ") + word_of(fourcc);
  if (text.empty()) return "it offers none";
  return fmt::format("it offers {}, of which none can be recorded", text);
}

/// What to try, the best first.
Result<std::vector<std::uint32_t>> candidates(const VideoDevice& device,
                                              const VideoWishes& wishes) {
  const std::vector<std::uint32_t> offered = device.formats();
  const auto is_offered = [&](std::uint32_t fourcc) {
    return std::ranges::find(offered, fourcc) != offered.end();
  };
  std::vector<std::uint32_t> found;
  if (wishes.fourcc) {
    if (is_offered(*wishes.fourcc)) found.push_back(*wishes.fourcc);
  } else {
    for (const VideoFormat& format : video_formats()) {
      if (const auto fourcc = fourcc_of(format.word); fourcc && is_offered(*fourcc)) {
        found.push_back(*fourcc);
      }
    }
  }
  if (!found.empty()) return found;
  return fail(ErrorCode::kUnsupported, "the camera has no pixel format",
              fmt::format("{} ({})", wishes.fourcc ? word_of(*wishes.fourcc) : "that is known",
                          words_text(offered)));
}

/// The first candidate of which the camera makes just this size.
Result<VideoPicture> agree(const VideoDevice& device, const std::vector<std::uint32_t>& fourccs,
                           std::uint32_t width_px, std::uint32_t height_px) {
  VideoPicture made;
  for (const std::uint32_t fourcc : fourccs) {
    auto picture = device.set_picture({fourcc, width_px, height_px, 0});
    if (!picture) return picture;
    made = *picture;
    if (made.fourcc == fourcc && made.width_px == width_px && made.height_px == height_px) {
      return made;
    }
  }
  const std::uint32_t wanted = fourccs.front();
  const std::string sizes = device.sizes_text(wanted);
  return fail(ErrorCode::kUnsupported, "the camera does not deliver",
              fmt::format("{} x {} {}, but {} x {} {} (width x height{}{})", width_px, height_px,
                          word_of(wanted), made.width_px, made.height_px, word_of(made.fourcc),
                          sizes.empty() ? "" : "; it offers ", sizes));
}

Result<Region> region_of(const RegionSpec& wanted, const Region& bounds) {
  const Region region{
      wanted.y_start.value_or(bounds.y_start), wanted.y_stop.value_or(bounds.y_stop),
      wanted.x_start.value_or(bounds.x_start), wanted.x_stop.value_or(bounds.x_stop)};
  const bool inside = region.y_start >= bounds.y_start && region.y_stop <= bounds.y_stop &&
                      region.x_start >= bounds.x_start && region.x_stop <= bounds.x_stop &&
                      region.y_start < region.y_stop && region.x_start < region.x_stop;
  if (inside) return region;
  return fail(ErrorCode::kInvalid, "crop: not inside of the sensor,",
              fmt::format("{} (allowed: within {})", to_string(region), to_string(bounds)));
}

Result<Region> set_crop(const VideoDevice& device, const RegionSpec& wanted) {
  const auto bounds = device.crop_bounds();
  if (!bounds) {
    return fail(ErrorCode::kUnsupported, "crop: the camera cannot crop",
                "(roi of a product crops what it delivers)");
  }
  auto region = region_of(wanted, *bounds);
  if (!region) return region;
  auto made = device.set_crop(*region);
  if (!made || *made == *region) return made;
  return fail(ErrorCode::kUnsupported, "crop: the camera makes",
              fmt::format("{} of {} (choose the former, or another one)", to_string(*made),
                          to_string(*region)));
}

/// Earlier users may have left a part of the sensor chosen. A camera without choice, or one that
/// does not like it, stays as it is.
void reset_crop(const VideoDevice& device) {
  const auto whole = device.default_crop();
  if (whole && device.crop() != whole) static_cast<void>(device.set_crop(*whole));
}

/// The picture's size: as wished, of the chosen part of the sensor, or as the camera is set.
Result<VideoPicture> agree_on_size(const VideoDevice& device, const VideoWishes& wishes,
                                   const std::optional<Region>& crop) {
  auto fourccs = candidates(device, wishes);
  if (!fourccs) return std::unexpected(std::move(fourccs.error()));
  auto now = device.picture();
  if (!now) return now;
  if (crop) {
    now->width_px = crop->width_px();
    now->height_px = crop->height_px();
  }
  const std::uint32_t width_px = wishes.width_px.value_or(now->width_px);
  const std::uint32_t height_px = wishes.height_px.value_or(now->height_px);
  return agree(device, *fourccs, width_px, height_px);
}

}  // namespace

Result<NegotiatedVideo> negotiate(const VideoDevice& device, const VideoWishes& wishes) {
  std::optional<Region> crop;
  if (wishes.crop) {
    auto made = set_crop(device, *wishes.crop);
    if (!made) return std::unexpected(std::move(made.error()));
    crop = *made;
  } else {
    reset_crop(device);
  }
  auto picture = agree_on_size(device, wishes, crop);
  if (!picture) return std::unexpected(std::move(picture.error()));
  // The size may have moved it.
  const std::optional<Region> now = device.crop();
  if (crop && now != crop) {
    return fail(ErrorCode::kUnsupported, "crop: the camera cannot crop to",
                fmt::format("{} at {} x {} (width x height)", to_string(*crop), picture->width_px,
                            picture->height_px));
  }
  if (wishes.rate_hz) {
    if (auto set = device.set_rate(*wishes.rate_hz); !set) {
      return std::unexpected(std::move(set.error()));
    }
  }
  const VideoFormat* format = find_video_format(picture->fourcc);
  if (format == nullptr) return fail(ErrorCode::kUnsupported, "the pixels cannot be recorded");
  const std::size_t line =
      std::max<std::size_t>(picture->bytes_per_line, row_bytes(*format, picture->width_px));
  return NegotiatedVideo{format, picture->width_px, picture->height_px, line, device.rate(), now};
}

}  // namespace framelog
