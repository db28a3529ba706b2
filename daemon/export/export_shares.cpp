#include "export/export_shares.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace framelog {
namespace {

bool packs(const DatasetFormat& format, Codec codec) {
  return std::ranges::find(format.codecs, codec) != format.codecs.end();
}

template <class Format, class Takes>
bool any_takes(const ExportRequest& request, const Format* (*find)(std::string_view), Takes takes) {
  return std::ranges::any_of(formats_of(request), [&](const std::string& name) {
    const Format* const format = find(name);
    return format != nullptr && takes(*format);
  });
}

bool holds_values(const PictureFormat& format, std::span<const PixelType> types) {
  return check_values(format, types).has_value();
}

bool holds_values(const MovieFormat& format, const MovieRequest& movie,
                  std::span<const PixelType> types) {
  const PictureFormat* const inside =
      format.name == "zip" ? find_picture_format(movie.zip_of) : nullptr;
  return inside != nullptr && holds_values(*inside, types);
}

/// Whether any of the formats can keep values as they are.
bool any_holds_values(const ExportRequest& request, std::span<const PixelType> types) {
  return any_takes<PictureFormat>(
             request, find_picture_format,
             [types](const auto& format) { return holds_values(format, types); }) ||
         any_takes<MovieFormat>(request, find_movie_format, [&](const auto& format) {
           return holds_values(format, request.movie, types);
         });
}

}  // namespace

std::vector<std::string> formats_of(const ExportRequest& request) {
  if (!request.formats.empty() || request.view.kind != ViewRequest::Kind::kImages) {
    return request.formats;
  }
  if (request.images == ImageValues::kRaw) return {"tif"};
  if (request.images == ImageValues::kDisplayed) return {"png"};
  return {"tif", "png"};
}

WriteRequest share_of(const DatasetFormat& format, const ExportRequest& request,
                      std::vector<std::string>& notes) {
  WriteRequest share = request.write;
  const Codec codec = share.compression.codec;
  if (codec != Codec::kNone && !packs(format, codec) &&
      any_takes<DatasetFormat>(request, find_dataset_format,
                               [codec](const auto& other) { return packs(other, codec); })) {
    if (!format.codecs.empty()) {
      notes.push_back(fmt::format("{}: written without compression, because it has no {}",
                                  format.name, to_string(share.compression)));
    }
    share.compression = {};
  }
  const bool any_turns = any_takes<DatasetFormat>(
      request, find_dataset_format, [](const auto& other) { return other.big_endian; });
  if (!format.big_endian && any_turns) share.big_endian = false;
  return share;
}

MovieRequest share_of(const MovieFormat& format, const ExportRequest& request) {
  MovieRequest share = request.movie;
  const bool any = any_takes<MovieFormat>(
      request, find_movie_format, [](const auto& other) { return other.worst_quality > 0; });
  if (format.worst_quality == 0 && any) share.quality = 0;
  return share;
}

ImageValues share_of(const PictureFormat& format, const ExportRequest& request,
                     std::span<const PixelType> types) {
  const bool is_both = request.images == ImageValues::kBoth;
  if (!is_both && request.images != ImageValues::kRaw) return request.images;
  // Without --to one of two formats has the values, and the other what is displayed.
  if (is_both && request.formats.empty()) return ImageValues::kDefault;
  const bool leaves_them = !holds_values(format, types) && any_holds_values(request, types);
  return leaves_them ? ImageValues::kDisplayed : request.images;
}

bool keeps_values(const MovieFormat& format, const ExportRequest& request,
                  std::span<const PixelType> types) {
  if (request.images != ImageValues::kRaw) return false;
  return holds_values(format, request.movie, types) || !any_holds_values(request, types);
}

Result<void> check_values(const PictureFormat& format, std::span<const PixelType> types) {
  constexpr std::array<std::byte, 8> kPixel{};
  for (const PixelType type : types) {
    const auto encoded =
        format.encode_raw({1, 1, type}, std::span(kPixel).first(size_bytes(type)), {});
    if (!encoded) return std::unexpected(encoded.error());
  }
  return {};
}

}  // namespace framelog
